"""A server is asked for one token, in the background; and for the counters of its metrics."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trivet.idle.metrics import UnreadableError, read_metrics

CANARY_SECONDS = 60.0
METRICS_SECONDS = 2.0


@dataclass(frozen=True)
class Question:
    """What one token is asked for with: a request without a body is a GET."""

    port: int
    path: str
    body: Mapping[str, Any] | None


@dataclass(frozen=True)
class Reply:
    """`ok`: status 200; else it was refused. `seconds` from the question to its end."""

    ok: bool
    seconds: float


class Canary:
    """At most one question at a time is under way."""

    def __init__(self, question: Question) -> None:
        self._question = question
        self._reply: Reply | None = None
        self._asking: threading.Thread | None = None

    def send(self, address: str) -> None:
        """Ask, unless the last question is still under way."""
        if self._asking and self._asking.is_alive():
            return
        self._asking = threading.Thread(target=self._ask, args=(address,), daemon=True)
        self._asking.start()

    def take(self) -> Reply | None:
        """What was answered since this was last called."""
        reply, self._reply = self._reply, None
        return reply

    def _ask(self, address: str) -> None:
        began = time.monotonic()
        status = ask(address, self._question)
        if status is not None:
            self._reply = Reply(ok=status == http.client.OK, seconds=time.monotonic() - began)


def ask(address: str, question: Question) -> int | None:
    """The status that a server answers with; None where it does not answer."""
    connection = http.client.HTTPConnection(address, question.port, timeout=CANARY_SECONDS)
    try:
        if question.body is None:
            connection.request("GET", question.path)
        else:
            headers = {"Content-Type": "application/json"}
            connection.request("POST", question.path, json.dumps(question.body), headers)
        response = connection.getresponse()
        response.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return response.status


def counters(address: str, port: int) -> Mapping[str, float] | None:
    """What a server counts; None where it does not say."""
    connection = http.client.HTTPConnection(address, port, timeout=METRICS_SECONDS)
    try:
        connection.request("GET", "/metrics")
        return read_metrics(connection.getresponse().read().decode()).counters
    except (OSError, http.client.HTTPException, UnreadableError, UnicodeDecodeError):
        return None
    finally:
        connection.close()
