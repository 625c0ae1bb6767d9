"""`trivet host inspect`: what a host is, and whether the stack fits."""

from __future__ import annotations

import argparse

from trivet.cli.answer import Answer
from trivet.cli.host_way import way_of
from trivet.cli.project import project_of
from trivet.cli.table_text import columns
from trivet.drivers.facts import Facts, collect
from trivet.drivers.facts.fit import Verdict, fit
from trivet.drivers.ssh import SshHost

GIB = 1 << 30


def inspect(args: argparse.Namespace) -> Answer:
    """Ask a host, and hold the project's stack against what it says. Not `ok` where the stack does not fit."""
    project = project_of(args)
    spec = project.spec()
    lock = project.lock(spec)
    host = SshHost(way_of(args))
    try:
        facts = collect(host)
    finally:
        host.close()
    verdicts = fit(spec, lock, facts)
    return Answer(
        lines=[*columns(_rows(facts)), "", *columns(_verdict(each) for each in verdicts)],
        data={
            "facts": facts.model_dump(mode="json", by_alias=True),
            "fit": {each.need: {"met": each.met, "why": each.why} for each in verdicts},
        },
        ok=all(each.met for each in verdicts),
    )


def _rows(facts: Facts) -> list[tuple[str, str]]:
    machine = facts.machine
    rows = [
        ("system", f"{machine.system}, kernel {machine.kernel}{', in a container' if machine.container else ''}"),
        ("processor", f"{machine.cores} × {machine.cpu} ({' '.join(machine.flags) or 'no vector extensions known'})"),
        ("memory", f"{_gib(machine.memory)}, {_gib(machine.available)} available"),
    ]
    rows += [("card", _card(facts, at)) for at in range(len(facts.cards))]
    if facts.driver.state != "works":
        said = f": {facts.driver.said}" if facts.driver.said else ""
        rows.append(("driver", f"{facts.driver.state}{said}"))
    rows += [("bus", f"{each.slot} {each.vendor} {each.device} [{':'.join(each.ids)}]") for each in facts.displays]
    rows += [
        ("disk", f"{each.name} {_gib(each.size)} {each.model or ''}{' rotating' if each.rotational else ''}".rstrip())
        for each in facts.disks
        if each.type == "disk"
    ]
    rows.append(("free", f"{_gib(facts.free)} where a stack would go"))
    engine = facts.engine
    rows.append(("engine", f"Docker {engine.version}, {engine.driver}, {engine.data}" if engine else "none answers"))
    rows.append(("ports", " ".join(facts.ports) or "none"))
    return rows


def _card(facts: Facts, at: int) -> str:
    card = facts.cards[at]
    slices = f", MIG: {' '.join(each.profile for each in card.slices) or 'on, no slices'}" if card.mig else ""
    ecc = {True: ", ECC", False: ", ECC off", None: ""}[card.ecc]
    power = f", {card.power_limit_watts:g} W" if card.power_limit_watts is not None else ""
    return (
        f"{card.index} {card.name}, {card.memory_mib} MiB ({card.used_mib} used), driver {card.driver}, "
        f"compute {card.compute_capability}{power}{ecc}{slices}"
    )


def _verdict(verdict: Verdict) -> tuple[str, str, str]:
    return ("ok" if verdict.met else "NO", verdict.need, verdict.why)


def _gib(size: int) -> str:
    return f"{size / GIB:.1f} GiB"
