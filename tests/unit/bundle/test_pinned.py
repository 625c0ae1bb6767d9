"""Who may sign: thresholds, and how one set of keys hands over to the next."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.bundle.bundles import pinned, signer
from trivet.bundle.minisig import signature_name
from trivet.bundle.pinned import TRUST, Pinned
from trivet.bundle.refusals import DocumentError, SignatureError, ThresholdError, UnsignedError
from trivet.bundle.rotation import sign_trust, successor

NAMES = ("a", "b", "c", "d")
DOCUMENT = b"{}"


def signatures(*names: str, data: bytes = DOCUMENT, document: str = "index.json") -> dict[str, bytes]:
    return {signature_name(document, signer(name).public.id): signer(name).sign(data, document) for name in names}


@settings(max_examples=60)
@given(st.sets(st.sampled_from(NAMES)), st.sets(st.sampled_from(NAMES), min_size=1), st.integers(1, 4))
def test_a_document_is_believed_exactly_when_enough_pinned_keys_have_signed(
    signing: set[str], pinning: set[str], threshold: int
) -> None:
    keys = pinned(*pinning, threshold=min(threshold, len(pinning)))
    counting = signing & pinning
    if len(counting) >= keys.threshold:
        found = keys.check("index.json", DOCUMENT, signatures(*signing), "index.json")
        assert {each.key_id for each in found} == {signer(name).public.id for name in counting}
    else:
        with pytest.raises(ThresholdError if counting else UnsignedError):
            keys.check("index.json", DOCUMENT, signatures(*signing), "index.json")


def test_a_wrong_signature_of_a_pinned_key_is_fatal_even_beside_enough_right_ones() -> None:
    mixed = signatures("a") | signatures("b", data=b"another")
    with pytest.raises(SignatureError):
        pinned("a", "b").check("index.json", DOCUMENT, mixed, "index.json")


def test_a_wrong_signature_of_an_unknown_key_counts_for_nothing() -> None:
    mixed = signatures("a") | signatures("b", data=b"another")
    assert len(pinned("a").check("index.json", DOCUMENT, mixed, "index.json")) == 1


def test_a_copy_of_a_signature_under_another_name_does_not_count_twice() -> None:
    (data,) = signatures("a").values()
    copied = {**signatures("a"), signature_name("index.json", signer("b").public.id): data}
    with pytest.raises(SignatureError, match="made by key"):
        pinned("a", "b", threshold=2).check("index.json", DOCUMENT, copied, "index.json")


@pytest.mark.parametrize(
    ("names", "threshold", "message"),
    [(("a", "a"), 1, "pinned once"), (("a",), 2, "at most the number"), (("a",), 0, "greater than or equal")],
)
def test_a_set_of_keys_that_breaks_a_rule_is_refused(names: tuple[str, ...], threshold: int, message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        pinned(*names, threshold=threshold)


def test_no_key_at_all_is_refused() -> None:
    with pytest.raises(DocumentError, match="keys"):
        Pinned.of([])


def test_trust_json_says_the_same_after_it_was_read() -> None:
    keys = pinned("a", "b", threshold=2)
    assert Pinned.parse(keys.dump(), TRUST) == keys
    with pytest.raises(DocumentError, match=r"trust.json"):
        Pinned.parse(keys.dump()[:-1], TRUST)


def test_keys_are_replaced_when_old_and_new_ones_agree() -> None:
    old = pinned("a", "b", threshold=2)
    following = successor(old, signer("c").public, [signer("b").public.id])
    files = dict(sign_trust(following, [signer(name) for name in "abc"]))
    assert old.successor(files.pop(TRUST), files, TRUST) == following
    assert following.version == 2
    assert set(following.by_id) == {signer("a").public.id, signer("c").public.id}


@pytest.mark.parametrize(
    ("names", "why"),
    [("ac", "the old keys are too few"), ("ab", "the new key has not signed"), ("c", "no old key has signed")],
)
def test_keys_are_not_replaced_without_both_sides(names: str, why: str) -> None:
    old = pinned("a", "b", threshold=2)
    following = successor(old, signer("c").public, [signer("b").public.id])
    files = dict(sign_trust(following, [signer(name) for name in names]))
    with pytest.raises((ThresholdError, UnsignedError)):
        pytest.fail(f"{why}, yet {old.successor(files.pop(TRUST), files, TRUST)} was taken")


def test_an_older_version_is_never_taken_back() -> None:
    first = pinned("a")
    second = successor(first, signer("b").public, [])
    files = dict(sign_trust(first.model_copy(update={"version": 1}), [signer("a")]))
    with pytest.raises(DocumentError, match="version 2 is followed by version 3"):
        second.successor(files.pop(TRUST), files, TRUST)


def test_retiring_too_many_keys_is_refused() -> None:
    old = pinned("a", "b", "c", threshold=3)
    with pytest.raises(DocumentError, match="at most the number"):
        successor(old, signer("d").public, [signer("a").public.id, signer("b").public.id])
