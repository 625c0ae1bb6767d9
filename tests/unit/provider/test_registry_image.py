"""Checking and comparing an Image, which asks nothing of the registry; pushing it is tests/program's."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi.provider.experimental import provider as rpc
from pulumi.provider.experimental.property_value import Computed, PropertyValue

from trivet.provider.log import EngineLog
from trivet.provider.registry_image import Image
from trivet.provider.values import plain_map, wrap_map

URN = "urn:pulumi:unit::inference::trivet:registry:Image::stack"
DIGEST = "sha256:" + "1" * 64
GIVEN = {"repository": "1.dkr.ecr.af-south-1.amazonaws.com/trivet-clinic", "manifest": DIGEST, "store": ".trivet/store"}


@pytest.fixture
def resource() -> Image:
    return Image(EngineLog("127.0.0.1:1"))


def failures(resource: Image, inputs: dict[str, Any]) -> dict[str, str]:
    response = resource.check(rpc.CheckRequest(URN, {}, wrap_map(inputs), b""))
    return {failure.property: failure.reason for failure in response.failures or ()}


def diff(resource: Image, **changes: str) -> rpc.DiffResponse:
    return resource.diff(rpc.DiffRequest(URN, "x", wrap_map(GIVEN), wrap_map({**GIVEN, **changes}), []))


def test_an_image_by_its_digest_is_taken(resource: Image) -> None:
    assert failures(resource, GIVEN) == {}


@pytest.mark.parametrize(
    ("change", "property_"),
    [
        ({"manifest": "latest"}, "manifest"),
        ({"repository": "https://registry.example.com/x"}, "repository"),
        ({"repository": "registry.example.com"}, "repository"),
        ({"store": ""}, "store"),
        ({"tag": "latest"}, "tag"),
    ],
)
def test_anything_else_is_refused_by_name(resource: Image, change: dict[str, str], property_: str) -> None:
    assert list(failures(resource, {**GIVEN, **change})) == [property_]


def test_a_missing_property_is_refused(resource: Image) -> None:
    assert list(failures(resource, {key: each for key, each in GIVEN.items() if key != "manifest"})) == ["manifest"]


def test_another_digest_is_an_update_and_another_repository_another_image(resource: Image) -> None:
    assert diff(resource).changes is False
    assert diff(resource, store="/elsewhere").changes is False
    assert diff(resource, manifest="sha256:" + "2" * 64).replaces == []
    assert diff(resource, manifest="sha256:" + "2" * 64).changes is True
    assert diff(resource, repository="registry.example.com/x").replaces == ["repository"]


def test_a_preview_knows_the_reference_when_the_repository_is_known(resource: Image) -> None:
    known = resource.create(rpc.CreateRequest(URN, wrap_map(GIVEN), 0, preview=True))
    assert plain_map(known.properties or {})["reference"] == f"{GIVEN['repository']}@{DIGEST}"
    later = {**wrap_map(GIVEN), "repository": PropertyValue(Computed())}
    assert failures(resource, {}) != {}
    unknown = resource.create(rpc.CreateRequest(URN, later, 0, preview=True))
    assert "reference" not in (unknown.properties or {})
