"""Which providers there are, and how an account of each is opened: with a key from the environment, never from argv."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from trivet.drivers.clock import Clock
from trivet.drivers.compute import ComputeProvider
from trivet.errors import TrivetError

KEY_FILE, KEY, URL = "LAMBDA_API_KEY_FILE", "LAMBDA_API_KEY", "LAMBDA_CLOUD_URL"


@contextmanager
def open_lambda(environ: Mapping[str, str] = os.environ, clock: Clock | None = None) -> Iterator[ComputeProvider]:
    """Lambda, for the account of `LAMBDA_API_KEY_FILE` (or `LAMBDA_API_KEY`); `LAMBDA_CLOUD_URL` names a fake one.

    Raises:
        TrivetError: there is no key, or others may read its file.
    """
    from trivet.drivers.lambda_cloud import LambdaCloud, LambdaCompute  # noqa: PLC0415  # httpx takes its time

    with LambdaCloud(lambda_key(environ), url=lambda_url(environ), clock=clock) as cloud:
        yield LambdaCompute(cloud)


def has_lambda_key(environ: Mapping[str, str] = os.environ) -> bool:
    """True where somebody names a key, good or not."""
    return bool(environ.get(KEY_FILE) or environ.get(KEY))


def lambda_url(environ: Mapping[str, str] = os.environ) -> str:
    """Where Lambda's API answers."""
    from trivet.drivers.lambda_cloud.client import URL as REAL  # noqa: PLC0415  # httpx takes its time

    return environ.get(URL) or REAL


def lambda_key(environ: Mapping[str, str] = os.environ) -> str:
    """The account's key.

    Raises:
        TrivetError: there is none, or others may read its file.
    """
    if name := environ.get(KEY_FILE):
        return _read(Path(name).expanduser())
    if key := environ.get(KEY):
        return key
    raise TrivetError(
        value=f"neither {KEY_FILE} nor {KEY} is set",
        rule="Lambda is asked with a key of the account",
        remedy=f"make one at https://cloud.lambda.ai/api-keys, put it into a 0600 file, and set {KEY_FILE}; "
        "or try the fake one: `make fake-clouds`",
    )


def _read(path: Path) -> str:
    try:
        found = path.stat()
        key = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise TrivetError(
            where=str(path),
            value="it cannot be read",
            rule=f"{KEY_FILE} names a text file with the key",
            remedy="name the right file",
        ) from exc
    # What is somebody else's, like a secret that systemd or Kubernetes mounts, can have been given to us by its group.
    mode, private = stat.S_IMODE(found.st_mode), 0o077 if found.st_uid == os.geteuid() else 0o007
    if mode & private:
        raise TrivetError(
            where=str(path),
            value=f"mode {mode:04o}",
            rule="nobody but its owner reads the account's key",
            remedy=f"`chmod 600 {path}`; if somebody may have read it, make another key",
        )
    return key
