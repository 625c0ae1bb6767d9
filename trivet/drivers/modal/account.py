"""Modal's own client: imported only when it is needed, and its errors said as ours."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from typing import Any

from trivet.errors import CloudError, HostError

# What the client raises that somebody can act on, and what to do.
REMEDIES = {
    "AuthError": "run `modal token set`, or set MODAL_TOKEN_ID and MODAL_TOKEN_SECRET",
    "ConnectionError": "see that api.modal.com can be reached from here, then run the same command again",
    "ImageBuildError": "see that the bundle was pushed (`trivet bundle push`) and that Modal may pull there",
    "PermissionDeniedError": "use a token that may deploy to this environment",
    "ResourceExhaustedError": "raise the workspace's limit on Modal, or stop something else",
    "VersionError": "run `tools/setup/venv.sh modal`: it installs the client that this version was tried with",
}


class Account:
    """A workspace of Modal's, as the operator's token opens it. The token is Modal's own configuration."""

    def __init__(self) -> None:
        self.modal = _client_library()
        self._client: Any = None

    @property
    def client(self) -> Any:
        """The connection, made at first use.

        Raises:
            CloudError: there is no token, or Modal does not take it.
        """
        if self._client is None:
            config = self.modal.config.config
            token_id, secret = config.get("token_id"), config.get("token_secret")
            if not (token_id and secret):
                raise CloudError(
                    code="no-token", value="no token for Modal", rule="Modal knows us by a token",
                    remedy=REMEDIES["AuthError"],
                )  # fmt: skip
            with self.plainly("connect"):
                self._client = self.modal.Client.from_credentials(token_id, secret)
                self._greet()
        return self._client

    def environment(self, name: str | None) -> Any:
        """A Modal environment; the token's own where none is named."""
        if name is None:
            return self.modal.Environment.from_context(client=self.client)
        return self.modal.Environment.from_name(name, client=self.client)

    def _greet(self) -> None:
        try:
            self._client.hello()
        except self.modal.exception.Error:
            self.close()
            raise

    def close(self) -> None:
        """End the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None

    @contextlib.contextmanager
    def plainly(self, what: str) -> Iterator[None]:
        """Say the client's errors as ours.

        Raises:
            CloudError: Modal refuses or cannot be reached.
        """
        try:
            yield
        except self.modal.exception.Error as exc:
            name = type(exc).__name__
            raise CloudError(
                code=name,
                where=f"Modal, {what}",
                value=str(exc) or name,
                rule="Modal does what it is asked",
                remedy=REMEDIES.get(name, "mend the cause, then run the same command again: it takes up what is there"),
            ) from exc


def _client_library() -> Any:
    try:
        return importlib.import_module("modal")
    except ModuleNotFoundError as exc:
        raise HostError(
            value="the Python package modal is not installed",
            rule="a stack on Modal is deployed with Modal's own client",
            remedy="run `tools/setup/venv.sh modal`",
        ) from exc
