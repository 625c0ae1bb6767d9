"""`trivet host list`: each host of a stack, and how the last run left it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trivet.cli.answer import Answer
from trivet.cli.project import project_of
from trivet.cli.pulumi import Pulumi
from trivet.cli.table_text import columns
from trivet.spec.settings import Settings
from trivet.spec.settings_file import read_settings

KINDS = ("trivet:host:Workstation", "trivet:host:Bundle")
READY = "ready"
ALONE = "stack"


@dataclass(frozen=True)
class HostReport:
    """One host. `state`: `ready`, what is not well, or why a run failed; `changed`: when, in ISO 8601."""

    name: str
    state: str
    changed: str
    url: str


def list_hosts(args: argparse.Namespace) -> Answer:
    """What Pulumi's state says, without asking a host. Not `ok` where one is not ready."""
    project = project_of(args)
    settings = read_settings(project.root, args.stack)
    reports = host_reports(settings, Pulumi(project.root, args.stack).resources())
    return Answer(
        lines=report_lines(reports),
        data={
            "hosts": {each.name: {"state": each.state, "changed": each.changed, "url": each.url} for each in reports}
        },
        ok=all(each.state == READY for each in reports),
    )


def report_lines(reports: Sequence[HostReport]) -> list[str]:
    """A row a host."""
    return columns([("host", "changed", "url", "state"), *((r.name, r.changed, r.url, r.state) for r in reports)])


def host_reports(settings: Settings, resources: Sequence[Mapping[str, Any]]) -> list[HostReport]:
    """Every host of the settings, in their order.

    Args:
        settings: the stack's.
        resources: of Pulumi's state.
    """
    names = [host.resource_name for host in settings.hosts] or [ALONE]
    return [_report(name, [each for each in resources if _is_of(each, name)]) for name in names]


def _report(name: str, resources: Sequence[Mapping[str, Any]]) -> HostReport:
    outputs = [each.get("outputs") or {} for each in resources]
    failures = [str(first) for each in resources for first in (each.get("initErrors") or ())[:1]]
    states = [str(each["state"]) for each in outputs if "state" in each]
    return HostReport(
        name=name,
        state=next(iter((*failures, *states)), "not installed").splitlines()[0],
        changed=next((str(each["changed"]) for each in outputs if "changed" in each), "-"),
        url=next((str(each["url"]) for each in outputs if "url" in each), "-"),
    )


def _is_of(resource: Mapping[str, Any], name: str) -> bool:
    own = "workstation" if name == ALONE and resource["type"] == KINDS[0] else name
    return resource["type"] in KINDS and resource["urn"].rpartition("::")[2] == own
