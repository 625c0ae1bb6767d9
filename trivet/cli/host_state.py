"""`trivet host save-state`: what Pulumi knows of a stack, laid where the hosts' backups take it along.

The state and the settings, as they are: whatever is secret in them stays encrypted by the stack's own passphrase or key
service, which is not among them.
"""

from __future__ import annotations

import argparse
from contextlib import closing
from pathlib import Path

from trivet.cli.answer import Answer
from trivet.cli.host_way import way_from
from trivet.cli.project import project_of
from trivet.cli.pulumi import Pulumi
from trivet.drivers.ssh import SshHost
from trivet.errors import SpecError
from trivet.spec.settings import Settings
from trivet.spec.settings_file import read_settings
from trivet.spec.ssh import SshTarget

PLACE = "/etc/trivet/stacks"  # of the directories that every backup saves
ROOT_ALONE = 0o600


def save_state(args: argparse.Namespace) -> Answer:
    """Save it on every host that has backups.

    Raises:
        SpecError: the stack's hosts have no backups.
        HostError: a host cannot be reached, or written to.
    """
    project = project_of(args)
    settings = read_settings(project.root, args.stack)
    if not settings.has_backups:
        raise SpecError(
            where=f"stacks/Pulumi.{args.stack}.yaml",
            value="no workstation.backup",
            rule="Pulumi's state is saved with the backups of the stack's hosts",
            remedy="run `pulumi config set --path workstation.backup.repository PLACE`, or back the backend up itself",
        )
    saved = save(project.root, settings, Pulumi(project.root, args.stack))
    return Answer(lines=[f"saved on {each}" for each in saved], data={"saved": saved})


def save(root: Path, settings: Settings, pulumi: Pulumi) -> list[str]:
    """Write state and settings to each host; where that was.

    Args:
        root: the project's directory.
        settings: the stack's.
        pulumi: the stack's.
    """
    name = f"Pulumi.{pulumi.stack}.yaml"
    files = {"state.json": pulumi.export().encode(), name: (root / "stacks" / name).read_bytes()}
    hosts = [each.host for each in settings.each_host if each.host]
    password = pulumi.secret("sudoPassword") if any(host.sudo for host in hosts) else None
    return [_write(root, host, password, f"{PLACE}/{pulumi.stack}", files) for host in hosts]


def _write(root: Path, host: SshTarget, password: str | None, place: str, files: dict[str, bytes]) -> str:
    with closing(SshHost(way_from(root, host), password)) as there:
        for name, data in files.items():
            there.write(f"{place}/{name}", data, mode=ROOT_ALONE, directory_mode=0o700)
    return f"{host.known_as}: {place}"
