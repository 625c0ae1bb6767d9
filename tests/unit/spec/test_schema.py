"""What editors and readers are told is what the code accepts."""

from __future__ import annotations

import json

from tests.unit.examples import ROOT
from trivet.cli.schema import schema_text
from trivet.spec import Settings

REFERENCE = (ROOT / "docs/reference/inference.md").read_text()


def keys(schema: dict[str, object]) -> set[str]:
    found: set[str] = set()
    for part in (schema, *schema.get("$defs", {}).values()):  # type: ignore[attr-defined]
        found |= set(part.get("properties", {}))
    return found


def test_the_committed_schema_is_the_one_the_code_accepts() -> None:
    assert (ROOT / "docs/reference/inference.schema.json").read_text() == schema_text()


def test_the_reference_explains_every_key_of_the_spec() -> None:
    assert {key for key in keys(json.loads(schema_text())) if key not in REFERENCE} == set()


def test_the_reference_explains_every_setting() -> None:
    assert {
        key for key in Settings.model_json_schema(by_alias=True)["properties"] if f"`{key}`" not in REFERENCE
    } == set()
