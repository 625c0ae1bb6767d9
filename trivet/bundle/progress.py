"""How far a long step is, told to whoever wants to know."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Hears of steps and of the bytes done in them. `advance` is called from several threads."""

    def begin(self, step: str, total: int) -> None:
        """A step over `total` bytes begins; the one before it is done."""

    def advance(self, count: int) -> None:
        """`count` more bytes are done (negative: they have to be done again)."""

    def end(self) -> None:
        """The last step is done."""


class Silent:
    """Tells nobody."""

    def begin(self, step: str, total: int) -> None:
        """Nothing to tell."""

    def advance(self, count: int) -> None:
        """Nothing to tell."""

    def end(self) -> None:
        """Nothing to tell."""


SILENT = Silent()
