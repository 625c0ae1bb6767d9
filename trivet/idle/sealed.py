"""What a node and its broker say to each other: short messages under a secret that is the node's alone.

The secret comes from the account's key and the id of the node's launch, so a broker that holds the key knows the secret
of every node and keeps none; from a secret nobody finds the key, or the secret of another node. The seal is
HMAC-SHA256 (RFC 2104) over who speaks, and over every byte. A message on the wire:

    <launch id> <seal, 64 hexadecimal digits>
    {"at": …, "nonce": …, …}
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from typing import Any, Literal

Speaker = Literal["node", "broker"]

MOST_BYTES = 1024
HEAD = re.compile(rb"([0-9a-f]{16}) ([0-9a-f]{64})")


class ForgedError(ValueError):
    """The message is not from whom it says, or no message."""


def lease_secret(key: str, launch_id: str) -> str:
    """The secret of a node, from the account's key."""
    return _mac(key.encode(), b"trivet lease 1 " + launch_id.encode())


def seal(secret: str, speaker: Speaker, launch_id: str, message: Mapping[str, Any]) -> bytes:
    """The message as it is sent."""
    body = json.dumps(message, sort_keys=True).encode()
    return f"{launch_id} {_seal(secret, speaker, launch_id, body)}\n".encode() + body


def launch_of(sealed: bytes) -> str:
    """The launch that a message says it is about; nothing is proven by that.

    Raises:
        ForgedError: it is no message.
    """
    found = HEAD.fullmatch(sealed.partition(b"\n")[0])
    if len(sealed) > MOST_BYTES or not found:
        raise ForgedError("no sealed message")
    return found[1].decode()


def unseal(secret: str, speaker: Speaker, sealed: bytes) -> dict[str, Any]:
    """What is said, if `speaker` said it with this secret.

    Raises:
        ForgedError: not so.
    """
    launch_id = launch_of(sealed)
    head, _, body = sealed.partition(b"\n")
    if not hmac.compare_digest(head.split()[1].decode(), _seal(secret, speaker, launch_id, body)):
        raise ForgedError("the seal is not that of this launch")
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise ForgedError("sealed, but no JSON") from exc
    if not isinstance(message, dict):
        raise ForgedError("sealed, but no message")
    return message


def _seal(secret: str, speaker: Speaker, launch_id: str, body: bytes) -> str:
    return _mac(secret.encode(), f"{speaker} {launch_id}\n".encode() + body)


def _mac(key: bytes, text: bytes) -> str:
    return hmac.new(key, text, hashlib.sha256).hexdigest()
