"""Differences are found leaf by leaf and named as Pulumi names them."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pulumi.provider.experimental.provider import PropertyDiffKind

from trivet.provider.changes import changes, path_of

TREES = st.recursive(
    st.integers(0, 3) | st.lists(st.integers(0, 2), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from(["a", "b", "c-d", "--e"]), inner, max_size=3),
    max_leaves=9,
).map(lambda value: {"root": value})


def kinds(old: dict[str, Any], new: dict[str, Any]) -> dict[str, PropertyDiffKind]:
    return {path: diff.kind for path, diff in changes(old, new).items()}


def test_each_kind_of_change_is_named_by_its_path() -> None:
    old = {"services": {"model-a": {"command": {"--threads": "1", "--old": True}}}, "same": [1]}
    new = {"services": {"model-a": {"command": {"--threads": "2", "--new": True}}}, "same": [1]}
    assert kinds(old, new) == {
        'services["model-a"].command["--threads"]': PropertyDiffKind.UPDATE,
        'services["model-a"].command["--old"]': PropertyDiffKind.DELETE,
        'services["model-a"].command["--new"]': PropertyDiffKind.ADD,
    }


def test_a_list_changes_as_a_whole() -> None:
    assert kinds({"a": [1, 2]}, {"a": [1, 3]}) == {"a": PropertyDiffKind.UPDATE}


def test_what_becomes_another_kind_of_thing_changes_as_a_whole() -> None:
    assert kinds({"a": {"b": 1}}, {"a": 1}) == {"a": PropertyDiffKind.UPDATE}


def test_a_quote_in_a_key_is_escaped() -> None:
    assert path_of(["a", 'b"c', 0]) == 'a["b\\"c"][0]'


@given(TREES)
def test_nothing_differs_from_itself(tree: dict[str, Any]) -> None:
    assert kinds(tree, tree) == {}


@given(TREES, TREES)
def test_what_differs_is_never_silent(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert bool(kinds(old, new)) == (old != new)


@given(TREES, TREES)
def test_the_way_back_adds_what_the_way_there_removed(old: dict[str, Any], new: dict[str, Any]) -> None:
    reverse = {
        PropertyDiffKind.ADD: PropertyDiffKind.DELETE,
        PropertyDiffKind.DELETE: PropertyDiffKind.ADD,
        PropertyDiffKind.UPDATE: PropertyDiffKind.UPDATE,
    }
    assert kinds(new, old) == {path: reverse[kind] for path, kind in kinds(old, new).items()}
