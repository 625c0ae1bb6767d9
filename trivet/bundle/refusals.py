"""Why a bundle is refused: one class a cause, so that callers and tests need not read messages."""

from __future__ import annotations

from trivet.errors import IntegrityError


class UnsignedError(IntegrityError):
    """No pinned key has signed the document."""


class ThresholdError(IntegrityError):
    """Pinned keys have signed, but fewer than must."""


class SignatureError(IntegrityError):
    """A signature is malformed, or is not of the document that it lies beside."""


class ExpiredError(IntegrityError):
    """The bundle's time is over, or the clock cannot be right."""


class DocumentError(IntegrityError):
    """A signed document says something that no bundle may say."""


class MissingFileError(IntegrityError):
    """A file that the documents call for is not there."""


class UnexpectedFileError(IntegrityError):
    """There is a file that the documents do not call for, or something that is no plain file."""


class LengthError(IntegrityError):
    """A file is longer or shorter than promised."""


class DigestError(IntegrityError):
    """A file's bytes are not the promised ones."""


class MediumError(IntegrityError):
    """The medium cannot be read."""


class BaseError(IntegrityError):
    """A delta is held against a bundle that it was not made for, or against none."""


class PartError(IntegrityError):
    """Parts are missing, stand twice or belong to another bundle."""
