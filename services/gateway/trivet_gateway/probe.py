"""`python3 -m trivet_gateway.probe URL`: exit 0 when it answers 200, else 1. The container's health check."""

from __future__ import annotations

import http.client
import sys
from urllib.parse import urlsplit

SECONDS = 2.0


def main(arguments: list[str]) -> int:
    """Ask once; what was answered goes to stdout, where the container engine keeps it."""
    if len(arguments) != 1:
        print("usage: python3 -m trivet_gateway.probe URL", file=sys.stderr)
        return 2
    url = urlsplit(arguments[0])
    connection = http.client.HTTPConnection(url.hostname or "", url.port or 80, timeout=SECONDS)
    try:
        connection.request("GET", url.path or "/")
        response = connection.getresponse()
        print(response.read(2000).decode(errors="replace"))
    except (OSError, http.client.HTTPException) as error:
        print(f"{arguments[0]}: {error}")
        return 1
    finally:
        connection.close()
    return 0 if response.status == http.HTTPStatus.OK else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
