"""The identity follows the configuration file, and nothing else of it does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.gateway.harness import config
from trivet_gateway.config import GatewayConfig
from trivet_gateway.standing import Standing


@pytest.fixture
def value(tmp_path: Path) -> dict[str, Any]:
    return config("http://a", "http://b", tmp_path / "audit.sqlite")


@pytest.fixture
def source(tmp_path: Path, value: dict[str, Any]) -> Path:
    return replace(tmp_path / "gateway.json", value)


def replace(path: Path, value: dict[str, Any]) -> Path:
    """As an installer does: a new file under the old name."""
    draft = path.with_suffix(".part")
    draft.write_text(json.dumps(value))
    return draft.replace(path)


def elsewhere(value: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**value, "identity": {**value["identity"], "region": "elsewhere"}, **changes}


def test_a_new_identity_in_the_same_configuration_is_taken_over(value: dict[str, Any], source: Path) -> None:
    standing = Standing(GatewayConfig.model_validate(value), source)
    assert standing.identity().region == "za-office"
    replace(source, elsewhere(value))
    assert standing.identity().region == "elsewhere"
    replace(source, value)
    assert standing.identity().region == "za-office"


def test_an_identity_that_comes_with_other_settings_is_not(value: dict[str, Any], source: Path) -> None:
    standing = Standing(GatewayConfig.model_validate(value), source)
    replace(source, elsewhere(value, routes=["/v1/models"]))
    assert standing.identity().region == "za-office"


@pytest.mark.parametrize("text", ["", "{", "{}"])
def test_a_file_that_cannot_be_read_changes_nothing(
    value: dict[str, Any], source: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    standing = Standing(GatewayConfig.model_validate(value), source)
    source.write_text(text)
    assert standing.identity().region == "za-office"
    assert "the identity stays what it was" in caplog.text
    source.unlink()
    assert standing.identity().region == "za-office"


def test_without_a_file_the_identity_is_the_one_given(value: dict[str, Any]) -> None:
    assert Standing(GatewayConfig.model_validate(value), None).identity().region == "za-office"
