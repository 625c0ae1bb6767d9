"""How Ansible's own ssh plugin reaches a host: as strictly as our driver, over one connection that the tasks share."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any, Final

from trivet.drivers.ssh.openssh import ssh_options
from trivet.spec.ssh import SshTarget

CONTROL: Final = "c"  # a socket's path has about a hundred characters
PERSIST_SECONDS: Final = 60


def connection_variables(target: SshTarget, directory: Path) -> dict[str, Any]:
    """The host's variables in an inventory; none is secret.

    Args:
        target: the host.
        directory: the play's own, for the shared connection's socket.
    """
    options = shlex.join(ssh_options(_absolute(target)))
    shared = f"ControlMaster=auto -o ControlPersist={PERSIST_SECONDS} -o ControlPath={directory / CONTROL / '%C'}"
    return {
        "ansible_host": target.address,
        "ansible_port": target.port,
        "ansible_user": target.user,
        # The first value that ssh hears of an option is the one that counts.
        "ansible_ssh_args": f"-o {shared} {options}",
        # For what must not go over the connection that is there: whether a new one can be made.
        "fresh_ssh_args": options,
        "ansible_become": target.sudo,
    }


def _absolute(target: SshTarget) -> SshTarget:
    """With paths that hold wherever Ansible is started."""
    files = {"known_hosts": target.known_hosts, "key_file": target.key_file}
    found = {name: str(Path(path).expanduser().absolute()) for name, path in files.items() if path}
    return target.model_copy(update=found)
