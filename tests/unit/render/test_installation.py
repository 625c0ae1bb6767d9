"""What an installation is called and where it answers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.examples import raw_spec, settings, spec_with
from tests.unit.render.cases import lock_for
from trivet.errors import SpecError
from trivet.render import Installation, render


def rendered(stack: str = "onprem", changes: dict[str, Any] | None = None, **place: Any) -> Installation:
    spec = spec_with(changes or {})
    return render(spec, lock_for(spec), settings(**place), stack=stack)


@pytest.mark.parametrize(
    ("bind", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8080/v1"),
        ("192.0.2.7", "http://192.0.2.7:8080/v1"),
        ("0.0.0.0", "http://127.0.0.1:8080/v1"),  # noqa: S104
        ("::1", "http://[::1]:8080/v1"),
        ("::", "http://[::1]:8080/v1"),
    ],
)
def test_the_url_is_one_that_a_client_on_the_host_can_use(bind: str, url: str) -> None:
    assert rendered(bind=bind).url == url


@pytest.mark.parametrize("stack", ["onprem", "lab-2", "a_b"])
def test_a_stack_has_a_project_of_its_own(stack: str) -> None:
    assert rendered(stack).project == f"trivet-{stack}"


@pytest.mark.parametrize("stack", ["Onprem", "a.b", "-x", "x" * 41])
def test_a_name_that_the_engine_would_refuse_is_refused_first(stack: str) -> None:
    with pytest.raises(SpecError, match="pulumi stack rename"):
        rendered(stack)


def test_a_key_that_was_handed_out_elsewhere_is_known_by_its_hash() -> None:
    team = {
        **raw_spec()["gateway"]["teams"][0],
        "name": "t",
        "keys": [{"name": "made"}, {"name": "own", "sha256": "a" * 64}],
    }
    assert rendered(changes={"gateway": {"teams": [team]}}).keys == {"t-made": None, "t-own": "a" * 64}


def test_two_keys_that_would_share_a_file_are_refused() -> None:
    team = raw_spec()["gateway"]["teams"][0]
    teams = [{**team, "name": "a-b", "keys": [{"name": "c"}]}, {**team, "name": "a", "keys": [{"name": "b-c"}]}]
    with pytest.raises(SpecError, match=r"a-b-c\.key"):
        rendered(changes={"gateway": {"teams": teams}})
