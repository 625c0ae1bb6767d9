"""Every launch of this checkout: written before it is asked for, and until it is known to be over.

One JSON file each, `<directory>/<stack>/<launch id>.json`. Closed ones stay: they are the bill.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from trivet.errors import TrivetError
from trivet.idle.charter import Charter
from trivet.idle.reaper import NOBODY
from trivet.spec.base import Frozen

State = Literal["intended", "launched", "closed"]
DIRECTORY = Path(".trivet/rented")


class Launch(Frozen):
    """One launch. Times in whole seconds since 1970.

    Attributes:
        label: of what is made beside the node.
        node_id: of its one node; None while it is in doubt, and where none came of it.
        active_at: when the node was first seen to be active; the bill begins then.
        ended_at: when the node was asked to end, or first seen to be gone.
        why: why it is closed.
    """

    launch_id: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    stack: str
    provider: str
    label: str
    kind: str
    region: str
    cents_per_hour: Annotated[int, Field(ge=0)]
    launched_at: int
    expires_at: int
    ends_by: int
    state: State = "intended"
    node_id: str | None = None
    active_at: int | None = None
    ended_at: int | None = None
    why: str = ""

    @property
    def charter(self) -> Charter:
        """How long its node may live."""
        return Charter(
            stack=self.stack,
            launch_id=self.launch_id,
            launched_at=self.launched_at,
            expires_at=self.expires_at,
            ends_by=self.ends_by,
        )


class Ledger:
    """The launches in a directory."""

    def __init__(self, directory: Path = DIRECTORY) -> None:
        self._directory = directory

    def launches(self, stack: str | None = None) -> list[Launch]:
        """All launches (of one stack), the oldest first.

        Raises:
            TrivetError: a file of it cannot be read.
        """
        pattern = f"{stack}/*.json" if stack else "*/*.json"
        found = [_read(path) for path in sorted(self._directory.glob(pattern))]
        return sorted(found, key=lambda launch: (launch.launched_at, launch.launch_id))

    def open(self, stack: str) -> list[Launch]:
        """Those that are not over."""
        return [launch for launch in self.launches(stack) if launch.state != "closed"]

    def save(self, launch: Launch) -> Launch:
        """Write it down: whole, and on disk, when this returns."""
        path = self._directory / launch.stack / f"{launch.launch_id}.json"
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_suffix(".part")
        with draft.open("w", encoding="utf-8") as file:
            file.write(launch.model_dump_json(by_alias=True, indent=1) + "\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        _sync(path.parent)
        return launch

    def note(self, launch: Launch, **changes: object) -> Launch:
        """Write it down with changes."""
        return self.save(launch.model_copy(update=changes))

    def owners(self) -> dict[str, str]:
        """By launch id, the one node that it is for; NOBODY where it is over. Launches in doubt are left out."""
        return dict(self._owners())

    def _owners(self) -> Iterator[tuple[str, str]]:
        for launch in self.launches():
            if launch.state == "closed":
                yield launch.launch_id, NOBODY
            elif launch.node_id:
                yield launch.launch_id, launch.node_id


def _read(path: Path) -> Launch:
    try:
        return Launch.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValidationError) as exc:
        raise TrivetError(
            where=str(path),
            value=str(exc).splitlines()[0],
            rule="the ledger's files are as Trivet writes them",
            remedy="restore the file; or end its node in the provider's console, and remove the file",
        ) from exc


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
