"""Models reach the store whole, checked, and with equal digests for equal input; or nothing changes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.bundle.stores import tree
from tests.unit.bundle.test_model_facts import folder
from tests.unit.bundle.weights import CHAT, gguf, u32
from trivet.bundle.layout import Layout
from trivet.bundle.model_source import files_digest
from trivet.bundle.modelpack import ARTIFACT, CONFIG, FILE_PATH, WEIGHT, WEIGHT_CONFIG, param_size
from trivet.bundle.models import pull_models
from trivet.errors import IntegrityError, ModelError
from trivet.spec.model import ModelSpec

GGUF = gguf()
OTHER = gguf((*CHAT, u32("general.file_type", 7)))


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def model(**changes: Any) -> ModelSpec:
    fields = {
        "name": "tiny",
        "kind": "chat",
        "source": "models/tiny.gguf",
        "format": "gguf",
        "quantisation": "F32",
        "licence": "Apache-2.0",
        "digest": digest(GGUF),
        "context_length": 512,
        "runtime": "llama",
    }
    return ModelSpec.model_validate({**fields, **changes})


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "tiny.gguf").write_bytes(GGUF)
    (tmp_path / "models" / "other.gguf").write_bytes(OTHER)
    return tmp_path


def pull(project: Path, *models: ModelSpec, store: str = "store") -> tuple[dict[str, Any], list[str]]:
    said: list[str] = []
    locked = pull_models(models, project / store, project, said.append)
    return {name: lock.model_dump() for name, lock in locked.items()}, said


def test_a_model_is_stored_as_a_modelpack_artifact(project: Path) -> None:
    locked, _ = pull(project, model())
    layout = Layout(project / "store")
    entry = layout.find("model/tiny")
    assert entry is not None
    assert (entry.digest, entry.artifact_type) == (locked["tiny"]["manifest"], ARTIFACT)
    manifest = layout.manifest(entry)
    assert (manifest.artifact_type, manifest.config.media_type) == (ARTIFACT, CONFIG)
    (layer,) = manifest.layers
    assert (layer.media_type, layer.annotations, layer.digest) == (WEIGHT, {FILE_PATH: "tiny.gguf"}, digest(GGUF))
    assert layout.path(layer).read_bytes() == GGUF
    config = json.loads(layout.read(manifest.config))
    assert config["descriptor"] == {"name": "tiny", "family": "llama", "licenses": ["Apache-2.0"]}
    assert config["modelfs"] == {"type": "layers", "diffIds": [digest(GGUF)]}
    layout.verify()


def test_equal_input_gives_equal_stores(project: Path) -> None:
    assert pull(project, model()) == pull(project, model(), store="again")
    assert tree(project / "store") == tree(project / "again")


def test_a_stored_model_is_not_fetched_again(project: Path) -> None:
    first, said = pull(project, model())
    assert said == ["storing model tiny"]
    (project / "models" / "tiny.gguf").unlink()
    assert pull(project, model()) == (first, [])


def test_a_damaged_store_is_filled_again(project: Path) -> None:
    locked, _ = pull(project, model())
    (project / "store" / "blobs" / "sha256" / digest(GGUF).removeprefix("sha256:")).unlink()
    assert pull(project, model())[0] == locked
    Layout(project / "store").verify()


def test_new_weights_under_an_old_name_replace_the_entry(project: Path) -> None:
    old, _ = pull(project, model())
    new, _ = pull(project, model(source="models/other.gguf", digest=digest(OTHER)))
    assert new["tiny"]["manifest"] != old["tiny"]["manifest"]
    assert [entry.ref for entry in Layout(project / "store").index().manifests] == ["model/tiny"]


def test_another_licence_changes_the_manifest_and_not_the_weights(project: Path) -> None:
    old, _ = pull(project, model())
    new, said = pull(project, model(licence="MIT"))
    assert (new["tiny"]["files"], said) == (old["tiny"]["files"], [])
    assert new["tiny"]["manifest"] != old["tiny"]["manifest"]


def test_a_folder_keeps_its_file_names_and_tells_weights_from_configuration(project: Path) -> None:
    folder(project / "models")
    for path in (project / "models").glob("*.gguf"):
        path.unlink()
    pinned = files_digest({path.name: digest(path.read_bytes()) for path in (project / "models").iterdir()})
    spec = model(
        source="models", digest=pinned, format="safetensors", runtime="vllm", gpu_memory_mib=2000, context_length=4096
    )
    locked, _ = pull(project, spec)
    assert [file["path"] for file in locked["tiny"]["files"]] == ["config.json", "model.safetensors", "tokenizer.json"]
    layout = Layout(project / "store")
    entry = layout.find("model/tiny")
    assert entry is not None
    types = {layer.annotations[FILE_PATH]: layer.media_type for layer in layout.manifest(entry).layers}
    assert types == {"config.json": WEIGHT_CONFIG, "model.safetensors": WEIGHT, "tokenizer.json": WEIGHT_CONFIG}


@pytest.mark.parametrize("broken", [GGUF[:-1], b"<html>", GGUF[:40]])
def test_a_corrupt_model_changes_nothing_even_for_the_others(project: Path, broken: bytes) -> None:
    (project / "models" / "broken.gguf").write_bytes(broken)
    pull(project, model())
    before = tree(project / "store")
    wrong = model(name="broken", source="models/broken.gguf", digest=digest(broken))
    with pytest.raises(IntegrityError, match="corrupt or cut short"):
        pull(project, model(name="other", source="models/other.gguf", digest=digest(OTHER)), wrong)
    assert tree(project / "store") == before


@pytest.mark.parametrize(
    ("changes", "remedy"),
    [
        ({"context_length": 513}, "set less"),
        ({"kind": "embedding", "dimensions": 9}, "set dimensions: 8"),
        ({"format": "safetensors", "runtime": "vllm", "gpu_memory_mib": 1}, "set format: gguf"),
    ],
)
def test_a_spec_that_contradicts_the_file_is_refused(project: Path, changes: dict[str, Any], remedy: str) -> None:
    with pytest.raises(ModelError) as caught:
        pull(project, model(**changes))
    assert remedy in caught.value.remedy
    assert tree(project / "store").keys() == {"oci-layout", "index.json"}


def test_a_context_stretched_on_purpose_passes(project: Path) -> None:
    assert pull(project, model(context_length=1024, arguments={"rope-scaling": "yarn"}))[0]


def test_an_embedding_model_with_its_dimensions_passes(project: Path) -> None:
    assert pull(project, model(kind="embedding", dimensions=8))[0]


@pytest.mark.parametrize(
    ("parameters", "text"), [(7_600_000_000, "7.6b"), (22_565_376, "22.6m"), (1_000_000, "1m"), (500, "500")]
)
def test_parameter_counts_are_written_as_modelpack_does(parameters: int, text: str) -> None:
    assert param_size(parameters) == text
