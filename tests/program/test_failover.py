"""Two providers in order: a fake Lambda that has nothing to give, and a Modal on the wire that takes the stack."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.fakes.lambda_cloud import KEY, FakeLambda, Fault, Faults
from tests.fakes.lambda_cloud.app import BASE, LAUNCH
from tests.fakes.modal.server import FakeModal
from tests.fakes.serving import serving
from tests.program.test_modal import ModalStack, fake, headers, registry, silent
from trivet.drivers.clock import SystemClock

__all__ = ["fake", "registry"]
LAMBDA = {"instanceTypes": ["gpu_1x_a10"], "allowFrom": ["192.0.2.0/24"], "monthlyBudget": 50}


class Ordered(ModalStack):
    """A stack that would rather be at Lambda."""

    def __init__(self, project: Path, fake: FakeModal, registry: str, rented: FakeLambda, url: str) -> None:
        super().__init__(project, fake, registry)
        self.rented = rented
        self.env |= {"LAMBDA_API_KEY": KEY, "LAMBDA_CLOUD_URL": url}
        self.key_directory = self.key_directory.with_name(f"{self.name}@modal")
        del self.settings["target"]
        self.settings |= {"order": ["lambda", "modal"], "region": "us-east-1", "lambda": LAMBDA}
        self.settings["modal"]["region"] = "eu-west"
        self.write()


@pytest.fixture(scope="module")
def stack(fake: FakeModal, registry: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ordered]:
    rented = FakeLambda(SystemClock())
    with serving(rented.app) as url:
        made = Ordered(tmp_path_factory.mktemp("stack"), fake, registry, rented, url + BASE)
        yield made
        made.destroy()
    assert not fake.account.volumes
    assert not list((made.project / ".trivet" / "keys").iterdir())


def test_a_regime_that_forbids_both_is_kept_before_either_is_asked(stack: Ordered, fake: FakeModal) -> None:
    before, stack.spec["residency"] = stack.spec["residency"], {"regime": "za-strict"}
    stack.write()
    with silent(fake):
        assert "za-strict" in stack.up(fails=True)
    assert stack.rented.requests == []
    stack.spec["residency"] = before
    stack.write()


def test_when_the_first_is_sold_out_between_preview_and_launch_the_next_has_the_stack_and_the_first_nothing(
    stack: Ordered,
) -> None:
    account = stack.rented.account
    shown = stack.pulumi("preview")
    assert "$1.29" in shown
    assert "trivet:modal:App" not in shown
    stack.rented.faults = Faults([Fault.SOLD_OUT], path=LAUNCH)
    assert "passed over: instance-operations/launch/insufficient-capacity" in stack.up()
    assert (account.launches, account.keys, account.rulesets) == ({}, {}, {})
    outputs = stack.outputs
    assert (outputs["target"], outputs["region"], outputs["tier"]) == ("modal", "eu-west", "gpuaas")
    assert outputs["keyFile"] == str(stack.key_file)
    answer = httpx.get(f"{outputs['url']}/models", headers=headers(stack), timeout=60)
    assert answer.status_code == 200


def test_it_stays_there_and_the_first_is_asked_nothing(stack: Ordered) -> None:
    asked = len(stack.rented.requests)
    stack.pulumi("preview", "--expect-no-changes")
    assert len(stack.rented.requests) == asked


def test_what_a_preview_finds_sold_out_it_shows_at_the_next(stack: Ordered) -> None:
    stack.rented.account.capacity = dict.fromkeys(stack.rented.account.capacity, 0)
    stack.settings["lambda"] = {**LAMBDA, "monthlyBudget": 60}
    stack.write()
    shown = stack.pulumi("preview")
    assert "passed over: gpu_1x_a10 in us-east-1: none to be had now" in shown
    assert "+-1 to replace" in shown
    assert "2 unchanged" in shown, "the stack, and its app on Modal"
