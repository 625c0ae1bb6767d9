"""Rents one node for a stack, and gives it back: whatever happens in between, no node is left that nobody answers for.

1. What is going to be launched is written down, and on disk, before the request (`ledger`).
2. The node carries its launch's id and the end of its life as tags (`trivet.idle.charter`).
3. After any answer that is in doubt, the provider's list is searched for that id: the node is taken over, or the launch
   is given up for good, which condemns whatever node still turns up with that id (`trivet.idle.reaper`).
4. A launch is never sent twice. The next one has another id.
"""

from trivet.drivers.rented.launch import Choice, Wish, acquire
from trivet.drivers.rented.ledger import Launch, Ledger
from trivet.drivers.rented.release import release

__all__ = ["Choice", "Launch", "Ledger", "Wish", "acquire", "release"]
