"""Properties are judged by what holds, not by how long a busy machine takes to see it."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("gateway", deadline=None)
settings.load_profile("gateway")
