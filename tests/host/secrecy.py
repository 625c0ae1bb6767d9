"""Where a secret may not be: state, settings, output, arguments, logs, and files that anybody on the host can read."""

from __future__ import annotations

import base64
import shlex
from collections.abc import Iterable, Mapping

from tests.host.stack import RemoteStack

# Of nobody, who may read what everybody may: what grep cannot open it leaves out.
READABLE = "setpriv --reuid=65534 --regid=65534 --clear-groups grep -rlIF -- {} {} 2>/dev/null || :"
PLACES = "/etc /home /opt /root /run /srv /tmp /usr/local /var"
LOGS = "journalctl --no-pager --output=cat --all; cat /var/log/*.log 2>/dev/null; true"


def exposures(stack: RemoteStack, secrets: Mapping[str, str], arguments: Iterable[str]) -> set[tuple[str, str]]:
    """Each secret, by name, with each kind of place where it was found; both as it is and in base64.

    Args:
        stack: what holds them, on a host of the lab.
        secrets: by name.
        arguments: command lines that were seen while they were in use.
    """
    host = stack.workstation
    containers = "".join(stack.docker("logs", name) for name in stack.containers())
    settings = "".join(path.read_text() for path in (stack.project / "stacks").glob("Pulumi.*"))
    texts = {
        "arguments": "\n".join(arguments),
        "output": stack.said,
        "state": stack.state(),
        "settings": settings,
        "logs": host.sh(LOGS) + containers,
    }
    found = set()
    for name, secret in secrets.items():
        for form in (secret, base64.b64encode(secret.encode()).decode().rstrip("=")):
            found |= {(name, place) for place, text in texts.items() if form in text}
            if host.sh(READABLE.format(shlex.quote(form), PLACES)):
                found.add((name, "files"))
    return found
