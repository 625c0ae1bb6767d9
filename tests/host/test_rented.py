"""A rented node end to end: a fake Lambda whose instances are machines of the lab, on which the stack really starts."""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.lambda_cloud import KEY, FakeLambda
from tests.fakes.lambda_cloud.app import BASE
from tests.fakes.lambda_cloud.lab import bridge, lab_machines
from tests.fakes.serving import serving
from tests.host.conftest import CACHE
from tests.program.stack import Stack, eventually
from trivet.drivers.clock import SystemClock

IDLE_SECONDS, POLL_SECONDS = 60, 5
LATE_SECONDS = 15  # beside two polls: the drain before the end, and a machine that has much to do


class RentedStack(Stack):
    """A project directory, and a stack on a node that is rented for it."""

    def __init__(self, project: Path, fake: FakeLambda, url: str) -> None:
        self.fake = fake
        super().__init__(project)
        self.env |= {"LAMBDA_API_KEY": KEY, "LAMBDA_CLOUD_URL": url}
        self.settings |= {"tier": "gpuaas", "target": "lambda", "region": "us-east-1", "bind": "0.0.0.0"}  # noqa: S104
        self.settings["lambda"] = {
            "instanceTypes": ["gpu_1x_a10"],
            "allowFrom": ["192.0.2.0/24"],
            "monthlyBudget": 50,
            "keyOnNode": True,
            "idleMinutes": IDLE_SECONDS // 60,
            "pollSeconds": POLL_SECONDS,
        }
        self.write()


@pytest.fixture(scope="module")
def rented(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RentedStack]:
    label = f"lab-rented-{uuid.uuid4().hex[:8]}"
    fake = FakeLambda(SystemClock())
    fake.account.end_seconds = 1
    with (
        lab_machines(fake.account, label=label, state=tmp_path_factory.mktemp("lab"), cache=CACHE) as lab,
        serving(fake.app, address=bridge()) as url,  # where the node reaches it too
    ):
        stack = RentedStack(tmp_path_factory.mktemp("rented"), fake, url + BASE)
        yield stack
        stack.destroy()
    assert lab.errors == []


def test_a_node_is_rented_conforms_ends_when_idle_and_state_and_provider_agree(rented: RentedStack) -> None:
    account = rented.fake.account
    preview = rented.pulumi("preview")
    assert "$1.29" in preview
    assert account.launches == {}

    rented.up()
    (instance,) = account.living
    outputs = rented.outputs
    assert (outputs["address"], outputs["region"]) == (instance.address, "us-east-1")
    command = [sys.executable, "-m", "trivet.cli", "verify", "--url", outputs["url"], "--key-file", outputs["keyFile"]]
    command += ["--spec", str(rented.project / "inference.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=rented.project, env=rented.env)
    assert done.returncode == 0, done.stdout + done.stderr
    quiet = time.monotonic()
    rented.pulumi("preview", "--expect-no-changes")
    eventually(lambda: instance.ended_at, seconds=IDLE_SECONDS + 2 * POLL_SECONDS + LATE_SECONDS)
    assert instance.ended_at is not None
    assert instance.ended_at - quiet >= IDLE_SECONDS - POLL_SECONDS

    rented.pulumi("refresh", "--yes", "--skip-preview")
    assert "address" not in str(rented.pulumi("stack", "export")).partition('"outputs"')[0]
    rented.destroy()
    assert (account.living, account.keys, account.rulesets) == ([], {}, {})
