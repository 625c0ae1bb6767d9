"""Ed25519 signatures as minisign writes them. No I/O.

Format: https://jedisct1.github.io/minisign/ (signature of the BLAKE2b-512 hash of the document, and a second one over
the trusted comment). `minisign -V` takes ours; we take those that `minisign -S` makes.

A signature's untrusted comment and the spare bits of its base64 are under no signature. So a file is accepted in one
form only, the one that `minisign` itself writes: every byte of it then counts.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Final

import minisign

from trivet.bundle.refusals import SignatureError
from trivet.errors import TrivetError

SUFFIX: Final = ".minisig"
SIGNATURE_LIMIT: Final = 16 << 10  # bytes of a signature file
_COMMENT: Final = "signature from minisign secret key"  # minisign's own default
_KEY_ID: Final = slice(2, 10)  # in every decoded first line: two bytes of algorithm, eight of key id


class KeyFormatError(TrivetError):
    """A key is not in minisign's format, or its passphrase is wrong."""


@dataclass(frozen=True)
class PublicKey:
    """A key that may be pinned. `text` is its base64, as `minisign -P` takes it."""

    text: str

    def __post_init__(self) -> None:
        """Refuse what is no key.

        Raises:
            KeyFormatError: the text is not minisign's base64 of an Ed25519 public key.
        """
        try:
            minisign.PublicKey.from_base64(self.text)
        except minisign.ParseError as exc:
            raise KeyFormatError(
                value=f"{self.text}: {exc}",
                rule="a public key is minisign's base64: 56 characters that begin with RW",
                remedy="name the .pub file that `trivet keys new` (or `minisign -G`) wrote",
            ) from exc

    @classmethod
    def parse(cls, text: str) -> PublicKey:
        """Read a `.pub` file's text, or the base64 alone."""
        return cls(text.strip().rpartition("\n")[2].strip())

    @property
    def id(self) -> str:
        """The key's number, as minisign shows it."""
        return _key_id(self.text)

    def dump(self) -> str:
        """The `.pub` file's text."""
        return f"untrusted comment: minisign public key {self.id}\n{self.text}\n"

    def verify(self, data: bytes, signature: Signature, where: str) -> None:
        """Hold a signature against a document.

        Raises:
            SignatureError: it is not this key's signature of this document.
        """
        try:
            minisign.PublicKey.from_base64(self.text).verify(data, minisign.Signature.from_bytes(signature.data))
        except minisign.VerifyError as exc:
            raise SignatureError(
                where=where,
                value=str(exc),
                rule=f"the signature is key {self.id}'s, of exactly this document",
                remedy="get the bundle again from whoever made it; do not use this one",
            ) from exc


@dataclass(frozen=True)
class Signature:
    """A signature file in its one accepted form."""

    data: bytes
    key_id: str
    trusted_comment: str

    @classmethod
    def parse(cls, data: bytes, where: str) -> Signature:
        """Read a signature file.

        Raises:
            SignatureError: it is not byte for byte what `minisign -S` writes.
        """
        try:
            signature = minisign.Signature.from_bytes(data)
        except minisign.ParseError as exc:
            raise _malformed(where, str(exc)) from exc
        if signature.untrusted_comment != _COMMENT or bytes(signature) + b"\n" != data:
            raise _malformed(where, "another comment, spacing or encoding")
        return cls(data, _key_id(data.splitlines()[1].decode()), signature.trusted_comment)

    def require_name(self, name: str, document: str, where: str) -> None:
        """Refuse a signature under another name than its key's.

        Raises:
            SignatureError: the name is of another key or document.
        """
        if name != signature_name(document, self.key_id):
            raise _malformed(where, f"made by key {self.key_id}")


class Signer:
    """A secret key, opened."""

    def __init__(self, secret: minisign.SecretKey) -> None:
        self._secret = secret
        self.public = PublicKey(secret.get_public_key().to_base64().decode())

    def sign(self, data: bytes, trusted_comment: str) -> bytes:
        """The signature file's bytes: the same key, document and comment give the same ones."""
        signature = self._secret.sign(data, untrusted_comment=_COMMENT, trusted_comment=trusted_comment)
        return bytes(signature) + b"\n"


def signature_name(document: str, key_id: str) -> str:
    """The file name of one key's signature of a document."""
    return f"{document}.{key_id}{SUFFIX}"


def _key_id(text: str) -> str:
    return base64.b64decode(text)[_KEY_ID][::-1].hex().upper()


def _malformed(where: str, how: str) -> SignatureError:
    return SignatureError(
        where=where,
        value=how,
        rule="a signature file is byte for byte what `minisign -S` writes, under the name of its document and key",
        remedy="sign again with `trivet bundle sign` (or with `minisign -S`, without -c)",
    )
