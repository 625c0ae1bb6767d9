"""AWS: a service control policy. Denials only, and each holds when a condition's key is missing."""

from __future__ import annotations

from typing import Any, Final

from trivet.residency.guards.scope import Scope

# Global services are served from one region, whichever that is: identities, rules, names and prices.
GLOBAL: Final = ("budgets:*", "ce:*", "iam:*", "organizations:*", "route53:*", "sts:*", "support:*")
BEDROCK: Final = "arn:aws:bedrock:*:*"


def service_control_policy(scope: Scope) -> dict[str, Any]:
    """The policy document, for `aws organizations create-policy --type SERVICE_CONTROL_POLICY`."""
    regions = list(scope.regions)
    return {
        "Version": "2012-10-17",
        "Statement": [
            # A global Bedrock profile has the region `unspecified`, which is no allowed one either.
            _deny("Regions", {"StringNotEquals": {"aws:RequestedRegion": regions}}, but=GLOBAL),
            {
                "Sid": "Routing",
                "Effect": "Deny",
                "Action": ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"],
                # Everything but models that are served in the region itself: who knows what profile comes next?
                "NotResource": [
                    "arn:aws:bedrock:*::foundation-model/*",
                    f"{BEDROCK}:custom-model/*",
                    f"{BEDROCK}:provisioned-model/*",
                    *(f"{BEDROCK}:inference-profile/{geography}.*" for geography in scope.geographies),
                ],
            },
            _deny("KeyReplicas", {"StringNotEquals": {"kms:ReplicaRegion": regions}}, only=("kms:ReplicateKey",)),
            _deny("KeysForManyRegions", {"Bool": {"kms:MultiRegion": "true"}}, only=("kms:CreateKey",)),
            _deny(
                "SecretReplicas",
                {"ForAnyValue:StringNotEquals": {"secretsmanager:AddReplicaRegions": regions}},
                only=("secretsmanager:CreateSecret", "secretsmanager:ReplicateSecretToRegions"),
            ),
            _deny(
                "BackupCopies",
                {
                    "ForAnyValue:StringNotLike": {
                        "backup:CopyTargets": [f"arn:aws:backup:{region}:*:backup-vault:*" for region in regions]
                    }
                },
                only=("backup:CopyFromBackupVault",),
            ),
            # Neither action has a condition on where the copies go.
            _deny("Copies", {}, only=("ecr:PutReplicationConfiguration", "s3:PutReplicationConfiguration")),
        ],
    }


def _deny(
    sid: str, condition: dict[str, Any], *, only: tuple[str, ...] = (), but: tuple[str, ...] = ()
) -> dict[str, Any]:
    actions = {"NotAction": list(but)} if but else {"Action": list(only)}
    return {
        "Sid": sid,
        "Effect": "Deny",
        **actions,
        "Resource": "*",
        **({"Condition": condition} if condition else {}),
    }
