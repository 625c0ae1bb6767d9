"""One request of each kind that a team may make: plain, streamed, embedding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trivet.conformance.access import Access
from trivet.conformance.breach import InapplicableError
from trivet.conformance.prompts import TEXTS, chat_body, embedding_body
from trivet.conformance.routes import CHAT, EMBEDDINGS


@dataclass(frozen=True)
class Ask:
    """A request that nothing is wrong with."""

    path: str
    body: dict[str, Any]

    @property
    def stream(self) -> bool:
        """Its answer comes in pieces."""
        return bool(self.body.get("stream"))


def asks_of_each_kind(access: Access, **chat: Any) -> list[Ask]:
    """For every model on every route that the spec lists; `chat` is added to the chats.

    Raises:
        InapplicableError: there is nothing to ask.
    """
    asks: list[Ask] = []
    for model in access.models:
        if model.kind == "chat" and access.lists(CHAT):
            body = chat_body(model.name, **chat)
            asks += [Ask(CHAT, body), Ask(CHAT, {**body, "stream": True})]
        if model.kind == "embedding" and access.lists(EMBEDDINGS):
            asks.append(Ask(EMBEDDINGS, embedding_body(model.name, TEXTS[0][0])))
    if not asks:
        raise InapplicableError(f"there is no model and route that team {access.caller.team} may use")
    return asks
