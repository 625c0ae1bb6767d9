"""What every host does, whatever it is reached by: files whole or not at all, commands bounded, one run at a time.

A suite for a kind of host is a class derived from HostContract, with two fixtures: `connect`, which makes one more Host
of the same machine, and `root`, an empty directory on it.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from trivet.drivers.host import Host
from trivet.errors import HostError, IntegrityError

DATA = b"weights" * 1000
DIGEST = f"sha256:{hashlib.sha256(DATA).hexdigest()}"
Connect = Callable[[], Host]


class HostContract:
    """The suite."""

    @pytest.fixture
    def host(self, connect: Connect) -> Host:
        return connect()

    @pytest.fixture
    def weights(self, tmp_path: Path) -> Path:
        path = tmp_path / "source"
        path.write_bytes(DATA)
        return path

    def test_a_file_that_is_not_there_reads_as_nothing(self, host: Host, root: str) -> None:
        assert host.read(f"{root}/no") is None
        assert host.stat(f"{root}/no/deeper") is None
        assert host.listdir(f"{root}/no") == []
        assert host.remove(f"{root}/no") is False

    def test_what_lies_below_a_file_is_not_there_either(self, host: Host, root: str) -> None:
        host.write(f"{root}/file", b"x")
        assert host.read(f"{root}/file/below") is None
        assert host.stat(f"{root}/file/below") is None
        assert host.listdir(f"{root}/file") == []

    def test_what_is_there_is_described(self, host: Host, root: str) -> None:
        before = int(time.time())
        host.write(f'{root}/a file\'s "name" $HOME\n*', b"four", mode=0o640)
        there, directory = host.stat(f'{root}/a file\'s "name" $HOME\n*'), host.stat(root)
        assert there is not None
        assert directory is not None
        assert (there.is_directory, there.size, there.mode) == (False, 4, 0o640)
        assert before - 2 <= there.modified <= time.time() + 2
        assert directory.is_directory
        assert host.listdir(root) == ['a file\'s "name" $HOME\n*']

    def test_names_come_sorted_hidden_ones_too(self, host: Host, root: str) -> None:
        for name in ("b", ".hidden", "..odd", "a"):
            host.write(f"{root}/{name}", b"")
        assert host.listdir(root) == ["..odd", ".hidden", "a", "b"]

    def test_writing_says_whether_it_changed_anything(self, host: Host, root: str) -> None:
        path = f"{root}/a/b"
        assert host.write(path, b"x") is True
        assert host.write(path, b"x") is False
        assert host.write(path, b"y") is True
        assert host.write(path, b"y", mode=0o600) is True
        assert host.read(path) == b"y"
        assert host.listdir(f"{root}/a") == ["b"]

    def test_any_bytes_are_written_and_read_back(self, host: Host, root: str) -> None:
        data = bytes(range(256)) * 5000
        host.write(f"{root}/bytes", data)
        assert host.read(f"{root}/bytes") == data
        host.write(f"{root}/bytes", b"")
        assert host.read(f"{root}/bytes") == b""

    def test_a_file_and_a_new_directory_get_their_modes(self, host: Host, root: str) -> None:
        host.write(f"{root}/secrets/key", b"x", mode=0o444, directory_mode=0o700)
        modes = [there.mode for path in ("secrets", "secrets/key") if (there := host.stat(f"{root}/{path}"))]
        assert modes == [0o700, 0o444]

    def test_what_cannot_be_written_is_said_plainly_and_leaves_what_was_there(self, host: Host, root: str) -> None:
        host.write(f"{root}/file", b"old")
        with pytest.raises(HostError, match=r"File exists|Not a directory"):
            host.write(f"{root}/file/below", b"x")
        assert host.read(f"{root}/file") == b"old"

    def test_a_directory_cannot_be_read(self, host: Host, root: str) -> None:
        with pytest.raises(HostError, match="Is a directory"):
            host.read(root)

    def test_a_tree_is_removed_whole(self, host: Host, root: str) -> None:
        host.write(f"{root}/tree/a/b", b"x")
        assert host.listdir(f"{root}/tree") == ["a"]
        assert host.remove(f"{root}/tree") is True
        assert host.stat(f"{root}/tree") is None

    def test_a_placed_file_is_verified_read_only_and_left_alone_afterwards(
        self, host: Host, weights: Path, root: str
    ) -> None:
        path = f"{root}/models/x"
        assert host.put(weights, path, digest=DIGEST, size=len(DATA)) is True
        there = host.stat(path)
        assert there is not None
        assert there.mode == 0o444
        assert host.read(path) == DATA
        weights.unlink()
        assert host.put(weights, path, digest=DIGEST, size=len(DATA)) is False

    def test_a_placed_file_that_somebody_wrote_to_is_placed_again(self, host: Host, weights: Path, root: str) -> None:
        path = f"{root}/models/x"
        host.put(weights, path, digest=DIGEST, size=len(DATA))
        host.run(
            ["sh", "-c", 'chmod 644 "$1" && printf "%s" "$2" >"$1" && chmod 444 "$1"', "sh", path, "s" * len(DATA)]
        )
        assert not host.is_placed(path, size=len(DATA))
        assert host.put(weights, path, digest=DIGEST, size=len(DATA)) is True
        assert host.read(path) == DATA

    @pytest.mark.parametrize("found", [DATA[:-1] + b"?", DATA[:-1], DATA + b"?", b""])
    def test_other_bytes_than_promised_are_not_placed(self, host: Host, weights: Path, root: str, found: bytes) -> None:
        weights.write_bytes(found)
        with pytest.raises(IntegrityError, match=DIGEST):
            host.put(weights, f"{root}/models/x", digest=DIGEST, size=len(DATA))
        assert host.listdir(f"{root}/models") == []

    def test_a_large_file_is_placed(self, host: Host, weights: Path, root: str) -> None:
        data = DATA * 1000
        weights.write_bytes(data)
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        assert host.put(weights, f"{root}/large", digest=digest, size=len(data)) is True
        found = host.run(["sha256sum", f"{root}/large"]).stdout.split()[0].decode()
        assert f"sha256:{found}" == digest

    def test_a_command_is_streamed_to_and_from(self, host: Host) -> None:
        lines: list[str] = []
        script = "wc -c; echo one >&2; printf two >&2; exit 3"
        done = host.run(["sh", "-c", script], stdin=(b"x" * 100_000 for _ in range(10)), on_line=lines.append)
        assert (done.code, done.stdout.strip(), lines) == (3, b"1000000", ["one", "two"])

    def test_arguments_arrive_as_they_are(self, host: Host) -> None:
        words = ["", " two  words", "it's", '"$HOME"', "`id`", "\\", "*", "-n", "ünïcode", "line\nline"]
        done = host.run(["printf", "%s\\0", *words])
        assert done.stdout.decode().split("\0") == [*words, ""]

    def test_output_is_bytes_and_stays_apart_from_errors(self, host: Host) -> None:
        done = host.run(["sh", "-c", "printf '\\377\\000'; echo sorry >&2"])
        assert (done.code, done.stdout, done.stderr) == (0, b"\xff\0", "sorry\n")

    def test_much_output_arrives_whole(self, host: Host) -> None:
        done = host.run(["sh", "-c", "head -c 8000000 /dev/zero; head -c 3000000 /dev/zero | tr '\\0' x >&2"])
        assert (len(done.stdout), len(done.stderr.strip())) == (8_000_000, 3_000_000)

    def test_a_command_that_is_not_there_is_an_error_that_says_so(self, host: Host) -> None:
        with pytest.raises(HostError, match="no-such-command"):
            host.run(["no-such-command"])

    def test_a_command_that_refuses_its_input_still_says_why(self, host: Host) -> None:
        done = host.run(["sh", "-c", "echo no >&2; exit 1"], stdin=(b"x" * 1_000_000 for _ in range(50)))
        assert (done.code, done.stderr.strip()) == (1, "no")

    def test_input_that_breaks_off_ends_the_command_and_is_the_error(self, host: Host, root: str) -> None:
        def broken() -> Iterator[bytes]:
            yield b"half"
            raise IntegrityError(value="v", rule="r", remedy="m")

        started = time.monotonic()
        with pytest.raises(IntegrityError):
            host.run(["sh", "-c", 'cat; sleep 3; echo >"$1/made"', "sh", root], stdin=broken())
        time.sleep(max(0.0, started + 5 - time.monotonic()))
        assert host.listdir(root) == []

    def test_a_command_that_takes_too_long_is_ended_with_its_children(self, host: Host, root: str) -> None:
        started = time.monotonic()
        with pytest.raises(HostError, match="did not end within 1 s"):
            host.run(["sh", "-c", '(sleep 3; echo >"$1/made") & sleep 60', "sh", root], timeout=1)
        assert time.monotonic() - started < 10
        time.sleep(max(0.0, started + 5 - time.monotonic()))
        assert host.listdir(root) == []

    def test_an_interrupt_ends_what_runs_and_what_would(self, host: Host, connect: Connect) -> None:
        begun = threading.Event()
        interrupt = threading.Thread(target=lambda: (begun.wait(10), host.cancel()))
        interrupt.start()
        with pytest.raises(HostError, match="interrupted"):
            host.run(["sh", "-c", "echo begun >&2; exec sleep 61"], on_line=lambda _: begun.set())
        interrupt.join()
        with pytest.raises(HostError, match="interrupted"):
            host.run(["true"])
        # Nothing of it runs on: `ps` is not everywhere, /proc is.
        still = connect().run(
            ["sh", "-c", "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | grep -c '[s]leep 61'"]
        )
        assert still.stdout.strip() == b"0"

    def test_a_second_run_waits_until_the_first_has_ended(self, host: Host, connect: Connect, root: str) -> None:
        path, said = f"{root}/x.lock", []
        entered, ended = threading.Event(), threading.Event()

        def first() -> None:
            with connect().lock(path, timeout=5, report=print):
                entered.set()
                time.sleep(1)
                ended.set()

        thread = threading.Thread(target=first)
        thread.start()
        entered.wait()
        with host.lock(path, timeout=10, report=said.append):
            assert ended.is_set()
        thread.join()
        assert said == ["waiting for an earlier run on this host to end"]

    def test_a_free_lock_is_taken_again_and_again(self, host: Host, root: str) -> None:
        said: list[str] = []
        for _ in range(2):
            with host.lock(f"{root}/deeper/x.lock", timeout=1, report=said.append):
                assert host.run(["true"]).code == 0
        assert said == []

    def test_waiting_for_a_lock_has_an_end(self, host: Host, connect: Connect, root: str) -> None:
        path = f"{root}/x.lock"
        with (
            connect().lock(path, timeout=1, report=print),
            pytest.raises(HostError, match="another run holds the lock"),
            host.lock(path, timeout=0.3, report=print),
        ):
            pass

    def test_an_interrupt_ends_the_wait_for_a_lock(self, host: Host, connect: Connect, root: str) -> None:
        path = f"{root}/x.lock"
        with (
            connect().lock(path, timeout=1, report=print),
            pytest.raises(HostError, match="interrupted"),
            host.lock(path, timeout=60, report=lambda _: threading.Timer(0.3, host.cancel).start()),
        ):
            pass

    def test_a_lock_whose_file_was_removed_meanwhile_is_taken_on_the_new_one(
        self, host: Host, connect: Connect, root: str
    ) -> None:
        path, taken, waiting = f"{root}/x.lock", threading.Event(), threading.Event()

        def first() -> None:
            one = connect()
            with one.lock(path, timeout=5, report=print):
                taken.set()
                waiting.wait(10)
                one.remove(path)

        thread = threading.Thread(target=first)
        thread.start()
        taken.wait()
        with host.lock(path, timeout=10, report=lambda _: waiting.set()):
            assert host.stat(path) is not None
        thread.join()
