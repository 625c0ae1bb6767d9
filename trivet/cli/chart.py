"""`trivet chart`: what the Helm chart is told of a stack, and the keys that it lets in."""

from __future__ import annotations

import argparse

from trivet.cli.answer import Answer, add_verb
from trivet.cli.project import add_project_argument, project_of
from trivet.drivers.bundle.keys import KeyRing
from trivet.errors import SpecError
from trivet.render.gateway import gateway_config
from trivet.render.helm import helm_values
from trivet.render.installation import key_name
from trivet.render.yaml_text import yaml_text
from trivet.spec.settings_file import read_settings


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("chart", help="a stack on Kubernetes: values of the Helm chart, API keys")
    commands = parser.add_subparsers(metavar="VERB", required=True)
    for name, text, verb, writes in (
        ("values", "print the chart's values, without any secret", values, False),
        ("keys", "make the API keys that are missing, and say how the chart learns their hashes", keys, True),
    ):
        each = add_verb(commands, name, text, verb, writes=writes)
        each.add_argument("--stack", required=True, metavar="STACK", help="one with target kubernetes")
        add_project_argument(each)


def values(args: argparse.Namespace) -> Answer:
    """Render the values."""
    project = project_of(args)
    spec = project.spec()
    rendered = helm_values(spec, project.lock(spec), read_settings(project.root, args.stack), stack=args.stack)
    return Answer(lines=yaml_text(rendered).splitlines(), data={"values": rendered})


def keys(args: argparse.Namespace) -> Answer:
    """Make keys, each in a file that only its owner reads; the chart gets their hashes."""
    project = project_of(args)
    spec = project.spec()
    settings = read_settings(project.root, args.stack)
    if settings.kubernetes is None:
        raise SpecError(
            where=f"stack {args.stack}",
            value=f"target {settings.target}",
            rule="keys of other targets are made when they are deployed",
            remedy="run `pulumi up`, or name a stack with target kubernetes",
        )
    teams = gateway_config(spec, project.lock(spec), settings)["teams"]
    wanted = [key_name(team["name"], key["name"]) for team in teams for key in team["keys"] if "sha256" not in key]
    known = settings.kubernetes.keys
    ring = KeyRing(project.work / "keys" / args.stack)
    hashes: dict[str, str | None] = {}
    for name in wanted:
        if name not in known:
            hashes[name] = ring.sha256(name) if args.dry_run else ring.ensure(name)
    made = [
        f"pulumi config set --stack {args.stack} --path kubernetes.keys.{name} {sha256}"
        if sha256
        else f"would make {ring.path(name)}"
        for name, sha256 in hashes.items()
    ]
    return Answer(lines=made or ["every key has its hash"], data={"keys": hashes, "dryRun": args.dry_run})
