"""Signatures in minisign's format: ours, minisign's own, and forged ones."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.bundle.bundles import signer
from tests.unit.examples import ROOT
from trivet.bundle.minisig import KeyFormatError, PublicKey, Signature
from trivet.bundle.refusals import SignatureError

CASES = ROOT / "tests" / "cases" / "bundle" / "minisign"
DOCUMENT = b'{"a":1}'


def test_a_signature_of_minisign_itself_is_taken() -> None:
    key = PublicKey.parse((CASES / "officer.pub").read_text())
    (file,) = CASES.glob("*.minisig")
    signature = Signature.parse(file.read_bytes(), file.name)
    key.verify((CASES / "document.json").read_bytes(), signature, file.name)
    assert signature.key_id == key.id == "CD635FC3E894F360"
    signature.require_name(file.name, "document.json", file.name)


def test_a_public_key_is_written_as_minisign_writes_it() -> None:
    text = (CASES / "officer.pub").read_text()
    assert PublicKey.parse(text).dump() == text


def test_our_signature_verifies_and_is_the_same_each_time() -> None:
    officer = signer("officer")
    first, second = (officer.sign(DOCUMENT, "trivet index.json") for _ in range(2))
    officer.public.verify(DOCUMENT, Signature.parse(first, ""), "")
    assert first == second


def test_another_document_is_refused() -> None:
    officer = signer("officer")
    signature = Signature.parse(officer.sign(DOCUMENT, ""), "")
    with pytest.raises(SignatureError, match=f"key {officer.public.id}'s"):
        officer.public.verify(DOCUMENT + b" ", signature, "index.json")


@settings(max_examples=200)
@given(st.data())
def test_no_byte_of_a_signature_file_can_be_changed(data: st.DataObject) -> None:
    officer = signer("officer")
    good = officer.sign(DOCUMENT, "trivet index.json")
    at = data.draw(st.integers(0, len(good) - 1))
    bad = good[:at] + bytes([good[at] ^ data.draw(st.integers(1, 255))]) + good[at + 1 :]
    with pytest.raises(SignatureError):
        officer.public.verify(DOCUMENT, Signature.parse(bad, ""), "")


@settings(max_examples=100)
@given(st.binary(max_size=400))
def test_anything_else_is_no_signature(data: bytes) -> None:
    with pytest.raises(SignatureError, match="byte for byte"):
        Signature.parse(data, "index.json.X.minisig")


def test_spare_bits_of_the_encoding_count() -> None:
    lines = signer("officer").sign(DOCUMENT, "").splitlines()
    last = lines[1].decode()
    other = last[:-2] + chr(ord(last[-2]) + 1) + "="
    assert base64.b64decode(other) == base64.b64decode(last)
    with pytest.raises(SignatureError):
        Signature.parse(b"\n".join([lines[0], other.encode(), *lines[2:]]) + b"\n", "")


def test_a_signature_under_the_name_of_another_key_is_refused() -> None:
    signature = Signature.parse(signer("officer").sign(DOCUMENT, ""), "")
    name = f"index.json.{signer('second').public.id}.minisig"
    with pytest.raises(SignatureError, match=f"made by key {signer('officer').public.id}"):
        signature.require_name(name, "index.json", name)


@pytest.mark.parametrize("text", ["", "RW", "RW" + "A" * 53, "RU" + base64.b64encode(bytes(41)).decode()[2:]])
def test_what_is_no_public_key_is_refused(text: str) -> None:
    with pytest.raises(KeyFormatError, match="56 characters"):
        PublicKey.parse(text)
