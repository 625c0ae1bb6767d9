"""Modal's own client, Pulumi's own CLI, a Modal on the wire, and containers of the very images."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.image_registry import serving_images
from tests.fakes.modal.account import TOKEN, App
from tests.fakes.modal.server import FakeModal, running
from tests.program.stack import Stack, docker, eventually
from tests.unit.examples import ROOT
from tests.unit.render.cases import cases
from trivet.bundle.layout import Layout
from trivet.spec import load_lock, load_spec
from trivet.spec.residency import ASSET_KINDS

LABEL = "label=dev.trivet.fake=modal"
WINDOW = 20  # seconds


class ModalStack(Stack):
    """A stack on Modal; `settings["modal"]` may be changed."""

    def __init__(self, project: Path, fake: FakeModal, registry: str) -> None:
        super().__init__(project)
        self.fake = fake
        self.env |= fake.environ
        place = {"registry": f"{registry}/trivet", "routingRegion": "eu-west", "scaledownWindow": WINDOW}
        self.settings = {
            "tier": "gpuaas",
            "target": "modal",
            "region": "eu-west",
            "waitSeconds": 120,
            "modal": place,
        }
        self.write()

    @property
    def app(self) -> App:
        app = self.fake.account.deployed(f"trivet-{self.name}")
        assert app is not None
        return app

    @property
    def url(self) -> str:
        return str(self.outputs["url"])


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeModal]:
    before = set(docker("images", "--quiet", "--no-trunc", "--all").split())
    with running(FakeModal(tmp_path_factory.mktemp("modal"))) as made:
        kept = dict(os.environ)
        os.environ.update(made.environ)
        yield made
        os.environ.clear()
        os.environ.update(kept)
    assert made.servicer.unimplemented == []
    assert docker("ps", "--all", "--quiet", "--filter", LABEL) == ""
    assert set(docker("images", "--quiet", "--no-trunc", "--all").split()) <= before


@pytest.fixture(scope="module")
def registry() -> Iterator[str]:
    """What `trivet bundle push` leaves in a registry."""
    store, spec = Layout(ROOT / ".trivet" / "store"), load_spec(ROOT / "inference.yaml")
    entries = {f"trivet/image/{name}": store.find(f"image/{name}") for name in spec.images}
    with serving_images(store, {name: entry for name, entry in entries.items() if entry}) as host:
        yield host


@pytest.fixture(scope="module")
def stack(fake: FakeModal, registry: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModalStack]:
    deployed = ModalStack(tmp_path_factory.mktemp("stack"), fake, registry)
    deployed.up()
    yield deployed
    app = deployed.app
    deployed.destroy()
    assert fake.account.deployed(app.name) is None
    assert not fake.account.volumes
    assert not deployed.key_directory.exists()


@pytest.fixture
def client(stack: ModalStack) -> Iterator[Any]:  # noqa: ARG001  # the fake's place is in the environment then
    """Modal's own client, in somebody else's hands."""
    with importlib.import_module("modal").Client.from_credentials(*TOKEN) as opened:
        yield opened


def headers(stack: ModalStack) -> dict[str, str]:
    return {"Authorization": f"Bearer {stack.key}"}


def test_outputs_are_those_of_every_tier(stack: ModalStack) -> None:
    spec = load_spec(stack.project / "inference.yaml")
    outputs = stack.outputs
    money = {name: outputs[name] for name in ("pricePerHour", "worstCase", "monthToDate")}
    url = outputs.pop("url")
    assert url.startswith("http://127.0.0.1:")
    assert url.endswith("/v1")
    assert outputs == {
        "keyFile": str(stack.key_file),
        "specDigest": spec.digest,
        "lockDigest": load_lock(stack.project / "inference.lock", spec).digest,
        "tier": "gpuaas",
        "region": "eu-west",
        "target": "modal",
        **money,
    }
    assert money["pricePerHour"].startswith("$0.")


def test_the_url_conforms(stack: ModalStack) -> None:
    done = subprocess.run(
        [
            sys.executable, "-m", "trivet.cli", "verify", "--url", stack.url, "--key-file", str(stack.key_file),
            "--quota-key-file", str(stack.key_directory / "conformance-default.key"), "--json",
        ],
        cwd=stack.project, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert json.loads(done.stdout)


def test_the_container_has_the_images_that_the_lock_names(stack: ModalStack) -> None:
    lock = load_lock(stack.project / "inference.lock", load_spec(stack.project / "inference.yaml"))
    identity = httpx.get(f"{stack.url}/identity", headers=headers(stack)).json()
    assert identity["images"] == {name: image.manifest for name, image in lock.images.items()}
    built = [image.definition for image in stack.fake.account.images.values()]
    text = "\n".join(line for image in built for line in image.dockerfile_commands)
    assert all(f"/image/{name}@{image.manifest}" in text for name, image in lock.images.items())


def test_servers_run_as_nobody_in_the_container(stack: ModalStack) -> None:
    httpx.get(f"{stack.url}/models", headers=headers(stack), timeout=60).raise_for_status()
    (name,) = docker("ps", "--format", "{{.Names}}", "--filter", LABEL).split()
    rows = docker("top", name, "-eo", "pid,uid,args").splitlines()[1:]
    users = {args: uid for _, uid, args in (row.split(maxsplit=2) for row in rows)}
    servers = {args: uid for args, uid in users.items() if "llama-server" in args or args.endswith(".json")}
    assert len(servers) == 4
    assert set(servers.values()) == {"65532"}


def test_a_preview_without_a_change_shows_none(stack: ModalStack) -> None:
    stack.pulumi("preview", "--expect-no-changes")


def test_no_key_is_in_pulumis_state(stack: ModalStack) -> None:
    assert stack.key not in stack.state()
    assert TOKEN[1] not in stack.state()


def test_a_redeployment_costs_no_request(stack: ModalStack) -> None:
    codes: list[int] = []
    ended = threading.Event()
    url, key = stack.url, headers(stack)

    def ask() -> None:
        with httpx.Client(headers=key, timeout=60) as client:
            while not ended.is_set():
                codes.append(client.get(f"{url}/models").status_code)
                time.sleep(0.02)

    client = threading.Thread(target=ask)
    client.start()
    try:
        stack.spec["gateway"]["limits"] = {"queue": 65}
        stack.write()
        assert "queue: 64 => 65" in stack.preview().replace("~ ", "").replace("  ", "")
        stack.up()
        time.sleep(2)
    finally:
        ended.set()
        client.join()
    assert stack.url == url
    assert len(codes) > 50
    assert set(codes) == {200}


def test_an_autoscaler_that_somebody_set_is_shown_and_set_back(stack: ModalStack, client: Any) -> None:
    function = importlib.import_module("modal").Function.from_name(stack.app.name, "serve", client=client)
    deployments = stack.app.deployments
    function.autoscaler.update(scaledown_window=3600, buffer_containers=1)
    shown = stack.preview()
    assert "scaledownWindow : 3600 => 20" in shown
    assert "bufferContainers: 1 => 0" in shown
    stack.up()
    settings = function.autoscaler.settings()
    assert (settings.scaledown_window, settings.buffer_containers) == (WINDOW, 0)
    assert stack.app.deployments == deployments
    stack.pulumi("preview", "--expect-no-changes")


def test_an_app_that_somebody_stopped_comes_back(stack: ModalStack, client: Any) -> None:
    importlib.import_module("modal").App.lookup(stack.app.name, client=client).stop(client=client)
    stack.up()
    assert httpx.get(f"{stack.url}/models", headers=headers(stack), timeout=60).status_code == 200


def test_an_idle_container_ends_and_the_next_request_starts_one(stack: ModalStack) -> None:
    url, key = stack.url, headers(stack)
    stack.settings["modal"]["scaledownWindow"] = 2
    stack.write()
    stack.up()
    endpoint = stack.fake.endpoint(stack.app)
    eventually(lambda: not endpoint.containers, seconds=60)
    started = endpoint.started
    assert httpx.get(f"{stack.outputs['url']}/models", headers=key, timeout=60).status_code == 200
    assert endpoint.started == started + 1
    assert url


def test_the_audit_outlives_its_container(stack: ModalStack) -> None:
    endpoint = stack.fake.endpoint(stack.app)
    eventually(lambda: not endpoint.containers, seconds=60)
    (volume,) = [each for each in stack.fake.account.volumes.values() if each.name.endswith("-audit")]
    copies = sorted(volume.root.glob("*.sqlite"))
    assert copies
    for copy in copies:
        done = subprocess.run(
            [sys.executable, "-m", "trivet.cli", "audit", "verify", str(copy)], capture_output=True, check=False
        )
        assert done.returncode == 0, done.stdout


@contextmanager
def silent(fake: FakeModal) -> Iterator[None]:
    """Nothing is asked of Modal meanwhile."""
    before = len(fake.servicer.calls)
    yield
    assert fake.servicer.calls[before:] == []


HOUSE = """
name: house
title: "Great Britain only; its provider's API may be elsewhere"
mode: localise
countries: [GB]
rules:
  - assets: [control-plane]
    countries: [GB, US]
    {provision}
  - assets: [{others}]
    {provision}
"""
PROVISION = "{article: house, says: house, since: 2026-01-01, checked: 2026-11-01, source: 'https://example.com'}"


def refused(fake: FakeModal, registry: str, root: Path, regime: str, **modal: str | None) -> ModalStack:
    """A stack of ours under a regime, with everything in Great Britain that the settings do not put elsewhere."""
    stack = ModalStack(root, fake, registry)
    stack.spec["residency"] = {"regime": regime}
    place = {**stack.settings["modal"], "routingRegion": "uk", "registryCountry": "GB", **modal}
    stack.settings |= {"region": "uk", "country": "GB", "operatedFrom": "GB"}
    stack.settings["modal"] = {key: value for key, value in place.items() if value}
    others = ", ".join(kind for kind in ASSET_KINDS if kind != "control-plane")
    house = HOUSE.format(provision=PROVISION.strip("{}").replace(", ", "\n    "), others=others)
    (stack.project / "house.yaml").write_text(house)
    stack.write()
    return stack


def test_a_regime_that_forbids_modal_is_kept_before_any_call(fake: FakeModal, registry: str, tmp_path: Path) -> None:
    stack = refused(fake, registry, tmp_path, "za-strict")
    with silent(fake):
        assert "za-strict" in stack.up(fails=True)


def test_requests_that_nobody_routes_are_refused_before_any_call_where_their_way_counts(
    fake: FakeModal, registry: str, tmp_path: Path
) -> None:
    stack = refused(fake, registry, tmp_path, "house.yaml", routingRegion=None)
    with silent(fake):
        said = stack.up(fails=True)
    assert "requests on their way" in said
    stack.settings["modal"]["routingRegion"] = "uk"
    stack.write()
    assert "+ trivet:modal:App" in stack.preview().replace("  ", " ")


def test_a_gateway_that_is_not_the_root_runs_from_its_own_files(registry: str, tmp_path: Path) -> None:
    """As beside a GPU runtime: the root's Python, of the same suite, and the packages of the gateway's image."""
    manifest = load_lock(ROOT / "inference.lock", load_spec(ROOT / "inference.yaml")).images["gateway"].manifest
    image = f"{registry}/trivet/image/gateway@{manifest}"
    environment = cases()["gpu"].modal.node["gateway"]["environment"]
    lines = (f"FROM {image} AS gateway", f"FROM {image}", "COPY --from=gateway / /srv/gateway", "ENTRYPOINT []")
    (tmp_path / "Dockerfile").write_text("\n".join(lines))
    tag = f"trivet-test-modal:{tmp_path.name}"
    script = "import trivet_gateway, aiohttp, uvloop; print(trivet_gateway.__file__, aiohttp.__file__, uvloop.__file__)"
    docker("build", "--quiet", "--tag", tag, str(tmp_path))
    try:
        variables = [word for key, value in environment.items() for word in ("--env", f"{key}={value}")]
        said = docker("run", "--rm", "--network=none", *variables, tag, "/usr/bin/python3", "-c", script)
    finally:
        docker("image", "rm", tag, image)
    assert [path.startswith("/srv/gateway/") for path in said.split()] == [True] * 3
