"""Charts and GitOps trees as artifacts: in the form that Helm, Flux and Argo CD pull."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from tests.unit.bundle.bundles import FILES, NOW, pinned, seed, signer
from tests.unit.examples import ROOT
from trivet.bundle.compare import inspect_bundle, read_sbom
from trivet.bundle.create import create_bundle
from trivet.bundle.install import Target, install_bundle
from trivet.bundle.packed import CHART_FILES, Packed, pack_chart, pack_tree
from trivet.bundle.program import program_files
from trivet.bundle.verify import verify_bundle
from trivet.errors import LockError

CHART = {
    f"{CHART_FILES}Chart.yaml": b"apiVersion: v2\nname: trivet\nversion: 1.2.3+4\n",
    f"{CHART_FILES}templates/a.yaml": b"kind: A\n",
    "inference.yaml": b"no part of it",
}


def chart() -> Packed:
    packed = pack_chart(CHART)
    assert packed
    return packed


def unpacked(packed: Packed) -> dict[str, bytes]:
    (layer,) = packed.manifest.layers
    with tarfile.open(fileobj=io.BytesIO(packed.blobs[layer.digest]), mode="r:gz") as archive:
        return {each.name: archive.extractfile(each).read() for each in archive}  # type: ignore[union-attr]


def test_a_chart_is_what_helm_pulls() -> None:
    manifest = json.loads(chart().manifest.dump())
    assert "artifactType" not in manifest
    assert manifest["config"]["mediaType"] == "application/vnd.cncf.helm.config.v1+json"
    assert [layer["mediaType"] for layer in manifest["layers"]] == [
        "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
    ]
    config = json.loads(chart().blobs[manifest["config"]["digest"]])
    assert config == {"apiVersion": "v2", "name": "trivet", "version": "1.2.3+4"}
    assert unpacked(chart()) == {
        "trivet/Chart.yaml": CHART[f"{CHART_FILES}Chart.yaml"],
        "trivet/templates/a.yaml": b"kind: A\n",
    }
    assert (chart().name, chart().version) == ("chart/trivet", "1.2.3+4")


def test_our_own_chart_is_packed_whole() -> None:
    packed = pack_chart(program_files(ROOT))
    assert packed
    here = {path.relative_to(ROOT / "helm").as_posix() for path in (ROOT / "helm" / "trivet").rglob("[!.]*")}
    assert unpacked(packed).keys() == {path for path in here if (ROOT / "helm" / path).is_file()}


def test_a_project_without_a_chart_has_none() -> None:
    assert pack_chart({"inference.yaml": b""}) is None


@pytest.mark.parametrize("text", [b"", b"name: trivet\n", b"name: trivet\nversion: 1.0\n"])
def test_a_chart_without_a_name_or_a_version_is_refused(text: bytes) -> None:
    with pytest.raises(LockError, match=r"Chart\.yaml"):
        pack_chart({f"{CHART_FILES}Chart.yaml": text})


def test_a_tree_is_one_layer_that_flux_and_argo_unpack() -> None:
    packed = pack_tree("gitops/cluster", {"flux/a.yaml": b"a", "argocd/b.yaml": b"b"})
    (layer,) = packed.manifest.layers
    assert layer.media_type == "application/vnd.oci.image.layer.v1.tar+gzip"
    assert unpacked(packed) == {"flux/a.yaml": b"a", "argocd/b.yaml": b"b"}


def test_a_bundle_carries_them_with_their_bills_and_an_installation_brings_the_chart(tmp_path: Path) -> None:
    origin = seed(tmp_path / "store")
    packed = (chart(), pack_tree("gitops/cluster", {"flux/a.yaml": b"a"}))
    contents = origin.contents.__class__(**{**vars(origin.contents), "packed": packed})
    create_bundle(origin.store, contents, tmp_path / "b", [signer("officer")])
    assert verify_bundle(tmp_path / "b", pinned(), now=NOW).trusted.complete
    names = {entry.name: entry.media_type for entry in inspect_bundle(tmp_path / "b").entries}
    assert names["chart/trivet"] == "application/vnd.cncf.helm.config.v1+json"
    assert names["gitops/cluster"] == "application/vnd.trivet.gitops.v1+json"
    for name, file in (("chart/trivet", "trivet/templates/a.yaml"), ("gitops/cluster", "flux/a.yaml")):
        bill = json.loads(read_sbom(tmp_path / "b", name))
        assert file in {component["name"] for component in bill["components"]}
    target = Target(tmp_path / "host" / ".trivet" / "store", project=tmp_path / "host")
    done = install_bundle(tmp_path / "b", target, pinned(), now=NOW)
    assert set(done.files) == {*FILES, ".trivet/charts/trivet-1.2.3+4.tgz"}
