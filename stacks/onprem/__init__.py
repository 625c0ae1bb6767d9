"""On-premises: the whole stack on one host that you own."""

from __future__ import annotations

import pulumi

from stacks.frontier import frontier_key
from stacks.outputs import export
from trivet.errors import SpecError
from trivet.render import render
from trivet.render.ansible import render_setup
from trivet.resources.host import Bundle, BundleArgs, Workstation, WorkstationArgs
from trivet.spec import Lock, Settings, StackSpec


def deploy(spec: StackSpec, lock: Lock, settings: Settings) -> None:
    """Register the resources of this tier, and export the outputs that every tier has.

    Raises:
        SpecError: the stack's configuration lacks the frontier's key, or the backups' password, where one is needed.
    """
    installation = render(spec, lock, settings, stack=pulumi.get_stack())
    password = pulumi.Config().get_secret("sudoPassword") if settings.host and settings.host.sudo else None
    args = BundleArgs(installation=installation, frontier_api_key=frontier_key(spec), sudo_password=password)
    setup = render_setup(settings, port=installation.port)
    secrets = _role_secrets(settings)
    workstation = Workstation("workstation", WorkstationArgs(setup, password, secrets)) if setup else None
    bundle = Bundle("stack", args, pulumi.ResourceOptions(depends_on=[workstation] if workstation else []))
    access = settings.workstation and settings.workstation.access
    url = f"https://{access.name}:{access.port}/v1" if access else bundle.url
    export(spec, lock, settings, url=url, key_file=bundle.key_file)


def _role_secrets(settings: Settings) -> dict[str, pulumi.Input[str]] | None:
    """What the roles want to know and nobody else may."""
    if settings.workstation is None or settings.workstation.backup is None:
        return None
    password = pulumi.Config().get_secret("backupPassword")
    if password is None:
        raise SpecError(
            where=f"stacks/Pulumi.{pulumi.get_stack()}.yaml",
            value="no backupPassword",
            rule="backups (workstation.backup) are encrypted with a password, without which nobody ever reads them",
            remedy="run `pulumi config set --secret backupPassword`, type one, and keep it apart from the host too",
        )
    return {"backup_password": password}
