"""AWS's client, for the commands that read an account."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from trivet.errors import CloudError


def aws_session(profile: str | None) -> Any:
    """A session of boto3 with the environment's credentials, or those of a profile.

    Raises:
        CloudError: boto3 is not installed.
    """
    try:
        boto3 = import_module("boto3")
    except ModuleNotFoundError as exc:
        raise CloudError(
            code="no-client",
            value=str(exc),
            rule="AWS is read with boto3, which an installation without a cloud does not bring",
            remedy="run `.venv/bin/pip install 'trivet[cloud]'`",
        ) from exc
    return boto3.Session(profile_name=profile)
