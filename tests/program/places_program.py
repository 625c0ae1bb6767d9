"""A Pulumi program of AWS's own classes, in pairs: each thing as it may not be, or as it should have been.

It checks nothing itself. PLACES says which of the two it registers; the stack's `aws:region` is its default provider's.
"""

from __future__ import annotations

import os

import pulumi
import pulumi_aws as aws

LAWFUL = os.environ["PLACES"] == "lawful"
HOME = "af-south-1"
PLACE = HOME if LAWFUL else "eu-west-1"
VAULT = f"arn:aws:backup:{PLACE}:123456789012:backup-vault:vault"


class Group(pulumi.ComponentResource):
    """Hands its providers down to its children."""

    def __init__(self, opts: pulumi.ResourceOptions) -> None:
        super().__init__("places:index:Group", "group", {}, opts)
        mine = pulumi.ResourceOptions(parent=self)
        aws.kms.Key("by-a-provider-that-a-component-hands-down", opts=mine)


here = pulumi.ResourceOptions(provider=aws.Provider("here", region=HOME))
there = aws.Provider("there", region=PLACE)
renamed = aws.Provider("renamed", region=PLACE, opts=pulumi.ResourceOptions(aliases=[pulumi.Alias(name="before")]))

aws.ec2.Instance("by-its-own-region", ami="ami-1", instance_type="g4dn.xlarge", region=PLACE, opts=here)
aws.ec2.Instance("by-the-default-provider", ami="ami-1", instance_type="g4dn.xlarge")
aws.kms.Key("by-an-explicit-provider", opts=pulumi.ResourceOptions(provider=there))
aws.kms.Key("by-an-aliased-provider", opts=pulumi.ResourceOptions(provider=renamed))
Group(pulumi.ResourceOptions(providers=[there]))
aws.kms.Key("for-many-regions", multi_region=not LAWFUL, opts=here)
aws.secretsmanager.Secret("with-a-replica", replicas=[] if LAWFUL else [{"region": PLACE}], opts=here)
aws.backup.Plan(
    "with-a-copy",
    rules=[
        {
            "rule_name": "daily",
            "target_vault_name": "vault",
            "copy_actions": [{"destination_vault_arn": VAULT}],
        }
    ],
    opts=here,
)
aws.ecr.ReplicationConfiguration(
    "with-a-registry-replica",
    replication_configuration={
        "rules": [{"destinations": [{"region": PLACE, "registry_id": "123456789012"}]}],
    },
    opts=here,
)
if LAWFUL:
    aws.s3.Bucket("with-a-bucket-replica", bucket="data", opts=here)
    aws.sagemaker.Model("routed", execution_role_arn="arn:aws:iam::123456789012:role/r", opts=here)
else:
    replica = {"status": "Enabled", "destination": {"bucket": "arn:aws:s3:::copy"}}
    aws.s3.BucketReplicationConfig(
        "with-a-bucket-replica", bucket="data", role="arn:aws:iam::123456789012:role/r", rules=[replica], opts=here
    )
    # A profile routes where it pleases; `global` is what a client gets that names no geography.
    model = "arn:aws:bedrock:af-south-1::inference-profile/global.anthropic.claude-sonnet-4-5"
    aws.bedrock.InferenceProfile("routed", model_source={"copy_from": model}, opts=here)
