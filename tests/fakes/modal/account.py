"""What a workspace holds. Ids have Modal's prefixes."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from pathlib import Path

from modal_proto import api_pb2 as pb

from tests.fakes.modal.meter import Meter

TOKEN = ("ak-fake", "as-fake")
ENVIRONMENT = "main"
BUILDER = "2025.06"


@dataclass
class App:
    """An app; `functions` are those of its last publication, by name."""

    id: str
    name: str
    tags: dict[str, str]
    state: int
    functions: dict[str, str] = field(default_factory=dict)
    published: dict[str, Definition] = field(default_factory=dict)
    deployments: int = 0
    created_at: float = field(default_factory=time.time)
    deployed_at: float = 0.0


@dataclass(frozen=True)
class Definition:
    """A function as one deployment has it."""

    id: str
    function: pb.Function


@dataclass
class Function:
    """A function: its drafts and, once its app was published, its definition; `override` until the next publication."""

    id: str
    app_id: str
    name: str
    draft: Definition | None = None
    override: pb.AutoscalerSettings = field(default_factory=pb.AutoscalerSettings)
    url: str = ""


@dataclass
class Volume:
    """A volume: a directory on this machine."""

    id: str
    name: str
    root: Path


@dataclass
class Image:
    """An image: how it is built, and once that is done, what the engine calls it."""

    id: str
    definition: pb.Image
    builder: str
    reference: str = ""
    error: str = ""


@dataclass
class Secret:
    """Environment variables."""

    id: str
    name: str
    variables: dict[str, str]


class Account:
    """Everything of one workspace, with one environment. `root` holds volumes and uploads.

    `stops_once_listed`: the name of an app that somebody stops right after a list was asked for.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.apps: dict[str, App] = {}
        self.functions: dict[str, Function] = {}
        self.volumes: dict[str, Volume] = {}
        self.images: dict[str, Image] = {}
        self.secrets: dict[str, Secret] = {}
        self.mounts: dict[str, str] = {}
        self.uploads: dict[str, Path] = {}
        self.meter = Meter()
        self.stops_once_listed = ""
        self._numbers = itertools.count(1)

    def new_id(self, prefix: str) -> str:
        """A fresh id."""
        return f"{prefix}-{next(self._numbers):022d}"

    def deployed(self, name: str) -> App | None:
        """The deployed app of that name."""
        live = (app for app in self.apps.values() if app.name == name and app.state == pb.APP_STATE_DEPLOYED)
        return next(live, None)

    def settings(self, function: Function) -> pb.AutoscalerSettings:
        """The autoscaler's settings now: the definition's with what was overridden since."""
        now = pb.AutoscalerSettings()
        definition = self.apps[function.app_id].published.get(function.name) or function.draft
        if definition is not None:
            now.CopyFrom(definition.function.autoscaler_settings)
        now.MergeFrom(function.override)
        return now
