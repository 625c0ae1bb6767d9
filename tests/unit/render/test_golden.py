"""What is rendered, held against files that a person has read. `TRIVET_UPDATE_GOLDEN=1 pytest` writes them anew."""

from __future__ import annotations

import os
from pathlib import PurePosixPath

import pytest

from tests.unit.render.cases import Case, cases, key_hash, pretty
from trivet.drivers.bundle.observation import config_text
from trivet.render.compose import compose_file
from trivet.render.supervision import supervision
from trivet.render.yaml_text import yaml_text
from trivet_gateway.config import GatewayConfig

CASES = cases()
UPDATE = os.environ.get("TRIVET_UPDATE_GOLDEN") == "1"


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


def test_the_compose_file_is_the_golden_one(case: Case) -> None:
    each = case.installation
    hold(case, "compose.yaml", compose_file(each.project, each.services, each.networks, each.volumes))


def test_the_gateway_configuration_is_the_golden_one(case: Case) -> None:
    hold(case, "gateway.json", pretty(case.installation.gateway))


def test_the_gateway_takes_its_configuration(case: Case) -> None:
    gateway = case.installation
    config = config_text(gateway.gateway, {name: given or key_hash(name) for name, given in gateway.keys.items()})
    read = GatewayConfig.model_validate_json(config)
    assert [model.name for model in read.models] == list(gateway.models)


def test_the_modal_app_is_the_golden_one(case: Case) -> None:
    app = case.modal.model_dump(mode="json", by_alias=True, exclude={"gateway", "models"})
    hold(case, "modal.json", pretty(app))


def test_the_values_of_the_chart_are_the_golden_ones(case: Case) -> None:
    hold(case, "values.yaml", yaml_text(case.cluster))


def test_what_supervises_it_is_the_golden_one(case: Case) -> None:
    rendered = supervision(case.installation, "/srv/trivet/golden")
    files = {**rendered.units, **{PurePosixPath(path).name: text for path, text in rendered.files.items()}}
    for name, text in files.items():
        hold(case, f"supervision/{name}", text)


def test_the_same_inputs_give_the_same_bytes(case: Case) -> None:
    first, second = case.installation, case.installation
    assert first.model_dump_json() == second.model_dump_json()


def test_there_are_cases() -> None:
    assert len(CASES) >= 4


def hold(case: Case, name: str, text: str) -> None:
    path = case.path / name
    if UPDATE:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert path.read_text() == text
