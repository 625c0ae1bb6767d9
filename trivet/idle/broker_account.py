"""A node's way to its provider through a broker: no key of the account is on the node, only a secret of its own."""

from __future__ import annotations

import secrets
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trivet.idle.account import fetch
from trivet.idle.node import Standing
from trivet.idle.sealed import MOST_BYTES, seal, unseal


class BrokerAccount:
    """Implements `trivet.idle.account.Account`. Each look tells the broker that the node is alive."""

    def __init__(self, url: str, key_file: Path, launch_id: str, now: Callable[[], float] = time.time) -> None:
        self._url = url
        self._key_file = key_file
        self._launch_id = launch_id
        self._now = now
        self._behind = 0.0  # our clock, against the broker's

    def look(self) -> Standing:
        """See `Account.look`."""
        said = self._ask("look")
        return Standing(str(said.get("name", "")), str(said.get("phase", "")))

    def end(self) -> None:
        """See `Account.end`."""
        self._ask("end")

    def _ask(self, verb: str) -> dict[str, Any]:
        secret = self._key_file.read_text(encoding="ascii").strip()
        said = ask(self._url, secret, self._launch_id, verb, self._now() + self._behind)
        if said.get("refused"):
            self._behind = float(said["at"]) - self._now()  # whoever asks again asks by the broker's clock
            raise ValueError(f"the broker refuses: {said['refused']}")
        return said


def ask(url: str, secret: str, launch_id: str, verb: str, at: float) -> dict[str, Any]:
    """What a broker answers to one question, `refused` with why included.

    Raises:
        OSError: nobody answers.
        ValueError: somebody else does.
    """
    nonce = secrets.token_hex(16)
    sealed = seal(secret, "node", launch_id, {"verb": verb, "at": int(at), "nonce": nonce})
    request = urllib.request.Request(url, data=sealed, method="POST")  # noqa: S310  # the operator's address
    said = unseal(secret, "broker", fetch(request, most=MOST_BYTES))
    if said.get("nonce") != nonce:
        raise ValueError("the broker's answer is to another question")
    return said
