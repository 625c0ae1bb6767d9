"""On-premises: the whole stack on each host that you own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from stacks.frontier import frontier_key
from stacks.outputs import export
from trivet.errors import SpecError
from trivet.render import render
from trivet.render.ansible import render_setup
from trivet.render.fleet import batches
from trivet.resources.host import Bundle, BundleArgs, Workstation, WorkstationArgs
from trivet.spec import Lock, Settings, StackSpec

# The resources of the only host; those of several are named after it.
BUNDLE = "stack"
WORKSTATION = "workstation"


@dataclass(frozen=True)
class Installed:
    """A stack on one host. `authority`: the certificate that clients need, where the host is its own authority."""

    bundle: Bundle
    url: pulumi.Input[str]
    authority: pulumi.Output[str | None] | None


def deploy(spec: StackSpec, lock: Lock, settings: Settings) -> None:
    """Register the resources of this tier, and export the outputs that every tier has.

    Several hosts are worked on in batches, in their order. Each batch waits for the one before, so a failure leaves
    whatever comes behind it as it is.

    Raises:
        SpecError: the stack's configuration lacks the frontier's key, or the backups' password, where one is needed.
    """
    installed: list[Installed] = []
    before: list[Installed] = []
    for batch in batches(settings.each_host, settings.max_unavailable):
        before = [_install(spec, lock, each, after=[other.bundle for other in before]) for each in batch]
        installed += before
    export(spec, lock, settings, url=installed[0].url, key_file=installed[0].bundle.key_file)
    if installed[0].authority is not None:
        pulumi.export("authority", installed[0].authority)
    if settings.hosts:
        reports = [_report(each) for each in installed]
        pulumi.export("hosts", dict(zip((host.resource_name for host in settings.hosts), reports, strict=True)))


def _report(installed: Installed) -> dict[str, pulumi.Input[Any]]:
    report = {"url": installed.url, "state": installed.bundle.state, "changed": installed.bundle.changed}
    return report if installed.authority is None else {**report, "authority": installed.authority}


def _install(spec: StackSpec, lock: Lock, settings: Settings, *, after: Sequence[pulumi.Resource]) -> Installed:
    """One host: what it is to be besides the stack, and then the stack."""
    installation = render(spec, lock, settings, stack=pulumi.get_stack())
    password = pulumi.Config().get_secret("sudoPassword") if settings.host and settings.host.sudo else None
    setup = render_setup(settings, port=installation.port, spec=spec, lock=lock)
    authority = None
    if setup:
        wanted = WorkstationArgs(setup, password, _role_secrets(settings))
        workstation = Workstation(_name(settings, WORKSTATION), wanted, _options(settings, WORKSTATION, after))
        after = [workstation]
        authority = workstation.authority if setup.authority_file else None
    args = BundleArgs(installation=installation, frontier_api_key=frontier_key(spec), sudo_password=password)
    bundle = Bundle(_name(settings, BUNDLE), args, _options(settings, BUNDLE, after))
    return Installed(bundle, _url(settings, bundle), authority)


def _name(settings: Settings, alone: str) -> str:
    return settings.host.resource_name if settings.host and settings.hosts else alone


def _options(settings: Settings, alone: str, after: Sequence[pulumi.Resource]) -> pulumi.ResourceOptions:
    """The only host may become the first of several, or the other way round, without being installed anew."""
    aliases = []
    if settings.host and settings.host == next(iter(settings.hosts), settings.host):
        aliases = [pulumi.Alias(name=alone if settings.hosts else settings.host.resource_name)]
    return pulumi.ResourceOptions(depends_on=list(after), aliases=aliases)


def _url(settings: Settings, bundle: Bundle) -> pulumi.Input[str]:
    access = settings.workstation and settings.workstation.access
    if access and settings.host and not access.wireguard:
        return f"https://{access.name or settings.host.in_url}:{access.port}/v1"
    return bundle.url


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
