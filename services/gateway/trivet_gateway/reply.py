"""A whole response, not yet sent."""

from __future__ import annotations

from dataclasses import dataclass, field

from trivet_gateway.asgi import Headers

JSON = b"application/json"


@dataclass(slots=True)
class Reply:
    """Status, body and the headers beyond content type, length and request id."""

    status: int
    body: bytes
    headers: Headers = field(default_factory=list)
    content_type: bytes = JSON
