"""The engine's answers, and its refusals, as its command line gives them."""

from __future__ import annotations

import json

import pytest

from tests.fakes.engine_host import Answer, EngineHost, container
from tests.unit.render.cases import digest
from trivet.drivers.engine import containers, images, leftovers
from trivet.drivers.engine.compose import Compose
from trivet.drivers.engine.docker import Docker
from trivet.errors import EngineError, HostError
from trivet.render import Image

IMAGE = Image(manifest=digest("m"), config=digest("c"), size=5, reference="trivet/llama:0123456789ab")
UP = ("docker", "compose", "--project-name")


def test_an_engine_that_answers_is_known_by_version_and_place() -> None:
    facts = Docker(EngineHost()).facts()
    assert (facts.version, facts.data) == ("27.0", "/")


def test_an_engine_that_does_not_answer_is_said_with_the_engines_words() -> None:
    host = EngineHost(answers={("docker", "info"): Answer("{}", "Cannot connect to the Docker daemon", 1)})
    with pytest.raises(EngineError, match="Cannot connect to the Docker daemon") as caught:
        Docker(host).facts()
    assert "make setup" in caught.value.remedy


def test_another_machines_engine_is_refused() -> None:
    host = EngineHost(answers={("docker", "context", "inspect"): Answer("tcp://192.0.2.1:2375\n")})
    with pytest.raises(EngineError, match=r"tcp://192\.0\.2\.1:2375") as caught:
        Docker(host).facts()
    assert "unset DOCKER_HOST" in caught.value.remedy


@pytest.mark.parametrize("engine_id", [IMAGE.config, IMAGE.manifest])
def test_an_image_is_there_by_its_config_or_with_the_containerd_store_by_its_manifest(engine_id: str) -> None:
    found = json.dumps([{"Id": engine_id, "RepoTags": [IMAGE.reference]}])
    host = EngineHost(answers={("docker", "image", "inspect"): Answer(found)})
    assert images.missing(Docker(host), {"llama": IMAGE}) == {}


@pytest.mark.parametrize(
    "answer",
    [
        Answer("[]", "Error response from daemon: No such image: trivet/llama:0123456789ab", 1),
        Answer(json.dumps([{"Id": digest("other"), "RepoTags": [IMAGE.reference]}])),
        Answer(json.dumps([{"Id": digest("other"), "RepoTags": None}])),
    ],
)
def test_an_image_that_is_not_there_or_is_another_is_missing(answer: Answer) -> None:
    host = EngineHost(answers={("docker", "image", "inspect"): answer})
    assert images.missing(Docker(host), {"llama": IMAGE}) == {"llama": IMAGE}


def test_an_image_that_becomes_something_else_is_refused() -> None:
    other = json.dumps([{"Id": digest("other"), "RepoTags": [IMAGE.reference]}])
    host = EngineHost(answers={("docker", "load"): Answer("Loaded"), ("docker", "image", "inspect"): Answer(other)})
    with pytest.raises(EngineError, match="under another id"):
        images.load(Docker(host), IMAGE, [b"tar"], print)


@pytest.mark.parametrize(
    ("wanted", "there"),
    [(["a", "b", "c"], 2), (["a", "x"], 1), (["b", "a"], 0), (["a", "b"], 2), (["e"], 1), ([], 0)],
)
def test_the_layers_that_an_image_shares_with_another_one_are_its_lowest(wanted: list[str], there: int) -> None:
    others = [{"RootFS": {"Layers": layers}} for layers in (["a", "b", "d"], ["e"])] + [{"RootFS": {}}]
    answers = {
        ("docker", "image", "ls"): Answer("sha256:1\nsha256:2\nsha256:2\nsha256:3\n"),
        ("docker", "image", "inspect"): Answer(json.dumps(others)),
    }
    assert images.layers_there(Docker(EngineHost(answers=answers)), wanted) == there


@pytest.mark.parametrize(
    ("status", "known"),
    [
        ([["driver-type", "io.containerd.snapshotter.v1"]], False),
        ([["Backing Filesystem", "extfs"]], True),
        (None, True),
    ],
)
def test_the_containerd_store_is_one_that_wants_every_layer(status: object, *, known: bool) -> None:
    info = json.dumps({"ServerVersion": "29.0", "DockerRootDir": "/", "DriverStatus": status})
    assert Docker(EngineHost(answers={("docker", "info"): Answer(info)})).facts().knows_layers is known


@pytest.mark.parametrize(
    ("stderr", "gone"),
    [
        ("Error response from daemon: No such image: trivet/llama:0", True),
        ("Error: conflict: unable to remove repository reference (must force) - container 1 is using its image", False),
    ],
)
def test_an_image_that_is_gone_or_used_is_no_error(*, stderr: str, gone: bool) -> None:
    host = EngineHost(answers={("docker", "image", "rm"): Answer(stderr=stderr, code=1)})
    assert images.remove(Docker(host), "trivet/llama:0") is gone


def test_an_image_that_the_engine_will_not_remove_is_an_error() -> None:
    host = EngineHost(answers={("docker", "image", "rm"): Answer(stderr="read-only file system", code=1)})
    with pytest.raises(EngineError, match="read-only file system"):
        images.remove(Docker(host), "trivet/llama:0")


def test_containers_are_found_by_project_and_by_name_each_once() -> None:
    raw = [container("p-b-1"), container("p-a-1", state="exited", exit_code=137, labels={"x": "y"}), container("p-b-1")]
    host = EngineHost(
        answers={
            ("docker", "ps"): Answer("id-of-p-b-1\n"),
            ("docker", "container", "inspect"): Answer(json.dumps(raw), "Error: No such container: p-c-1", 1),
        }
    )
    found = containers.of_project(Docker(host), "p", also=["p-a-1", "p-b-1", "p-c-1"])
    assert [(each.name, each.state, each.exit_code) for each in found] == [
        ("p-a-1", "exited", 137),
        ("p-b-1", "running", 0),
    ]
    assert found[0].labels == {"x": "y"}


def test_a_published_port_is_seen() -> None:
    raw = [container("p-a-1", ports={"8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": "18080"}]})]
    host = EngineHost(answers={("docker", "container", "inspect"): Answer(json.dumps(raw))})
    (found,) = containers.of_project(Docker(host), "p", also=["p-a-1"])
    assert found.published == (("127.0.0.1", 18080),)


def test_an_engine_that_fails_to_show_a_container_is_an_error() -> None:
    host = EngineHost(answers={("docker", "container", "inspect"): Answer("[]", "error during connect", 1)})
    with pytest.raises(EngineError, match="error during connect"):
        containers.of_project(Docker(host), "p", also=["x"])


def test_nothing_to_remove_is_no_command() -> None:
    host = EngineHost(answers={("docker", "volume", "ls"): Answer()})
    containers.remove(Docker(host), [])
    containers.stop(Docker(host), [], seconds=1)
    leftovers.remove(Docker(host), "volume", "p")
    assert [words[1] for words in host.ran] == ["volume"]


def test_progress_is_told_by_service() -> None:
    lines: list[str] = []
    output = (
        " Network p_edge  Created\n Container p-model-a.b-1  Started\n Container p-model-a.b-1  Waiting\n"
        " Container p-model-a.b-1  Healthy\n"
    )
    host = EngineHost(answers={UP: Answer(stderr=output)})
    Compose(Docker(host), "p").up("f", wait_seconds=9, report=lines.append)
    assert lines == ["model-a.b: started", "waiting for model-a.b to be healthy", "model-a.b is healthy"]
    assert host.ran[-1][-3:] == ("--wait", "--wait-timeout", "9")


def test_composes_complaint_is_the_error_and_its_progress_is_not() -> None:
    output = " Container p-a-1  Waiting\ncontainer p-a-1 is unhealthy\n"
    host = EngineHost(answers={UP: Answer(stderr=output, code=1)})
    with pytest.raises(EngineError) as caught:
        Compose(Docker(host), "p").up("f", wait_seconds=9, report=print)
    assert caught.value.value == "container p-a-1 is unhealthy"


def test_the_standalone_compose_serves_where_there_is_no_plugin() -> None:
    host = EngineHost(
        answers={
            ("docker", "compose", "version"): Answer(stderr="unknown command", code=1),
            ("docker-compose", "version"): Answer("v2.26.1-4\n"),
            ("docker-compose", "--project-name"): Answer(),
        }
    )
    Compose(Docker(host), "p").up("f", wait_seconds=9, report=print)
    assert host.ran[-1][0] == "docker-compose"


@pytest.mark.parametrize("version", ["1.29.2", "2.3.4", "not a version"])
def test_a_compose_that_is_too_old_is_none(version: str) -> None:
    def missing() -> Answer:
        raise HostError(value="docker-compose", rule="r", remedy="m")

    host = EngineHost(answers={("docker", "compose", "version"): Answer(version), ("docker-compose",): missing})
    with pytest.raises(EngineError, match=r"2\.20 or newer"):
        Compose(Docker(host), "p")
