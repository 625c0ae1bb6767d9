"""This machine as a host: files whole or not at all, commands bounded, one run at a time."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from trivet.drivers.local import LocalHost
from trivet.errors import HostError, IntegrityError

DATA = b"weights" * 1000
DIGEST = f"sha256:{hashlib.sha256(DATA).hexdigest()}"


@pytest.fixture
def host() -> LocalHost:
    return LocalHost()


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(DATA)
    return path


def test_a_file_that_is_not_there_reads_as_nothing(host: LocalHost, tmp_path: Path) -> None:
    assert host.read(str(tmp_path / "no")) is None
    assert host.stat(str(tmp_path / "no" / "deeper")) is None
    assert host.listdir(str(tmp_path / "no")) == []
    assert host.remove(str(tmp_path / "no")) is False


def test_writing_says_whether_it_changed_anything(host: LocalHost, tmp_path: Path) -> None:
    path = str(tmp_path / "a" / "b")
    assert host.write(path, b"x") is True
    assert host.write(path, b"x") is False
    assert host.write(path, b"y") is True
    assert host.write(path, b"y", mode=0o600) is True
    assert host.read(path) == b"y"


def test_a_file_and_a_new_directory_get_their_modes(host: LocalHost, tmp_path: Path) -> None:
    host.write(str(tmp_path / "secrets" / "key"), b"x", mode=0o444, directory_mode=0o700)
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "secrets" / "key").stat().st_mode & 0o777 == 0o444


def test_a_strict_umask_keeps_no_container_out(host: LocalHost, tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        host.write(str(tmp_path / "etc" / "gateway.json"), b"{}")
    finally:
        os.umask(before)
    assert (tmp_path / "etc").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "etc" / "gateway.json").stat().st_mode & 0o777 == 0o644


def test_what_cannot_be_written_is_said_plainly_and_leaves_what_was_there(host: LocalHost, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(HostError, match="File exists"):
        host.write(str(tmp_path / "file" / "below"), b"x")
    assert (tmp_path / "file").read_bytes() == b"old"


def test_a_tree_is_removed_whole(host: LocalHost, tmp_path: Path) -> None:
    host.write(str(tmp_path / "root" / "a" / "b"), b"x")
    assert host.listdir(str(tmp_path / "root")) == ["a"]
    assert host.remove(str(tmp_path / "root")) is True
    assert not (tmp_path / "root").exists()


def test_a_placed_file_is_verified_read_only_and_left_alone_afterwards(
    host: LocalHost, weights: Path, tmp_path: Path
) -> None:
    path = str(tmp_path / "models" / "x")
    assert host.put(weights, path, digest=DIGEST, size=len(DATA)) is True
    assert Path(path).read_bytes() == DATA
    assert Path(path).stat().st_mode & 0o777 == 0o444
    weights.unlink()
    assert host.put(weights, path, digest=DIGEST, size=len(DATA)) is False


def test_a_placed_file_that_somebody_wrote_to_is_placed_again(host: LocalHost, weights: Path, tmp_path: Path) -> None:
    path = tmp_path / "models" / "x"
    host.put(weights, str(path), digest=DIGEST, size=len(DATA))
    path.chmod(0o644)
    path.write_bytes(DATA[::-1])
    path.chmod(0o444)
    assert not host.is_placed(str(path), size=len(DATA))
    assert host.put(weights, str(path), digest=DIGEST, size=len(DATA)) is True
    assert path.read_bytes() == DATA


def test_other_bytes_than_promised_are_not_placed(host: LocalHost, weights: Path, tmp_path: Path) -> None:
    weights.write_bytes(DATA[:-1] + b"?")
    with pytest.raises(IntegrityError, match=DIGEST):
        host.put(weights, str(tmp_path / "models" / "x"), digest=DIGEST, size=len(DATA))
    assert host.listdir(str(tmp_path / "models")) == []


def test_a_command_is_streamed_to_and_from(host: LocalHost) -> None:
    lines: list[str] = []
    script = "import sys; data = sys.stdin.read(); print(len(data)); print('one\\ntwo', file=sys.stderr); sys.exit(3)"
    done = host.run([sys.executable, "-c", script], stdin=(b"x" * 100_000 for _ in range(10)), on_line=lines.append)
    assert (done.code, done.stdout, lines) == (3, b"1000000\n", ["one", "two"])


def test_a_command_that_is_not_there_is_an_error_that_says_so(host: LocalHost) -> None:
    with pytest.raises(HostError, match="no-such-command"):
        host.run(["no-such-command"])


def test_a_command_that_refuses_its_input_still_says_why(host: LocalHost) -> None:
    script = "import sys; sys.exit('no')"
    done = host.run([sys.executable, "-c", script], stdin=(b"x" * 1_000_000 for _ in range(50)))
    assert (done.code, done.stderr.strip()) == (1, "no")


def test_input_that_breaks_off_ends_the_command_and_is_the_error(host: LocalHost, tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise IntegrityError(value="v", rule="r", remedy="m")

    script = f"import sys, time; sys.stdin.read(); time.sleep(9); open({str(tmp_path / 'made')!r}, 'w')"
    started = time.monotonic()
    with pytest.raises(IntegrityError):
        host.run([sys.executable, "-c", script], stdin=broken())
    assert time.monotonic() - started < 8
    assert not (tmp_path / "made").exists()


def test_a_command_that_takes_too_long_is_ended_with_its_children(host: LocalHost) -> None:
    started = time.monotonic()
    with pytest.raises(HostError, match="did not end within 1 s"):
        host.run(["sh", "-c", "sleep 60 & sleep 60"], timeout=1)
    assert time.monotonic() - started < 10


def test_an_interrupt_ends_what_runs_and_what_would(host: LocalHost) -> None:
    threading.Timer(0.3, host.cancel).start()
    with pytest.raises(HostError, match="interrupted"):
        host.run(["sleep", "60"])
    with pytest.raises(HostError, match="interrupted"):
        host.run(["true"])


def test_a_second_run_waits_until_the_first_has_ended(host: LocalHost, tmp_path: Path) -> None:
    path, said = str(tmp_path / "x.lock"), []
    entered = threading.Event()

    def first() -> None:
        with LocalHost().lock(path, timeout=5, report=print):
            entered.set()
            time.sleep(0.5)

    thread = threading.Thread(target=first)
    thread.start()
    entered.wait()
    with host.lock(path, timeout=10, report=said.append):
        assert not thread.is_alive()
    thread.join()
    assert said == ["waiting for an earlier run on this host to end"]


def test_waiting_for_a_lock_has_an_end(host: LocalHost, tmp_path: Path) -> None:
    path = str(tmp_path / "x.lock")
    with (
        LocalHost().lock(path, timeout=1, report=print),
        pytest.raises(HostError, match="another run holds the lock"),
        host.lock(path, timeout=0.3, report=print),
    ):
        pass


def test_an_interrupt_ends_the_wait_for_a_lock(host: LocalHost, tmp_path: Path) -> None:
    path = str(tmp_path / "x.lock")
    threading.Timer(0.3, host.cancel).start()
    with (
        LocalHost().lock(path, timeout=1, report=print),
        pytest.raises(HostError, match="interrupted"),
        host.lock(path, timeout=60, report=print),
    ):
        pass


def test_a_lock_lasts_as_long_as_what_a_killed_run_had_started(host: LocalHost, tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from trivet.drivers.local import LocalHost\n"
        "host = LocalHost()\n"
        "with host.lock(sys.argv[1], timeout=1, report=print):\n"
        "    host.run(['sh', '-c', 'echo started >&2; exec sleep 2'], on_line=lambda _: print('go', flush=True))\n"
    )
    path = str(tmp_path / "x.lock")
    with subprocess.Popen([sys.executable, "-c", script, path], stdout=subprocess.PIPE) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"go\n"
        os.kill(run.pid, signal.SIGKILL)
    with pytest.raises(HostError, match="another run"), host.lock(path, timeout=0.2, report=print):
        pass
    with host.lock(path, timeout=10, report=print):
        pass


def test_a_lock_whose_file_was_removed_meanwhile_is_taken_on_the_new_one(host: LocalHost, tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    taken = threading.Event()

    def first() -> None:
        with LocalHost().lock(str(path), timeout=5, report=print):
            taken.set()
            time.sleep(0.3)
            path.unlink()

    thread = threading.Thread(target=first)
    thread.start()
    taken.wait()
    with host.lock(str(path), timeout=5, report=print):
        assert path.exists()
    thread.join()
