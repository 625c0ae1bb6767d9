"""The order of an installation's steps, and what it leaves when one fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.engine_host import Answer, EngineHost, container
from tests.unit.drivers.installations import STACK, site
from trivet.drivers.bundle import HalfDoneError, Site, install
from trivet.drivers.bundle.observation import config_text, running_config
from trivet.drivers.engine.containers import CONFIG_HASH
from trivet.render import paths
from trivet.render.compose import CONFIG

UP = ("docker", "compose", "--project-name")


class Engine:
    """An engine that has every image; its Compose makes every container, unless it is told to do something else."""

    def __init__(self, where: Site) -> None:
        assert isinstance(where.host, EngineHost)
        self.where = where
        self.containers: list[dict[str, Any]] = []
        self.up: Callable[[], Answer] = self.make  # replaced by tests
        there = [{"Id": image.config, "RepoTags": [image.reference]} for image in where.installation.images.values()]
        where.host.answers |= {
            ("docker", "image", "inspect"): Answer(json.dumps(there)),
            ("docker", "image", "rm"): Answer(),
            ("docker", "container", "inspect"): lambda: Answer(json.dumps(self.containers)),
            ("docker", "container", "rm"): Answer(),
            ("docker", "logs"): Answer("out of memory\n"),
            ("docker", "exec"): Answer(code=1),
            UP: lambda: self.up(),  # noqa: PLW0108  # looked up when it is called
        }

    def make(self, **changes: Any) -> Answer:
        self.containers = [self.of(service, **changes) for service in self.where.installation.services]
        return Answer()

    def of(self, service: str, **changes: Any) -> dict[str, Any]:
        definition = self.where.installation.services[service]
        image = next(each for each in self.where.installation.images.values() if each.reference == definition["image"])
        labels = {**definition["labels"], CONFIG_HASH: "h", **changes.pop("labels", {})}
        return container(f"trivet-{STACK}-{service}-1", image=image.config, labels=labels, **changes)


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return Engine(site(tmp_path, EngineHost()))


def config_on_host(where: Site) -> dict[str, Any] | None:
    data = where.host.read(where.path(paths.CONFIG_FILE))
    config: dict[str, Any] | None = json.loads(data) if data else None
    return config


def keep_running(engine: Engine, *, as_it_was: bool) -> dict[str, Any]:
    """A gateway that runs already, with the same configuration or another, and an older identity; return its file."""
    where = engine.where
    keys = {name: where.keys.ensure(name) for name in where.installation.keys}
    config: dict[str, Any] = json.loads(config_text(where.installation.gateway, keys))
    config["identity"] = {**config["identity"], "region": "before"}
    if not as_it_was:
        config["routes"] = []
    where.host.write(where.path(paths.CONFIG_FILE), json.dumps(config).encode())
    engine.make(labels={CONFIG: running_config(config, b"")})
    return config


def test_an_installation_ends_with_what_is_desired_and_nothing_more(engine: Engine) -> None:
    where = engine.where
    install(where, None)
    assert where.host.listdir(where.installation.root) == ["compose.yaml", "etc", "images.json", "models"]
    assert where.host.stat(f"{where.installation.root}.lock") is None
    placed = {paths.model_file(file.digest) for model in where.installation.models.values() for file in model.files}
    assert {f"models/{name}" for name in where.host.listdir(where.path("models"))} == placed


def test_the_second_time_nothing_is_written(engine: Engine) -> None:
    install(engine.where, None)
    root = Path(engine.where.installation.root)
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    install(engine.where, None)
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


def test_a_new_gateway_finds_its_configuration(engine: Engine) -> None:
    seen = []

    def up() -> Answer:
        seen.append(config_on_host(engine.where))
        return engine.make()

    engine.up = up
    install(engine.where, None)
    assert seen == [config_on_host(engine.where)]
    assert seen[0] is not None


def test_a_gateway_that_runs_on_learns_of_its_identity_last(engine: Engine) -> None:
    before, seen = keep_running(engine, as_it_was=True), []
    engine.up = lambda: seen.append(config_on_host(engine.where)) or Answer()
    install(engine.where, None)
    assert seen == [before]
    after = config_on_host(engine.where)
    assert after is not None
    assert after["identity"] == engine.where.installation.gateway["identity"]


def test_a_gateway_that_will_be_replaced_finds_its_configuration_first(engine: Engine) -> None:
    before, seen = keep_running(engine, as_it_was=False), []
    engine.up = lambda: seen.append(config_on_host(engine.where)) or Answer()
    install(engine.where, None)
    assert seen == [config_on_host(engine.where)] != [before]


def test_a_gateway_whose_file_was_edited_is_started_anew(engine: Engine) -> None:
    config = keep_running(engine, as_it_was=True)
    config["defaultDataClass"] = "public"
    engine.where.host.write(engine.where.path(paths.CONFIG_FILE), json.dumps(config).encode())
    install(engine.where, None)
    assert isinstance(engine.where.host, EngineHost)
    removed = [words for words in engine.where.host.ran if words[:3] == ("docker", "container", "rm")]
    assert [words[-1] for words in removed] == [f"id-of-trivet-{STACK}-gateway-1"]


def test_a_frontiers_key_is_readable_for_the_container_and_for_nobody_else_on_the_host(engine: Engine) -> None:
    where = engine.where
    install(where, "sk-secret")
    file, directory = where.host.stat(where.path("secrets/frontier")), where.host.stat(where.path("secrets"))
    assert file is not None
    assert directory is not None
    assert (file.mode, directory.mode) == (0o444, 0o700)
    install(where, None)
    assert where.host.read(where.path("secrets/frontier")) is None


def test_a_generation_to_go_back_to_keeps_the_frontiers_key_and_its_gateway_runs_on(engine: Engine) -> None:
    where = engine.where
    plain, mount = where.installation, {"type": "bind", "source": f"./{paths.FRONTIER_KEY_FILE}", "target": "/x"}
    gateway = {**plain.services["gateway"], "volumes": [*plain.services["gateway"]["volumes"], mount]}
    labels = {**gateway["labels"], "dev.trivet.definition": "sha256:frontier"}
    services = {**plain.services, "gateway": {**gateway, "labels": labels}}
    given = {"services": services, "gateway": {**plain.gateway, "frontier": {"apiKeyFile": "/x"}}}
    object.__setattr__(where, "installation", plain.model_copy(update=given))
    install(where, "sk-secret")
    object.__setattr__(where, "installation", plain)

    def up() -> Answer:
        config = running_config(config_on_host(where) or {}, b"")
        return engine.make(labels={CONFIG: config})

    engine.up = lambda: Answer(code=1, stderr="unhealthy")
    with pytest.raises(HalfDoneError):
        install(where, None)
    assert where.host.read(where.path(paths.FRONTIER_KEY_FILE)) == b"sk-secret"
    engine.up = up
    install(where, None)
    assert where.host.read(where.path(paths.FRONTIER_KEY_FILE)) == b"sk-secret"  # `previous` mounts it
    assert isinstance(where.host, EngineHost)
    where.host.ran.clear()
    install(where, None)
    assert not any(words[:3] == ("docker", "container", "rm") for words in where.host.ran)
    where.host.remove(where.path(paths.PREVIOUS_DIRECTORY))
    install(where, None)
    assert where.host.read(where.path(paths.FRONTIER_KEY_FILE)) is None


def test_what_an_earlier_installation_left_is_removed(engine: Engine) -> None:
    where = engine.where
    where.host.write(where.path("models/old"), b"weights")
    where.host.write(where.path("models/cut.part"), b"weig")
    where.host.write(where.path(paths.IMAGES_FILE), json.dumps(["trivet/llama:old"]).encode())
    install(where, None)
    assert "old" not in where.host.listdir(where.path("models"))
    assert "cut.part" not in where.host.listdir(where.path("models"))
    assert isinstance(where.host, EngineHost)
    assert ("docker", "image", "rm", "trivet/llama:old") in where.host.ran


def test_an_image_that_somebody_uses_is_kept_and_not_forgotten(engine: Engine) -> None:
    where = engine.where
    assert isinstance(where.host, EngineHost)
    where.host.answers["docker", "image", "rm"] = Answer(stderr="conflict: container x is using its image", code=1)
    where.host.write(where.path(paths.IMAGES_FILE), json.dumps(["trivet/llama:old"]).encode())
    install(where, None)
    assert "trivet/llama:old" in json.loads(where.host.read(where.path(paths.IMAGES_FILE)) or b"")


def test_a_failure_on_the_way_says_what_the_ill_containers_said(engine: Engine) -> None:
    def up() -> Answer:
        engine.make()
        engine.containers[0] |= {"State": {"Status": "exited", "ExitCode": 137, "Health": {"Status": "unhealthy"}}}
        return Answer(stderr="container x is unhealthy", code=1)

    engine.up = up
    with pytest.raises(HalfDoneError, match="container x is unhealthy") as caught:
        install(engine.where, None)
    service = next(iter(engine.where.installation.services))
    assert caught.value.last_words == [
        f"{service} is exited (exit code 137, health unhealthy). Its last words:\nout of memory"
    ]


def test_an_engine_that_goes_away_on_the_way_is_the_error(engine: Engine) -> None:
    assert isinstance(engine.where.host, EngineHost)
    answers = engine.where.host.answers

    def up() -> Answer:
        answers["docker", "ps"] = Answer(stderr="Cannot connect to the Docker daemon", code=1)
        return Answer(stderr="Cannot connect to the Docker daemon", code=1)

    engine.up = up
    with pytest.raises(HalfDoneError, match="Cannot connect") as caught:
        install(engine.where, None)
    assert caught.value.last_words == []
