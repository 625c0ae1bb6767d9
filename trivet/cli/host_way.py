"""The way to a host, as arguments of `trivet host` name it."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from trivet.cli.project import project_of
from trivet.errors import SpecError
from trivet.spec.ssh import SshTarget

# An IPv6 address stands bare, or in brackets with a port behind them.
HOP = re.compile(
    r"(?:(?P<user>[^@]+)@)?"
    r"(?:(?P<bare>[0-9a-fA-F.]*:[0-9a-fA-F.]*:[0-9a-fA-F:.]*)|(?P<address>[^@\[\]:]+|\[[^\]]+\])(?::(?P<port>\d+))?)"
)


def way_of(args: argparse.Namespace) -> SshTarget:
    """What the arguments say.

    Raises:
        SpecError: a name, a number or a user that cannot be.
    """
    known_hosts = args.known_hosts or project_of(args).work / "known_hosts"
    hop = _hop(args.address)
    try:
        return SshTarget.model_validate(
            {
                "port": args.port,
                **hop,
                "jump": [_hop(each) for each in args.jump],
                "knownHosts": str(known_hosts),
                "keyFile": getattr(args, "key_file", None),
            }
        )
    except ValidationError as exc:
        first = exc.errors()[0]
        raise SpecError(
            value=f"{'.'.join(str(part) for part in first['loc'])} = {first['input']!r}",
            rule=first["msg"],
            remedy="write [USER@]ADDRESS in lower case, ports from 1 to 65535",
        ) from exc


def way_from(root: Path, target: SshTarget) -> SshTarget:
    """What a project's settings say; what is relative in them starts at the project, wherever a command is run."""
    given = {"known_hosts": str(root / target.known_hosts)}
    if target.key_file:
        given["key_file"] = str(root / Path(target.key_file).expanduser())
    return target.model_copy(update=given)


def _hop(text: str) -> dict[str, Any]:
    found = HOP.fullmatch(text)
    if found is None:
        raise SpecError(value=text, rule="a host is named [USER@]ADDRESS[:PORT]", remedy="see `trivet host --help`")
    port = {"port": int(found["port"])} if found["port"] else {}
    user = {"user": found["user"]} if found["user"] else {}
    return {"address": (found["bare"] or found["address"]).strip("[]").lower(), **user, **port}
