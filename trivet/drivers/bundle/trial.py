"""An update is on trial until all of it is ready: what ran before stays on the host, and is what holds.

`compose.yaml` is the generation that was last ready. Another one is written beside it, as `compose.next.yaml`, and
takes its place at the end. The generation before stays on the host: its Compose file, its configuration and what its
units read in `previous/`, its images and its models.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from trivet.drivers.bundle.half_done import HalfDoneError
from trivet.drivers.host import Host, Report
from trivet.errors import EndedError, EngineError, HostError
from trivet.render import paths
from trivet.spec.load import parse_yaml

PREVIOUS_COMPOSE = f"{paths.PREVIOUS_DIRECTORY}/{paths.COMPOSE_FILE}"
PREVIOUS_CONFIG = f"{paths.PREVIOUS_DIRECTORY}/{paths.CONFIG_FILE.rpartition('/')[2]}"
PREVIOUS_SUPERVISE = f"{paths.PREVIOUS_DIRECTORY}/{paths.SUPERVISE_DIRECTORY}"


Kind = Literal["same", "first", "update"]


@dataclass(frozen=True)
class Needs:
    """What a generation needs on its host: references of images; paths below the root, of models and of a secret."""

    images: frozenset[str]
    files: frozenset[str]


@dataclass(frozen=True)
class Trial:
    """The generations below `root`."""

    host: Host
    root: str

    def path(self, name: str) -> str:
        """A path below the root."""
        return f"{self.root}/{name}"

    @property
    def ready(self) -> bytes | None:
        """The Compose file of the generation that was last ready; None before there was one."""
        return self.host.read(self.path(paths.COMPOSE_FILE))

    @property
    def previous(self) -> bytes | None:
        """The Compose file of the generation before; None where there is none."""
        return self.host.read(self.path(PREVIOUS_COMPOSE))

    @property
    def unfinished(self) -> bytes | None:
        """The Compose file of an update that was cut off before it was kept or taken back."""
        text = self.host.read(self.path(paths.NEXT_FILE))
        return None if text == self.ready else text

    def begin(self, compose: bytes) -> Kind:
        """Write down what is to be tried, unless it is what was last ready. An update has something to go back to."""
        ready, unfinished = self.ready, self.unfinished
        if ready == compose and unfinished is None:
            self.host.remove(self.path(paths.NEXT_FILE))  # `keep` was cut off before it did
            return "same"
        if ready is not None and unfinished is None:
            config = self.host.read(self.path(paths.CONFIG_FILE))
            self.host.write(self.path(PREVIOUS_COMPOSE), ready)
            if config is not None:
                self.host.write(self.path(PREVIOUS_CONFIG), config)
            self.host.remove(self.path(PREVIOUS_SUPERVISE))
            for name, data in self.files(paths.SUPERVISE_DIRECTORY).items():
                self.host.write(self.path(f"{PREVIOUS_SUPERVISE}/{name}"), data)
        elif ready == compose:  # back again: the configuration that is there was never ready
            self._restore()
        self.host.write(self.path(paths.NEXT_FILE), compose)
        return "first" if ready is None else "update"

    def files(self, directory: str) -> dict[str, bytes]:
        """What lies in a directory below the root, by name."""
        names = self.host.listdir(self.path(directory))
        found = {name: self.host.read(self.path(f"{directory}/{name}")) for name in names}
        return {name: data for name, data in found.items() if data is not None}

    def keep(self, compose: bytes) -> None:
        """It is ready: from now on it holds."""
        self.host.write(self.path(paths.COMPOSE_FILE), compose)
        self.host.remove(self.path(paths.NEXT_FILE))

    def take_back(self) -> None:
        """It is not: what holds is what was before. The containers are to follow."""
        self._restore()
        self.host.remove(self.path(paths.NEXT_FILE))

    def _restore(self) -> None:
        config = self.host.read(self.path(PREVIOUS_CONFIG))
        if config is not None:
            self.host.write(self.path(paths.CONFIG_FILE), config)

    def needs(self) -> Needs:
        """What the generations need that are on the host."""
        texts = [text for text in (self.ready, self.previous) if text is not None]
        each = [needs_of(text) for text in texts]
        return Needs(
            frozenset().union(*(needs.images for needs in each)), frozenset().union(*(needs.files for needs in each))
        )


def try_out(
    trial: Trial, kind: Kind, up: Callable[[str], None], *, last_words: Callable[[], list[str]], report: Report
) -> None:
    """Have the containers follow what is on trial; an update that does not become ready is taken back.

    Args:
        trial: begun.
        kind: of what.
        up: makes the containers be what a file below the root says, and waits until all are ready.
        last_words: asked for those of the containers that are ill.
        report: hears of going back.

    Raises:
        EngineError: it is not ready, and there is nothing to go back to.
        HalfDoneError: it was taken back.
        HostError: the host went away, or the operator has interrupted: what is on trial stays so.
    """
    try:
        up(paths.COMPOSE_FILE if kind == "same" else paths.NEXT_FILE)
    except (EngineError, EndedError) as exc:
        if kind != "update":
            raise
        words = last_words()
        report("not ready: going back to what ran before")
        trial.take_back()
        raise HalfDoneError(_refusal(exc, _went_back(up)), words) from exc


def _went_back(up: Callable[[str], None]) -> str:
    try:
        up(paths.COMPOSE_FILE)
    except (EngineError, EndedError) as exc:
        return f"the host went back to what ran before, which does not become ready either: {exc.value}"
    return "the host went back to what ran before, which serves again"


def _refusal(cause: HostError, how: str) -> EngineError:
    return EngineError(
        where=cause.where,
        value=cause.value,
        rule=f"an update becomes ready in time (waitSeconds); {how}",
        remedy="mend the cause, then run the same command again",
    )


def needs_of(compose: bytes) -> Needs:
    """What a Compose file of ours names."""
    services = parse_yaml(compose.decode(), paths.COMPOSE_FILE)["services"].values()
    binds = {str(mount["source"]) for each in services for mount in each["volumes"] if mount["type"] == "bind"}
    below = {bind.removeprefix("./") for bind in binds}
    return Needs(
        images=frozenset(str(each["image"]) for each in services),
        files=frozenset(
            path for path in below if path == paths.FRONTIER_KEY_FILE or path.startswith(f"{paths.MODEL_DIRECTORY}/")
        ),
    )
