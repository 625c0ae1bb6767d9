"""Requests that must be refused, each in one way wrong, and each with a canary that must not come back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trivet.conformance.access import DATA_CLASS
from trivet.conformance.asks import Ask
from trivet.conformance.breach import InapplicableError
from trivet.conformance.examination import Examination
from trivet.conformance.http import Reply
from trivet.conformance.prompts import chat_body, embedding_body
from trivet.conformance.routes import CHAT, COMPLETIONS, EMBEDDINGS, IDENTITY, MODELS
from trivet.spec import StackSpec
from trivet.spec.gateway import ALL_ROUTES

CANARY = "canary-7f3a9c51-keep-this-prompt-to-yourself"
WRONG_KEY = "tvt_wrong-key-of-conformance-0123456789abcdefghi"
NO_MODEL = "trivet-verify-no-such-model"
NO_ROUTE = "/v1/trivet-verify"
MAX_BODY_BYTES = 64 << 20
PIECE = 1 << 16
MAX_CONTEXT = 16_384
# What runtimes serve beside the routes of a spec: none of it may be reached through the gateway.
RUNTIME_ROUTES = ("/props", "/slots", "/completion", "/tokenize", "/v1/messages", "/v1/responses", "/v1/rerank")

WRONG_CHATS: tuple[dict[str, Any], ...] = (
    {"messages": CANARY},
    {"messages": []},
    {"messages": [CANARY]},
    {"model": 5},
    {"max_tokens": "many"},
    {"temperature": "hot"},
    {"stream": "yes"},
)
WRONG_EMBEDDINGS: tuple[dict[str, Any], ...] = (
    {"input": {CANARY: 1}},
    {"input": []},
    {"model": 5},
    {"encoding_format": CANARY},
)


@dataclass(frozen=True)
class BadRequest:
    """A request, and how it may be refused.

    Attributes:
        what: for the report.
        statuses: one of these must come.
        content: the body as it is sent; in pieces, its length is not announced.
        require_header: a header that the refusal must have; empty for none.
    """

    what: str
    path: str
    statuses: tuple[int, ...]
    method: str = "POST"
    key: str | None = None
    body: object = None
    content: bytes | tuple[bytes, ...] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    require_header: str = ""

    def send(self, examination: Examination) -> Reply:
        """Send it."""
        return examination.connection.send(
            self.method,
            self.path,
            key=self.key,
            body=self.body,
            content=self.content,
            headers=self.headers,
        )


def no_key(examination: Examination) -> list[BadRequest]:
    """A question to a model and one to the gateway, without a key."""
    good, header = _good(examination), "www-authenticate"
    return [
        BadRequest(f"{good.path} without a key", good.path, (401,), body=good.body, require_header=header),
        BadRequest(f"{IDENTITY} without a key", IDENTITY, (401,), method="GET", require_header=header),
    ]


def wrong_key(examination: Examination) -> list[BadRequest]:
    """A key of the right form that opens nothing, and the right key in the wrong form."""
    good = _good(examination)
    basic = {"Authorization": f"Basic {examination.access.key}"}
    return [
        BadRequest("a wrong key", good.path, (401,), key=WRONG_KEY, body=good.body),
        BadRequest("a key as Basic", good.path, (401,), headers=basic, body=good.body),
    ]


def unknown_model(examination: Examination) -> list[BadRequest]:
    """A model that does not exist."""
    good = _good(examination)
    return [_post(examination, "an unknown model", (404,), Ask(good.path, good.body | {"model": NO_MODEL}))]


def wrong_kind(examination: Examination) -> list[BadRequest]:
    """A chat with an embedding model, and the reverse."""
    chat = examination.access.models_for(CHAT)[0].name
    embedding = examination.access.models_for(EMBEDDINGS)[0].name
    asks = {
        "a chat with an embedding model": Ask(CHAT, chat_body(embedding, CANARY)),
        "an embedding of a chat model": Ask(EMBEDDINGS, embedding_body(chat, CANARY)),
    }
    return [_post(examination, what, (400, 404), ask) for what, ask in asks.items()]


def malformed_json(examination: Examination) -> list[BadRequest]:
    """Bodies that are no JSON object."""
    cut = json.dumps(_good(examination).body)[:-1].encode()
    texts = {"a cut-off body": cut, "an empty body": b"", "a JSON list": b"[]", "bytes that are not UTF-8": b'{"\xff"}'}
    return [_raw(examination, what, (400,), text) for what, text in texts.items()]


def wrong_types(examination: Examination) -> list[BadRequest]:
    """Fields of a wrong type."""
    good = _good(examination)
    return [
        _post(examination, f"a wrong {next(iter(part))}", (400, 422), Ask(good.path, good.body | part))
        for part in (WRONG_CHATS if good.path == CHAT else WRONG_EMBEDDINGS)
    ]


def too_many_tokens(examination: Examination) -> list[BadRequest]:
    """An answer longer than the spec allows, and a negative one."""
    most = _spec(examination).gateway.limits.max_tokens
    good = chat_body(examination.access.models_for(CHAT)[0].name, CANARY)
    return [
        _post(examination, f"max_tokens {tokens}", (400, 422), Ask(CHAT, good | {"max_tokens": tokens}))
        for tokens in (most + 1, -1)
    ]


def too_large(examination: Examination) -> list[BadRequest]:
    """A body above the limit: announced, and found out only while it comes."""
    limit = _spec(examination).gateway.limits.body_bytes
    if limit > MAX_BODY_BYTES:
        raise InapplicableError(f"the limit is {limit} bytes; this check sends no more than {MAX_BODY_BYTES}")
    pieces = limit // PIECE + 1
    return [
        _raw(examination, "an announced body over the limit", (413,), b" " * (limit + 1)),
        _raw(examination, "a chunked body over the limit", (413,), (b" " * PIECE,) * pieces),
    ]


def too_long(examination: Examination) -> list[BadRequest]:
    """A prompt longer than the model's context."""
    spec = _spec(examination)
    if spec.gateway.frontier is not None:
        raise InapplicableError("the spec lets a frontier answer such prompts, and a check sends nothing outside")
    names = {model.name for model in examination.access.models_for(CHAT)}
    length, name = min((model.context_length, model.name) for model in spec.models if model.name in names)
    if length > MAX_CONTEXT:
        raise InapplicableError(f"every context is longer than the {MAX_CONTEXT} tokens that this check would spend")
    ask = Ask(CHAT, chat_body(name, f"{CANARY} " * length))
    return [_post(examination, "a prompt over the context", (400, 413), ask)]


def unknown_route(examination: Examination) -> list[BadRequest]:
    """Routes that do not exist."""
    return [
        _route(examination, method, path) for method, path in (("GET", NO_ROUTE), ("POST", NO_ROUTE), ("GET", "/v2"))
    ]


def unlisted_route(examination: Examination) -> list[BadRequest]:
    """What a runtime serves and the spec does not list."""
    unlisted = (route for route in ALL_ROUTES if not examination.access.lists(route))
    return [_route(examination, method, path) for path in (*RUNTIME_ROUTES, *unlisted) for method in ("GET", "POST")]


def wrong_method(examination: Examination) -> list[BadRequest]:
    """Routes with a method that they do not have."""
    methods = {CHAT: "GET", COMPLETIONS: "GET", EMBEDDINGS: "DELETE", MODELS: "POST"}
    return [
        _route(examination, method, path, status=405, require_header="allow")
        for path, method in methods.items()
        if examination.access.lists(path)
    ]


def data_class(examination: Examination) -> list[BadRequest]:
    """Data that the team may not send, and a class that nobody has defined."""
    good, spec = _good(examination), examination.target.spec
    defined = spec.gateway.data_classes if spec else ()
    statuses: dict[str, tuple[int, ...]] = {"no-such-class": (400, 403)}
    statuses |= {name: (403,) for name in defined if name not in examination.access.data_classes}
    return [
        _post(examination, f"data of class {name}", expected, good, {DATA_CLASS: name})
        for name, expected in statuses.items()
    ]


def _good(examination: Examination) -> Ask:
    """A request that nothing is wrong with yet, to a model of the team: a chat, or else an embedding."""
    access = examination.access
    try:
        return Ask(CHAT, chat_body(access.models_for(CHAT)[0].name, CANARY))
    except InapplicableError:
        return Ask(EMBEDDINGS, embedding_body(access.models_for(EMBEDDINGS)[0].name, CANARY))


def _spec(examination: Examination) -> StackSpec:
    if examination.target.spec is None:
        raise InapplicableError("no spec says what the limit is (--spec)")
    return examination.target.spec


def _post(
    examination: Examination,
    what: str,
    statuses: tuple[int, ...],
    ask: Ask,
    headers: Mapping[str, str] | None = None,
) -> BadRequest:
    access = examination.access
    return BadRequest(what, ask.path, statuses, key=access.key, body=ask.body, headers=headers or access.headers)


def _raw(
    examination: Examination, what: str, statuses: tuple[int, ...], content: bytes | tuple[bytes, ...]
) -> BadRequest:
    access, path = examination.access, _good(examination).path
    return BadRequest(what, path, statuses, key=access.key, content=content, headers=access.headers)


def _route(examination: Examination, method: str, path: str, status: int = 404, **more: Any) -> BadRequest:
    return BadRequest(f"{method} {path}", path, (status,), method=method, key=examination.access.key, **more)
