#!/usr/bin/python3
"""Cuts cards as /etc/trivet/partition.json says, and names each model's devices for containers.

partition same    are the cards, and /etc/cdi/trivet.json, as planned?
partition apply   make them so

A container asks for the device `trivet.dev/gpu=MODEL` (CDI); what that is on this host stands in /etc/cdi/trivet.json.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

PLAN = Path("/etc/trivet/partition.json")
NAMES = Path("/etc/cdi/trivet.json")
KIND = "trivet.dev/gpu"
CARD = re.compile(r"GPU \d+: .* \(UUID: (GPU-[0-9a-f-]+)\)")
SLICE = re.compile(r"\s+MIG (\S+)\s+Device\s+\d+: \(UUID: (MIG-[0-9a-fA-F/-]+)\)")
MODES = ("nvidia-smi", "--query-gpu=uuid,mig.mode.current", "--format=csv,noheader")
DESCRIBE = ("nvidia-ctk", "cdi", "generate", "--format=json", "--device-name-strategy=uuid")


class RefusedError(Exception):
    """What cannot be done, in words for people."""


def run(*argv: str) -> str:
    """What a command prints; what it complains of ends the program."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise RefusedError(f"{argv[0]} is not there") from None
    if done.returncode != 0:
        raise RefusedError(f"{' '.join(argv)}: {(done.stdout + done.stderr).strip()}")
    return done.stdout


def modes(text: str) -> dict[str, str]:
    """Whether MIG is Enabled, Disabled or [N/A], by card."""
    return dict(line.split(", ", 1) for line in text.splitlines() if line)


def slices(listing: str) -> dict[str, list[tuple[str, str]]]:
    """Profile and UUID of each slice, in the driver's order, by card."""
    found: dict[str, list[tuple[str, str]]] = {}
    for line in listing.splitlines():
        if card := CARD.fullmatch(line.rstrip()):
            found[card[1]] = []
        elif found and (part := SLICE.fullmatch(line.rstrip())):
            found[next(reversed(found))].append((part[1], part[2]))
    return found


def is_cut(planned: dict[str, Any], mode: str, there: list[tuple[str, str]]) -> bool:
    """Whether a card has exactly the slices that are planned."""
    return (mode == "Enabled") == bool(planned["slices"]) and sorted(planned["slices"]) == sorted(
        profile for profile, _ in there
    )


def devices(plan: list[dict[str, Any]], there: dict[str, list[tuple[str, str]]]) -> dict[str, list[str]]:
    """UUIDs of each model's devices: slices go to models in the plan's order, a whole card to all of its models."""
    found: dict[str, list[str]] = {}
    for planned in plan:
        left = list(there[planned["card"]])
        for at, model in enumerate(planned["models"]):
            uuid = planned["card"]
            if planned["slices"]:
                part = next(each for each in left if each[0] == planned["slices"][at])
                left.remove(part)
                uuid = part[1]
            found.setdefault(model, []).append(uuid)
    return found


def named(spec: dict[str, Any], wanted: dict[str, list[str]]) -> dict[str, Any]:
    """The CDI specification with a device for each model, out of the one with a device for each UUID."""
    edits = {each["name"]: each["containerEdits"] for each in spec["devices"]}
    return {
        **spec,
        "kind": KIND,
        "devices": [
            {"name": model, "containerEdits": merged([edits[uuid] for uuid in uuids])}
            for model, uuids in sorted(wanted.items())
        ],
    }


def merged(edits: list[dict[str, list[Any]]]) -> dict[str, list[Any]]:
    """Edits of several devices together, each once."""
    found: dict[str, list[Any]] = {}
    for edit in edits:
        for key, items in edit.items():
            found.setdefault(key, []).extend(item for item in items if item not in found.get(key, []))
    return found


def look(plan: list[dict[str, Any]]) -> tuple[dict[str, str], dict[str, list[tuple[str, str]]]]:
    """Modes and slices of the cards."""
    mode, there = modes(run(*MODES)), slices(run("nvidia-smi", "-L"))
    for planned in plan:
        if planned["card"] not in mode:
            raise RefusedError(f"card {planned['card']} is not there any more: run `pulumi up`, which plans anew")
    return mode, there


def same(plan: list[dict[str, Any]]) -> bool:
    """Whether all is as planned."""
    mode, there = look(plan)
    if not all(is_cut(each, mode[each["card"]], there[each["card"]]) for each in plan):
        return False
    return NAMES.exists() and json.loads(NAMES.read_text()) == names(plan, there)


def names(plan: list[dict[str, Any]], there: dict[str, list[tuple[str, str]]]) -> dict[str, Any]:
    """The CDI specification as it ought to be."""
    return named(json.loads(run(*DESCRIBE)), devices(plan, there))


def cut(planned: dict[str, Any], mode: str, there: list[tuple[str, str]]) -> None:
    """Cut a card, or make it whole again. What runs on it has to be stopped first: the driver refuses otherwise."""
    card = planned["card"]
    if there:
        run("nvidia-smi", "mig", "-i", card, "-dci")
        run("nvidia-smi", "mig", "-i", card, "-dgi")
    wanted = "Enabled" if planned["slices"] else "Disabled"
    if mode != wanted:
        run("nvidia-smi", "-i", card, "-mig", "1" if planned["slices"] else "0")
        if modes(run(*MODES))[card] != wanted:
            raise RefusedError(
                f"card {card} changes its mode at a restart: restart the host, then run `pulumi up` again"
            )
    if planned["slices"]:
        run("nvidia-smi", "mig", "-i", card, "-cgi", ",".join(planned["slices"]), "-C")


def apply(plan: list[dict[str, Any]]) -> None:
    """Make all as planned. Cards that are so already are left alone."""
    mode, there = look(plan)
    for planned in plan:
        if not is_cut(planned, mode[planned["card"]], there[planned["card"]]):
            cut(planned, mode[planned["card"]], there[planned["card"]])
    text = json.dumps(names(plan, look(plan)[1]), indent=1, sort_keys=True)
    NAMES.parent.mkdir(exist_ok=True)
    part = NAMES.with_name(".trivet.json.part")  # no name that CDI reads
    part.write_text(f"{text}\n")
    part.rename(NAMES)


def main(argv: list[str]) -> int:
    """The command line; the exit code."""
    try:
        match argv:
            case ["same"]:
                return 0 if same(json.loads(PLAN.read_text())) else 1
            case ["apply"]:
                apply(json.loads(PLAN.read_text()))
                return 0
    except RefusedError as exc:
        print(f"partition: {exc}", file=sys.stderr)
        return 3
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
