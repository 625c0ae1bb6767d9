"""The gateway beside a direct call, beside nginx as a plain reverse proxy (the limit) and beside LiteLLM's proxy."""

from bench.gateway.run import main

__all__ = ["main"]
