#!/usr/bin/python3
"""As much of `nvidia-smi` and `nvidia-ctk` as partitions cards: keeps what it is told, refuses what they refuse.

Whichever it is called as. One H100 with 80 GB that can be cut (GPU-a), one card that cannot (GPU-b). It follows
NVIDIA's MIG user guide; it was never held against a real card.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

STATE = Path(os.environ.get("NVIDIA_STATE", "/run/nvidia.json"))
MEMORY = {"1g.10gb": 1, "1g.20gb": 2, "2g.20gb": 2, "3g.40gb": 4, "4g.40gb": 4, "7g.80gb": 8}
CARDS = {"GPU-a": "NVIDIA H100 80GB HBM3", "GPU-b": "NVIDIA GeForce RTX 4090"}
State = dict[str, Any]
FACTS = (
    "--query-gpu=index,name,uuid,memory.total,memory.used,driver_version,compute_cap,pci.bus_id,mig.mode.current,"
    "ecc.mode.current,power.limit"
)
SIZES = {"GPU-a": 81559, "GPU-b": 24564}


def leave(code: int, *lines: str) -> NoReturn:
    print(*lines, sep="\n")
    sys.exit(code)


def mig_of(state: State, card: str) -> str:
    return "[N/A]" if card == "GPU-b" else "Enabled" if state["mig"] else "Disabled"


def listing(state: State) -> Iterator[str]:
    for index, (card, name) in enumerate(CARDS.items()):
        yield f"GPU {index}: {name} (UUID: {card})"
        if card == "GPU-a":
            for at, (number, profile) in enumerate(state["slices"]):
                yield f"  MIG {profile:<8}     Device  {at}: (UUID: MIG-{number})"


def facts(state: State) -> Iterator[str]:
    for index, (card, name) in enumerate(CARDS.items()):
        set_on_it = f"{mig_of(state, card)}, [N/A], 450.00"
        yield f"{index}, {name}, {card}, {SIZES[card]}, 0, 570.86.15, 9.0, 00000000:0{index}:00.0, {set_on_it}"


def smi(state: State, argv: list[str]) -> NoReturn:
    match argv:
        case ["-L" | "--list-gpus"]:
            leave(0, *listing(state))
        case ["--query-gpu=uuid,mig.mode.current", "--format=csv,noheader"]:
            leave(0, *(f"{card}, {mig_of(state, card)}" for card in CARDS))
        case [query, "--format=csv,noheader,nounits"] if query == FACTS:
            leave(0, *facts(state))
        case ["-i", "GPU-b", "-mig", "0" | "1"]:
            leave(3, "Unable to enable MIG Mode for GPU 1: Not Supported")
        case ["-i", "GPU-a", "-mig", "0" | "1" as mode]:
            if state["slices"]:
                leave(19, "Unable to disable MIG Mode for GPU 0: In use by another client")
            state["mig"] = mode == "1"
            leave(0, "All done.")
        case ["mig", "-i", "GPU-a", ("-dci" | "-dgi") as what]:
            destroy(state, what)
        case ["mig", "-i", "GPU-a", "-cgi", profiles, "-C"]:
            create(state, profiles.split(","))
    leave(2, "Invalid combination of input arguments. Please run 'nvidia-smi -h' for help.")


def destroy(state: State, what: str) -> NoReturn:
    if not state["slices"]:
        leave(6, "No GPU instances found: Not Found")
    if what == "-dgi" and state["compute"]:
        leave(19, "Unable to destroy GPU instance ID  1 from GPU 0: In use by another client")
    state["compute"] = False
    if what == "-dgi":
        state["slices"] = []
    leave(0, "Successfully destroyed")


def create(state: State, wanted: list[str]) -> NoReturn:
    if not state["mig"]:
        leave(6, "No MIG-enabled devices found.")
    if unknown := set(wanted) - MEMORY.keys():
        leave(2, f"Invalid GPU instance profile: {unknown}")
    if sum(MEMORY[each] for each in (*wanted, *(profile for _, profile in state["slices"]))) > MEMORY["7g.80gb"]:
        leave(4, "Unable to create a GPU instance on GPU 0: Insufficient Resources")
    for each in wanted:
        state["number"] += 1
        state["slices"].append([f"{state['number']:x}", each])
    state["slices"].sort(key=lambda each: -MEMORY[each[1]])  # as the driver lists them
    state["compute"] = True
    leave(0, "Successfully created")


def ctk(state: State, argv: list[str]) -> NoReturn:
    if argv != ["cdi", "generate", "--format=json", "--device-name-strategy=uuid"]:
        leave(1, "Incorrect Usage")
    nodes = {card: f"/dev/nvidia{index}" for index, card in enumerate(CARDS)}
    parts = [("GPU-a", f"MIG-{number}") for number, _ in state["slices"]]
    devices: list[dict[str, Any]] = [
        {"name": card, "containerEdits": {"deviceNodes": [node(nodes[card])]}} for card in CARDS
    ]
    for card, part in parts:
        cap = node(f"/dev/nvidia-caps/nvidia-cap{part.removeprefix('MIG-')}")
        devices.append({"name": part, "containerEdits": {"deviceNodes": [node(nodes[card]), cap]}})
    edits = {"env": ["NVIDIA_VISIBLE_DEVICES=void"], "deviceNodes": [node("/dev/nvidiactl")]}
    spec = {"cdiVersion": "0.5.0", "kind": "nvidia.com/gpu", "devices": devices, "containerEdits": edits}
    leave(0, json.dumps(spec))


def node(path: str) -> dict[str, str]:
    """Of this host's is only what every host has."""
    return {"path": path, "hostPath": "/dev/null"}


def main() -> None:
    state: State = {"mig": False, "slices": [], "compute": False, "number": 0}
    if STATE.exists():
        state = json.loads(STATE.read_text())
    try:
        (ctk if sys.argv[0].endswith("nvidia-ctk") else smi)(state, sys.argv[1:])
    finally:
        STATE.write_text(json.dumps(state))


if __name__ == "__main__":
    main()
