"""What an instance type's name says about its disk."""

from __future__ import annotations

import re
from typing import Final

# Families with a disk of their own that have no `d` in their name.
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-store-volumes.html
OWN_DISK: Final = frozenset({"g5", "g6", "g6e", "gr6", "p5", "p5e", "p5en", "p6", "trn1", "trn2"})
NAME: Final = re.compile(r"(?:ml\.)?(?P<family>[a-z]+[0-9]+(?P<options>[a-z-]*))\.")


def has_own_disk(machine: str) -> bool:
    """Whether a type brings a local disk, encrypted by its own hardware: SageMaker takes neither size nor key then."""
    found = NAME.match(machine)
    return found is not None and (found["family"] in OWN_DISK or "d" in found["options"])
