"""The localise regime: every place known and allowed, or nothing is deployed."""

from __future__ import annotations

import pytest

from tests.unit.examples import settings, spec_with
from trivet.errors import ResidencyError
from trivet.residency import check

LOCAL = {"residency": {"regime": "localise", "countries": ["ZA"]}}
FILE = "file:///srv/state"


def test_without_a_regime_every_place_is_allowed() -> None:
    check(spec_with({}), settings(), state_backend="s3://bucket")


def test_an_allowed_country_passes() -> None:
    check(spec_with(LOCAL), settings(country="ZA"), state_backend=FILE)


def test_another_country_is_refused() -> None:
    with pytest.raises(ResidencyError, match="is in DE"):
        check(spec_with(LOCAL), settings(country="DE"), state_backend=FILE)


def test_an_unknown_country_is_refused_and_the_remedy_says_how_to_set_it() -> None:
    with pytest.raises(ResidencyError, match="pulumi config set country"):
        check(spec_with(LOCAL), settings(), state_backend=FILE)


def test_a_remote_state_backend_is_unknown_and_refused() -> None:
    with pytest.raises(ResidencyError, match="Pulumi's state is in an unknown country"):
        check(spec_with(LOCAL), settings(country="ZA"), state_backend="s3://bucket")


def test_a_frontier_abroad_is_refused() -> None:
    frontier = {"url": "https://api.example.org/v1", "model": "big", "country": "US", "dataClasses": ["public"]}
    spec = spec_with({**LOCAL, "gateway": {"frontier": frontier}})
    with pytest.raises(ResidencyError, match=r"frontier .* is in US"):
        check(spec, settings(country="ZA"), state_backend=FILE)
