"""A stack whose settings name a signed bundle is installed from that, or not at all."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.fakes.engine_host import EngineHost
from tests.unit.bundle.bundles import pinned, signer
from tests.unit.drivers.installations import lock_for, site
from tests.unit.drivers.test_preflight import assert_refused
from tests.unit.examples import spec_with
from trivet.bundle.create import Contents, create_bundle
from trivet.bundle.layout import Layout
from trivet.bundle.refusals import DigestError, DocumentError, UnsignedError
from trivet.drivers.bundle import Site
from trivet.drivers.bundle.preflight import preflight
from trivet.errors import SpecError
from trivet.spec import parse_settings
from trivet.spec.bundle import SignedBundle


def signed_site(root: Path, *, by: str = "officer", without: str = "") -> Site:
    """An installation with an empty store, and a bundle that `by` has signed; it may lack a model."""
    where = site(root, EngineHost())
    store = Layout(Path(where.installation.store))
    lock = lock_for(spec_with({}), store)
    lock = lock.model_copy(update={"models": {name: each for name, each in lock.models.items() if name != without}})
    create_bundle(store, Contents("unit", lock, {"inference.lock": b"{}"}), root / "bundle", [signer(by)])
    shutil.rmtree(store.root)
    (root / "trust.json").write_bytes(pinned().dump())
    bundle = SignedBundle(path=str(root / "bundle"), trust=str(root / "trust.json"))
    return Site(installation=where.installation.model_copy(update={"bundle": bundle}), host=where.host, report=print)


def test_the_store_is_filled_from_the_bundle_and_the_evidence_lies_there(tmp_path: Path) -> None:
    where = signed_site(tmp_path)
    ready = preflight(where)
    assert set(ready.images) == {"gateway", "llama"}
    ready.store.verify()
    assert len(list((tmp_path / "store" / "installed" / "evidence").iterdir())) == 1


def test_a_bundle_that_is_installed_already_is_not_read_again(tmp_path: Path) -> None:
    where = signed_site(tmp_path)
    preflight(where)
    preflight(where)
    assert len(list((tmp_path / "store" / "installed" / "evidence").iterdir())) == 1


def test_a_bundle_that_nobody_pinned_has_signed_is_refused(tmp_path: Path) -> None:
    assert_refused(signed_site(tmp_path, by="stranger"), UnsignedError, "a pinned key has signed")


def test_a_damaged_blob_is_found_before_anything_is_written(tmp_path: Path) -> None:
    where = signed_site(tmp_path)
    path = max((tmp_path / "bundle" / "blobs" / "sha256").iterdir(), key=lambda each: each.stat().st_size)
    path.write_bytes(bytes(path.stat().st_size))
    assert_refused(where, DigestError, path.name)


def test_a_bundle_of_another_lock_is_refused(tmp_path: Path) -> None:
    assert_refused(signed_site(tmp_path, without="trivet-tiny"), DocumentError, "model/trivet-tiny is not there")


def test_settings_name_the_bundle_and_the_keys() -> None:
    given = {"region": "r", "bundle": '{"path": "/media/stack-1", "trust": "/etc/trivet/trust.json"}'}
    assert parse_settings("onprem", given).bundle == SignedBundle(path="/media/stack-1", trust="/etc/trivet/trust.json")


@pytest.mark.parametrize(
    ("bundle", "message"),
    [
        ('{"path": "/media/stack-1"}', "trust"),
        ('{"path": "/media/stack-1", "trust": "/media/stack-1/trust.json"}', "do not come from the bundle"),
        ('{"path": "", "trust": "/etc/trivet/trust.json"}', "path"),
    ],
)
def test_keys_are_pinned_and_come_by_another_way(bundle: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        parse_settings("onprem", {"region": "r", "bundle": bundle})
