"""Asks a broker, before a node is rented that is to end through it, whether it answers and holds this account's key."""

from __future__ import annotations

import secrets
import time
from http import HTTPStatus
from urllib.error import HTTPError

from trivet.drivers.rented.broker import NO_SUCH_NODE, STALE
from trivet.errors import TrivetError
from trivet.idle.broker_account import ask
from trivet.idle.sealed import lease_secret


def require_broker(url: str, key: str) -> None:
    """Ask how the node of a launch stands that never was: who knows the account's key, and its nodes, knows of none.

    Raises:
        TrivetError: it cannot be reached, holds another key, or answers anything else.
    """
    launch_id = secrets.token_hex(8)
    secret = lease_secret(key, launch_id)
    try:
        said = ask(url, secret, launch_id, "look", time.time())
        if said.get("refused") == STALE:  # our clock is off: ask by the broker's
            said = ask(url, secret, launch_id, "look", float(said["at"]))
        found = str(said.get("refused"))
    except HTTPError as exc:
        found = (
            "it does not know the seal: its key is another one"
            if exc.code == HTTPStatus.FORBIDDEN
            else f"HTTP {exc.code}"
        )
    except (OSError, LookupError, TypeError, ValueError) as exc:
        found = str(exc)
    if found != NO_SUCH_NODE:
        raise TrivetError(
            where=f"lambda.broker {url}",
            value=found,
            rule="a broker that answers, also from here, and holds the key of the account that rents, ends the node",
            remedy="run `trivet reap --watch 60 --broker 0.0.0.0:8470` there with this account's key; when the key is "
            "changed, give the broker the new one at once; or leave lambda.broker out",
        )
