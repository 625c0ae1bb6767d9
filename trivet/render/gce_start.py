"""A machine of Google Cloud at its start: a script in its metadata, for Debian's images there have no cloud-init."""

from __future__ import annotations

import shlex
from typing import Final

from trivet.render.cloud_vm import FirstStart, installation, settings_file
from trivet.render.metadata import close_metadata, fetch

DONE: Final = "/var/lib/trivet/installed"
TOKEN: Final = "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token"  # noqa: S105


def startup_script(start: FirstStart) -> str:
    """The script, which runs at every start and does its work once.

    It holds no secret: whoever may describe the machine can read it.
    """
    path, text = settings_file(start)
    return f"""\
#!/bin/bash
# The bundle comes from a bucket of {start.settings.region}, by way of the network's own route to Google's services.
set -euo pipefail
[[ ! -e {DONE} ]] || exit 0
export HOME=/root
mkdir -p "$(dirname {path})" "$(dirname {DONE})"
cat >{path} <<'END'
{text}END
{fetch(TOKEN, {"Metadata-Flavor": "Google"}, {})}\
{installation(start, f"fetch {shlex.quote(start.source)}", between=close_metadata())}\
touch {DONE}
"""
