"""Reads from a repository of an OCI registry: anonymously, by name and password, or by a token that it points to.

Sources: https://github.com/opencontainers/distribution-spec (v1.1),
https://distribution.github.io/distribution/spec/auth/token/
"""

from __future__ import annotations

import base64
import ipaddress
import json
import re
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlencode

from trivet_gateway.weights import WeightsError

MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
SECONDS: Final = 60  # of silence
_REFERENCE: Final = re.compile(r"([a-z0-9.-]+(?::[0-9]{1,5})?)/([a-z0-9/._-]+)@(sha256:[0-9a-f]{64})")
_PARAMETER: Final = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True)
class Artifact:
    """What is fetched, from where."""

    host: str
    repository: str
    digest: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `HOST[:PORT]/REPOSITORY@sha256:…`.

        Raises:
            WeightsError: it is written otherwise.
        """
        match = _REFERENCE.fullmatch(text)
        if not match:
            raise WeightsError(
                text, "an artifact is HOST/REPOSITORY@sha256:…", "name it by digest, as `push` prints it"
            )
        return cls(*match.groups())


class Repository:
    """One repository; plain http on a loopback address only."""

    def __init__(self, artifact: Artifact, *, ca: Path | None = None, credentials: Path | None = None) -> None:
        """Reach it.

        Args:
            artifact: names host and repository.
            ca: certificates that the registry's is held against, in place of the system's.
            credentials: a file as `docker login` writes it.

        Raises:
            WeightsError: a file cannot be read.
        """
        self._host = artifact.host
        scheme = "http" if _is_loopback(artifact.host) else "https"
        self._url = f"{scheme}://{artifact.host}/v2/{artifact.repository}"
        try:
            context = ssl.create_default_context(cafile=ca)
            self._basic = _basic(credentials, artifact.host) if credentials else ""
        except (OSError, ValueError, AttributeError) as exc:
            raise WeightsError(
                f"{ca or ''} {credentials or ''}: {exc}".strip(),
                "certificates are PEM, credentials a JSON file as `docker login` writes it",
                "correct the Secret that they come from",
            ) from exc
        self._opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))
        self._known = ""

    def manifest(self, digest: str) -> HTTPResponse:
        """The answer with a manifest's bytes."""
        return self._open(f"{self._url}/manifests/{digest}", {"Accept": MANIFEST})

    def blob(self, digest: str, offset: int) -> HTTPResponse:
        """The answer with a blob's bytes, from `offset` on where it says 206."""
        return self._open(f"{self._url}/blobs/{digest}", {"Range": f"bytes={offset}-"} if offset else {})

    def _open(self, url: str, headers: dict[str, str]) -> HTTPResponse:
        try:
            try:
                return self._request(url, headers)
            except urllib.error.HTTPError as exc:
                if exc.code != HTTPStatus.UNAUTHORIZED:
                    raise  # a token that has run out is answered like none
                self._known = self._answer(exc.headers.get("WWW-Authenticate", ""))
                return self._request(url, headers)
        except urllib.error.HTTPError as exc:
            remedy = "is it pushed, and may this account pull it? see the registry's log"
            raise WeightsError(f"{url}: {exc.code} {exc.reason}", "the registry has what is deployed", remedy) from exc
        except (OSError, HTTPException) as exc:
            raise WeightsError(
                f"{url}: {exc}",
                "the registry can be reached from this pod, and its certificate is known",
                "see the network policy's addresses (registry.networks) and registry.ca; what is here already stays",
            ) from exc

    def _request(self, url: str, headers: dict[str, str]) -> HTTPResponse:
        request = urllib.request.Request(url, headers=headers)  # noqa: S310  # the scheme is ours
        if self._known:
            request.add_unredirected_header("Authorization", self._known)  # never to a store that it sends us to
        answer: HTTPResponse = self._opener.open(request, timeout=SECONDS)
        return answer

    def _answer(self, challenge: str) -> str:
        """The header that meets a challenge; empty where there is none."""
        scheme, _, rest = challenge.partition(" ")
        if scheme.lower() == "basic":
            return self._basic
        asked = dict(_PARAMETER.findall(rest))
        realm = asked.pop("realm", "")
        if scheme.lower() != "bearer" or not realm.startswith(("https://", f"http://{self._host}/")):
            return ""
        wanted = {key: asked[key] for key in ("service", "scope") if key in asked}
        request = urllib.request.Request(f"{realm}?{urlencode(wanted)}")  # noqa: S310  # checked above
        if self._basic:
            request.add_unredirected_header("Authorization", self._basic)
        with self._opener.open(request, timeout=SECONDS) as answer:
            token = json.load(answer)
        return f"Bearer {token.get('token') or token.get('access_token')}"


def _basic(file: Path, host: str) -> str:
    entry = json.loads(file.read_bytes()).get("auths", {}).get(host, {})
    if entry.get("auth"):
        return f"Basic {entry['auth']}"
    if entry.get("username"):
        return "Basic " + base64.b64encode(f"{entry['username']}:{entry.get('password', '')}".encode()).decode()
    return ""


def _is_loopback(host: str) -> bool:
    name = host.partition(":")[0]
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
