"""Goes back to the generation that ran before, with what is on the host alone; going back again goes forward.

Where an update was cut off, the generation before it is the one that was last ready.
"""

from __future__ import annotations

from dataclasses import dataclass

from trivet.drivers.bundle import supervision
from trivet.drivers.bundle.announce import announced
from trivet.drivers.bundle.observe import container_name
from trivet.drivers.bundle.site import lock_seconds
from trivet.drivers.bundle.trial import PREVIOUS_CONFIG, PREVIOUS_SUPERVISE, Trial, try_out
from trivet.drivers.engine.compose import Compose
from trivet.drivers.engine.containers import of_project
from trivet.drivers.engine.docker import Docker
from trivet.drivers.host import Host, Report
from trivet.errors import HostError
from trivet.render import paths
from trivet.render.compose import GATEWAY
from trivet.spec.load import parse_yaml


@dataclass(frozen=True)
class WentBack:
    """The project, and the images that run now by service."""

    project: str
    images: dict[str, str]


def roll_back(host: Host, root: str, *, wait_seconds: int, report: Report) -> WentBack:
    """Have the generation before run again, and wait until it is ready.

    Raises:
        HostError: there is no stack, or no such generation; nothing was changed.
        EngineError: the engine does not answer, or what was ready before a cut-off update does not become so again.
        HalfDoneError: it does not become ready; what ran when this began runs again.
    """
    if Trial(host, root).ready is None:
        raise HostError(
            where=root,
            value="no stack",
            rule="a stack's directory holds its compose.yaml",
            remedy="name the stack, or its directory: `ls` on the host shows what is there",
        )
    lock = f"{root}.lock"
    with host.lock(lock, timeout=lock_seconds(wait_seconds), report=report):
        try:
            return _carry_out(Trial(host, root), wait_seconds=wait_seconds, report=report)
        finally:
            host.remove(lock)


def _carry_out(trial: Trial, *, wait_seconds: int, report: Report) -> WentBack:
    host, is_cut_off = trial.host, trial.unfinished is not None
    wanted = trial.ready if is_cut_off else trial.previous
    if wanted is None or (wanted == trial.ready and not is_cut_off):
        raise HostError(
            where=trial.root,
            value="no generation but the one that runs",
            rule="a host keeps the generation before an update, until the next update",
            remedy="check out the version that you want, and run `pulumi up`",
        )
    docker = Docker(host)
    docker.facts()
    document = parse_yaml(wanted.decode(), paths.COMPOSE_FILE)
    project = str(document["name"])
    compose = Compose(docker, project)
    found = {each.name: each for each in of_project(docker, project)}
    gateway = found.get(container_name(project, GATEWAY))

    def up(file: str) -> None:
        compose.up(trial.path(file), wait_seconds=wait_seconds, report=report)

    if is_cut_off:
        with announced(trial, gateway, "update", report):
            trial.take_back()
            up(paths.COMPOSE_FILE)
    else:
        config, supervise = host.read(trial.path(PREVIOUS_CONFIG)), trial.files(PREVIOUS_SUPERVISE)
        kind = trial.begin(wanted)
        with announced(trial, gateway, kind, report):
            if config is not None:
                host.write(trial.path(paths.CONFIG_FILE), config)
            try_out(trial, kind, up, last_words=list, report=report)
        trial.keep(wanted)
        supervision.put_back(host, trial.root, project, supervise)
    return WentBack(project, {str(name): str(each["image"]) for name, each in document["services"].items()})
