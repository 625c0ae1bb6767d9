"""Where everything of a run lies: cores, ports, keys, files."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
CACHE: Final = ROOT / ".trivet" / "cache" / "bench"
KEY: Final = "tvt_bench-bench-bench-bench-bench-bench-bench-b"
BUDGETS: Final = {kind: f"tvt_budget-{kind:-<36}" for kind in ("chat", "stream", "embeddings")}
BUDGET: Final = 10
ANSWER: Final = (
    '{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"small","choices":[{"index":0,"message":'
    '{"role":"assistant","content":"Hello there, how can I help?"},"finish_reason":"stop"}],'
    '"usage":{"prompt_tokens":12,"completion_tokens":8,"total_tokens":20}}'
)
ASK: Final[dict[str, Any]] = {
    "model": "small",
    "messages": [
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": "Say hello to the people in the room, please."},
    ],
    "max_tokens": 16,
}
TOOLS: Final = {"nginx": "nginx-light", "wrk": "wrk", "taskset": "util-linux"}

# The one under test has a core to itself; what asks and what answers share the other.
MINE, OTHER = 0, 1


class Ports:
    """On the loopback."""

    FIXED = 19000
    STREAMS = 19001
    GATEWAY = 19010
    NGINX = 19011
    LITELLM = 19012
    NGINX_STREAMS = 19013


def require_machine() -> None:
    """End the run where it would measure nothing: too few cores, or a tool is missing."""
    missing = {tool: package for tool, package in TOOLS.items() if shutil.which(tool) is None}
    if missing:
        sys.exit(f"missing: {', '.join(missing)}; install them: apt-get install {' '.join(missing.values())}")
    if not {MINE, OTHER} <= os.sched_getaffinity(0):
        sys.exit("two cores are needed, 0 and 1: one for what is measured, one for what asks and answers")


def gateway_config(audit: Path) -> dict[str, Any]:
    """All that the gateway does is on: keys, quotas, audit. The quotas are large, but for the three small budgets."""
    digest = "sha256:" + "0" * 64
    quota = {"requestsPerMinute": 10**7, "tokensPerMinute": 10**10, "concurrency": 1000}
    teams = [_team("bench", KEY, quota)]
    teams += [_team(kind, key, {**quota, "requestsPerMinute": BUDGET}) for kind, key in BUDGETS.items()]
    fixed, streams = (f"http://127.0.0.1:{port}" for port in (Ports.FIXED, Ports.STREAMS))
    return {
        "identity": {
            "specDigest": digest,
            "lockDigest": digest,
            "images": {},
            "models": {},
            "tier": "onprem",
            "region": "bench",
        },
        "listen": {"host": "127.0.0.1", "port": Ports.GATEWAY},
        "models": [
            {"name": "small", "kind": "chat", "url": fixed, "contextLength": 4096, "concurrency": 256},
            {"name": "streams", "kind": "chat", "url": streams, "contextLength": 4096, "concurrency": 256},
            {
                "name": "vectors",
                "kind": "embedding",
                "url": fixed,
                "contextLength": 4096,
                "dimensions": 3,
                "concurrency": 256,
            },
        ],
        "routes": ["/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/models"],
        "dataClasses": ["internal"],
        "defaultDataClass": "internal",
        "teams": teams,
        "limits": {"maxTokens": 4096},
        "audit": {"path": str(audit)},
    }


def _team(name: str, key: str, quota: dict[str, int]) -> dict[str, Any]:
    hashed = hashlib.sha256(key.encode()).hexdigest()
    return {
        "name": name,
        "models": ["*"],
        "dataClasses": ["internal"],
        "quota": quota,
        "keys": [{"name": "bench", "sha256": hashed}],
    }


def write_json(path: Path, value: object) -> Path:
    """Write a file as JSON; returns its path."""
    path.write_text(json.dumps(value, indent=2) + "\n")
    return path
