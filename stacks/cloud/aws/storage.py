"""What lies at rest in the region: one key, a bucket, and a group of logs with an end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from trivet.render.aws_policies import bucket_policy, key_policy

KEY_DELETION_DAYS = 30  # the longest: a key that is gone takes the audit with it
ENCRYPTION = "aws:kms"


@dataclass(frozen=True)
class Item:
    """An object of the bucket, from a file or a text; `digest` tells one content from another."""

    key: str
    digest: str
    path: str = ""
    text: str = ""


@dataclass(frozen=True)
class StorageArgs:
    """Arguments of Storage.

    Attributes:
        items: what lies in the bucket.
        log_group: the name of the group of logs.
        log_days: how long they are kept.
        retain: keeps the bucket from being deleted while something lies in it.
    """

    account: str
    region: str
    items: Sequence[Item]
    log_group: str
    log_days: int
    retain: bool


class Storage(pulumi.ComponentResource):
    """Key, bucket and log group, encrypted by the same regional key.

    Attributes:
        key_arn: the key.
        bucket_name: known beforehand, so that policies can be written before anything exists.
        items: what lies in the bucket, to wait for.
        log_group_arn: where the network's log goes.
    """

    def __init__(self, name: str, args: StorageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("trivet:aws:Storage", name, None, opts)
        mine = pulumi.ResourceOptions(parent=self)
        self.bucket_name = f"{name}-{args.account}-{args.region}"
        key = aws.kms.Key(
            name,
            description=f"{name}: disk, bucket and logs",
            deletion_window_in_days=KEY_DELETION_DAYS,
            enable_key_rotation=True,
            multi_region=False,
            policy=key_policy(args.account, args.region),
            opts=mine,
        )
        aws.kms.Alias(name, name=f"alias/{name}", target_key_id=key.key_id, opts=mine)
        self.key_arn = key.arn
        bucket = self._bucket(name, args, key)
        self.items = [self._item(name, item, bucket, key) for item in args.items]
        group = aws.cloudwatch.LogGroup(
            name, name=args.log_group, retention_in_days=args.log_days, kms_key_id=key.arn, opts=mine
        )
        self.log_group_arn = group.arn
        self.register_outputs({"keyArn": self.key_arn, "bucket": self.bucket_name})

    def _item(self, name: str, item: Item, bucket: aws.s3.Bucket, key: aws.kms.Key) -> aws.s3.BucketObjectv2:
        return aws.s3.BucketObjectv2(
            f"{name}-{item.key}",
            bucket=bucket.bucket,
            key=item.key,
            source=pulumi.FileAsset(item.path) if item.path else pulumi.StringAsset(item.text),
            source_hash=item.digest,
            server_side_encryption=ENCRYPTION,
            kms_key_id=key.arn,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _bucket(self, name: str, args: StorageArgs, key: aws.kms.Key) -> aws.s3.Bucket:
        mine = pulumi.ResourceOptions(parent=self)
        bucket = aws.s3.Bucket(name, bucket=self.bucket_name, force_destroy=not args.retain, opts=mine)
        aws.s3.BucketServerSideEncryptionConfiguration(
            name,
            bucket=bucket.bucket,
            rules=[
                {
                    "apply_server_side_encryption_by_default": {
                        "sse_algorithm": ENCRYPTION,
                        "kms_master_key_id": key.arn,
                    },
                    "bucket_key_enabled": True,
                }
            ],
            opts=mine,
        )
        closed = aws.s3.BucketPublicAccessBlock(
            name,
            bucket=bucket.bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=mine,
        )
        aws.s3.BucketPolicy(
            name,
            bucket=bucket.bucket,
            policy=bucket_policy(self.bucket_name),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[closed]),
        )
        return bucket
