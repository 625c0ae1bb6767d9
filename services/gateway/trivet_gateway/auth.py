"""Who is asking: `Authorization: Bearer …`, compared by SHA-256."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from trivet_gateway.config import Team
from trivet_gateway.errors import ApiError

REMEDY = "Send `Authorization: Bearer <key>` with the key that your administrator gave you."


@dataclass(frozen=True, slots=True)
class Caller:
    """A team and the one of its keys that was used."""

    team: Team
    key: str


class Keyring:
    """All keys of all teams, by digest.

    Looking a digest up leaks no time that helps: who can vary the key cannot choose its digest.
    """

    def __init__(self, teams: Iterable[Team]) -> None:
        self._callers = {bytes.fromhex(key.sha256): Caller(team, key.name) for team in teams for key in team.keys}

    def authenticate(self, authorization: str | None) -> Caller:
        """The caller behind an `Authorization` header.

        Raises:
            ApiError: 401, the header is missing, malformed or holds no known key.
        """
        if authorization is None:
            raise ApiError(401, f"No API key was sent. {REMEDY}", code="invalid_api_key")
        scheme, _, token = authorization.partition(" ")
        caller = self._callers.get(hashlib.sha256(token.strip().encode("latin-1")).digest())
        if scheme.lower() != "bearer" or caller is None:
            raise ApiError(401, f"The API key is not known here. {REMEDY}", code="invalid_api_key")
        return caller
