"""How a registry is told who asks: not at all, by name and password, or by a token that it points to.

Credentials are those of `docker login` or `skopeo login`: a JSON file, never an argument. They go to the registry
that they are for, and to the token service that it names; nowhere else.

Source: https://distribution.github.io/distribution/spec/auth/token/
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Generator
from pathlib import Path
from typing import Final

import httpx

from trivet.errors import HostError

_REPOSITORY: Final = re.compile(r"/v2/(.+?)/(?:blobs|manifests|referrers)/")
_PARAMETER: Final = re.compile(r'(\w+)="([^"]*)"')


class CredentialsError(HostError):
    """The credentials' file cannot be read, or holds something else."""


def read_credentials(file: Path, host: str) -> tuple[str, str] | None:
    """User name and password for a registry; None where the file has none for it.

    Args:
        file: as `docker login` writes it.
        host: with its port.

    Raises:
        CredentialsError: the file is no such file.
    """
    try:
        entry = json.loads(file.read_text(encoding="utf-8")).get("auths", {}).get(host, {})
        if not entry.get("auth"):
            return None
        user, _, password = base64.b64decode(entry["auth"], validate=True).decode().partition(":")
    except (OSError, ValueError, AttributeError, binascii.Error) as exc:
        raise CredentialsError(
            value=f"{file}: {type(exc).__name__}",
            rule='credentials are in a JSON file, under "auths", as `docker login` writes it',
            remedy="log in with `skopeo login --authfile FILE HOST`, and name that file",
        ) from exc
    return user, password


class RegistryAuth(httpx.Auth):
    """Answers a registry's challenge, once a request."""

    requires_response_body = True

    def __init__(self, host: str, credentials: tuple[str, str] | None) -> None:
        self._host = host
        self._basic = httpx.BasicAuth(*credentials) if credentials else None
        self._known: dict[str, str] = {}  # what was asked for → the header that was accepted

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send as before; on a challenge, answer it and send again."""
        if request.url.netloc.decode() != self._host:
            yield request  # a store that the registry sends us to: signed URLs, and none of our secrets
            return
        key = _asked_for(request)
        if key in self._known:
            request.headers["Authorization"] = self._known[key]
        response = yield request
        if response.status_code != httpx.codes.UNAUTHORIZED:
            return
        scheme, _, rest = response.headers.get("WWW-Authenticate", "").partition(" ")
        if scheme.lower() == "bearer":
            answer = yield self._token_request(dict(_PARAMETER.findall(rest)), request)
            token = _token(answer)
            if not token:
                return
            self._known[key] = f"Bearer {token}"
        elif scheme.lower() == "basic" and self._basic:
            next(self._basic.auth_flow(request))
            self._known[key] = request.headers["Authorization"]
        else:
            return
        request.headers["Authorization"] = self._known[key]
        yield request

    def _token_request(self, challenge: dict[str, str], request: httpx.Request) -> httpx.Request:
        scopes = [challenge["scope"]] if "scope" in challenge else []
        if mounted := request.url.params.get("from"):
            scopes.append(f"repository:{mounted}:pull")
        parameters = [("service", challenge.get("service", "")), *(("scope", scope) for scope in scopes)]
        asked = httpx.Request("GET", httpx.URL(challenge.get("realm", ""), params=parameters))
        if self._basic:
            next(self._basic.auth_flow(asked))
        return asked


def _asked_for(request: httpx.Request) -> str:
    match = _REPOSITORY.search(request.url.path)
    return f"{match[1] if match else ''} {request.url.params.get('from', '')}"


def _token(response: httpx.Response) -> str:
    if response.status_code != httpx.codes.OK:
        return ""
    answer = response.json()
    return str(answer.get("token") or answer.get("access_token") or "")
