"""From nothing to an answer, and what a change touches."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from tests.program.stack import Stack, docker, eventually
from trivet.spec import load_lock, load_spec


def identity(stack: Stack) -> dict[str, Any]:
    response = httpx.get(f"{stack.url}/identity", headers={"Authorization": f"Bearer {stack.key}"}).raise_for_status()
    answer: dict[str, Any] = response.json()
    return answer


def test_outputs_say_what_was_deployed_and_how_to_reach_it(stack: Stack) -> None:
    spec = load_spec(stack.project / "inference.yaml")
    assert stack.outputs == {
        "url": stack.url,
        "keyFile": str(stack.key_file),
        "specDigest": spec.digest,
        "lockDigest": load_lock(stack.project / "inference.lock", spec).digest,
        "tier": "onprem",
        "region": "test",
    }
    assert stack.key_file.stat().st_mode & 0o777 == 0o600


def test_the_gateway_answers_with_the_key_and_not_without(stack: Stack) -> None:
    models = httpx.get(f"{stack.url}/models", headers={"Authorization": f"Bearer {stack.key}"}).json()
    assert {each["id"] for each in models["data"]} == {each["name"] for each in stack.spec["models"]}
    assert httpx.get(f"{stack.url}/models").status_code == 401


def test_the_gateway_says_what_it_is(stack: Stack) -> None:
    answer, outputs = identity(stack), stack.outputs
    assert {key: answer[key] for key in ("specDigest", "lockDigest", "tier", "region")} == {
        key: outputs[key] for key in ("specDigest", "lockDigest", "tier", "region")
    }


def test_a_drained_node_refuses_what_is_new_without_a_restart_until_it_is_let_go(stack: Stack) -> None:
    def answers(status: int) -> bool:
        models = httpx.get(f"{stack.url}/models", headers={"Authorization": f"Bearer {stack.key}"})
        return models.status_code == status and (status == httpx.codes.OK or models.headers["Retry-After"] == "5")

    started, file = stack.started(), stack.host_root / "etc" / "draining"
    file.touch()
    try:
        eventually(lambda: answers(httpx.codes.SERVICE_UNAVAILABLE), seconds=5)
        assert httpx.get(stack.url.replace("/v1", "/health")).status_code == httpx.codes.OK
        assert httpx.get(stack.url.replace("/v1", "/ready")).json()["draining"] is True
        stack.require_converged()
    finally:
        file.unlink()
    eventually(lambda: answers(httpx.codes.OK), seconds=5)
    assert stack.started() == started


def test_containers_are_confined_by_the_engine(stack: Stack) -> None:
    for each in stack.containers().values():
        host = each["HostConfig"]
        assert host["ReadonlyRootfs"]
        assert host["CapDrop"] == ["ALL"]
        assert "no-new-privileges:true" in host["SecurityOpt"]
        assert each["Config"]["User"] == "65532:65532"
        assert host["NanoCpus"] > 0
        assert host["Memory"] == host["MemorySwap"] > 0
        assert host["PidsLimit"] > 0


def test_nothing_of_the_stack_reaches_outside(stack: Stack) -> None:
    # The documentation's own address (RFC 5737) would time out anyway: what counts is that no packet finds a way back.
    script = (
        "import socket, sys\n"
        "try: socket.create_connection(('deb.debian.org', 80), timeout=3)\n"
        "except OSError: sys.exit(0)\n"
        "sys.exit('reached')"
    )
    docker("exec", stack.container("gateway"), "python3", "-c", script)
    models = docker("network", "inspect", f"{stack.compose_project}_models", "--format", "{{.Internal}}").strip()
    assert models == "true"


def test_a_preview_without_a_change_shows_none(stack: Stack) -> None:
    stack.pulumi("preview", "--expect-no-changes")


def test_an_up_without_a_change_touches_no_container(stack: Stack) -> None:
    before = stack.started()
    stack.up("--expect-no-changes")
    assert stack.started() == before


def test_one_changed_argument_is_named_and_restarts_only_its_container(stack: Stack) -> None:
    model = stack.spec["models"][0]
    before, service = stack.started(), f"model-{model['name']}"
    model["arguments"] = {"threads": 1}
    stack.write()
    shown = stack.preview()
    assert re.search(r'~ --threads: "2" => "1"', shown)
    assert re.findall(r"~ (model-[\w.-]+|gateway): \{\s+~ definition", shown) == [service]
    stack.up()
    after = stack.started()
    assert [name for name in before if before[name] != after[name]] == [stack.container(service)]
    digest = load_spec(stack.project / "inference.yaml").digest
    eventually(lambda: identity(stack)["specDigest"] == digest)


def test_a_changed_quota_restarts_only_the_gateway(stack: Stack) -> None:
    before = stack.started()
    stack.spec["gateway"]["teams"][0]["quota"]["requestsPerMinute"] += 1
    stack.write()
    stack.up()
    after = stack.started()
    assert [name for name in before if before[name] != after[name]] == [stack.container("gateway")]


def test_a_removed_key_file_is_a_new_key(stack: Stack) -> None:
    old = stack.key
    stack.key_file.unlink()
    assert re.search(r'~ default-default: "absent" => "new"', stack.preview())
    stack.up()
    assert stack.key != old
    for key, status in ((stack.key, 200), (old, 401)):
        assert httpx.get(f"{stack.url}/models", headers={"Authorization": f"Bearer {key}"}).status_code == status


def test_a_model_that_cannot_start_is_an_error_with_its_last_words(stack: Stack) -> None:
    model = stack.spec["models"][0]
    before = stack.started()
    good = model.pop("arguments", None)
    model["arguments"] = {"no-such-flag": True}
    stack.write()
    try:
        said = stack.up(fails=True)
    finally:
        model["arguments"] = good or {}
        stack.write()
        stack.up()
    assert f"model-{model['name']} is " in said
    assert "--no-such-flag" in said
    assert "Traceback" not in said
    stack.require_converged()
    others = {name for name in before if name != stack.container(f"model-{model['name']}")}
    assert {name: stack.started()[name] for name in others} == {name: before[name] for name in others}


@pytest.mark.parametrize("secret", ["key", "state"])
def test_no_key_is_in_pulumis_state_or_on_the_host(stack: Stack, secret: str) -> None:
    texts = {
        "state": stack.state(),
        "key": "".join(path.read_text() for path in stack.host_root.rglob("*.*") if path.is_file()),
    }
    assert stack.key not in texts[secret]
