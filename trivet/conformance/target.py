"""What is to be examined: a URL, a key, and what the stack behind it is expected to be."""

from __future__ import annotations

from dataclasses import dataclass, field

import httpx

from trivet.errors import ConformanceError
from trivet.spec import Lock, StackSpec

SUFFIX = "/v1"


@dataclass(frozen=True)
class Target:
    """A deployed stack, seen from outside.

    Attributes:
        url: of the gateway; with or without the closing `/v1`.
        key: of a team that may use the models; read it with `read_key`.
        quota_key: of a team with a small quota and no other traffic, for the checks that use a quota up.
        spec: what should run there; without it, what only the spec tells is not examined.
        lock: the digests that should run there.
        timeout: seconds that one request may take, from its first byte sent to its last byte read.
    """

    url: str
    key: str = field(repr=False)
    quota_key: str | None = field(default=None, repr=False)
    spec: StackSpec | None = None
    lock: Lock | None = None
    timeout: float = 60.0


def base_url(text: str) -> str:
    """The gateway's address without `/v1`: what the paths of requests are appended to.

    Raises:
        ConformanceError: it is not the http(s) address of a gateway.
    """
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as exc:
        raise _no_address(f"{text}: {exc}") from exc
    if url.userinfo:
        raise _no_address("an address with a user or password in it")
    if url.scheme not in {"http", "https"} or not url.host or url.query or url.fragment:
        raise _no_address(text)
    return str(url).rstrip("/").removesuffix(SUFFIX).rstrip("/")


def _no_address(value: str) -> ConformanceError:
    return ConformanceError(
        where="--url",
        value=value,
        rule="a stack's URL is http(s)://HOST[:PORT]/v1, without credentials, query or fragment",
        remedy="pass the stack's output url (`pulumi stack output url`)",
    )
