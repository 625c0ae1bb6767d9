"""How long a node may live, as its own tags and name say: whoever sees the node knows it, with no other memory.

Tags are set at the launch and cannot be changed later. The name can: a hold is written there, capped by a tag.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

MANAGED_BY = "managed-by"
OURS = "trivet"
STACK, LAUNCH_ID = "stack", "launch-id"
LAUNCHED_AT, EXPIRES_AT, ENDS_BY = "launched-at", "expires-at", "ends-by"
BOOT_SECONDS = 30 * 60
NAME_LENGTH = 64
HOLD = re.compile(r" held until (\d{1,12})(?::|$)")


@dataclass(frozen=True)
class Charter:
    """Times in seconds since 1970.

    Attributes:
        stack: whose node it is.
        launch_id: of the one intent that this node was launched for.
        launched_at: when the launch was asked for: the latest moment at which the bill had not begun.
        expires_at: the end of its life, whatever the traffic, unless it is held for longer.
        ends_by: the end of its life in any case: no hold reaches beyond.
    """

    stack: str
    launch_id: str
    launched_at: int
    expires_at: int
    ends_by: int

    def tags(self) -> dict[str, str]:
        """The tags of a node that lives by this charter."""
        return {
            MANAGED_BY: OURS,
            STACK: self.stack,
            LAUNCH_ID: self.launch_id,
            LAUNCHED_AT: str(self.launched_at),
            EXPIRES_AT: str(self.expires_at),
            ENDS_BY: str(self.ends_by),
        }

    def held_until(self, name: str) -> int:
        """The end of the hold that a node's name tells of, capped; 0 where it tells of none."""
        found = HOLD.search(name)
        return min(int(found[1]), self.ends_by) if found else 0

    def deadline(self, name: str) -> int:
        """When the node's life is over, holds included."""
        return min(self.ends_by, max(self.expires_at, self.held_until(name)))

    @property
    def active_by(self) -> int:
        """When a node that never became active is given up."""
        return self.launched_at + BOOT_SECONDS


def is_ours(tags: Mapping[str, str]) -> bool:
    """True for a node that this project launched. Whatever else an account holds is none of our business."""
    return tags.get(MANAGED_BY) == OURS


def charter_of(tags: Mapping[str, str]) -> Charter | None:
    """The charter in a node's tags; None where they tell of none, or of none that makes sense."""
    if not is_ours(tags):
        return None
    try:
        return Charter(
            stack=tags[STACK],
            launch_id=tags[LAUNCH_ID],
            launched_at=int(tags[LAUNCHED_AT]),
            expires_at=int(tags[EXPIRES_AT]),
            ends_by=int(tags[ENDS_BY]),
        )
    except (KeyError, ValueError):
        return None


def node_name(stack: str) -> str:
    """What a node is called while nobody holds it."""
    return f"trivet {stack}"[:NAME_LENGTH]


def held_name(stack: str, until: int, why: str) -> str:
    """What a node is called while it is held; as much of the reason as a name has room for."""
    hold = f" held until {until}"
    return f"{node_name(stack)[: NAME_LENGTH - len(hold)]}{hold}: {why}"[:NAME_LENGTH].rstrip()
