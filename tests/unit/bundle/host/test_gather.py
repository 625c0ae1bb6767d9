"""What bare hosts need is gathered once, pinned, and known to be stale when the checkout moves on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.bundle.host import checkouts
from trivet.bundle.base import Mirrors
from trivet.bundle.files import TOOLS
from trivet.bundle.host import Workshop, gather_host, outdated
from trivet.bundle.layout import Layout
from trivet.bundle.trust import TITLE
from trivet.errors import BuildError
from trivet.spec import Lock, LockedArtifact
from trivet.spec.digest import json_digest

EPOCH = 1735689600


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    root = checkouts.checkout(tmp_path / "checkout")
    return Workshop(root=root, cache=root / ".trivet" / "cache" / "host", mirrors=Mirrors(), epoch=EPOCH)


def gather(workshop: Workshop, said: list[str] | None = None) -> dict[str, LockedArtifact]:
    store = Layout.create(workshop.root / ".trivet" / "store")
    return gather_host(workshop, (), store, (said if said is not None else []).append)


def lock(artifacts: dict[str, LockedArtifact]) -> Lock:
    return Lock(inputs=json_digest([]), images={}, models={}, artifacts=artifacts)


def tools(artifacts: dict[str, LockedArtifact]) -> str:
    (name,) = (name for name in artifacts if name.startswith("tools/linux-"))
    return name


def test_tools_and_the_wheel_are_in_the_store_as_the_lock_says(workshop: Workshop) -> None:
    artifacts = gather(workshop)
    store = Layout(workshop.root / ".trivet" / "store")
    assert {name.partition("/")[0] for name in artifacts} == {"wheels", "tools"}
    for name, artifact in artifacts.items():
        entry = store.find(name)
        assert entry
        assert entry.digest == artifact.manifest
        assert artifact.size == entry.size + sum(blob.size for blob in store.manifest(entry).blobs)
    store.verify(*artifacts)
    entry = store.find(tools(artifacts))
    assert entry
    assert entry.artifact_type == TOOLS.artifact_type
    names = [layer.annotations[TITLE] for layer in store.manifest(entry).layers]
    assert names == ["docker-compose", "pulumi", "pulumi-language-python"]


def test_what_is_there_is_left_alone(workshop: Workshop) -> None:
    first = gather(workshop)
    said: list[str] = []
    assert gather(workshop, said) == first
    assert said == []


def test_what_is_damaged_is_gathered_again(workshop: Workshop) -> None:
    first = gather(workshop)
    store = Layout(workshop.root / ".trivet" / "store")
    entry = store.find(tools(first))
    assert entry
    store.path(store.manifest(entry).layers[0]).unlink()
    assert gather(workshop) == first
    store.verify(*first)


def test_another_checkout_gives_the_same_artifacts(workshop: Workshop, tmp_path: Path) -> None:
    other = checkouts.checkout(tmp_path / "other")
    again = Workshop(root=other, cache=other / "cache", mirrors=Mirrors(), epoch=EPOCH)
    assert gather(again) == gather(workshop)


def test_a_lock_is_outdated_by_name_when_the_checkout_moves_on(workshop: Workshop) -> None:
    artifacts = gather(workshop)
    assert outdated(workshop, lock(artifacts)) == []
    (workshop.root / ".trivet" / "bin" / "pulumi").write_text("#!/bin/sh\n")
    assert outdated(workshop, lock(artifacts)) == [tools(artifacts)]
    (workshop.root / "trivet" / "new.py").write_text("")
    assert outdated(workshop, lock(artifacts)) == ["wheels/trivet", tools(artifacts)]


def test_a_lock_without_artifacts_is_never_outdated(workshop: Workshop) -> None:
    assert outdated(workshop, lock({})) == []


def test_without_its_tools_a_machine_cannot_make_bundles_for_bare_hosts(workshop: Workshop) -> None:
    (workshop.root / ".trivet" / "bin" / "pulumi").unlink()
    with pytest.raises(BuildError, match="not there: pulumi\n"):
        gather(workshop)


def test_a_suite_that_nobody_described_is_refused_before_anything_is_gathered(workshop: Workshop) -> None:
    store = Layout.create(workshop.root / ".trivet" / "store")
    with pytest.raises(BuildError, match="sid"):
        gather_host(workshop, ("sid",), store, print)
    assert store.index().manifests == ()
