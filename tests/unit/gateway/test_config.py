"""gateway.json: what it may say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.unit.gateway.harness import config
from trivet_gateway.__main__ import main
from trivet_gateway.config import GatewayConfig, load_config


def good() -> dict[str, Any]:
    return config("http://small:8080", "http://vectors:8080", Path("/var/lib/trivet/audit.sqlite"))


def read(value: dict[str, Any]) -> GatewayConfig:
    return GatewayConfig.model_validate_json(json.dumps(value))


def test_what_is_left_out_has_a_default() -> None:
    value = read(good())
    assert value.limits.body_bytes == 4 << 20
    assert value.frontier is None
    assert not value.audit.prompts
    assert [model.can("chat") for model in value.models] == [True, False]


def change(value: Any, path: str, new: Any) -> Any:
    *parents, name = path.split(".")
    for parent in parents:
        value = value[int(parent) if parent.isdigit() else parent]
    value[name] = new
    return value


@pytest.mark.parametrize(
    ("path", "new", "words"),
    [
        ("model", [], "Extra inputs are not permitted"),
        ("models", [], "at least 1 item"),
        ("models.0.kind", "image", "'chat' or 'embedding'"),
        ("models.0.url", "ftp://x", "should match pattern"),
        ("models.0.name", "vectors", "each model stands once; twice here: vectors"),
        ("models.0.capabilities", ["embeddings"], "a model of kind chat has no capability embeddings"),
        ("models.1.dimensions", None, "an embedding model needs `dimensions`"),
        ("routes", ["/v1/images"], "'/v1/chat/completions'"),
        ("defaultDataClass", "secret", "defaultDataClass names a data class that the configuration does not list"),
        ("teams.0.name", "blue", "each team stands once"),
        ("teams.0.models", ["huge"], "team red names a model that the configuration does not list: huge"),
        ("teams.0.dataClasses", ["secret"], "team red names a data class that the configuration does not list"),
        ("teams.0.keys", [{"name": "k", "sha256": "tvt_plain"}], "should match pattern"),
        ("teams.0.quota", {"requestsPerMinute": 0, "tokensPerMinute": 1, "concurrency": 1}, "greater than or equal"),
        ("identity.specDigest", "sha256:12", "should match pattern"),
        ("limits.totalSeconds", 0, "greater than 0"),
        (
            "frontier",
            {"url": "https://x/v1", "model": "m", "apiKeyFile": "k", "dataClasses": ["secret"]},
            "frontier names",
        ),
        ("frontier", {"url": "https://x", "model": "m", "apiKeyFile": "k", "dataClasses": [], "share": 0.06}, "0.05"),
    ],
)
def test_what_breaks_a_rule_is_refused(path: str, new: Any, words: str) -> None:
    value = good()
    change(value, path, new)
    with pytest.raises(ValidationError) as refusal:
        read(value)
    assert words in str(refusal.value)


def test_a_key_belongs_to_one_team() -> None:
    value = good()
    value["teams"][1]["keys"] = value["teams"][0]["keys"]
    with pytest.raises(ValidationError, match="each key hash stands once"):
        read(value)


def test_it_is_read_from_a_file_and_cannot_be_changed(tmp_path: Path) -> None:
    path = tmp_path / "gateway.json"
    path.write_text(json.dumps(good()))
    value = load_config(path)
    with pytest.raises(ValidationError, match="frozen"):
        value.default_data_class = "public"  # type: ignore[misc]


def test_a_configuration_that_cannot_be_used_ends_the_program(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "gateway.json"
    assert main([str(path)]) == 2
    path.write_text(json.dumps({**good(), "models": []}))
    assert main([str(path)]) == 2
    assert "models" in capsys.readouterr().err
