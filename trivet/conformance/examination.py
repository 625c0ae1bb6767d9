"""One examination: what every check is given."""

from __future__ import annotations

from functools import cached_property

from trivet.conformance.access import Access
from trivet.conformance.breach import InapplicableError
from trivet.conformance.burst import Burst, spend
from trivet.conformance.http import Connection
from trivet.conformance.target import Target


class Examination:
    """The target, the connection to it, and the stack as each of the two keys opens it."""

    def __init__(self, target: Target, connection: Connection) -> None:
        self.target = target
        self.connection = connection
        self.access = Access(connection, target.key, target.spec)

    @cached_property
    def burst(self) -> Burst:
        """What came of more requests than the quota key's team may make; sent once, when it is first asked for.

        Raises:
            InapplicableError: there is no quota key, or its team cannot be examined so.
        """
        if self.target.quota_key is None:
            raise InapplicableError("no key of a team with a small quota was given (--quota-key-file)")
        return spend(Access(self.connection, self.target.quota_key, self.target.spec))
