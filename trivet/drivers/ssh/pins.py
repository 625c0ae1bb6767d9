"""Pinned host keys, in a `known_hosts` file of our own that OpenSSH reads too. Nothing is ever learned on the way."""

from __future__ import annotations

from pathlib import Path

from paramiko import HostKeys, PKey
from paramiko.hostkeys import HostKeyEntry, InvalidHostKey

from trivet.errors import HostError
from trivet.spec.ssh import SshHop

# What a server signs with when its key is an RSA one (RFC 8332).
RSA = ("rsa-sha2-512", "rsa-sha2-256")


class Pins:
    """The keys that hosts must prove to have."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser()

    def of(self, hop: SshHop) -> dict[str, PKey]:
        """A host's pinned keys by type; none where it has not been trusted yet.

        Raises:
            HostError: the file cannot be read.
        """
        return dict(self._load().lookup(hop.known_as) or {})

    def algorithms(self, hop: SshHop) -> tuple[str, ...]:
        """What the host may sign with.

        Raises:
            HostError: no key of it is pinned.
        """
        pinned = self.of(hop)
        if not pinned:
            raise HostError(
                where=hop.known_as,
                value=f"no key of it is pinned in {self.path}",
                rule="a host is known by a key that somebody has compared with the host's own",
                remedy=f"run `{_trust(hop)}`, and compare the fingerprint with what the host's console shows",
            )
        return tuple(name for kind in sorted(pinned) for name in (RSA if kind == "ssh-rsa" else (kind,)))

    def require(self, hop: SshHop, key: PKey) -> None:
        """Take a key that the host has proven to have.

        Raises:
            HostError: it is not the one that is pinned.
        """
        pinned = self.of(hop).get(key.get_name())
        if pinned is None or pinned.asbytes() != key.asbytes():
            raise changed(hop, f"{key.get_name()} {key.fingerprint}", self.path)

    def add(self, hop: SshHop, key: PKey) -> bool:
        """Pin a key in place of every other one of the host; False if that is how it was.

        Raises:
            HostError: the file cannot be read.
        """
        keys = self._load()
        before = dict(keys.lookup(hop.known_as) or {})
        if list(before) == [key.get_name()] and before[key.get_name()].asbytes() == key.asbytes():
            return False
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
        kept = [line for line in lines if not _names(line, hop)]
        entry = HostKeyEntry([hop.known_as], key).to_line()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_name(f"{self.path.name}.part")
        draft.write_text("".join(f"{line}\n" for line in (*kept, str(entry).rstrip("\n"))), encoding="utf-8")
        draft.chmod(0o644)
        draft.replace(self.path)
        return True

    def _load(self) -> HostKeys:
        keys = HostKeys()
        try:
            if self.path.exists():
                keys.load(str(self.path))
        except (OSError, UnicodeDecodeError, InvalidHostKey) as exc:
            raise HostError(
                where=str(self.path),
                value=str(exc),
                rule="pinned host keys are lines as OpenSSH writes them",
                remedy="mend or remove the line, then trust that host anew",
            ) from exc
        return keys


def changed(hop: SshHop, shown: str, path: Path) -> HostError:
    """The error for a host that proves to have another key than the pinned one."""
    return HostError(
        where=hop.known_as,
        value=f"its key is {shown}, and another one is pinned in {path}",
        rule="a host keeps its key; one that has another is another machine, or somebody stands in between",
        remedy=f"ask whoever runs the host. If it was installed anew: `{_trust(hop)} --replace`",
    )


def _names(line: str, hop: SshHop) -> bool:
    fields = line.split()
    return bool(fields) and not line.startswith("#") and hop.known_as in fields[0].split(",")


def _trust(hop: SshHop) -> str:
    port = "" if hop.port == 22 else f" --port {hop.port}"  # noqa: PLR2004  # SSH's own port
    return f"trivet host trust {hop.address}{port}"
