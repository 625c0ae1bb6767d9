"""The run: start everything, measure one after the other, print what was seen beside what must hold."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.gateway import audited, budget, litellm, nginx
from bench.gateway.process import Program, running
from bench.gateway.setting import CACHE, KEY, MINE, OTHER, ROOT, Ports, gateway_config, require_machine, write_json
from bench.gateway.stream_load import Streams, stream
from bench.gateway.table import Bar, bars_table, table
from bench.gateway.wrk import Load, load
from trivet_gateway.audit.verify import verify

WARM_SECONDS = 2.0
SOAK_REQUESTS = 100_000
SOAK_SLICE_SECONDS = 10.0


@dataclass
class Seen:
    """Everything that a run saw."""

    loads: dict[str, Load] = field(default_factory=dict)
    streams: dict[str, Streams] = field(default_factory=dict)
    admitted: dict[str, int] = field(default_factory=dict)
    requests: int = 0
    requests_recorded: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    soaked: int = 0
    resident_kib_before: int = 0
    resident_kib_after: int = 0
    cpu_microseconds: float = 0.0
    rows: int = 0
    chain_holds: bool = False


def main() -> None:
    """Run; exits with 1 where a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.gateway", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each load lasts (default: 10)")
    parser.add_argument("--without-litellm", action="store_true", help="leave LiteLLM out (its first run installs it)")
    options = parser.parse_args()
    require_machine()
    os.sched_setaffinity(0, {OTHER})
    CACHE.mkdir(parents=True, exist_ok=True)
    print(f"{platform.platform()}, load average {os.getloadavg()[0]:.2f}: measure on a machine that does nothing else")
    with tempfile.TemporaryDirectory(prefix="trivet-bench-") as name:
        seen = _measure(Path(name), options.seconds, with_litellm=not options.without_litellm)
    write_json(CACHE / "gateway.json", asdict(seen))
    bars = _bars(seen)
    print(_report(seen), bars_table(bars), sep="\n\n")
    sys.exit(not all(bar.met for bar in bars))


def _measure(folder: Path, seconds: float, *, with_litellm: bool) -> Seen:
    seen = Seen()
    audit = folder / "audit.sqlite"
    # Upstream and load share a core with this program, all that is measured has the other: one at a time.
    with (
        running("upstream", _nginx(nginx.fixed_answer(folder)), core=OTHER, port=Ports.FIXED, log=folder),
        _python("streams", "bench.gateway.stream_server", Ports.STREAMS, core=OTHER, port=Ports.STREAMS, log=folder),
    ):
        _say("direct")
        seen.loads["direct"] = _load(folder, Ports.FIXED, seconds)
        seen.streams["direct"] = stream(Ports.STREAMS, KEY)
        with running("proxy", _nginx(nginx.reverse_proxy(folder)), core=MINE, port=Ports.NGINX, log=folder):
            _say("nginx")
            seen.loads["nginx"] = _load(folder, Ports.NGINX, seconds)
            seen.streams["nginx"] = stream(Ports.NGINX_STREAMS, KEY)
        with _gateway(folder, audit) as gateway:
            _say("gateway")
            seen.loads["gateway"] = _load(folder, Ports.GATEWAY, seconds)
            seen.streams["gateway"] = stream(Ports.GATEWAY, KEY)
            seen.admitted = budget.admitted()
            _say("audit")
            seen.requests, seen.requests_recorded, outcomes = audited.recorded(audit)
            seen.outcomes = dict(outcomes)
            _say(f"memory over {SOAK_REQUESTS} requests")
            _soak(folder, gateway, seen)
        report = verify(audit)
        seen.rows, seen.chain_holds = report.rows, report.broken is None
        if with_litellm:
            argv, env = litellm.command(folder)
            with running("litellm", argv, core=MINE, port=Ports.LITELLM, log=folder, env=env):
                _say("litellm")
                seen.loads["litellm"] = _load(folder, Ports.LITELLM, seconds)
    return seen


@contextlib.contextmanager
def _gateway(folder: Path, audit: Path) -> Iterator[Program]:
    config = write_json(folder / "gateway.json", gateway_config(audit))
    with _python("gateway", "trivet_gateway", config, core=MINE, port=Ports.GATEWAY, log=folder) as program:
        yield program


def _load(folder: Path, port: int, seconds: float) -> Load:
    load(folder, port, KEY, WARM_SECONDS)
    measured = load(folder, port, KEY, seconds)
    if measured.failed:
        raise RuntimeError(f"{measured.failed} requests to port {port} failed; see the logs in {folder}")
    return measured


def _soak(folder: Path, gateway: Program, seen: Seen) -> None:
    seen.resident_kib_before = gateway.resident_kib
    used = gateway.cpu_seconds
    while seen.soaked < SOAK_REQUESTS:
        seen.soaked += load(folder, Ports.GATEWAY, KEY, SOAK_SLICE_SECONDS).requests
    seen.resident_kib_after = gateway.resident_kib
    seen.cpu_microseconds = (gateway.cpu_seconds - used) / seen.soaked * 1e6


def _bars(seen: Seen) -> list[Bar]:
    ours, streams = seen.loads["gateway"], seen.streams["gateway"]
    added = streams.first_p50 - seen.streams["direct"].first_p50
    grown = seen.resident_kib_after / seen.resident_kib_before - 1
    bars = [
        Bar("chats a second", "≥ 2,000", f"{ours.per_second:,.0f}", ours.per_second >= 2000),
        Bar("p99 of a chat", "≤ 10 ms", f"{ours.p99:.1f} ms", ours.p99 <= 10),
        Bar("chunks a second", "≥ 20,000", f"{streams.chunks_per_second:,.0f}", streams.chunks_per_second >= 20_000),
        Bar("added to the first chunk", "≤ 1 ms", f"{added:.2f} ms", added <= 1),
        *(Bar(f"admitted of 50 {kind}", "10", str(count), count == 10) for kind, count in seen.admitted.items()),
        Bar(
            "requests in the audit",
            "100 %",
            f"{seen.requests_recorded / seen.requests:.2%} of {seen.requests:,}",
            seen.requests_recorded == seen.requests,
        ),
        Bar("the audit's chain", "holds", f"{seen.rows:,} rows", seen.chain_holds),
        Bar("memory over 100,000 requests", "< +5 %", f"{grown:+.1%}", grown < 0.05),
    ]
    if "litellm" in seen.loads:
        times = ours.per_second / seen.loads["litellm"].per_second
        bars.append(Bar("times LiteLLM", "≥ 15", f"{times:.1f}", times >= 15))
    return bars


def _report(seen: Seen) -> str:
    ours = seen.loads["gateway"].per_second
    loads = [
        [name, f"{load.per_second:,.0f}", f"{load.p50:.2f}", f"{load.p99:.2f}", f"{ours / load.per_second:.2f}"]
        for name, load in seen.loads.items()
    ]
    streams = [
        [name, f"{stream.chunks_per_second:,.0f}", f"{stream.first_p50:.2f}", f"{stream.first_p99:.2f}"]
        for name, stream in seen.streams.items()
    ]
    return "\n\n".join(
        [
            table(["chat, 8 connections, one core", "requests/s", "p50 ms", "p99 ms", "gateway is ×"], loads),
            table(["8 streams of 2,000 chunks", "chunks/s", "first p50 ms", "first p99 ms"], streams),
            (
                f"gateway: {seen.cpu_microseconds:.0f} µs of processor time a request, "
                f"{seen.resident_kib_after / 1024:.0f} MiB resident; rows by outcome: {json.dumps(seen.outcomes)}"
            ),
        ]
    )


def _nginx(config: Path) -> list[str]:
    return [shutil.which("nginx") or "nginx", "-c", str(config)]


def _python(
    name: str, module: str, argument: object, *, core: int, port: int, log: Path
) -> contextlib.AbstractContextManager[Program]:
    env = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'services' / 'gateway'}"}
    argv = [sys.executable, "-m", module, str(argument)]
    return running(name, argv, core=core, port=port, log=log, env=env)


def _say(what: str) -> None:
    print(f"measuring: {what}", flush=True)
