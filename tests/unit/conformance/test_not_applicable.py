"""What cannot be examined is said to be so, with the reason; and it never makes a report green by itself."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.conforming_gateway import KEYS, ConformingGateway
from tests.fakes.serving import serving
from tests.unit.conformance.conftest import CHANGES, Served, lock_for
from tests.unit.examples import merge, raw_spec, spec_with
from trivet.conformance import run_conformance

WITHOUT_SPEC = {
    "identity.spec": "no spec was given to compare with (--spec)",
    "identity.team": "no spec was given to compare with (--spec)",
    "input.max-tokens": "no spec says what the limit is (--spec)",
    "input.context": "no spec says what the limit is (--spec)",
    "input.too-large": "no spec says what the limit is (--spec)",
}


def reasons(served: Served, only: tuple[str, ...] = (), **changes: Any) -> dict[str, str]:
    report = run_conformance(served.target(**changes), only)
    assert report.count("fail") == 0
    return {finding.check: finding.seen for finding in report.findings if finding.result == "not-applicable"}


def test_without_a_spec_only_what_the_spec_alone_tells_is_left_out(served: Served) -> None:
    assert reasons(served, spec=None) == WITHOUT_SPEC


def test_without_a_lock_digests_are_not_compared(served: Served) -> None:
    left_out = reasons(served, ("identity",), lock=None)
    assert set(left_out) == {"identity.lock", "identity.images", "identity.models"}
    assert set(left_out.values()) == {"no lock was given to compare with (--lock)"}


def test_without_a_quota_key_no_quota_is_used_up(served: Served) -> None:
    left_out = reasons(served, ("quotas",), quota_key=None)
    assert set(left_out.values()) == {"no key of a team with a small quota was given (--quota-key-file)"}
    assert not served.gateway.teams["conformance"].admitted


def test_a_team_with_a_large_quota_is_not_burst(served: Served) -> None:
    left_out = reasons(served, ("quotas",), quota_key=KEYS["default"])
    assert "team default may make 600 requests a minute" in left_out["quotas.budget"]
    assert not served.gateway.teams["default"].admitted


def test_other_traffic_of_the_team_is_told_apart_from_a_wrong_count(served: Served) -> None:
    served.gateway.reset("other-traffic")
    assert reasons(served, ("audit",)) == {
        "audit.rows": "team default has other traffic, so nothing exact can be counted"
    }


def test_an_answer_too_short_to_be_timed_is_not_called_early(served: Served) -> None:
    served.gateway.reset("short-answers")
    assert "fewer than 8 cannot be timed" in reasons(served, ("streaming.early",))["streaming.early"]


def test_a_model_that_answers_otherwise_each_time_is_not_blamed_on_the_stream(served: Served) -> None:
    served.gateway.reset("moody-model")
    assert "differ each time" in reasons(served, ("streaming.whole",))["streaming.whole"]


def test_a_route_that_the_spec_does_not_list_is_refused_instead_of_examined(served: Served) -> None:
    whole = served.gateway.spec
    spec = spec_with(merge(CHANGES, {"gateway": {"routes": ["/v1/chat/completions", "/v1/models"]}}))
    served.gateway.spec = spec
    try:
        left_out = reasons(served, spec=spec, lock=lock_for(spec))
    finally:
        served.gateway.spec = whole
    assert set(left_out) == {
        "api.completions",
        "streaming.completions",
        "embeddings.shape",
        "embeddings.deterministic",
        "embeddings.batch",
        "embeddings.meaning",
        "embeddings.base64",
        "input.wrong-kind",
    }
    assert left_out["embeddings.shape"] == "the spec does not list the route /v1/embeddings"


@pytest.mark.parametrize(
    ("kind", "left_out"),
    [
        ("chat", {"embeddings", "input.wrong-kind"}),
        (
            "embedding",
            {"api.chat", "api.completions", "streaming", "input.wrong-kind", "input.max-tokens", "input.context"},
        ),
    ],
)
def test_a_stack_with_models_of_one_kind_is_examined_by_them(served: Served, kind: str, left_out: set[str]) -> None:
    models = [model for model in raw_spec()["models"] if model["kind"] == kind]
    spec = spec_with(merge(CHANGES, {"models": models}))
    gateway = ConformingGateway(spec, lock_for(spec))
    with serving(gateway.app) as url:
        found = reasons(served, url=url, spec=spec, lock=gateway.lock)
    assert {check if check in left_out else check.partition(".")[0] for check in found} == left_out


@pytest.mark.parametrize("only", ["quotas", "quotas.budget"])
def test_a_report_that_examined_nothing_is_not_green(served: Served, only: str) -> None:
    assert not run_conformance(served.target(quota_key=None), [only]).ok
