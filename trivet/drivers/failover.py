"""Whether the next provider of an order may be asked when one refuses. Pure.

It may where the refusal says that this one has nothing to give now, at this price or at all, and that nothing was left
there. It may not where the answer is in doubt, for then there might be two; nor where a person has to mend something.
"""

from __future__ import annotations

from trivet.errors import AmbiguousError, BudgetError, CapacityError, CloudError, TrivetError

# Codes of refusals that are nobody's mistake, each from the driver that gives them.
NOTHING_TO_GIVE = frozenset(
    {
        "unreachable",  # Lambda answers no question; a launch that was not answered is in doubt, and another error
        "http/429",
        "global/quota-exceeded",
        "not-active",  # it was ended, and seen to be gone
        "ConnectionError",  # Modal's client
        "ResourceExhaustedError",
        "no-answer",  # no container came up in time: Modal names no other sign of GPUs that are sold out
    }
)


def gives_way(refusal: TrivetError) -> bool:
    """True if another provider may be asked instead."""
    if isinstance(refusal, AmbiguousError):
        return False
    if isinstance(refusal, CapacityError | BudgetError):
        return True
    return isinstance(refusal, CloudError) and refusal.code in NOTHING_TO_GIVE
