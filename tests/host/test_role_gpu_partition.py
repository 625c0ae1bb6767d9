"""The role `gpu_partition`, with NVIDIA's tools standing in: there is no card here that could be cut."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pulumi.provider.experimental import provider as rpc

from tests.host.conftest import SetUp
from tests.host.playing import inside, play
from tests.unit.examples import ROOT
from tools.lab.engine import docker
from trivet.drivers.ansible import Outcome
from trivet.drivers.facts.collect import gpus
from trivet.drivers.facts.partition import MisfitError, Model, plan
from trivet.drivers.ssh import SshHost
from trivet.errors import EngineError, HostError
from trivet.provider.log import EngineLog
from trivet.provider.values import wrap_map
from trivet.provider.workstation import Workstation
from trivet.render.ansible import Setup
from trivet.render.compose import CDI

MODELS = [{"name": name, "memory_mib": 9_000, "width": 1} for name in ("chat", "embed")]
CARDS = [
    {"card": "GPU-a", "slices": ["3g.40gb", "1g.10gb"], "models": ["chat", "embed"]},
    {"card": "GPU-b", "slices": [], "models": []},
]
SETTINGS = {"gpu_partition_models": MODELS, "gpu_partition_cards": CARDS}
COMPOSE = """
name: cards
services:
  chat:
    image: own
    command: ["find", "/dev", "-name", "nvidia*", "-type", "c"]
    deploy: {resources: {reservations: {devices: [{driver: cdi, device_ids: ["%s=%s"], capabilities: [gpu]}]}}}
"""


@pytest.fixture(scope="module")
def tools(set_up: SetUp) -> Iterator[None]:
    for name in ("nvidia-smi", "nvidia-ctk"):
        docker("cp", str(ROOT / "tests" / "fakes" / "nvidia_tools.py"), f"{set_up.host.name}:/usr/bin/{name}")
    yield
    set_up.host.sh(
        "systemctl disable --now trivet-gpu-partition 2>/dev/null; rm -f /usr/bin/nvidia-* /run/nvidia.json"
        " /etc/cdi/trivet.json /etc/systemd/system/trivet-gpu-partition.service; systemctl daemon-reload"
    )


@pytest.fixture(scope="module")
def played(set_up: SetUp, tools: None) -> Outcome:  # noqa: ARG001
    return play(set_up.target, "gpu_partition", **SETTINGS)


def container_sees(set_up: SetUp, model: str) -> list[str]:
    """Device nodes of a container that asks for a model's device, as a stack's compose.yaml does."""
    set_up.host.sh(f"mkdir -p /srv/cards && cat >/srv/cards/compose.yaml <<'END'\n{COMPOSE % (CDI, model)}END")
    return sorted(set_up.host.sh("docker compose --file /srv/cards/compose.yaml run --rm chat").split())


@pytest.fixture
def image(set_up: SetUp) -> Iterator[None]:
    parts = "/bin /lib /lib64 /usr/bin /usr/lib/x86_64-linux-gnu /usr/lib64"
    set_up.host.sh(f"tar -cf - {parts} 2>/dev/null | docker import - own >/dev/null")
    yield
    set_up.host.sh("docker compose --file /srv/cards/compose.yaml down 2>/dev/null; docker rmi own; rm -r /srv/cards")


def test_without_a_driver_or_a_model_that_asks_nothing_changes_and_it_says_why(set_up: SetUp) -> None:
    outcome = play(set_up.target, "gpu_partition", gpu_partition_models=MODELS)
    assert outcome.changes == {}
    assert [notice for notice in outcome.notices if "no driver shows a card" in notice]
    outcome = play(set_up.target, "gpu_partition")
    assert [notice for notice in outcome.notices if "no model of the spec needs a GPU" in notice]
    assert not inside(set_up.host).file("/etc/trivet/partition.json").exists


@pytest.mark.usefixtures("tools")
def test_what_does_not_fit_is_refused_before_anything_changes(set_up: SetUp) -> None:
    """By the provider: it plans from what the host's driver shows."""
    remote = SshHost(set_up.target)
    try:
        driver, cards = gpus(remote)
    finally:
        remote.close()
    assert driver.state == "works"
    models = [Model("chat", 30_000), Model("embed", 30_000), Model("small", 20_000)]
    assert [each.plain() for each in plan(models, cards)] == [
        {"card": "GPU-a", "slices": ["3g.40gb", "3g.40gb"], "models": ["chat", "embed"]},
        {"card": "GPU-b", "slices": [], "models": ["small"]},
    ]
    huge = [{"name": "huge", "memory_mib": 100_000, "width": 1}]
    roles = {"workstation_roles": ["engine", "gpu_partition"], "engine_log_files": 3}
    setup = Setup(host=set_up.target, variables={**roles, "gpu_partition_mig": True, "gpu_partition_models": huge})
    properties = wrap_map(setup.model_dump(mode="json", by_alias=True))
    for preview in (True, False):
        with pytest.raises(MisfitError, match="huge: 100000 MiB; the host has NVIDIA H100"):
            Workstation(EngineLog("127.0.0.1:1")).create(rpc.CreateRequest("urn", properties, 0, preview=preview))
    assert '"max-file": "5"' in set_up.host.sh("cat /etc/docker/daemon.json")


@pytest.mark.usefixtures("played", "image")
def test_each_model_has_its_own_slice_and_sees_no_other(set_up: SetUp) -> None:
    assert "3g.40gb" in set_up.host.sh("nvidia-smi -L")
    assert container_sees(set_up, "chat") == ["/dev/nvidia-caps/nvidia-cap1", "/dev/nvidia0", "/dev/nvidiactl"]
    assert "/dev/nvidia-caps/nvidia-cap2" in container_sees(set_up, "embed")
    with pytest.raises(EngineError, match="unresolvable CDI devices"):
        container_sees(set_up, "other")


@pytest.mark.usefixtures("played")
def test_cards_are_cut_again_after_a_boot_before_the_engine_starts(set_up: SetUp) -> None:
    unit = inside(set_up.host).service("trivet-gpu-partition")
    assert unit.is_enabled
    assert unit.is_running
    assert "docker.service" in set_up.host.sh("systemctl show --property=Before trivet-gpu-partition")
    set_up.host.sh("rm /run/nvidia.json; systemctl restart trivet-gpu-partition")
    assert "1g.10gb" in set_up.host.sh("nvidia-smi -L")


@pytest.mark.usefixtures("played")
def test_drift_is_named_and_repaired_and_what_a_card_refuses_is_said(set_up: SetUp) -> None:
    set_up.host.sh("nvidia-smi mig -i GPU-a -dci; nvidia-smi mig -i GPU-a -dgi; echo >>/usr/local/lib/trivet/partition")
    drift = play(set_up.target, "gpu_partition", check=True, **SETTINGS).changes
    assert {
        "gpu_partition: Have the program that partitions cards",
        "gpu_partition: Have the cards so now",
        "gpu_partition: Partition the cards now",
    } <= drift.keys()
    play(set_up.target, "gpu_partition", **SETTINGS)
    assert play(set_up.target, "gpu_partition", check=True, **SETTINGS).changes == {}
    too_much = [{"card": "GPU-a", "slices": ["7g.80gb", "1g.10gb"], "models": ["chat", "embed"]}]
    with pytest.raises(HostError, match="Insufficient Resources"):
        play(set_up.target, "gpu_partition", **{**SETTINGS, "gpu_partition_cards": too_much})
