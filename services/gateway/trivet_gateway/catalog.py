"""`/v1/models` and `/v1/identity`: what is here, for whom, and of which build."""

from __future__ import annotations

import json
from typing import Any

from trivet_gateway.audit.writer import AuditWriter
from trivet_gateway.auth import Caller
from trivet_gateway.config import CAPABILITIES, Identity, Model
from trivet_gateway.policy import Policy
from trivet_gateway.reply import Reply


def list_models(policy: Policy, caller: Caller) -> Reply:
    """The models that the caller's team may use, as OpenAI lists them, with what each can do."""
    return _json({"object": "list", "data": [_describe(model) for model in policy.models(caller.team)]})


def one_model(policy: Policy, caller: Caller, name: str) -> Reply:
    """One of them.

    Raises:
        ApiError: 404, there is none of that name that the team may use.
    """
    return _json(_describe(policy.find(caller, name)))


def identity(of: Identity, policy: Policy, caller: Caller, audit: AuditWriter) -> Reply:
    """What was deployed here, who is asking, and how far the audit has come.

    The audit's head is a witness of the chain, to be filed elsewhere; `teamRows` counts since the gateway's start.
    """
    team = caller.team
    return _json(
        {
            **of.model_dump(by_alias=True),
            "caller": {
                "team": team.name,
                "key": caller.key,
                "models": [model.name for model in policy.models(team)],
                "dataClasses": team.data_classes,
                "quota": team.quota.model_dump(by_alias=True),
            },
            "audit": {"rows": audit.head.seq, "head": str(audit.head), "teamRows": audit.team_rows[team.name]},
        }
    )


def _describe(model: Model) -> dict[str, Any]:
    described = {
        "id": model.name,
        "object": "model",
        "created": 0,
        "owned_by": "trivet",
        "kind": model.kind,
        "context_length": model.context_length,
        "capabilities": model.capabilities or CAPABILITIES[model.kind],
    }
    return described if model.dimensions is None else {**described, "dimensions": model.dimensions}


def _json(value: dict[str, Any]) -> Reply:
    return Reply(200, json.dumps(value, separators=(",", ":")).encode())
