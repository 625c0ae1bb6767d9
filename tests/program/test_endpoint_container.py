"""Our image as SageMaker runs it: `IMAGE serve`, weights read-only at /opt/ml/model, no way out, port 8080 alone."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.unit.examples import ROOT, raw_spec, settings
from trivet.bundle.archive import docker_archive
from trivet.bundle.endpoint_image import endpoint_image
from trivet.bundle.layout import Layout
from trivet.bundle.oci import Descriptor
from trivet.conformance import CHECKS, Report
from trivet.render.endpoint import endpoint
from trivet.spec import StackSpec, load_lock

MODEL_DIRECTORY = "/opt/ml/model"
ASK = {"model": "trivet-small", "messages": [{"role": "user", "content": "Sort: 7 3 9 1"}], "max_tokens": 24}
ISOLATED = ("--user=65532:65532", "--read-only", "--tmpfs=/tmp", "--cap-drop=ALL")


@dataclass
class Container:
    """The container, and the keys that the spec pins by their hash."""

    name: str
    url: str
    project: Path
    image: str

    def docker(self, *args: str) -> str:
        return docker(*args, self.name)


def docker(*args: str) -> str:
    done = subprocess.run(["docker", *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout.strip()


def store_beside(folder: Path) -> Layout:
    """The checkout's store, to read; what is added to it stays here."""
    source = ROOT / ".trivet" / "store"
    target = folder / "store"
    shutil.copytree(source / "blobs", target / "blobs", copy_function=os.symlink)
    for name in ("oci-layout", "index.json"):
        shutil.copy(source / name, target / name)
    return Layout(target)


def keyed(folder: Path) -> dict[str, Any]:
    """The spec, with keys whose hashes it pins; the keys are in files."""
    spec = raw_spec()
    for team in spec["gateway"]["teams"]:
        key = f"tvt_{uuid.uuid4().hex}{uuid.uuid4().hex[:11]}"
        (folder / f"{team['name']}.key").write_text(key)
        (folder / f"{team['name']}.key").chmod(0o600)
        team["keys"] = [{"name": "default", "sha256": hashlib.sha256(key.encode()).hexdigest()}]
    (folder / "inference.yaml").write_text(json.dumps(spec))
    shutil.copy(ROOT / "inference.lock", folder)
    return spec


@pytest.fixture(scope="module")
def container(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    project = Path(tmp_path_factory.mktemp("endpoint"))
    spec = StackSpec.model_validate(keyed(project))
    lock = load_lock(project / "inference.lock", spec)
    here = endpoint(spec, lock, settings(waitSeconds=120), platform="sagemaker", root=MODEL_DIRECTORY)
    store = store_beside(project)
    entry = endpoint_image(store, here.image, lock)
    name = f"trivet-test-{uuid.uuid4().hex[:8]}"
    image = f"{name}:latest"
    subprocess.run(
        ["docker", "load", "--quiet"], input=b"".join(docker_archive(store, entry.digest, image)), check=True
    )
    model = project / "model"
    for path, text in here.files.items():
        (model / path).parent.mkdir(parents=True, exist_ok=True)
        (model / path).write_text(text)
    for path, file in here.weights.items():
        (model / path).parent.mkdir(parents=True, exist_ok=True)
        blob = Descriptor(media_type="", digest=file.digest, size=file.size)
        shutil.copy(store.path(blob), model / path)
    project.chmod(0o755)
    docker("network", "create", "--internal", name)
    try:
        variables = [f"--env={key}={value}" for key, value in here.environment.items()]
        mount = f"--volume={model}:{MODEL_DIRECTORY}:ro"
        docker("run", "--detach", f"--name={name}", f"--network={name}", *ISOLATED, mount, *variables, image, "serve")
        at = docker("inspect", "--format={{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", name)
        started = Container(name, f"http://{at}:8080", project, image)
        wait_for(started)
        yield started
    finally:
        subprocess.run(["docker", "rm", "--force", "--volumes", name], capture_output=True, check=False)
        subprocess.run(["docker", "network", "rm", name], capture_output=True, check=False)
        subprocess.run(["docker", "image", "rm", image], capture_output=True, check=False)


def wait_for(container: Container) -> None:
    """SageMaker asks /ping until it is answered with 200, in at most two seconds each time."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and container.docker("inspect", "--format={{.State.Running}}") == "true":
        try:
            if httpx.get(f"{container.url}/ping", timeout=2).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    pytest.fail(container.docker("logs"))


def invoke(container: Container, body: Any) -> httpx.Response:
    """InvokeEndpoint, as the platform hands it on."""
    headers = {"Content-Type": "application/json", "X-Amzn-SageMaker-Custom-Attributes": "trivet-data-class=public"}
    return httpx.post(f"{container.url}/invocations", json=body, headers=headers, timeout=60)


def test_an_invocation_is_answered_by_the_model(container: Container) -> None:
    answer = invoke(container, ASK)
    assert answer.status_code == 200, answer.text
    assert answer.json()["choices"][0]["message"]["content"].strip()
    assert answer.json()["usage"]["completion_tokens"] > 0


def test_a_streamed_invocation_comes_in_parts_and_ends(container: Container) -> None:
    body = {**ASK, "stream": True}
    with httpx.stream("POST", f"{container.url}/invocations", json=body, timeout=60) as answer:
        assert answer.headers["transfer-encoding"] == "chunked"
        lines = [line for line in answer.iter_lines() if line]
    assert lines[-1] == "data: [DONE]"
    assert len(lines) > 3


def test_embeddings_are_an_invocation_too(container: Container) -> None:
    answer = invoke(container, {"model": "all-minilm-l6-v2", "input": "a text"})
    assert len(answer.json()["data"][0]["embedding"]) == 384


def test_the_container_has_no_way_out(container: Container) -> None:
    code = "import socket; socket.create_connection(('192.0.2.1', 443), 2)"
    tried = subprocess.run(
        ["docker", "exec", container.name, "python3", "-c", code], capture_output=True, text=True, check=False
    )
    assert tried.returncode != 0
    assert "OSError" in tried.stderr or "TimeoutError" in tried.stderr


@pytest.fixture(scope="module")
def report(container: Container) -> Report:
    keys = [str(container.project / f"{team}.key") for team in ("default", "conformance")]
    url = f"{container.url}/v1"
    argv = ["verify", "--url", url, "--key-file", keys[0], "--quota-key-file", keys[1], "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "trivet.cli", *argv], cwd=container.project, capture_output=True, text=True, check=False
    )
    assert done.stdout, done.stderr
    return Report.model_validate_json(done.stdout, strict=False)


@pytest.mark.parametrize("check", [check.id for check in CHECKS])
def test_it_conforms_as_every_other_tier_does(report: Report, check: str) -> None:
    finding = next(finding for finding in report.findings if finding.check == check)
    assert finding.result == "pass", finding.seen


def test_it_ends_in_order_and_within_sagemaker_s_thirty_seconds(container: Container) -> None:
    container.docker("stop", "--time=30")
    assert container.docker("inspect", "--format={{.State.ExitCode}}") == "0"
    rows = [json.loads(line)["audit"] for line in container.docker("logs").splitlines() if line.startswith('{"audit"')]
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    assert {"sagemaker", "default"} <= {row["key"] for row in rows}
    with pytest.raises(OSError, match=r"refused|unreachable|timed out"):
        socket.create_connection((httpx.URL(container.url).host, 8080), 2)
