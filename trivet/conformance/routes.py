"""Paths of the gateway that are examined."""

from __future__ import annotations

MODELS = "/v1/models"
CHAT = "/v1/chat/completions"
COMPLETIONS = "/v1/completions"
EMBEDDINGS = "/v1/embeddings"
IDENTITY = "/v1/identity"
HEALTH = "/health"
READY = "/ready"
METRICS = "/metrics"
