"""What somebody did to the host behind Pulumi's back: `refresh` finds it, `up` repairs it."""

from __future__ import annotations

import json
import re

import httpx

from tests.program.stack import Stack, docker


def test_a_stopped_a_removed_and_a_replaced_container_are_found_and_repaired(stack: Stack) -> None:
    stopped, replaced = (f"model-{model['name']}" for model in stack.spec["models"][:2])
    image = docker("container", "inspect", "--format", "{{.Image}}", stack.container("gateway")).strip()
    docker("stop", "--time", "1", stack.container(stopped))
    docker("rm", "--force", stack.container("gateway"))
    docker("rm", "--force", stack.container(replaced))
    docker("create", "--name", stack.container(replaced), image)
    found = stack.pulumi("refresh", "--yes", "--skip-preview", "--diff")
    assert re.search(r"- gateway\s*: \{", found)
    assert re.search(rf'~ {stopped}\s*: \{{[^}}]*~ state : "running" => "exited"', found)
    assert re.search(rf'~ {replaced}\s*: \{{[^}}]*~ image\s*: "sha256:\w+" => "sha256:\w+"', found)
    stack.up()
    stack.require_converged()


def test_a_plain_up_finds_and_repairs_what_happened_too(stack: Stack) -> None:
    service = f"model-{stack.spec['models'][0]['name']}"
    docker("rm", "--force", stack.container(service))
    before = stack.started()
    stack.up()
    stack.require_converged()
    assert {name: stack.started()[name] for name in before} == before


def test_a_gateway_configuration_that_somebody_edited_is_put_right_and_read_again(stack: Stack) -> None:
    before = stack.started()
    path = stack.host_root / "etc" / "gateway.json"
    config = json.loads(path.read_text())
    config["teams"][0]["quota"]["requestsPerMinute"] = 10_000_000
    path.write_text(json.dumps(config))
    docker("restart", stack.container("gateway"))
    assert re.search(r'~ config\s*: "sha256:\w+" => "sha256:\w+"', stack.preview())
    stack.up()
    assert json.loads(path.read_text())["teams"][0]["quota"] == stack.spec["gateway"]["teams"][0]["quota"]
    changed = [name for name, started in stack.started().items() if started != before[name]]
    assert changed == [stack.container("gateway")]
    answer = httpx.get(f"{stack.url}/models", headers={"Authorization": f"Bearer {stack.key}"})
    assert answer.status_code == 200


def test_a_host_that_was_wiped_is_filled_again_and_keys_stay_valid(stack: Stack) -> None:
    key = stack.key
    stack.wipe()
    stack.up()
    stack.require_converged()
    assert stack.key == key
