"""Every check passes on a gateway that conforms, and fails, by its own name, on one that is wrong in one way."""

from __future__ import annotations

import pytest

from tests.unit.conformance.conftest import Served
from trivet.conformance import CHECKS, run_conformance

# What is broken, the check that must see it, and a part of what it must say.
BROKEN = (
    ("other-spec", "identity.spec", "the one given is sha256:"),
    ("other-lock", "identity.lock", "the one given is sha256:"),
    ("image-of-another-digest", "identity.images", "image gateway is sha256:0000"),
    ("a-model-not-named", "identity.models", "the stack does not name it"),
    ("no-such-tier", "identity.place", "tier 'basement' is none of onprem, gpuaas, cloud"),
    ("larger-quota", "identity.team", "at a time: 99; the spec says 16"),
    ("never-ready", "api.health", "GET /ready without a key: status 503"),
    ("metrics-in-json", "api.metrics", "not Prometheus text"),
    ("one-request-id", "api.request-id", "two requests have one X-Request-Id"),
    ("a-model-too-few", "api.models", "listed: trivet-small, trivet-tiny; the team may use: all-minilm-l6-v2, trivet"),
    ("usage-adds-up-to-more", "api.chat", "total_tokens is the sum"),
    ("wrong-object", "api.completions", "no valid Completion: object"),
    ("stream-as-json", "streaming.framing", "Content-Type 'application/json'"),
    ("no-done", "streaming.framing", "[DONE] is not the last event"),
    ("ids-change", "streaming.framing", "have 12 ids"),
    ("cut-at-the-end", "streaming.framing", "ends within an event"),
    ("no-finish-reason", "streaming.completions", "no finish_reason"),
    ("buffered-stream", "streaming.early", "as in 9 streams before"),
    ("usage-unasked", "streaming.usage", "a usage that was not asked for"),
    ("a-lost-piece", "streaming.whole", "; not streamed"),
    ("short-vectors", "embeddings.shape", "383 numbers; the spec says 384"),
    ("noisy-vectors", "embeddings.deterministic", "two vectors of one text differ by 0.0"),
    ("batch-in-another-order", "embeddings.batch", "in a batch a vector differs"),
    ("no-meaning", "embeddings.meaning", "to 'A cat is sitting on a mat.'"),
    ("big-endian", "embeddings.base64", "base64 and numbers differ"),
    ("open", "input.no-key", "/v1/chat/completions without a key: 200, not 401"),
    ("any-key", "input.wrong-key", "a wrong key: 200, not 401"),
    ("any-model", "input.unknown-model", "an unknown model: 200, not 404"),
    ("any-kind", "input.wrong-kind", "a chat with an embedding model: 200"),
    ("malformed-json-is-500", "input.malformed-json", "a cut-off body: 500, not 400"),
    ("types-unchecked", "input.wrong-types", "a wrong messages: 200, not 400 or 422"),
    ("no-token-limit", "input.max-tokens", "max_tokens 1025: 200, not 400 or 422"),
    ("no-context-limit", "input.context", "a prompt over the context: 200"),
    ("no-body-limit", "input.too-large", "an announced body over the limit: 400, not 413"),
    ("unknown-routes-answered", "input.unknown-route", "GET /v1/trivet-verify: 200, not 404"),
    ("runtime-reachable", "input.unlisted-route", "GET /slots: 200, not 404"),
    ("any-method", "input.wrong-method", "not 405"),
    ("no-allow", "input.wrong-method", "405 without allow"),
    ("data-classes-ignored", "input.data-class", "data of class special: 200, not 403"),
    ("bare-messages", "input.unknown-model", "404 with a message that says nothing to do: Bad request"),
    ("plain-text-errors", "input.unknown-model", "no valid ErrorBody: the body"),
    ("errors-without-param", "input.unknown-model", "error.param: Field required"),
    ("prompt-in-errors", "input.silence", "a wrong messages: 400 repeats the prompt"),
    ("refusals-not-audited", "audit.rows", "16 requests gave 8 rows"),
    ("streams-not-audited", "audit.rows", "16 requests gave 12 rows"),
    ("rows-twice", "audit.rows", "each look at the audit, one request, makes 2 rows"),
    ("refusals-twice", "audit.rows", "16 requests gave 24 rows; 16 requests gave 24 rows; 16 requests gave 24 rows"),
    ("head-stands-still", "audit.rows", "the audit's head is still 0:0000"),
    ("one-too-many", "quotas.budget", "11 of 15 requests admitted"),
    ("one-too-few", "quotas.budget", "9 of 15 requests admitted"),
    ("no-quota", "quotas.refusal", "none of 15 requests was refused"),
    ("no-retry-after", "quotas.refusal", "Retry-After absent"),
    ("over-quota-not-audited", "quotas.audit", "15 requests gave 10 rows"),
)


def test_a_conforming_stack_passes_every_check(served: Served) -> None:
    report = run_conformance(served.target())
    assert {finding.check: finding.seen for finding in report.findings if finding.result != "pass"} == {}
    assert len(report.findings) == len(CHECKS)
    assert report.ok


@pytest.mark.parametrize(("broken", "check", "seen"), BROKEN, ids=[broken for broken, *_ in BROKEN])
def test_a_stack_that_is_wrong_in_one_way_fails_that_check(served: Served, broken: str, check: str, seen: str) -> None:
    served.gateway.reset(broken)
    finding = served.examine(check)
    assert finding.result == "fail"
    assert seen in finding.seen
    assert finding.remedy


def test_every_check_is_seen_to_fail() -> None:
    assert {check.id for check in CHECKS} == {check for _, check, _ in BROKEN}
