"""ECR: who may push, for as long as a token of the account's own credentials lasts."""

from __future__ import annotations

import base64
import re
from typing import Final

from trivet.errors import CloudError

HOST: Final = re.compile(r"^(?P<account>[0-9]{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?$")


def ecr_credentials(host: str) -> tuple[str, str] | None:
    """User name and password for a registry of ECR; None for any other registry.

    Raises:
        CloudError: AWS gives no token.
    """
    found = HOST.match(host)
    if found is None:
        return None
    import boto3  # noqa: PLC0415  # a large package, of the cloud tier alone
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    try:
        client = boto3.client("ecr", region_name=found["region"])
        (granted,) = client.get_authorization_token(registryIds=[found["account"]])["authorizationData"]
    except (BotoCoreError, ClientError) as exc:
        raise CloudError(
            code="ecr",
            value=f"{host}: {exc}",
            rule="the account's credentials may ask ECR for a token",
            remedy="set AWS_PROFILE, and allow ecr:GetAuthorizationToken and what a push needs",
        ) from exc
    user, _, password = base64.b64decode(granted["authorizationToken"]).decode().partition(":")
    return user, password
