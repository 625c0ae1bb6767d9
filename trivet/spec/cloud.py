"""Tier cloud: whose cloud it is, and what of it runs the stack."""

from __future__ import annotations

from typing import Final, Literal, get_args

Provider = Literal["aws", "gcp", "azure"]
PROVIDERS: Final[tuple[Provider, ...]] = get_args(Provider)
OFFERED_BY: Final[dict[str, tuple[Provider, ...]]] = {"vm": PROVIDERS, "sagemaker": ("aws",)}
"""Target of tier cloud → the providers that have it."""
