"""Who may sign a bundle: the pinned public keys, how many of them must, and how one set hands over to the next. No I/O.

Rules:

1. There is at least one key, no key id stands twice, and the threshold lies between one and the number of keys.
2. A signature under an id that is not pinned counts for nothing. One under a pinned id must be right: a wrong one is
   fatal, even where enough others are right.
3. A set of keys is replaced only by the version that follows it, signed by enough keys of the old set (they hand
   over) and by enough of the new one (they hold their secrets). So nobody who was offline has to be told the new keys
   by other means.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Annotated, Self

from pydantic import Field, ValidationError, model_validator

from trivet.bundle.minisig import KeyFormatError, PublicKey, Signature, signature_name
from trivet.bundle.refusals import DocumentError, ThresholdError, UnsignedError
from trivet.spec.base import Frozen, refuse
from trivet.spec.digest import canonical_json

TRUST = "trust.json"


class Pinned(Frozen):
    """The keys that a host believes, as `trust.json` lists them."""

    version: Annotated[int, Field(ge=1)] = 1
    threshold: Annotated[int, Field(ge=1, description="How many of the keys must have signed.")] = 1
    keys: Annotated[tuple[str, ...], Field(min_length=1, max_length=64, strict=False)]

    @model_validator(mode="after")
    def _keys_are_distinct_and_enough(self) -> Self:
        try:
            ids = {PublicKey(text).id for text in self.keys}
        except KeyFormatError as exc:
            refuse(exc.rule, exc.remedy, ("keys",))
        if len(ids) < len(self.keys):
            refuse("each key is pinned once", "remove the one that stands twice", ("keys",))
        if self.threshold > len(self.keys):
            refuse("the threshold is at most the number of keys", "pin more keys, or lower it", ("threshold",))
        return self

    @classmethod
    def of(cls, keys: Iterable[PublicKey], *, threshold: int = 1, version: int = 1) -> Pinned:
        """Pin some keys.

        Raises:
            DocumentError: rule 1 is broken.
        """
        try:
            return cls(version=version, threshold=threshold, keys=tuple(sorted(key.text for key in keys)))
        except ValidationError as exc:
            raise _malformed(exc, "--key, --threshold") from exc

    @classmethod
    def parse(cls, data: bytes, where: str) -> Pinned:
        """Read `trust.json`.

        Raises:
            DocumentError: it breaks rule 1 or is no such document.
        """
        try:
            return cls.model_validate_json(data)
        except ValidationError as exc:
            raise _malformed(exc, where) from exc

    def dump(self) -> bytes:
        """The file's bytes, canonical."""
        return canonical_json(self.model_dump(mode="json"))

    @cached_property
    def by_id(self) -> Mapping[str, PublicKey]:
        """The keys by their ids."""
        return {key.id: key for key in map(PublicKey, self.keys)}

    def check(self, document: str, data: bytes, signatures: Mapping[str, bytes], where: str) -> tuple[Signature, ...]:
        """Hold a document against its signatures; return those that count, by key id.

        Args:
            document: its file name.
            data: its bytes, not looked into here.
            signatures: the bytes of the signature files beside it, by file name.
            where: names the document in errors.

        Raises:
            SignatureError: a signature file is malformed, misnamed, or wrong under a pinned key.
            UnsignedError: no pinned key has signed.
            ThresholdError: fewer pinned keys have signed than must.
        """
        found = parse_signatures(document, signatures, where)
        valid = tuple(signature for signature in found if signature.key_id in self.by_id)
        for signature in valid:
            name = signature_name(where, signature.key_id)
            self.by_id[signature.key_id].verify(data, signature, name)
        if not valid:
            raise UnsignedError(
                where=where,
                value=f"signed by {', '.join(each.key_id for each in found)}" if found else "no signature",
                rule=f"a pinned key has signed: {', '.join(sorted(self.by_id))}",
                remedy="get a signed bundle, or pin the right key; --allow-unsigned takes it and records that",
            )
        if len(valid) < self.threshold:
            raise ThresholdError(
                where=where,
                value=f"signed by {', '.join(each.key_id for each in valid)}",
                rule=f"{self.threshold} of the {len(self.keys)} pinned keys have signed",
                remedy="let another key holder sign too: `trivet bundle sign`, or `trivet keys sign` for trust.json",
            )
        return valid

    def successor(self, data: bytes, signatures: Mapping[str, bytes], where: str) -> Pinned:
        """The set of keys that follows this one (rule 3).

        Raises:
            SignatureError: see `check`, as for UnsignedError and ThresholdError: by this set, then by the new one.
            DocumentError: it is not the next version.
        """
        self.check(TRUST, data, signatures, where)
        following = Pinned.parse(data, where)
        if following.version != self.version + 1:
            raise DocumentError(
                where=where,
                value=f"version {following.version}",
                rule=f"version {self.version} is followed by version {self.version + 1}",
                remedy="accept the versions in their order; an older one is never taken back",
            )
        following.check(TRUST, data, signatures, where)
        return following


def parse_signatures(document: str, signatures: Mapping[str, bytes], where: str) -> tuple[Signature, ...]:
    """Signature files in their one form and under their right names, whoever made them.

    Raises:
        SignatureError: one is malformed or misnamed.
    """
    found = []
    for name, data in sorted(signatures.items()):
        place = where.removesuffix(document) + name
        signature = Signature.parse(data, place)
        signature.require_name(name, document, place)
        found.append(signature)
    return tuple(found)


def _malformed(exc: ValidationError, where: str) -> DocumentError:
    first = exc.errors()[0]
    path = ".".join(str(part) for part in first["loc"]) or "the document"
    return DocumentError(
        where=where,
        value=f"{path}: {first['msg']}",
        rule="keys and threshold are as docs/reference/bundle.md says",
        remedy="name the right keys, or the trust.json that `trivet keys trust` wrote",
    )
