"""Azure's own credentials (`az login`, a managed identity, a service principal), for httpx."""

from __future__ import annotations

import logging
from collections.abc import Generator
from typing import Final

import httpx
from azure.core.exceptions import AzureError
from azure.identity import DefaultAzureCredential

from trivet.errors import CloudError

logging.getLogger("azure").addHandler(logging.NullHandler())  # what it says, the error says once more
SCOPE: Final = "https://management.azure.com/.default"


class AzureAuth(httpx.Auth):
    """Signs requests with the environment's credentials; the library keeps a token until it ends."""

    def __init__(self) -> None:
        self._credential = DefaultAzureCredential()

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add a token.

        Raises:
            CloudError: there are no credentials, or Azure refuses them.
        """
        try:
            token = self._credential.get_token(SCOPE).token
        except AzureError as exc:
            raise CloudError(
                code="credentials",
                value=str(exc).partition("\n")[0],
                rule="Azure is read with credentials of Azure's",
                remedy="run `az login`",
            ) from exc
        request.headers["Authorization"] = f"Bearer {token}"
        yield request
