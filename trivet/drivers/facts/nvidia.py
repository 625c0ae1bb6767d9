"""What `nvidia-smi` prints: cards, their MIG slices, and the ways in which it fails."""

from __future__ import annotations

import csv
import re
from typing import Final

from trivet.drivers.facts.facts import Card, Driver, Slice
from trivet.errors import HostError

FIELDS: Final = (
    "index,name,uuid,memory.total,memory.used,driver_version,compute_cap,pci.bus_id,mig.mode.current,"
    "ecc.mode.current,power.limit"
)
QUERY: Final = ("nvidia-smi", f"--query-gpu={FIELDS}", "--format=csv,noheader,nounits")
LIST: Final = ("nvidia-smi", "-L")
# Not every card has everything: `[N/A]`, and in older versions `[Not Supported]`.
NONE: Final = re.compile(r"\[?(N/A|Not Supported|Unknown Error|Insufficient Permissions)\]?", re.IGNORECASE)
CARD: Final = re.compile(r"GPU (?P<index>\d+): .* \(UUID: (?P<uuid>GPU-[0-9a-f-]+)\)")
SLICE: Final = re.compile(r"\s+MIG (?P<profile>\S+)\s+Device\s+\d+: \(UUID: (?P<uuid>MIG-[0-9a-fA-F/-]+)\)")
FAILURES: Final = (
    ("Driver/library version mismatch", "mismatch"),
    ("couldn't communicate with the NVIDIA driver", "no-driver"),
    ("No devices were found", "no-devices"),
)


def parse_cards(query: str, listing: str) -> tuple[Card, ...]:
    """The cards of QUERY's output, with the MIG slices of LIST's.

    Raises:
        HostError: it is not what `nvidia-smi` prints.
    """
    slices = parse_slices(listing)
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(query.splitlines()) if row]
        return tuple(_card(row, slices) for row in rows)
    except (ValueError, csv.Error) as exc:
        raise HostError(
            where="nvidia-smi",
            value=str(exc),
            rule="it prints a card a line, with the fields that it was asked for",
            remedy=f"see what `{' '.join(QUERY)}` prints there",
        ) from exc


def parse_slices(listing: str) -> dict[str, tuple[Slice, ...]]:
    """MIG slices by the UUID of their card."""
    found: dict[str, tuple[Slice, ...]] = {}
    card = ""
    for line in listing.splitlines():
        if heading := CARD.fullmatch(line.rstrip()):
            card = heading["uuid"]
            found[card] = ()
        elif card and (part := SLICE.fullmatch(line.rstrip())):
            found[card] += (Slice(profile=part["profile"], uuid=part["uuid"]),)
    return found


def parse_failure(code: int, said: str) -> Driver:
    """Why there are no cards, from the exit code and both streams."""
    text = " ".join(said.split())
    for words, state in FAILURES:
        if words.lower() in text.lower():
            return Driver.model_validate({"state": state, "said": text})
    return Driver(state="no-driver", said=text or f"exit code {code}")


def _card(row: list[str], slices: dict[str, tuple[Slice, ...]]) -> Card:
    if len(row) != FIELDS.count(",") + 1:
        raise ValueError(f"{len(row)} fields: {','.join(row)[:80]}")
    index, name, uuid, total, used, driver, capability, bus, mig, ecc, power = row
    return Card(
        index=int(index),
        name=name,
        uuid=uuid,
        memory_mib=int(total),
        used_mib=int(used),
        driver=driver,
        compute_capability=capability,
        bus=bus,
        mig=_switch(mig),
        ecc=_switch(ecc),
        power_limit_watts=None if NONE.fullmatch(power) else float(power),
        slices=slices.get(uuid, ()),
    )


def _switch(text: str) -> bool | None:
    if NONE.fullmatch(text):
        return None
    if text not in {"Enabled", "Disabled"}:
        raise ValueError(f"{text!r} is neither Enabled nor Disabled")
    return text == "Enabled"
