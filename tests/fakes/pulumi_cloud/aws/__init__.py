"""AWS as the back end: boto3, wherever AWS_ENDPOINT_URL points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from tests.fakes.pulumi_cloud.aws import compute, cost, identity, network, serving, storage, watching
from tests.fakes.pulumi_cloud.aws.kind import GONE, Account, Kind
from tests.fakes.pulumi_cloud.plugin import Properties, RefusedError
from tests.fakes.pulumi_cloud.schema import UNKNOWN, Failure

MODULES = (storage, identity, network, compute, cost, serving, watching)
KINDS: dict[str, Kind] = {token: kind for module in MODULES for token, kind in module.KINDS.items()}


class Aws:
    """One provider of the package aws."""

    def __init__(self) -> None:
        self._account: Account | None = None

    def configure(self, config: Mapping[str, Any]) -> None:
        region = config.get("region")
        if region is None:
            return  # refused at the first resource, as the real one does: it may name a region of its own
        if region not in boto3.Session().get_available_regions("ec2"):
            raise RefusedError(f"invalid AWS Region: {region}")
        account = _said(Account, region, config.get("defaultTags", {}).get("tags", {}))
        allowed = config.get("allowedAccountIds")
        if allowed and account.number not in allowed:
            raise RefusedError(f"AWS account ID not allowed: {account.number}")
        self._account = account

    def failures(self, token: str, inputs: Mapping[str, Any]) -> list[Failure]:
        kind = KINDS.get(token)
        if kind is None:
            return [("", f"this stand-in does not know {token} yet")]
        return [] if UNKNOWN in str(inputs) else kind.check(dict(inputs))

    def replaces(self, token: str, changed: set[str]) -> bool:
        kind = KINDS[token]
        return kind.update is None or bool(changed & kind.fixed)

    def create(self, token: str, inputs: Properties) -> tuple[str, Properties]:
        account = self._configured
        identity, outputs = _said(KINDS[token].create, account, inputs)
        return identity, {**outputs, "region": inputs.get("region", account.region), "tagsAll": account.tagged(inputs)}

    def exists(self, token: str, identity: str, state: Properties) -> bool:
        try:
            return bool(_said(KINDS[token].find, self._configured, identity, state))
        except RefusedError as exc:
            if any(word in str(exc) for word in GONE):
                return False
            raise

    def update(self, token: str, identity: str, state: Properties, inputs: Properties) -> Properties:
        change = KINDS[token].update
        assert change is not None
        outputs: Properties = _said(change, self._configured, identity, state, inputs)
        return outputs

    def delete(self, token: str, identity: str, state: Properties) -> None:
        if self.exists(token, identity, state):
            _said(KINDS[token].delete, self._configured, identity, state)

    @property
    def _configured(self) -> Account:
        if self._account is None:
            raise RefusedError("Missing region configuration")
        return self._account


def _said(ask: Any, *args: Any) -> Any:
    try:
        return ask(*args)
    except (ClientError, BotoCoreError) as exc:
        raise RefusedError(str(exc)) from exc
