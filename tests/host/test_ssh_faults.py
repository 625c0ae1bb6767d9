"""What goes wrong on the way to a host: other keys, wrong passwords, lost connections, full disks."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.host.conftest import Pinned
from tests.host.fleet import unreachable
from tools.lab.image import PASSWORD
from tools.lab.workstation import Workstation
from trivet.drivers.ssh import SshHost, dial, openssh, session
from trivet.drivers.ssh.dial import host_key
from trivet.drivers.ssh.pins import Pins
from trivet.errors import HostError, IntegrityError
from trivet.spec.ssh import SshHop, SshTarget

MIB = 1 << 20
END_SESSIONS = "pkill -KILL -f 'sshd-session: (root|admin)'"


@pytest.fixture
def root(workstation: Workstation) -> Iterator[str]:
    path = f"/var/tmp/{uuid.uuid4().hex}"
    workstation.sh(f"mkdir {path}")
    yield path
    workstation.sh(f"umount {path} 2>/dev/null; rm -rf {path}")


@pytest.fixture
def target(workstation: Workstation, pinned: Pinned) -> SshTarget:
    return pinned(workstation, user="root")


@pytest.fixture
def host(target: SshTarget) -> Iterator[SshHost]:
    made = SshHost(target)
    yield made
    made.close()


@pytest.fixture
def large(tmp_path: Path) -> tuple[Path, str, int]:
    """A file that takes seconds to send: its path, digest and size."""
    data = os.urandom(MIB) * 400
    path = tmp_path / "large"
    path.write_bytes(data)
    return path, f"sha256:{hashlib.sha256(data).hexdigest()}", len(data)


def size_of(workstation: Workstation, path: str) -> int:
    return int(workstation.sh(f"stat -c %s {path} 2>/dev/null || echo 0"))


def test_a_host_with_another_key_is_not_spoken_to(workstation: Workstation, target: SshTarget) -> None:
    other = SshHost(target.model_copy(update={"address": "localhost"}))
    with pytest.raises(HostError, match="trivet host trust localhost"):
        other.run(["true"])
    pin = Path(target.known_hosts)
    public = subprocess.run(["ssh-keygen", "-y", "-f", workstation.key], capture_output=True, text=True, check=True)
    pin.write_text(f"{target.known_as} {public.stdout}")
    with pytest.raises(HostError) as refused:
        SshHost(target).run(["true"])
    assert host_key(target).fingerprint in str(refused.value)
    assert "--replace" in refused.value.remedy


def test_a_pin_of_a_kind_that_the_host_no_longer_has_is_a_changed_key(target: SshTarget, tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ecdsa", "-b", "384", "-N", "", "-f", tmp_path / "k"], check=True)
    Path(target.known_hosts).write_text(f"{target.known_as} {(tmp_path / 'k.pub').read_text()}")
    with pytest.raises(HostError, match="another one is pinned"):
        SshHost(target).run(["true"])


def test_bulk_is_held_to_the_pin_as_well(host: SshHost, target: SshTarget, root: str, workstation: Workstation) -> None:
    host.run(["true"])
    public = subprocess.run(["ssh-keygen", "-y", "-f", workstation.key], capture_output=True, text=True, check=True)
    Path(target.known_hosts).write_text(f"{target.known_as} {public.stdout}")
    with pytest.raises(HostError, match=r"REMOTE HOST IDENTIFICATION HAS CHANGED|Host key verification failed"):
        host.run(["tee", f"{root}/x"], stdin=(b"x" for _ in range(3)))
    assert host.listdir(root) == []


def test_a_wrong_password_ends_it_before_anything_is_asked(workstation: Workstation, pinned: Pinned) -> None:
    target = pinned(workstation, sudo=True)
    with pytest.raises(HostError, match="sudoPassword") as refused:
        SshHost(target, "wrong-" + PASSWORD).run(["touch", "/etc/made"])
    assert PASSWORD not in str(refused.value)
    with pytest.raises(HostError, match="config set --secret sudoPassword"):
        SshHost(target).run(["touch", "/etc/made"])
    assert "made" not in workstation.sh("ls /etc")


def test_the_password_is_no_argument_and_not_in_the_command_s_input(
    workstation: Workstation, pinned: Pinned, root: str
) -> None:
    host = SshHost(pinned(workstation, sudo=True), PASSWORD)
    seen: list[str] = []
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            seen.append(workstation.sh("cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '; true"))
            here = (path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists())
            seen.append(b" ".join(here).decode(errors="replace"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        host.run(["sh", "-c", 'cat >"$1/seen"; sleep 1', "sh", root], stdin=(b"input" for _ in range(3)))
        assert host.read(f"{root}/seen") == b"inputinputinput"
    finally:
        done.set()
        watcher.join()
        host.close()
    assert any("sleep 1" in each for each in seen)
    assert not any(PASSWORD in each for each in seen)


def test_a_host_that_is_not_there_is_said_so_in_time(target: SshTarget) -> None:
    away = target.model_copy(update={"port": 9})
    Pins(Path(target.known_hosts)).add(away, host_key(target))
    started = time.monotonic()
    with pytest.raises(HostError, match="Connection refused") as refused:
        SshHost(away).run(["true"])
    assert "ssh -v -p 9" in refused.value.remedy
    assert time.monotonic() - started < 15


@pytest.mark.parametrize("bulk", [False, True], ids=["command", "transfer"])
def test_a_host_that_falls_silent_is_given_up_in_time(
    target: SshTarget,
    workstation: Workstation,
    root: str,
    large: tuple[Path, str, int],
    bulk: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is refused, nothing comes back; here with a tenth of the patience."""
    monkeypatch.setattr(dial, "CONNECT_SECONDS", 1.0)
    monkeypatch.setattr(dial, "KEEP_ALIVE", 1)
    monkeypatch.setattr(dial, "SILENCE", 3)
    monkeypatch.setattr(session, "PATIENCE", 6.0)
    monkeypatch.setitem(openssh.STRICT, "ServerAliveInterval", "1")
    source, digest, size = large
    host = SshHost(target)
    assert host.run(["true"]).code == 0
    with ThreadPoolExecutor(1) as pool:
        if bulk:
            doing = pool.submit(host.put, source, f"{root}/large", digest=digest, size=size)
            while size_of(workstation, f"{root}/large.part") < MIB:
                time.sleep(0.02)
        else:
            doing = pool.submit(lambda: host.run(["sleep", "600"]).code == 0)
        with unreachable(workstation):
            began = time.monotonic()
            with pytest.raises(HostError, match=r"connection was lost|answers SSH within"):
                doing.result(60)
            assert time.monotonic() - began < 30
    assert host.read("/etc/hostname") == f"{workstation.name}\n".encode()
    host.close()


def test_a_key_that_is_not_let_in_is_said_so(target: SshTarget, tmp_path: Path) -> None:
    key = tmp_path / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    with pytest.raises(HostError, match="takes none of 1 keys"):
        SshHost(target.model_copy(update={"key_file": str(key)})).run(["true"])


def test_a_key_with_a_passphrase_goes_through_the_agent(
    target: SshTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = tmp_path / "locked"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "words", "-f", locked], check=True)
    with pytest.raises(HostError, match="ssh-add"):
        SshHost(target.model_copy(update={"key_file": str(locked)})).run(["true"])
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
    by_agent = target.model_copy(update={"key_file": None})
    with subprocess.Popen(["ssh-agent", "-D", "-a", tmp_path / "agent"], stdout=subprocess.DEVNULL) as agent:
        try:
            while not (tmp_path / "agent").exists():
                time.sleep(0.05)
            with pytest.raises(HostError, match="agent has no keys"):
                SshHost(by_agent).run(["true"])
            subprocess.run(["ssh-add", "-q", str(target.key_file)], check=True)
            host = SshHost(by_agent)
            assert host.run(["cat"], stdin=(b"x" for _ in range(3))).stdout == b"xxx"
            host.close()
        finally:
            agent.terminate()


def test_a_host_behind_another_one_is_reached_through_it(
    target: SshTarget, root: str, large: tuple[Path, str, int]
) -> None:
    """The workstation itself stands for both: from inside, it is 127.0.0.1."""
    hop = SshHop(address=target.address, user="root")
    inner = target.model_copy(update={"address": "127.0.0.1", "jump": (hop,)})
    with pytest.raises(HostError, match=r"trivet host trust 127\.0\.0\.1"):
        SshHost(inner).run(["true"])
    Pins(Path(inner.known_hosts)).add(inner, host_key(inner))
    host = SshHost(inner)
    source, digest, size = large
    assert b"127.0.0.1" in host.run(["sh", "-c", "echo $SSH_CONNECTION"]).stdout
    assert host.put(source, f"{root}/large", digest=digest, size=size) is True
    host.close()


def test_a_transfer_goes_on_where_it_was_cut(
    host: SshHost, workstation: Workstation, root: str, large: tuple[Path, str, int]
) -> None:
    source, digest, size = large
    path, placed, sizes = f"{root}/large", [], []
    sender = threading.Thread(target=lambda: placed.append(host.put(source, path, digest=digest, size=size)))
    sender.start()
    while size_of(workstation, f"{path}.part") < 60 * MIB:
        time.sleep(0.02)
    workstation.sh(END_SESSIONS)
    cut = size_of(workstation, f"{path}.part")
    while sender.is_alive():
        sizes.append(size_of(workstation, f"{path}.part"))
    sender.join()
    assert placed == [True]
    assert 60 * MIB <= cut < size
    assert min(each for each in sizes if each) >= cut  # nothing of it was thrown away
    assert workstation.sh(f"sha256sum {path}").split()[0] == digest.removeprefix("sha256:")


def test_what_another_file_left_behind_is_not_built_upon(
    host: SshHost, workstation: Workstation, root: str, large: tuple[Path, str, int]
) -> None:
    source, digest, size = large
    workstation.sh(f"head -c 5000000 /dev/zero >{root}/large.part")
    assert host.put(source, f"{root}/large", digest=digest, size=size) is True
    workstation.sh(f"rm {root}/large; head -c 500000000 /dev/zero >{root}/large.part")
    assert host.put(source, f"{root}/large", digest=digest, size=size) is True


def test_without_openssh_everything_still_goes(
    target: SshTarget, root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    source = tmp_path / "source"
    source.write_bytes(b"weights" * 2_000_000)
    digest = f"sha256:{hashlib.sha256(source.read_bytes()).hexdigest()}"
    host = SshHost(target)
    assert host.put(source, f"{root}/x", digest=digest, size=source.stat().st_size) is True
    host.close()


def test_a_full_disk_is_said_plainly_and_is_not_left_full(
    host: SshHost, workstation: Workstation, root: str, large: tuple[Path, str, int]
) -> None:
    workstation.sh(f"mount -t tmpfs -o size=50m none {root}")
    source, digest, size = large
    with pytest.raises(HostError, match="No space left on device") as refused:
        host.put(source, f"{root}/large", digest=digest, size=size)
    assert "df -h" in refused.value.remedy
    assert not isinstance(refused.value, IntegrityError)
    assert host.listdir(root) == []
    with pytest.raises(HostError, match="No space left on device"):
        host.write(f"{root}/config", bytes(60 * MIB))
    assert host.listdir(root) == []


def test_a_command_whose_connection_is_cut_is_not_repeated_and_the_next_one_works(
    host: SshHost, workstation: Workstation, root: str
) -> None:
    with host.lock(f"{root}/x.lock", timeout=5, report=print):
        threading.Timer(1, lambda: workstation.sh(END_SESSIONS)).start()
        with pytest.raises(HostError, match="connection was lost"):
            host.run(["sh", "-c", f"echo >>{root}/times; sleep 4"])
        assert host.read(f"{root}/times") == b"\n"
        # The lock was taken again with the connection.
        other = SshHost(host._session.target)
        with pytest.raises(HostError, match="another run"), other.lock(f"{root}/x.lock", timeout=0.3, report=print):
            pass
        other.close()
    assert host.listdir(root) == ["times", "x.lock"]


def test_sshd_may_be_started_again_between_two_commands(host: SshHost, workstation: Workstation) -> None:
    assert host.run(["true"]).code == 0
    workstation.sh(f"systemctl stop ssh; {END_SESSIONS}; (sleep 3; systemctl start ssh) >/dev/null 2>&1 &")
    assert host.read("/etc/hostname") == f"{workstation.name}\n".encode()


def test_a_lock_lasts_as_long_as_what_a_killed_run_had_started(host: SshHost, target: SshTarget, root: str) -> None:
    script = (
        "import sys\n"
        "from trivet.drivers.ssh import SshHost\n"
        "from trivet.spec.ssh import SshTarget\n"
        "host = SshHost(SshTarget.model_validate_json(sys.argv[1]))\n"
        "with host.lock(sys.argv[2], timeout=1, report=print):\n"
        "    host.run(['sh', '-c', 'echo started >&2; exec sleep 3'], on_line=lambda _: print('go', flush=True))\n"
    )
    path = f"{root}/x.lock"
    argv = [sys.executable, "-c", script, target.model_dump_json(), path]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"go\n"
        os.kill(run.pid, signal.SIGKILL)
    with pytest.raises(HostError, match="another run"), host.lock(path, timeout=0.2, report=print):
        pass
    with host.lock(path, timeout=10, report=print):
        pass
