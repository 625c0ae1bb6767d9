"""Download the official Pulumi CLI: `download_pulumi.py VERSION FOLDER`.

The archive must have the SHA-256 that Pulumi publishes beside it, fetched over TLS: proof against a broken download,
not against whoever controls that server. Exit status: 0, NOT_DELIVERED when it cannot be had from there, else 1.
TRIVET_PULUMI_URL names a mirror.
"""

from __future__ import annotations

import hashlib
import os
import platform
import sys
import tarfile
import tempfile
from pathlib import Path, PurePosixPath
from typing import IO

import httpx

OFFICIAL = "https://get.pulumi.com/releases/sdk"
MACHINES = {"x86_64": "x64", "aarch64": "arm64"}
TIMEOUT = httpx.Timeout(20, connect=4)  # seconds: a closed network must not hold up set-up
NOT_DELIVERED = 69  # EX_UNAVAILABLE of sysexits.h


class RefusedError(Exception):
    """What came is not what was published."""


def main(version: str, folder: Path) -> int:
    """Install `version` (v1.2.3) into `folder`; before all of it is verified, nothing is written there."""
    base = os.environ.get("TRIVET_PULUMI_URL", OFFICIAL)
    name = f"pulumi-{version}-linux-{MACHINES.get(platform.machine(), platform.machine())}.tar.gz"
    try:
        with httpx.Client(timeout=TIMEOUT, follow_redirects=True) as client, tempfile.TemporaryFile() as archive:
            sums = client.get(f"{base}/pulumi-{version.removeprefix('v')}-checksums.txt").raise_for_status().text
            _fetch(client, f"{base}/{name}", archive)
            _verify(archive, name, sums)
            _unpack(archive, folder)
    except httpx.HTTPError as exc:
        print(f"{base} does not deliver {name}: {exc}")
        return NOT_DELIVERED
    except RefusedError as exc:
        print(exc)
        return 1
    return 0


def _fetch(client: httpx.Client, url: str, target: IO[bytes]) -> None:
    with client.stream("GET", url) as answer:
        for chunk in answer.raise_for_status().iter_raw():
            target.write(chunk)


def _verify(archive: IO[bytes], name: str, sums: str) -> None:
    archive.seek(0)
    found = hashlib.file_digest(archive, "sha256").hexdigest()  # type: ignore[arg-type]
    if f"{found}  {name}" not in sums.splitlines():
        raise RefusedError(f"{name}: its SHA-256, {found}, is not the one that is published")


def _unpack(archive: IO[bytes], folder: Path) -> None:
    """Take the CLI and what serves Python programs; the other languages' hosts stay in the archive."""
    archive.seek(0)
    with tarfile.open(fileobj=archive) as tar:
        for member in tar:
            name = PurePosixPath(member.name).name
            source = tar.extractfile(member)
            if source and (name == "pulumi" or "python" in name):
                partial = folder / f".{name}.partial"
                partial.write_bytes(source.read())
                partial.chmod(0o755)
                partial.replace(folder / name)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
