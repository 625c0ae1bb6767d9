"""Questions to a cloud's JSON API that change nothing, and so may be asked again."""

from __future__ import annotations

import time
from typing import Any, Final

import httpx

from trivet.errors import CloudError

TIMEOUT: Final = httpx.Timeout(60, connect=10)
TRIES: Final = 4
TOO_MANY: Final = 429
SERVER_ERROR: Final = 500


def ask(client: httpx.Client, method: str, url: str, *, remedy: str, **arguments: Any) -> dict[str, Any]:
    """The answer; a lost one, a 429 and a 5xx are asked for again, after 1, 2 and 4 seconds.

    Args:
        client: has the credentials.
        method: of HTTP.
        url: what is read; stands in the error.
        remedy: what to do where the cloud refuses.
        arguments: to httpx.

    Raises:
        CloudError: it was refused, or there was no answer that is JSON.
    """
    for left in reversed(range(TRIES)):
        try:
            answer = client.request(method, url, timeout=TIMEOUT, **arguments)
        except httpx.TransportError as exc:
            if not left:
                raise _unreadable(type(exc).__name__, url, str(exc), remedy) from exc
        else:
            if not left or (answer.status_code != TOO_MANY and answer.status_code < SERVER_ERROR):
                return _read(answer, url, remedy)
        time.sleep(2 ** (TRIES - 1 - left))
    raise AssertionError("the last try returns or raises")


def _read(answer: httpx.Response, url: str, remedy: str) -> dict[str, Any]:
    if not answer.is_success:
        raise _unreadable(f"http/{answer.status_code}", url, answer.text, remedy)
    try:
        told = answer.json()
    except ValueError as exc:
        raise _unreadable("no-json", url, answer.text, remedy) from exc
    if not isinstance(told, dict):
        raise _unreadable("no-object", url, answer.text, remedy)
    return told


def _unreadable(code: str, where: str, value: str, remedy: str) -> CloudError:
    return CloudError(
        code=code,
        where=where,
        value=value,
        rule="an audit reads everything: what it cannot read may be anywhere",
        remedy=remedy,
    )
