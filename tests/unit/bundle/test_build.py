"""What `trivet build` decides before a tool runs."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.unit.bundle.stores import put_image, tree
from trivet.bundle.build import EPOCH, build_images
from trivet.bundle.context import context_digest
from trivet.bundle.images import CONTEXT, image_ref
from trivet.bundle.layout import Layout
from trivet.errors import BuildError

BASE = 'suite = "trixie"\npackages = ["base-files"]\nprograms = []\n'


@pytest.fixture
def services(tmp_path: Path) -> Path:
    root = tmp_path / "services"
    for name in ("base", "llama", "vllm"):
        (root / name).mkdir(parents=True)
        (root / name / "Containerfile").write_text("ARG BASE\nFROM ${BASE}\n")
        (root / name / "base.toml").write_text(BASE)
    return root


@pytest.fixture
def no_tools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))


def built(store: Path, services: Path, name: str) -> str:
    """Put an image into the store as if it had just been built; returns its manifest's digest."""
    layout = Layout.create(store)
    entry = put_image(layout, "x", (name.encode(),))
    layout.forget("x")
    layout.name(image_ref(name), entry, {CONTEXT: context_digest(services, name, EPOCH)})
    return entry.digest


@pytest.mark.usefixtures("no_tools")
def test_an_image_of_the_same_context_is_left_alone_without_any_tool(tmp_path: Path, services: Path) -> None:
    manifest = built(tmp_path / "store", services, "llama")
    before, said = tree(tmp_path), list[str]()
    started = time.monotonic()
    images = build_images(["llama", "llama"], tmp_path / "store", services, said.append)
    assert time.monotonic() - started < 0.5
    assert {name: image.manifest for name, image in images.items()} == {"llama": manifest}
    assert said == ["images are up to date: llama"]
    assert tree(tmp_path) == before


@pytest.mark.usefixtures("no_tools")
def test_a_changed_context_is_built_again_and_needs_the_tools(tmp_path: Path, services: Path) -> None:
    built(tmp_path / "store", services, "llama")
    (services / "llama" / "Containerfile").write_text("FROM scratch\n")
    before = tree(tmp_path / "store")
    with pytest.raises(BuildError, match="apt-get install buildah mmdebstrap"):
        build_images(["llama"], tmp_path / "store", services, print)
    assert tree(tmp_path / "store") == before


@pytest.mark.usefixtures("no_tools")
@pytest.mark.parametrize("change", ["refresh", "damage", "date"])
def test_an_image_is_built_again_for_other_reasons_too(
    tmp_path: Path, services: Path, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    built(tmp_path / "store", services, "llama")
    if change == "damage":
        layout = Layout(tmp_path / "store")
        entry = layout.find("image/llama")
        assert entry is not None
        layout.path(layout.manifest(entry).layers[0]).unlink()
    if change == "date":
        monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    with pytest.raises(BuildError, match="not installed"):
        build_images(["llama"], tmp_path / "store", services, print, refresh=change == "refresh")


@pytest.mark.usefixtures("no_tools")
def test_a_gpu_image_is_built_on_demand_alone(tmp_path: Path, services: Path) -> None:
    with pytest.raises(BuildError, match="trivet build --gpu"):
        build_images(["vllm"], tmp_path / "store", services, print)
    with pytest.raises(BuildError, match="not installed"):
        build_images(["vllm"], tmp_path / "store", services, print, gpu=True)


@pytest.mark.usefixtures("no_tools")
def test_a_gpu_image_that_was_built_needs_no_demand(tmp_path: Path, services: Path) -> None:
    manifest = built(tmp_path / "store", services, "vllm")
    assert build_images(["vllm"], tmp_path / "store", services, print)["vllm"].manifest == manifest


def test_a_disk_that_is_too_small_is_refused_before_anything_is_fetched(tmp_path: Path, services: Path) -> None:
    (services / "llama" / "base.toml").write_text("freeGib = 1000000\n" + BASE)
    with pytest.raises(BuildError, match="building needs 1000000 GiB"):
        build_images(["llama"], tmp_path / "store", services, print)


def test_an_image_without_a_folder_is_refused(tmp_path: Path, services: Path) -> None:
    with pytest.raises(BuildError, match="each image has a folder of its name"):
        build_images(["absent"], tmp_path / "store", services, print)
