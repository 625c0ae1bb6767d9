"""A node's own way to its provider: to learn what it is called and how it is taken to be, and to end itself."""

from __future__ import annotations

import http.client
import json
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from trivet.idle.charter import LAUNCH_ID
from trivet.idle.node import Standing

SECONDS = 20
PACE_SECONDS = 1.1  # the provider allows one request a second


class Account(Protocol):
    """Both raise OSError or ValueError where the provider cannot be reached or understood: later may help."""

    def look(self) -> Standing:
        """How the node stands by now."""

    def end(self) -> None:
        """Ask for the node's own end."""


class LambdaAccount:
    """Lambda, with a key of the account that lies on the node. The node finds itself by its launch's id, once."""

    def __init__(
        self,
        url: str,
        key_file: Path,
        launch_id: str,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._url = url
        self._key_file = key_file
        self._launch_id = launch_id
        self._monotonic = monotonic
        self._sleep = sleep
        self._id = ""
        self._next = 0.0

    def look(self) -> Standing:
        """See `Account.look`."""
        own = self._own()
        self._id = str(own["id"])
        return Standing(str(own.get("name", "")), str(own.get("status", "")))

    def end(self) -> None:
        """See `Account.end`. Who once knew its id can end itself even when the account cannot be listed."""
        if not self._id:
            self.look()
        self._call("/instance-operations/terminate", {"instance_ids": [self._id]})

    def _own(self) -> dict[str, Any]:
        try:
            for instance in self._call("/instances"):
                for tag in instance.get("tags", ()):
                    if (tag["key"], tag["value"]) == (LAUNCH_ID, self._launch_id) and "id" in instance:
                        own: dict[str, Any] = instance
                        return own
        except (AttributeError, LookupError, TypeError) as exc:
            raise ValueError("the answer is no list of instances") from exc
        raise ValueError(f"the provider lists no instance of launch {self._launch_id}")

    def _call(self, path: str, body: dict[str, Any] | None = None) -> Any:
        self._sleep(max(0.0, self._next - self._monotonic()))
        self._next = self._monotonic() + PACE_SECONDS
        key = self._key_file.read_text(encoding="ascii").strip()
        request = urllib.request.Request(  # noqa: S310  # the address is the operator's
            self._url + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {key}",
                "Content-Type": "application/json",
                "User-Agent": "trivet-guard",
            },
        )
        try:
            return json.loads(fetch(request))["data"]
        except (LookupError, TypeError) as exc:
            raise ValueError("the answer is no {data: …}") from exc


def fetch(request: urllib.request.Request | str, seconds: float = SECONDS, most: int = 1 << 24) -> bytes:
    """The body of an answer.

    Raises:
        OSError: there is none, or it breaks off.
        ValueError: it is longer than `most` bytes.
    """
    try:
        with urllib.request.urlopen(request, timeout=seconds) as response:  # noqa: S310  # the operator's own address
            body: bytes = response.read(most + 1)
    except http.client.HTTPException as exc:
        raise OSError(f"no answer in HTTP: {type(exc).__name__}") from exc
    if len(body) > most:
        raise ValueError(f"an answer of more than {most} bytes")
    return body
