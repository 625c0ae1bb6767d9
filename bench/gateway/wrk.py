"""wrk: how many requests a second a server answers, and how long they take."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.gateway.setting import ASK, OTHER

CONNECTIONS = 8
# wrk counts in microseconds; a status beside 200 is a failure, for it would be answered faster.
SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer %(key)s"
wrk.body = [==[%(body)s]==]
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%%d,"microseconds":%%d,"failed":%%d,"p50":%%.1f,"p99":%%.1f,"max":%%.1f}\\n',
    summary.requests, summary.duration, errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(99), latency.max))
end
"""


@dataclass(frozen=True)
class Load:
    """What a load of requests came to. Times in milliseconds."""

    requests: int
    per_second: float
    p50: float
    p99: float
    longest: float
    failed: int


def load(folder: Path, port: int, key: str, seconds: float) -> Load:
    """Ask for chats over eight connections for some seconds."""
    script = folder / f"wrk-{port}.lua"
    script.write_text(SCRIPT % {"key": key, "body": json.dumps(ASK)})
    url = f"http://127.0.0.1:{port}/v1/chat/completions"
    argv = ["taskset", "-c", str(OTHER), "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:.0f}s", "-s", str(script), url]
    said = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    seen = json.loads(said.strip().splitlines()[-1])
    return Load(
        requests=seen["requests"],
        per_second=seen["requests"] / seen["microseconds"] * 1e6,
        p50=seen["p50"] / 1000,
        p99=seen["p99"] / 1000,
        longest=seen["max"] / 1000,
        failed=seen["failed"],
    )
