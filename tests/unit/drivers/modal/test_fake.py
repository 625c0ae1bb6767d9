"""The Modal on the wire refuses what the real one is known to refuse, and runs what it took."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from grpclib import GRPCError
from modal_proto import api_pb2 as pb

from tests.fakes.modal import rules
from tests.fakes.modal.fleet import Endpoint
from tests.unit.drivers.modal.place import Place
from trivet.drivers.modal import deploy


def function(**changes: Any) -> pb.Function:
    good = {"timeout_secs": 300, "module_name": "m", "definition_type": pb.Function.DEFINITION_TYPE_FILE}
    return pb.Function(**{**good, **changes})


def gpu(kind: str, count: int = 1) -> pb.Resources:
    return pb.Resources(gpu_config=pb.GPUConfig(gpu_type=kind, count=count))


def mount(path: str, volume: str = "vo-1") -> pb.VolumeMount:
    return pb.VolumeMount(volume_id=volume, mount_path=path)


def test_a_good_function_passes() -> None:
    rules.require_function(function(resources=gpu("H100", 2), volume_mounts=[mount("/weights"), mount("/a", "vo-2")]))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"resources": gpu("V100")}, "unknown GPU type"),
        ({"resources": gpu("H100", 9)}, "between 1 and 8"),
        ({"routing_region": "Frankfurt"}, "unknown region"),
        ({"scheduler_placement": pb.SchedulerPlacement(regions=["EU"])}, "unknown region"),
        ({"timeout_secs": 0}, "timeout"),
        ({"max_concurrent_inputs": 1001}, "concurrent inputs"),
        ({"autoscaler_settings": pb.AutoscalerSettings(scaledown_window=1)}, "between 2 and 3600"),
        ({"autoscaler_settings": pb.AutoscalerSettings(min_containers=2, max_containers=1)}, "exceeds"),
        ({"volume_mounts": [mount("weights")]}, "cannot mount"),
        ({"volume_mounts": [mount("/root")]}, "cannot mount"),
        ({"volume_mounts": [mount("/a"), mount("/a", "vo-2")]}, "one path"),
        ({"volume_mounts": [mount("/a"), mount("/b")]}, "two paths"),
        ({"module_name": ""}, "names its module"),
        ({"webhook_config": pb.WebhookConfig(type=pb.WEBHOOK_TYPE_WEB_SERVER)}, "web_server_port"),
    ],
)
def test_a_function_that_could_not_run_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(GRPCError, match=said):
        rules.require_function(function(**changes))


def test_a_good_image_passes() -> None:
    rules.require_image(pb.Image(dockerfile_commands=["FROM a AS b", "FROM c", "COPY --from=b / /b"]), "2025.06")


@pytest.mark.parametrize(
    ("lines", "more", "said"),
    [
        ([], {}, "without commands"),
        (["COPY a b"], {}, "begins with FROM"),
        (["FROM a", "COPY b c"], {}, "no build context"),
        (["FROM a AS b", "FROM c"], {"image_registry_config": pb.ImageRegistryConfig(secret_id="st-1")}, "credentials"),
    ],
)
def test_an_image_that_could_not_be_built_is_refused(lines: list[str], more: dict[str, Any], said: str) -> None:
    with pytest.raises(GRPCError, match=said):
        rules.require_image(pb.Image(dockerfile_commands=lines, **more), "2025.06")


def test_an_unknown_builder_is_refused() -> None:
    with pytest.raises(GRPCError, match="image builder"):
        rules.require_image(pb.Image(dockerfile_commands=["FROM a"]), "1999.01")


def test_a_method_that_nobody_serves_is_refused_and_remembered(place: Place) -> None:
    modal = importlib.import_module("modal")
    with pytest.raises(modal.exception.UnimplementedError):
        modal.Queue.from_name("q", create_if_missing=True).hydrate(place.account.client)
    assert place.fake.servicer.unimplemented == ["QueueGetOrCreate"]
    place.fake.servicer.unimplemented.clear()


def test_a_name_that_is_taken_twice_is_refused(place: Place) -> None:
    modal, client = importlib.import_module("modal"), place.account.client
    modal.Volume.objects.create("v", client=client)
    with pytest.raises(modal.exception.NotFoundError):
        modal.Volume.from_name("w").hydrate(client)
    with pytest.raises(modal.exception.InvalidError):
        modal.Volume.objects.create("no/name", client=client)


def test_idle_containers_end_and_come_back_with_the_next_request(place: Place) -> None:
    deploy(place.site(place.app(scaledownWindow=2)), None)
    app = place.fake.account.deployed("trivet-unit")
    assert app is not None
    endpoint = place.fake.endpoint(app)
    assert endpoint.started == 1
    wait(lambda: not endpoint.containers)
    assert status(endpoint) == 200
    assert endpoint.started == 2


def test_a_stopped_app_answers_nothing(place: Place) -> None:
    deploy(place.site(), None)
    app = place.fake.account.deployed("trivet-unit")
    assert app is not None
    endpoint = place.fake.endpoint(app)
    modal, client = importlib.import_module("modal"), place.account.client
    modal.App.lookup("trivet-unit", client=client).stop(client=client)
    assert status(endpoint) == 404


def wait(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 15
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def status(endpoint: Endpoint) -> int:
    return httpx.get(f"{endpoint.url}/v1/identity").status_code
