"""`make bench-supervise`: a saturated stack on a workstation of the lab, watched; then a server that stops dead."""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.gateway.table import Bar, bars_table
from bench.scratch import ROOT
from tests.host.stack import RemoteStack
from tools.lab.workstation import Workstation, boot, remove
from trivet.cli.progress import say

LABEL = "lab-bench-supervise"
CLIENTS = 24  # some three times what the models have places for
MODEL = "trivet-small"
QUOTA = {"requestsPerMinute": 100_000, "tokensPerMinute": 100_000_000, "concurrency": CLIENTS}
FOUND_SECONDS, BACK_SECONDS, STOPS = 30.0, 60.0, 3
PATIENCE_SECONDS = 180.0


def main() -> None:
    """Measure, print, and end with an error if a bar is not met."""
    parser = argparse.ArgumentParser(description="False restarts of a saturated stack; a server that stops dead.")
    parser.add_argument("--seconds", type=float, default=900.0, help="how long the stack is saturated")
    args = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {time.strftime('%Y-%m-%d')}\n")
    with tempfile.TemporaryDirectory() as folder:
        try:
            (host,) = boot(
                1, variant="workstation", label=LABEL, state=Path(folder), cache=ROOT / ".trivet/cache/lab", say=say
            )
            bars = _measure(Path(folder) / "project", host, args.seconds)
        finally:
            remove(LABEL)
    print(bars_table(bars))
    if not all(bar.met for bar in bars):
        raise SystemExit(1)


def _measure(project: Path, host: Workstation, seconds: float) -> list[Bar]:
    project.mkdir()
    stack = RemoteStack(project, host, as_root=True)
    stack.spec["gateway"]["teams"][0]["quota"] = QUOTA
    stack.write()
    say("deploying")
    stack.up()
    _until(lambda: _verdicts(stack) == {"well"})
    say(f"saturating for {seconds:.0f} s")
    answers, silent = _saturate(stack, seconds)
    restarts = sum(each["restarts"] for each in _heartbeat(stack).values())
    print(f"answers by status: {dict(answers)}; longest silence of a server: {silent:.1f} s\n")
    bars = [
        Bar(f"restarts in {seconds:.0f} s, saturated", "0", f"{restarts}", restarts == 0),
        Bar("requests that were answered meanwhile", "> 0", f"{answers[200]}", answers[200] > 0),
    ]
    for number in range(STOPS):
        say(f"stopping a server dead ({number + 1} of {STOPS})")
        found, back = _stop(stack)
        bars += [
            Bar(
                "a server that stops dead is found",
                f"≤ {FOUND_SECONDS:.0f} s",
                f"{found:.1f} s",
                found <= FOUND_SECONDS,
            ),
            Bar("and is back", f"≤ {BACK_SECONDS:.0f} s", f"{back:.1f} s", back <= BACK_SECONDS),
        ]
    return bars


def _saturate(stack: RemoteStack, seconds: float) -> tuple[Counter[int], float]:
    """Statuses of the answers, and the longest that any server gave no sign."""
    answers: Counter[int] = Counter()
    end, silent = time.monotonic() + seconds, 0.0

    def ask(number: int) -> None:
        prompt = f"{number} " + "Tell a long story about a small stack. " * (1 + number % 8)
        body = {"model": MODEL, "max_tokens": 512, "messages": [{"role": "user", "content": prompt}]}
        while time.monotonic() < end:
            answers[_post(stack, body)] += 1

    clients = [threading.Thread(target=ask, args=(number,)) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    while time.monotonic() < end:
        silent = max(silent, *(each["silent"] for each in _heartbeat(stack).values()))
        time.sleep(2)
    for client in clients:
        client.join()
    return answers, silent


def _post(stack: RemoteStack, body: dict[str, Any]) -> int:
    headers = {"Authorization": f"Bearer {stack.key}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{stack.url}/chat/completions", json.dumps(body).encode(), headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as response:  # noqa: S310  # ours
            response.read()
            return int(response.status)
    except urllib.error.HTTPError as exc:
        time.sleep(min(float(exc.headers.get("Retry-After") or 1), 2))
        return exc.code
    except OSError:
        return 0


def _stop(stack: RemoteStack) -> tuple[float, float]:
    """Seconds until it is found, and until it is well again."""
    service = f"model-{MODEL}"
    before, began = _heartbeat(stack)[service]["restarts"], time.monotonic()
    stack.workstation.sh(f"kill -STOP $(docker inspect --format '{{{{.State.Pid}}}}' {stack.container(service)})")
    _until(lambda: _heartbeat(stack)[service]["restarts"] > before)
    found = time.monotonic() - began
    _until(lambda: _verdicts(stack) == {"well"})
    return found, time.monotonic() - began


def _heartbeat(stack: RemoteStack) -> dict[str, Any]:
    text = stack.workstation.sh(f"cat /run/trivet/{stack.compose_project}/heartbeat.json")
    services: dict[str, Any] = json.loads(text)["services"]
    return services


def _verdicts(stack: RemoteStack) -> set[str]:
    return {each["verdict"] for each in _heartbeat(stack).values()}


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        if time.monotonic() > deadline:
            raise SystemExit("it did not come true in time")
        time.sleep(0.2)


if __name__ == "__main__":
    main()
