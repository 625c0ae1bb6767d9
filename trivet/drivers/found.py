"""Things that exist in a cloud, in the words of its resource classes: judged like what is to be made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Found:
    """A thing that exists: its type and properties in the words of Pulumi's package, and its region."""

    kind: str
    name: str
    region: str
    properties: Mapping[str, Any] = field(default_factory=dict)
