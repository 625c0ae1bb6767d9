"""`make bench-ssh`: one large file to a workstation of the lab, by turns, in one run."""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.gateway.table import Bar, bars_table, table
from bench.scratch import ROOT, scratch
from bench.ssh.ways import OURS, RSYNC, SCP, File, ways
from tools.lab.workstation import Workstation, boot, remove
from trivet.cli.progress import say
from trivet.drivers.ssh import SshHost
from trivet.drivers.ssh.dial import host_key
from trivet.drivers.ssh.pins import Pins
from trivet.spec.ssh import SshTarget

MIB = 1 << 20
SHARE = 0.9
PLACES = {"to memory": "/tmp/bench", "to disk": "/var/tmp/bench"}  # noqa: S108  # of a workstation of our own


def main() -> None:
    """Measure, print, and end with an error if a bar is not met."""
    parser = argparse.ArgumentParser(description="A large file over SSH, beside scp and rsync.")
    parser.add_argument("--mib", type=int, default=1024, help="size of the file")
    parser.add_argument("--rounds", type=int, default=5, help="turns; medians are compared")
    args = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {time.strftime('%Y-%m-%d')}\n")
    with scratch("ssh") as folder, _workstation() as workstation:
        target = _trusted(workstation, folder)
        file = _file(folder / "file", args.mib)
        bars = [
            bar for place, path in PLACES.items() for bar in _transfer(file, target, workstation, place, path, args)
        ]
        _latency(target)
    print("## bars\n")
    print(bars_table(bars))
    if not all(bar.met for bar in bars):
        raise SystemExit(1)


def _transfer(
    file: File, target: SshTarget, workstation: Workstation, place: str, path: str, args: argparse.Namespace
) -> list[Bar]:
    seconds: dict[str, list[float]] = {}
    for _ in range(args.rounds):
        for name, way in ways(file, target, workstation).items():
            workstation.sh(f"rm -f {path} {path}.part; sync")
            begin = time.perf_counter()
            way(path)
            seconds.setdefault(name, []).append(time.perf_counter() - begin)
    workstation.sh(f"rm -f {path}; sync")
    rates = {name: file.size / 1e6 / statistics.median(each) for name, each in seconds.items()}
    rows = [
        [name, f"{rate:.0f}", f"{file.size / 1e6 / min(seconds[name]):.0f}", f"{rate / rates[SCP]:.2f}"]
        for name, rate in sorted(rates.items(), key=lambda each: -each[1])
    ]
    print(table([f"{file.size // MIB} MiB {place}", "MB/s, median", "best", "of scp"], rows) + "\n", flush=True)
    return [
        Bar(
            f"{place}, beside {peer}",
            f"≥{SHARE:.0%}",
            f"{rates[OURS] / rates[peer]:.0%}",
            rates[OURS] >= SHARE * rates[peer],
        )
        for peer in (SCP, RSYNC)
        if peer in rates
    ]


def _latency(target: SshTarget) -> None:
    host = SshHost(target)
    host.run(["true"])
    begin = time.perf_counter()
    for _ in range(100):
        host.run(["true"])
    print(f"a command over the open connection: {(time.perf_counter() - begin) * 10:.1f} ms\n")
    host.close()


def _file(path: Path, mib: int) -> File:
    digest = hashlib.sha256()
    with path.open("wb") as out:
        for _ in range(mib):
            chunk = os.urandom(MIB)
            digest.update(chunk)
            out.write(chunk)
    return File(path=path, digest=f"sha256:{digest.hexdigest()}", size=mib * MIB)


def _trusted(workstation: Workstation, scratch: Path) -> SshTarget:
    target = SshTarget(
        address=workstation.address, key_file=str(workstation.key), known_hosts=str(scratch / "known_hosts")
    )
    Pins(scratch / "known_hosts").add(target, host_key(target))
    return target


@contextmanager
def _workstation() -> Iterator[Workstation]:
    label, work = f"lab-bench-{os.getpid()}", ROOT / ".trivet"
    try:
        yield boot(1, variant="workstation", label=label, state=work / "lab", cache=work / "cache" / "lab", say=say)[0]
    finally:
        remove(label)


if __name__ == "__main__":
    main()
