"""What a node and its broker say: nobody else can say it, and neither can one node for another."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivet.idle import sealed
from trivet.idle.sealed import MOST_BYTES, ForgedError, launch_of, lease_secret, seal, unseal

KEY = "secret_canary"
LAUNCHES = st.text("0123456789abcdef", min_size=16, max_size=16)
MESSAGES = st.dictionaries(st.text(max_size=8), st.integers() | st.text(max_size=16) | st.booleans(), max_size=4)


@given(LAUNCHES, MESSAGES, st.sampled_from(["node", "broker"]))
def test_what_is_sealed_is_read_by_who_has_the_secret(
    launch: str, message: dict[str, Any], speaker: Literal["node", "broker"]
) -> None:
    secret = lease_secret(KEY, launch)
    sealed = seal(secret, speaker, launch, message)
    assert (launch_of(sealed), unseal(secret, speaker, sealed)) == (launch, message)


@given(LAUNCHES, MESSAGES, st.data())
def test_a_message_with_any_byte_changed_is_forged(launch: str, message: dict[str, Any], data: st.DataObject) -> None:
    secret = lease_secret(KEY, launch)
    sealed = bytearray(seal(secret, "node", launch, message))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ForgedError):
        unseal(secret, "node", bytes(sealed))


@given(LAUNCHES, LAUNCHES, MESSAGES)
def test_one_nodes_secret_seals_nothing_of_anothers(mine: str, other: str, message: dict[str, Any]) -> None:
    if mine == other:
        return
    sealed = seal(lease_secret(KEY, mine), "node", other, message)
    with pytest.raises(ForgedError):
        unseal(lease_secret(KEY, other), "node", sealed)


@given(LAUNCHES, MESSAGES)
def test_a_question_that_is_sent_back_is_no_answer(launch: str, message: dict[str, Any]) -> None:
    secret = lease_secret(KEY, launch)
    with pytest.raises(ForgedError):
        unseal(secret, "broker", seal(secret, "node", launch, message))


@given(st.binary(max_size=2 * MOST_BYTES))
def test_no_bytes_are_more_than_forged(noise: bytes) -> None:
    with pytest.raises(ForgedError):
        unseal("secret", "node", noise)


@pytest.mark.parametrize("body", [b"", b"[" * 900, b"[]", b"7", b"{", b"\xff"])
def test_what_is_sealed_and_no_message_is_refused(body: bytes) -> None:
    launch = "0" * 16
    whole = f"{launch} {sealed._seal('s', 'node', launch, body)}\n".encode() + body
    with pytest.raises(ForgedError):
        unseal("s", "node", whole)


def test_a_secret_tells_nothing_of_the_key_and_each_launch_has_another() -> None:
    secrets = {lease_secret(KEY, f"{number:016x}") for number in range(100)}
    assert len(secrets) == 100
    assert all(KEY not in secret for secret in secrets)
