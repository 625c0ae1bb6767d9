"""Bad input: each wrong request is refused with a clear 4xx that says what to do, and that gives nothing away."""

from __future__ import annotations

import re
from collections.abc import Callable

from trivet.conformance.bad_requests import (
    CANARY,
    BadRequest,
    data_class,
    malformed_json,
    no_key,
    too_large,
    too_long,
    too_many_tokens,
    unknown_model,
    unknown_route,
    unlisted_route,
    wrong_key,
    wrong_kind,
    wrong_method,
    wrong_types,
)
from trivet.conformance.breach import InapplicableError, require
from trivet.conformance.check import Check
from trivet.conformance.examination import Examination
from trivet.conformance.http import Reply, excerpt
from trivet.conformance.routes import METRICS
from trivet.conformance.shapes import ErrorBody, read_shape

Group = Callable[[Examination], list[BadRequest]]

# A sentence that says what to do has one of these; a bare name of a status has none.
INSTRUCTION = re.compile(
    r"\b(add|ask|check|choose|correct|get|leave|lower|pass|raise|remove|retry|send|set|shorten|split|tell|try|use|wait)\b",
    re.IGNORECASE,
)
REMEDY = "see how the gateway answers: `curl -i` with the same request; X-Request-Id finds it in the audit"
SECRETS = "find where the gateway puts the client's words into its errors or metrics, and take them out"

RULES: dict[str, tuple[Group, str]] = {
    "no-key": (no_key, "Without a key nothing is answered: 401, with WWW-Authenticate."),
    "wrong-key": (wrong_key, "A wrong key is refused with 401."),
    "unknown-model": (unknown_model, "A model that is not there is refused with 404."),
    "wrong-kind": (wrong_kind, "A model of the other kind is refused."),
    "malformed-json": (malformed_json, "A body that is no JSON object is refused with 400."),
    "wrong-types": (wrong_types, "A field of a wrong type is refused."),
    "max-tokens": (too_many_tokens, "More tokens than the spec allows are refused."),
    "context": (too_long, "A prompt longer than the context is refused."),
    "too-large": (too_large, "A body over the limit is refused with 413."),
    "unknown-route": (unknown_route, "A route that is not there is refused with 404."),
    "unlisted-route": (unlisted_route, "A route that the spec does not list is refused with 404."),
    "wrong-method": (wrong_method, "A wrong method is refused with 405 and Allow."),
    "data-class": (data_class, "Data of a class that the team may not send is refused with 403."),
}


def _refused(group: Group) -> Callable[[Examination], str]:
    def examine(examination: Examination) -> str:
        requests = group(examination)
        if not requests:
            raise InapplicableError("the spec leaves no such request")
        for request in requests:
            _require_clear(request, request.send(examination))
        return f"{len(requests)} refused"

    return examine


def _require_clear(request: BadRequest, reply: Reply) -> None:
    expected = " or ".join(map(str, request.statuses))
    require(reply.status in request.statuses, f"{request.what}: {reply.status}, not {expected}: {reply.excerpt()}")
    message = read_shape(ErrorBody, reply).error.message
    clear = INSTRUCTION.search(message) is not None
    require(clear, f"{request.what}: {reply.status} with a message that says nothing to do: {excerpt(message)}")
    header = request.require_header
    require(not header or header in reply.headers, f"{request.what}: {reply.status} without {header}")


def _silent(examination: Examination) -> str:
    sent = 0
    for group, _ in RULES.values():
        try:
            requests = group(examination)
        except InapplicableError:
            continue
        for request in requests:
            _require_silent(examination, request.what, request.send(examination))
            sent += 1
    _require_silent(examination, METRICS, examination.connection.send("GET", METRICS))
    return f"nothing of {sent} requests came back"


def _require_silent(examination: Examination, what: str, reply: Reply) -> None:
    text = reply.body + b"".join(name + value for name, value in reply.headers.raw)
    require(CANARY.encode() not in text, f"{what}: {reply.status} repeats the prompt")
    require(examination.access.key.encode() not in text, f"{what}: {reply.status} repeats the key")


CHECKS = (
    *(Check(f"input.{name}", rule, REMEDY, _refused(group)) for name, (group, rule) in RULES.items()),
    Check("input.silence", "Neither a prompt nor a key comes back in an error or in /metrics.", SECRETS, _silent),
)
