"""Refusals and failures in OpenAI's shape: every message says what to do next."""

from __future__ import annotations

import json
import math
from http import HTTPStatus
from typing import Final

from trivet_gateway.asgi import Headers
from trivet_gateway.audit.entry import Outcome
from trivet_gateway.reply import Reply

TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "invalid_request_error",
    429: "rate_limit_error",
}


class ApiError(Exception):
    """An answer other than the one asked for.

    Attributes:
        status: HTTP status.
        message: what is wrong and what to do.
        code: machine-readable cause, OpenAI's word where there is one.
        param: the field of the body that is at fault.
        retry_after: seconds until a retry may succeed; sent as `Retry-After`.
        outcome: what the audit calls it.
        headers: more headers of the response.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
        outcome: Outcome = "refused",
        headers: Headers | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param
        self.retry_after = retry_after
        self.outcome = outcome
        self.headers = headers or []

    def body(self) -> bytes:
        """`{"error": {"message", "type", "param", "code"}}`."""
        kind = TYPES.get(
            self.status, "server_error" if self.status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"
        )
        error = {"message": self.message, "type": kind, "param": self.param, "code": self.code}
        return json.dumps({"error": error}, separators=(",", ":")).encode()

    def reply(self) -> Reply:
        """The response that carries it."""
        headers = list(self.headers)
        if self.retry_after is not None:
            headers.append((b"retry-after", b"%d" % max(1, math.ceil(self.retry_after))))
        if self.status == HTTPStatus.UNAUTHORIZED:
            headers.append((b"www-authenticate", b"Bearer"))
        return Reply(self.status, self.body(), headers)
