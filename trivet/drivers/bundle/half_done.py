"""What an installation says that broke off on the way."""

from __future__ import annotations

from trivet.errors import TrivetError


class HalfDoneError(TrivetError):
    """Something was changed, and then a step failed. Running the same again goes on from there.

    Attributes:
        last_words: of each container that is not well, the end of its log.
    """

    def __init__(self, cause: TrivetError, last_words: list[str]) -> None:
        super().__init__(value=cause.value, rule=cause.rule, remedy=cause.remedy, where=cause.where)
        self.last_words = last_words
