"""A machine's metadata service gives its identity's tokens to whoever asks: the machine itself, and no container."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SERVICE: Final = "trivet-closed-metadata.service"
ADDRESS: Final = "169.254.169.254"  # the same at Google and Azure
# What is forwarded comes by way of PREROUTING, what the machine itself asks does not. Names are asked for by UDP.
RULE: Final = f"PREROUTING -d {ADDRESS}/32 -p tcp -j DROP"
TRIES: Final = 90
PAUSE: Final = 10  # seconds


def fetch(token_url: str, token_headers: Mapping[str, str], more: Mapping[str, str]) -> str:
    """A shell function `fetch URL`: what is there, to standard output, with a token of the machine's identity.

    Args:
        token_url: where the metadata service hands it out, as JSON.
        token_headers: what it wants to see.
        more: headers for the URL besides the token.
    """
    return f"""\
fetch() {{
  python3 - "$1" <<'END'
import json, shutil, sys, time, urllib.request

def get(url, headers):
    return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60)

for left in reversed(range({TRIES})):  # a grant that was made just now takes minutes to be known everywhere
    try:
        token = json.load(get({token_url!r}, {dict(token_headers)!r}))["access_token"]
        answer = get(sys.argv[1], {{"Authorization": f"Bearer {{token}}", **{dict(more)!r}}})
        break
    except OSError as exc:
        if not left:
            raise
        print(exc, file=sys.stderr)
        time.sleep({PAUSE})
shutil.copyfileobj(answer, sys.stdout.buffer)
END
}}
"""


def close_metadata() -> str:
    """Shell that shuts it now (iptables comes with the engine), and at each start before any container runs."""
    return f"""\
cat >/etc/systemd/system/{SERVICE} <<'END'
[Unit]
Description=No container reaches the machine's metadata
After=network-pre.target
Before=docker.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/iptables -w -t raw -I {RULE}
[Install]
WantedBy=multi-user.target
END
systemctl daemon-reload
systemctl enable --now {SERVICE}
"""
