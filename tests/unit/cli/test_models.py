"""`trivet models`: add checks before it changes anything, list shows what the store holds, pull fills it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.bundle.stores import tree
from tests.unit.bundle.test_model_facts import folder
from tests.unit.bundle.web import Site, self_signed, serve
from tests.unit.bundle.weights import CHAT, gguf, string, u32
from tests.unit.examples import ROOT
from trivet.bundle.model_facts import describe
from trivet.cli import main
from trivet.cli.models import default_name
from trivet.spec import load_spec

WEIGHTS = gguf((*CHAT, string("general.license", "apache-2.0"), u32("general.file_type", 15)))
ONE_MODEL = """\
version: 1
name: test
residency: {regime: none}
models:
  # ours
  - name: tiny
    kind: chat
    source: models/tiny.gguf
    format: gguf
    quantisation: F32
    licence: Apache-2.0
    digest: DIGEST
    contextLength: 512
    runtime: llama
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "models").mkdir(parents=True)
    (root / "models" / "tiny.gguf").write_bytes(gguf())
    digest = f"sha256:{hashlib.sha256(gguf()).hexdigest()}"
    rest = (ROOT / "inference.yaml").read_text(encoding="utf-8")
    text = ONE_MODEL.replace("DIGEST", digest) + rest[rest.index("\nruntimes:") :]
    (root / "inference.yaml").write_text(text, encoding="utf-8")
    return root


def trivet(project: Path, *words: str) -> int:
    return main(["models", *words, "--project", str(project)])


def outside(project: Path, data: bytes, name: str = "Qwen2.5-0.5B-Instruct-Q4_K_M.gguf") -> Path:
    path = project.parent / name
    path.write_bytes(data)
    return path


def test_a_file_from_outside_is_copied_described_and_added(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = outside(project, WEIGHTS)
    assert trivet(project, "add", str(path)) == 0
    added = load_spec(project / "inference.yaml").models[-1]
    assert (added.name, added.source) == ("qwen2.5-0.5b-instruct-q4-k-m", f"models/{path.name}")
    assert (added.kind, added.quantisation, added.licence, added.context_length) == (
        "chat",
        "Q4_K_M",
        "apache-2.0",
        512,
    )
    assert added.digest == f"sha256:{hashlib.sha256(WEIGHTS).hexdigest()}"
    assert (project / added.source).read_bytes() == WEIGHTS
    assert "next: `trivet build`" in capsys.readouterr().out


def test_a_file_of_the_project_stays_where_it_is(project: Path) -> None:
    (project / "models" / "own.gguf").write_bytes(WEIGHTS)
    assert trivet(project, "add", str(project / "models" / "own.gguf"), "--name", "own") == 0
    assert load_spec(project / "inference.yaml").models[-1].source == "models/own.gguf"


def test_an_added_model_can_be_pulled_and_is_listed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trivet(project, "add", str(outside(project, WEIGHTS)), "--name", "real")
    assert trivet(project, "list") == 0
    assert capsys.readouterr().out.count("not pulled") == 2
    assert trivet(project, "pull") == 0
    assert trivet(project, "list") == 0
    table = capsys.readouterr().out
    assert "not pulled" not in table
    assert "real" in table


@pytest.mark.parametrize("data", [WEIGHTS[:-1], b"<html>", b""])
def test_a_corrupt_file_is_refused_before_anything_changes(
    project: Path, capsys: pytest.CaptureFixture[str], data: bytes
) -> None:
    before = tree(project)
    assert trivet(project, "add", str(outside(project, data))) == 2
    assert "corrupt or cut short" in capsys.readouterr().err
    assert tree(project) == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--name", "tiny"), "each model name is used once"),
        (("--licence", "x"), "licence"),
        (("--context-length", "3"), "contextLength"),
    ],
)
def test_an_entry_that_breaks_a_rule_is_refused(
    project: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str
) -> None:
    before = (project / "inference.yaml").read_bytes()
    assert trivet(project, "add", str(outside(project, WEIGHTS)), *words) == 2
    assert message in capsys.readouterr().err
    assert (project / "inference.yaml").read_bytes() == before


def test_a_file_that_names_no_licence_asks_for_one(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = outside(project, gguf())
    assert trivet(project, "add", str(path)) == 2
    assert "add --licence" in capsys.readouterr().err
    assert trivet(project, "add", str(path), "--licence", "MIT") == 0


def test_a_copy_that_is_there_already_is_used(project: Path) -> None:
    path = outside(project, WEIGHTS)
    assert trivet(project, "add", str(path), "--name", "one") == 0
    assert trivet(project, "add", str(path), "--name", "two") == 0


def test_a_folder_is_copied_with_its_files(project: Path) -> None:
    source = project.parent / "Qwen3-4B"
    source.mkdir()
    folder(source)
    text = (project / "inference.yaml").read_text()
    vllm = "  vllm: {image: vllm}\n\ngateway:"
    (project / "inference.yaml").write_text(text.replace("\ngateway:", vllm, 1))
    assert trivet(project, "add", str(source), "--licence", "Apache-2.0") == 0
    added = load_spec(project / "inference.yaml").models[-1]
    assert (added.name, added.runtime, added.source, added.gpu_memory_mib) == (
        "qwen3-4b",
        "vllm",
        "models/Qwen3-4B",
        1025,
    )
    assert sorted(each.name for each in (project / added.source).iterdir()) == sorted(
        each.name for each in source.iterdir()
    )


def test_a_copy_overwrites_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert trivet(project, "add", str(outside(project, WEIGHTS, "tiny.gguf")), "--name", "other") == 2
    assert "a copy overwrites nothing" in capsys.readouterr().err
    assert (project / "models" / "tiny.gguf").read_bytes() == gguf()


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    certificate = self_signed(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serve(Site(files={"/Qwen3-4B-Q4_K_M.gguf": WEIGHTS, "/broken.gguf": WEIGHTS[:-1]}), certificate) as site:
        yield site


def test_an_address_is_fetched_once_for_add_and_pull(project: Path, hub: Site) -> None:
    assert trivet(project, "add", f"{hub.url}/Qwen3-4B-Q4_K_M.gguf") == 0
    assert load_spec(project / "inference.yaml").models[-1].source == f"{hub.url}/Qwen3-4B-Q4_K_M.gguf"
    assert trivet(project, "pull") == 0
    assert len(hub.requests) == 1


def test_an_address_of_no_model_adds_and_keeps_nothing(
    project: Path, hub: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (project / "inference.yaml").read_bytes()
    assert trivet(project, "add", f"{hub.url}/broken.gguf") == 2
    assert "corrupt or cut short" in capsys.readouterr().err
    assert (project / "inference.yaml").read_bytes() == before
    assert not list(project.rglob("*broken*"))


def test_a_path_where_nothing_is_is_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert trivet(project, "add", "/nowhere/x.gguf") == 2
    assert "/nowhere/x.gguf" in capsys.readouterr().err


def test_a_name_is_made_of_the_file_or_of_the_hubs_repository(tmp_path: Path) -> None:
    facts = describe(folder(tmp_path))
    hub = "https://hub.example/Qwen/Qwen3-4B-Instruct-2507/resolve/0123456789abcdef/"
    assert default_name(hub, facts) == "qwen3-4b-instruct-2507"
    assert default_name("https://hub.example/x/Llama_3.2 1B.Q8_0.gguf", facts) == "llama-3.2-1b.q8-0"
    assert default_name("models/mistral/", facts) == "mistral"
    assert len(default_name("m" * 80, facts)) == 48
