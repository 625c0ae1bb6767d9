"""A node's own way to its provider: to learn its name, which tells of holds, and to end itself."""

from __future__ import annotations

import json
import time
import urllib.request
from pathlib import Path
from typing import Any, Protocol

from trivet.idle.charter import LAUNCH_ID

SECONDS = 20
PACE_SECONDS = 1.1  # the provider allows one request a second


class Account(Protocol):
    """Both raise OSError or ValueError where the provider cannot be reached or understood: later may help."""

    def look(self) -> str:
        """The node's own name by now."""

    def end(self) -> None:
        """Ask for the node's own end."""


class LambdaAccount:
    """Lambda, with a key of the account that lies on the node. The node finds itself by its launch's id."""

    def __init__(self, url: str, key_file: Path, launch_id: str) -> None:
        self._url = url
        self._key_file = key_file
        self._launch_id = launch_id
        self._next = 0.0

    def look(self) -> str:
        """See `Account.look`."""
        return str(self._own().get("name", ""))

    def end(self) -> None:
        """See `Account.end`."""
        self._call("/instance-operations/terminate", {"instance_ids": [self._own()["id"]]})

    def _own(self) -> dict[str, Any]:
        for instance in self._call("/instances"):
            for tag in instance.get("tags", ()):
                if (tag["key"], tag["value"]) == (LAUNCH_ID, self._launch_id):
                    own: dict[str, Any] = instance
                    return own
        raise ValueError(f"the provider lists no instance of launch {self._launch_id}")

    def _call(self, path: str, body: dict[str, Any] | None = None) -> Any:
        time.sleep(max(0.0, self._next - time.monotonic()))
        self._next = time.monotonic() + PACE_SECONDS
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
        with urllib.request.urlopen(request, timeout=SECONDS) as response:  # noqa: S310
            try:
                return json.load(response)["data"]
            except (KeyError, TypeError) as exc:
                raise ValueError("the answer is no {data: …}") from exc
