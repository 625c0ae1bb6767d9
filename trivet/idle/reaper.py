"""Which nodes of an account must end now, told from what the provider lists and nothing else that could be lost.

What is not ours is never judged. The ledger of whoever asks can only condemn more: a node that a launch of this
checkout made, and that the launch was then given up for, or has another node for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from trivet.idle.charter import Charter, charter_of, is_ours
from trivet.idle.node import Node

Action = Literal["keep", "end", "wait"]
NOBODY = ""


@dataclass(frozen=True)
class Verdict:
    """What is to be done with a node, why, and when at the latest it will end by what."""

    node: Node
    charter: Charter | None
    action: Action
    why: str


def judge_all(nodes: Iterable[Node], now: float, owners: Mapping[str, str]) -> list[Verdict]:
    """A verdict on every node that is ours.

    Args:
        nodes: what the provider lists.
        now: seconds since 1970.
        owners: by launch id, the one node that it is for, or NOBODY; a launch that is not listed may have any.
    """
    return [judge(node, now, owners) for node in nodes if is_ours(node.tags)]


def judge(node: Node, now: float, owners: Mapping[str, str]) -> Verdict:
    """The verdict on a node of ours."""
    charter = charter_of(node.tags)
    if charter is None:
        return Verdict(node, None, "keep", "its tags are incomplete: not launched by Trivet; look at it yourself")
    if node.phase in {"ending", "ended"}:
        return Verdict(node, charter, "wait", "is ending")
    if why := _condemned(node, charter, now, owners):
        return Verdict(node, charter, "end", why)
    if node.phase == "booting":
        return Verdict(node, charter, "keep", "boots")
    return Verdict(node, charter, "keep", "in its time")


def _condemned(node: Node, charter: Charter, now: float, owners: Mapping[str, str]) -> str:
    if now >= charter.deadline(node.name):
        return "its time to live is over"
    if node.phase == "unhealthy":
        return "the provider says that it is unhealthy"
    if node.phase == "booting" and now >= charter.active_by:
        return "it did not become active in time"
    if owners.get(charter.launch_id, node.id) != node.id:
        return "its launch was given up, or has another node"
    return ""
