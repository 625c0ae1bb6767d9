"""Images in the store are named, counted and taken over only whole and uncompressed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.bundle.stores import put_image, store, tree
from trivet.bundle.images import CONTEXT, image_ref, keep_image, locked_image
from trivet.bundle.layout import Layout
from trivet.errors import IntegrityError
from trivet.spec.digest import sha256_digest

CONTEXT_DIGEST = sha256_digest(b"context")


def test_a_kept_image_is_what_the_lock_says(tmp_path: Path) -> None:
    built, layout = Layout.create(tmp_path / "built"), Layout.create(tmp_path / "store")
    entry = put_image(built, "latest", (b"base", b"top!"))
    config = built.manifest(entry).config
    kept = keep_image(layout, "llama", built, CONTEXT_DIGEST)
    layout.verify("image/llama")
    assert kept == locked_image(layout, "llama")
    assert (kept.manifest, kept.config, kept.context) == (entry.digest, config.digest, CONTEXT_DIGEST)
    assert kept.size == entry.size + config.size + 8


def test_a_layer_that_stands_twice_is_kept_and_counted_once(tmp_path: Path) -> None:
    built, layout = Layout.create(tmp_path / "built"), Layout.create(tmp_path / "store")
    entry = put_image(built, "latest", (b"same", b"same"))
    config = built.manifest(entry).config
    kept = keep_image(layout, "llama", built, CONTEXT_DIGEST)
    layout.verify("image/llama")
    assert kept.size == entry.size + config.size + 4


def test_an_absent_image_is_none(tmp_path: Path) -> None:
    assert locked_image(store(tmp_path), "gateway") is None


def test_an_image_that_we_did_not_build_is_none(tmp_path: Path) -> None:
    assert locked_image(store(tmp_path), "llama") is None


def test_an_image_with_a_missing_layer_is_refused(tmp_path: Path) -> None:
    layout = Layout.create(tmp_path)
    entry = put_image(layout, "x", (b"layer",))
    layout.name(image_ref("llama"), entry, {CONTEXT: CONTEXT_DIGEST})
    assert locked_image(layout, "llama") is not None
    layout.path(layout.manifest(entry).layers[0]).unlink()
    with pytest.raises(IntegrityError, match="is missing"):
        locked_image(layout, "llama")


def test_a_compressed_layer_is_refused_and_the_store_left_as_it_was(tmp_path: Path) -> None:
    layout = store(tmp_path / "store")
    before = tree(layout.root)
    built = Layout.create(tmp_path / "built")
    put_image(built, "latest", (b"layer",), layer_type="application/vnd.oci.image.layer.v1.tar+gzip")
    with pytest.raises(IntegrityError, match="another digest"):
        keep_image(layout, "llama", built, CONTEXT_DIGEST)
    assert tree(layout.root) == before


def test_a_broken_layer_is_refused_and_not_named(tmp_path: Path) -> None:
    layout = store(tmp_path / "store")
    before = layout.index()
    built = Layout.create(tmp_path / "built")
    entry = put_image(built, "latest", (b"layer",))
    built.path(built.manifest(entry).layers[0]).write_bytes(b"LAYER")
    with pytest.raises(IntegrityError, match="has digest"):
        keep_image(layout, "llama", built, CONTEXT_DIGEST)
    assert layout.index() == before
