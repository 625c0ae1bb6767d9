"""YAML for readers of every version."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from trivet.render.yaml_text import yaml_text

SCALARS = st.text(max_size=9) | st.booleans() | st.integers(-9, 9)
DOCUMENTS = st.dictionaries(st.from_regex(r"[a-zA-Z][a-zA-Z0-9./_-]{0,9}", fullmatch=True), SCALARS, max_size=5)


@given(DOCUMENTS)
@example({"on": ["a"], "No": 1, "y": True, "text": "off"})
@example({"text": "0777", "other": "1e3", "none": "~"})
def test_readers_of_yaml_1_1_and_of_1_2_read_the_same(document: dict[str, Any]) -> None:
    text = yaml_text(document)
    for version in ((1, 1), (1, 2)):
        reader = YAML(typ="safe", pure=True)
        reader.version = version  # type: ignore[assignment]
        assert reader.load(text) == document
