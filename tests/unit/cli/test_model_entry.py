"""A new model is written into inference.yaml without touching another line of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tests.unit.examples import ROOT
from trivet.cli.model_entry import insert_model, spec_with_model, write_spec
from trivet.errors import SpecError
from trivet.spec import load_spec

TEXT = (ROOT / "inference.yaml").read_text(encoding="utf-8")
ENTRY: dict[str, str | int] = {
    "name": "new",
    "kind": "chat",
    "source": "models/new.gguf",
    "format": "gguf",
    "quantisation": "Q4_K_M",
    "licence": "Llama 3.2 Community Licence: see the publisher",
    "digest": "sha256:" + "a" * 64,
    "contextLength": 8192,
    "runtime": "llama",
}


def test_the_entry_comes_last_and_every_other_line_stays() -> None:
    changed = insert_model(TEXT, ENTRY)
    models = YAML(typ="safe", pure=True).load(changed)["models"]
    assert models[-1] == ENTRY
    lines, before = changed.splitlines(), TEXT.splitlines()
    start = lines.index("  - name: new")
    assert lines[:start] + lines[start + len(ENTRY) :] == before


def test_the_entry_follows_an_item_that_ends_in_nested_values_and_a_comment() -> None:
    text = "models:\n- name: a\n  arguments:\n    threads: 2 # two\n\n# about runtimes\nruntimes: {}\n"
    assert insert_model(text, {"name": "b"}) == text.replace("# two\n", "# two\n- name: b\n")


def test_a_file_without_a_last_newline_gets_one() -> None:
    changed = insert_model("models:\n  - name: a", {"name": "b", "n": 1})
    assert changed == "models:\n  - name: a\n  - name: b\n    n: 1\n"


@pytest.mark.parametrize("text", ["models: []\n", "models: [{name: a}]\n", "name: x\n", "[]\n", "models: a\n"])
def test_models_that_are_no_block_list_are_refused(text: str) -> None:
    with pytest.raises(SpecError, match="models is a block list"):
        insert_model(text, ENTRY)


def test_a_valid_entry_is_written(tmp_path: Path) -> None:
    path = tmp_path / "inference.yaml"
    path.write_text(TEXT, encoding="utf-8")
    write_spec(path, spec_with_model(path, ENTRY))
    assert load_spec(path).models[-1].name == "new"
    assert [each.name for each in tmp_path.iterdir()] == ["inference.yaml"]


@pytest.mark.parametrize("wrong", [{"kind": "talk"}, {"name": "trivet-tiny"}, {"source": "/etc/passwd"}])
def test_an_entry_that_breaks_the_spec_changes_nothing(tmp_path: Path, wrong: dict[str, str]) -> None:
    path = tmp_path / "inference.yaml"
    path.write_text(TEXT, encoding="utf-8")
    with pytest.raises(SpecError):
        spec_with_model(path, {**ENTRY, **wrong})
    assert path.read_text(encoding="utf-8") == TEXT


printable = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=30)


@given(value=printable | st.integers())
def test_any_value_is_read_back_as_it_was(value: str | int) -> None:
    changed = insert_model("models:\n  - name: a\n", {"name": value})
    assert YAML(typ="safe", pure=True).load(changed)["models"][1]["name"] == value
