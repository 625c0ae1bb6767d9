"""All checks, in the order in which they run: what the rest relies on first, what uses a quota up last."""

from __future__ import annotations

from trivet.conformance.checks import api, audit, embeddings, identity, quotas, refusals, streaming

CHECKS = (
    *identity.CHECKS,
    *api.CHECKS,
    *streaming.CHECKS,
    *embeddings.CHECKS,
    *refusals.CHECKS,
    *audit.CHECKS,
    *quotas.CHECKS,
)
