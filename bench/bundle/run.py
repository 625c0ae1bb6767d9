"""Runs everything and prints what was seen."""

from __future__ import annotations

import argparse
import os
import platform
import random
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.bundle import corruption, cost, interop, kills, nonsense, peers, reproduce, update
from bench.bundle.command import Command
from bench.bundle.project import MIB, Project, make_project
from bench.gateway.table import Bar, bars_table, table
from bench.scratch import scratch
from trivet.bundle.keys import new_key

GIB = 1 << 30
PARTS = ("reproduce", "corruption", "kills", "update", "cost", "peers", "interop")


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print, and end with an error if a bar is not met."""
    parser = argparse.ArgumentParser(description="What the bundle costs, withstands and reproduces.")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--gib", type=int, default=4, help="size of the bundle whose cost is measured")
    parser.add_argument("--rounds", type=int, default=3, help="turns of the cost measurement; medians are compared")
    parser.add_argument("--corruptions", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=20, help="of each verb")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args(argv)
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {time.strftime('%Y-%m-%d')}\n")
    bars: list[Bar] = []
    with scratch("bundle") as folder, _keys() as keys:
        for part in args.only:
            print(f"## {part}\n", flush=True)
            bars += _PARTS[part](folder / part, keys, args)
            shutil.rmtree(folder / part, ignore_errors=True)
    print("## bars\n")
    print(bars_table(bars))
    if not all(bar.met for bar in bars):
        raise SystemExit(1)


def _reproduce(scratch: Path, keys: Mapping[str, Path], _: argparse.Namespace) -> list[Bar]:
    project = make_project(scratch / "project", {"llama": [24 * MIB, MIB]}, {"trivet-small": [48 * MIB]}, host=True)
    found = reproduce.run(project, scratch, keys)
    print(
        table(["form", "root, all cores, UTC", "nobody, one core, umask 077, Auckland"], [list(row) for row in found])
        + "\n"
    )
    same = sum(one == two for _, one, two in found)
    return [
        Bar(
            "two builds in different conditions",
            "every byte the same",
            f"{same} of {len(found)} forms",
            same == len(found),
        )
    ]


def _corruption(scratch: Path, _: Mapping[str, Path], args: argparse.Namespace) -> list[Bar]:
    scratch.mkdir(parents=True)
    found = corruption.run(scratch, args.corruptions, args.seed)
    print(table(["damage", "times"], [[kind, str(count)] for kind, count in sorted(found.done.items())]) + "\n")
    print(table(["refused with", "times"], [[kind, str(count)] for kind, count in found.errors.most_common()]) + "\n")
    for line in (*found.taken, *found.unnamed, *found.touched)[:20]:
        print(f"!! {line}")
    tried, wrong = nonsense.run(scratch / "bundle", scratch / "nonsense")
    for line in wrong:
        print(f"!! signed, and taken: {line}")
    total = sum(found.done.values())
    refused = total - len(found.taken)
    return [
        Bar("random damage refused", f"all, ≥{args.corruptions}", f"{refused} of {total}", refused == total),
        Bar("culprit named", "always", f"{total - len(found.unnamed)} of {total}", not found.unnamed),
        Bar("target unchanged", "always", f"{total - len(found.touched)} of {total}", not found.touched),
        Bar("nonsense refused though signed", "all", f"{tried - len(wrong)} of {tried}", not wrong),
    ]


def _kills(scratch: Path, keys: Mapping[str, Path], args: argparse.Namespace) -> list[Bar]:
    layers = [128 * MIB] * 3 + [MIB]
    project = make_project(scratch / "project", {"llama": layers}, {"trivet-small": [256 * MIB] * 2})
    found = kills.run(project, scratch, keys, args.kills, random.Random(args.seed))
    rows = []
    for verb, each in found.items():
        share = [f"{kill.there / GIB:.2f}" for kill in each]
        rows.append([verb, str(len(each)), f"{min(share)}-{max(share)} GiB", str(max(kill.rewritten for kill in each))])
    print(table(["killed", "times", "there when killed", "most bytes written twice"], rows) + "\n")
    largest = 256 * MIB
    return [
        bar
        for verb, each in found.items()
        for bar in (
            Bar(f"{verb} killed, next run converges", "all", f"{sum(kill.converged for kill in each)} of {len(each)}",
                all(kill.converged for kill in each)),
            Bar(f"{verb} killed, written twice", "≤ one blob", f"{max(kill.rewritten for kill in each) / MIB:.1f} MiB",
                max(kill.rewritten for kill in each) <= largest),
        )
    ]  # fmt: skip


def _update(scratch: Path, keys: Mapping[str, Path], _: argparse.Namespace) -> list[Bar]:
    found = update.run(scratch, keys, 2 * GIB)
    rows = [["full", f"{found.full:,}"], ["changed", f"{found.changed:,}"], ["update", f"{found.delta:,}"]]
    print(table(["bundle", "bytes"], rows) + "\n")
    return [
        Bar(
            "update's size",
            "≤ changed + 1 MiB",
            f"changed + {(found.delta - found.changed) / 1024:.1f} KiB",
            found.delta <= found.changed + MIB,
        ),
        Bar("base + update", "the full bundle", "the same" if found.same else "another", found.same),
    ]


def _cost(scratch: Path, keys: Mapping[str, Path], args: argparse.Namespace) -> list[Bar]:
    project = _large(scratch / "project", args.gib)
    found = cost.measure(project, scratch, keys, args.rounds)
    rows = [[what, f"{found.rate(what) / 1e6:,.0f}", f"{found.size / found.rate(what):.2f}"] for what in found.rates]
    print(table([f"{found.size / GIB:.2f} GiB, warm", "MB/s", "s"], rows) + "\n")
    bars = []
    for verb in ("create", "verify", "install"):
        name, limit = found.limit(verb)
        share = found.rate(verb) / limit
        bars.append(Bar(f"{verb} beside {name}", f"≥{cost.SHARE:.0%}", f"{share:.0%}", share >= cost.SHARE))
        resident = found.resident_kib[verb]
        bars.append(
            Bar(f"{verb}, resident memory", "≤256 MiB", f"{resident / 1024:.0f} MiB", resident <= cost.RESIDENT_KIB)
        )
    for verb in ("create", "install"):
        disk = found.disk[verb]
        bars.append(Bar(f"{verb}, disk beside the content", "≤5 % more", f"{disk - 1:+.1%}", disk <= cost.EXTRA))
    return bars


def _peers(scratch: Path, keys: Mapping[str, Path], args: argparse.Namespace) -> list[Bar]:
    project = make_project(scratch / "project", {"llama": [args.gib * GIB // 4] * 2}, {})
    command, bundle, store = Command(), scratch / "bundle", scratch / "store"
    sign = ["--key", keys["secret"], "--passphrase-file", keys["passphrase"]]
    made = command.done("create", "--project", project.root, "--out", bundle, *sign).seconds
    installed = command.done("install", bundle, "--store", store, "--key", keys["public"]).seconds
    shutil.rmtree(store)
    skopeo = peers.skopeo_copy(bundle, scratch)
    docker = peers.docker_save_load(project.store, scratch)
    rows = [
        ["trivet bundle create", f"{made:.2f}"],
        ["trivet bundle install", f"{installed:.2f}"],
        ["docker save, docker load", f"{docker:.2f}"],
        ["skopeo copy oci: oci:", f"{skopeo:.2f}"],
    ]
    print(table([f"an image of {args.gib / 2:g} GiB in two layers", "s"], rows) + "\n")
    return [
        Bar(
            "create + install beside docker save + load",
            "faster",
            f"{docker / (made + installed):.1f}×",
            made + installed < docker,
        ),
        Bar("install beside skopeo copy", "faster", f"{skopeo / installed:.1f}×", installed < skopeo),
    ]


def _interop(scratch: Path, keys: Mapping[str, Path], _: argparse.Namespace) -> list[Bar]:
    project = make_project(scratch / "project", {}, {})
    sign = ["--key", keys["secret"], "--passphrase-file", keys["passphrase"]]
    Command().done("create", "--project", project.root, "--out", scratch / "bundle", *sign)
    found = interop.run(scratch / "bundle", keys)
    print(table(["asked", "said"], [list(row) for row in found]) + "\n")
    return [
        Bar(name.split()[0], "reads it", said, said.startswith("exit 0"))
        for name, said in found
        if said != "not installed"
    ]


def _large(root: Path, gib: int) -> Project:
    """Half in images, half in a model of shards of half a GiB, as large ones come."""
    half = gib * GIB // 2
    return make_project(root, {"llama": [half // 4] * 4}, {"trivet-small": [GIB // 2] * (2 * half // GIB)})


_PARTS = {
    "reproduce": _reproduce,
    "corruption": _corruption,
    "kills": _kills,
    "update": _update,
    "cost": _cost,
    "peers": _peers,
    "interop": _interop,
}


@contextmanager
def _keys() -> Iterator[Mapping[str, Path]]:
    with scratch("bundle-keys") as folder:
        passphrase = folder / "passphrase"
        passphrase.touch(0o600)
        passphrase.write_text("for this run alone\n", encoding="utf-8")
        new_key(folder / "officer", lambda _: "for this run alone")
        yield {"secret": folder / "officer.key", "public": folder / "officer.pub", "passphrase": passphrase}
