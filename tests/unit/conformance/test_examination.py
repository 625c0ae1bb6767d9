"""What makes an examination impossible is an error with a remedy, and what is told keeps the keys to itself."""

from __future__ import annotations

import json

import pytest

from tests.fakes.conforming_gateway import KEYS
from tests.unit.conformance.conftest import Served
from trivet.conformance import Finding, base_url, run_conformance, select
from trivet.errors import ConformanceError


def test_a_url_where_nobody_listens_cannot_be_examined(served: Served) -> None:
    with pytest.raises(ConformanceError, match="can be reached over HTTP"):
        run_conformance(served.target(url="http://127.0.0.1:1/v1"))


def test_a_key_that_opens_nothing_cannot_examine(served: Served) -> None:
    with pytest.raises(ConformanceError, match="accepts the key in the file"):
        run_conformance(served.target(key="tvt_of-another-stack-0000000000"))


def test_a_quota_too_small_for_the_examination_is_said_and_not_counted_as_a_failure(served: Served) -> None:
    with pytest.raises(ConformanceError, match="key of a team with a larger quota") as caught:
        run_conformance(served.target(key=KEYS["conformance"]))
    assert "Retry-After 60" in str(caught.value.value)


def test_a_gateway_that_hangs_ends_in_time(served: Served) -> None:
    served.gateway.reset("hangs")
    finding = served.examine("api.chat", timeout=0.3)
    assert finding.result == "fail"
    assert "no complete response: ReadTimeout" in finding.seen
    assert finding.seconds < 5


def test_a_stream_without_end_ends_in_time(served: Served) -> None:
    served.gateway.reset("endless-stream")
    finding = served.examine("streaming.framing", timeout=0.3)
    assert "the response had not ended after 0.3 s" in finding.seen


def test_a_key_that_comes_back_is_found_and_kept_out_of_the_report(served: Served) -> None:
    served.gateway.reset("key-in-errors")
    report = run_conformance(served.target(), ["input.unknown-model", "input.silence"])
    assert [finding.result for finding in report.findings] == ["fail", "fail"]
    assert "repeats the key" in report.findings[1].seen
    assert KEYS["default"] not in report.model_dump_json()
    assert "[key]" in report.findings[0].seen


def test_the_answer_of_a_stack_cannot_steer_the_terminal(served: Served) -> None:
    served.gateway.reset("escapes-in-errors")
    seen = served.examine("input.unknown-model").seen
    assert "wipe" in seen
    assert "\x1b" not in seen


def test_concurrency_refusals_are_waited_out_and_the_budget_is_still_exact(served: Served) -> None:
    served.gateway.reset("slow-to-release")
    report = run_conformance(served.target(), ["quotas"])
    assert [finding.result for finding in report.findings] == ["pass", "pass", "pass"]
    assert report.findings[0].seen.startswith("10 of 15 requests admitted")


def test_a_second_examination_within_the_minute_waits_for_one_request_and_says_so(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    assert run_conformance(served.target(), ["quotas"]).ok
    served.gateway.reset("a-minute-is-a-second")
    served.gateway.exhaust("conformance")
    report = run_conformance(served.target(), ["quotas"])
    assert report.ok
    assert report.seconds >= 1
    assert "waiting 1 s" in caplog.text


def test_checks_are_named_by_id_or_by_theme() -> None:
    assert [check.id for check in select(["audit", "identity.lock"])] == ["identity.lock", "audit.rows"]
    assert select([]) == select(["identity", "api", "streaming", "embeddings", "input", "audit", "quotas"])


def test_an_unknown_check_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConformanceError, match="identity, api, streaming, embeddings, input, audit, quotas") as caught:
        select(["identity", "speed"])
    assert caught.value.value == "speed"


def test_findings_are_told_as_they_are_made(served: Served) -> None:
    told: list[Finding] = []
    report = run_conformance(served.target(), ["identity"], told.append)
    assert tuple(told) == report.findings


def test_the_report_keeps_its_schema(served: Served) -> None:
    report = json.loads(run_conformance(served.target(), ["identity.spec"]).model_dump_json(by_alias=True))
    assert list(report) == [
        "version", "url", "started", "seconds", "tier", "region", "team", "specDigest", "lockDigest", "ok", "findings",
    ]  # fmt: skip
    assert list(report["findings"][0]) == ["check", "rule", "result", "seen", "remedy", "seconds"]
    assert report["version"] == 1
    assert report["url"] == f"{served.url}/v1"
    assert (report["tier"], report["region"], report["team"]) == ("onprem", "loopback", "default")


@pytest.mark.parametrize("url", ["http://h:8080/v1", "http://h:8080", "http://h:8080/", "http://h:8080/v1/"])
def test_an_address_is_taken_with_or_without_its_suffix(url: str) -> None:
    assert base_url(url) == "http://h:8080"


@pytest.mark.parametrize(
    "url", ["h:8080/v1", "ftp://h/v1", "http:///v1", "http://h/v1?key=1", "http://h/#x", "http://h:port/v1"]
)
def test_what_is_no_address_of_a_gateway_is_refused(url: str) -> None:
    with pytest.raises(ConformanceError, match="pulumi stack output url"):
        base_url(url)


def test_credentials_in_an_address_are_refused_and_not_repeated() -> None:
    with pytest.raises(ConformanceError) as caught:
        base_url("http://user:geheim@h:8080/v1")
    assert "geheim" not in str(caught.value)
