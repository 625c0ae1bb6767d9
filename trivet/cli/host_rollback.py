"""`trivet host rollback`: the generation that ran before an update runs again, with what is on the host."""

from __future__ import annotations

import argparse
import getpass

from trivet.cli.answer import Answer
from trivet.cli.host_way import way_from, way_of
from trivet.cli.progress import say
from trivet.cli.project import project_of
from trivet.drivers.bundle.rollback import roll_back
from trivet.drivers.host import Host
from trivet.drivers.local import LocalHost
from trivet.drivers.ssh import SshHost
from trivet.errors import HostError, SpecError
from trivet.render import paths
from trivet.render.installation import place_of
from trivet.spec.settings_file import read_settings
from trivet.spec.ssh import SshTarget


def rollback(args: argparse.Namespace) -> Answer:
    """Go back.

    Raises:
        SpecError: neither an address nor a stack is named, or the stack is on no host of its own.
        HostError: there is no such stack there, or nothing to go back to.
    """
    host, root, wait_seconds = _by_address(args) if args.address else _by_stack(args)
    try:
        went = roll_back(host, root or _only_stack(host, args), wait_seconds=wait_seconds, report=say)
    finally:
        if isinstance(host, SshHost):
            host.close()
    lines = [f"{went.project} runs what ran before", *(f"  {name}: {image}" for name, image in went.images.items())]
    lines.append("`pulumi up` goes forward again, to what is checked out")
    return Answer(lines=lines, data={"project": went.project, "images": went.images})


def _by_address(args: argparse.Namespace) -> tuple[Host, str, int]:
    way = way_of(args).model_copy(update={"sudo": args.sudo})
    return SshHost(way, _password(args, way)), f"{args.root}/{args.stack}" if args.stack else "", args.wait


def _by_stack(args: argparse.Namespace) -> tuple[Host, str, int]:
    if not args.stack:
        raise SpecError(value="neither ADDRESS nor --stack", rule="one of them says where", remedy="name one")
    project = project_of(args)
    settings = read_settings(project.root, args.stack)
    if settings.target not in {"local", "ssh"}:
        raise SpecError(
            where=f"stack {args.stack}",
            value=f"target {settings.target}",
            rule="a generation to go back to is on a host",
            remedy="check out the version that you want, and run `pulumi up`; a rented node's ADDRESS may be named",
        )
    if len(settings.hosts) > 1:
        raise SpecError(
            where=f"stack {args.stack}",
            value=", ".join(host.address for host in settings.hosts),
            rule="one host at a time goes back",
            remedy="name the host as ADDRESS",
        )
    (settings,) = settings.each_host
    root = place_of(settings, args.stack)
    if settings.host is None:
        return LocalHost(), str(project.root / root), settings.wait_seconds
    way = way_from(project.root, settings.host)
    return SshHost(way, _password(args, way)), root, settings.wait_seconds


def _password(args: argparse.Namespace, way: SshTarget) -> str | None:
    return getpass.getpass(f"sudo's password for {way.user} on {way.address}: ") if args.ask_password else None


def _only_stack(host: Host, args: argparse.Namespace) -> str:
    """The root of the one stack that is there."""
    found = [name for name in host.listdir(args.root) if host.stat(f"{args.root}/{name}/{paths.COMPOSE_FILE}")]
    if len(found) != 1:
        raise HostError(
            where=f"{args.address}:{args.root}",
            value=f"stacks: {', '.join(found) or 'none'}",
            rule="without --stack it is the only one there",
            remedy="name it with --stack, or its directory with --root",
        )
    return f"{args.root}/{found[0]}"
