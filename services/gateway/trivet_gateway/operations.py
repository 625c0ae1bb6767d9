"""`/health`, `/ready` and `/metrics`: for supervisors and Prometheus; without a key, and not in the audit."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from trivet_gateway.audit.writer import AuditWriter
from trivet_gateway.drain import Drain
from trivet_gateway.exchange import Exchange
from trivet_gateway.metrics import Metrics
from trivet_gateway.probes import Probes
from trivet_gateway.reply import Reply

READY: Final = "/ready"
PATHS: Final = frozenset({"/health", READY, "/metrics"})


@dataclass(slots=True)
class Operations:
    """How the gateway is.

    `/health` answers 200 as long as the process serves at all. `/ready` answers 200 when every model's server is up,
    the audit can be written and nothing is being drained, else 503; its body says which. So does `ready`, which is what
    a managed endpoint calls it.
    """

    audit: AuditWriter
    metrics: Metrics
    probes: Probes
    drain: Drain
    ready: str = READY

    async def serve(self, exchange: Exchange) -> None:
        """Answer."""
        if exchange.method not in ("GET", "HEAD"):
            reply = Reply(405, b'{"status":"GET only"}', [(b"allow", b"GET, HEAD")])
        elif exchange.path == "/metrics":
            reply = self.metrics.reply()
        elif exchange.path in (READY, self.ready):
            reply = self._ready()
        else:
            reply = _json(200, {"status": "ok"})
        await exchange.respond(reply)

    def _ready(self) -> Reply:
        draining = self.drain.is_on
        models = {model: "up" if up else "down" for model, up in self.probes.up.items()}
        ready = all(self.probes.up.values()) and self.audit.fault is None and not draining
        state = {
            "status": "ready" if ready else "not ready",
            "models": models,
            "audit": self.audit.fault or "ok",
            "draining": draining,
        }
        return _json(200 if ready else 503, state)


def _json(status: int, value: dict[str, Any]) -> Reply:
    return Reply(status, json.dumps(value, separators=(",", ":")).encode())
