"""Google's own credentials (a user's, a service account's, a machine's), for httpx."""

from __future__ import annotations

import logging
from collections.abc import Generator, Mapping
from typing import Any, Final, NamedTuple

import google.auth
import google.auth.exceptions
import httpx

from trivet.errors import CloudError

logging.getLogger("google.auth").addHandler(logging.NullHandler())  # it misses a project, which nobody needs here
TIMEOUT: Final = 30.0  # seconds
SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"


class _Answer(NamedTuple):
    """What the library reads of an answer."""

    status: int
    headers: Mapping[str, str]
    data: bytes


class _Transport:
    """How the library asks for tokens."""

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **_: Any,
    ) -> _Answer:
        try:
            answer = httpx.request(method, url, content=body, headers=headers, timeout=timeout or TIMEOUT)
        except httpx.TransportError as exc:
            raise google.auth.exceptions.TransportError(exc) from exc
        return _Answer(answer.status_code, answer.headers, answer.content)


class GoogleAuth(httpx.Auth):
    """Signs requests with the environment's credentials (`GOOGLE_APPLICATION_CREDENTIALS`, `gcloud auth …`).

    Raises:
        CloudError: there are none, or Google refuses them.
    """

    def __init__(self) -> None:
        try:
            self._credentials, _ = google.auth.default(scopes=[SCOPE], request=_Transport())
        except google.auth.exceptions.GoogleAuthError as exc:
            raise _refused(exc) from exc

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add a token that is still good."""
        if not self._credentials.valid:
            try:
                self._credentials.refresh(_Transport())
            except google.auth.exceptions.GoogleAuthError as exc:
                raise _refused(exc) from exc
        request.headers["Authorization"] = f"Bearer {self._credentials.token}"
        yield request


def _refused(exc: Exception) -> CloudError:
    return CloudError(
        code="credentials",
        value=str(exc),
        rule="Google Cloud is read with credentials of Google's",
        remedy="run `gcloud auth application-default login`, or name a file by GOOGLE_APPLICATION_CREDENTIALS",
    )
