"""Keys, buckets, objects and log groups."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from tests.fakes.pulumi_cloud.aws.kind import Account, Create, Kind, Update, require_json
from tests.fakes.pulumi_cloud.plugin import Properties, RefusedError

RETENTION = {0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}
MIN_WINDOW, MAX_WINDOW = 7, 30
POLICIES = Lock()


def _key(account: Account, inputs: Properties) -> tuple[str, Properties]:
    policy = inputs.get("policy", "")
    if policy and f"{account.number}:root" not in policy:
        raise RefusedError(
            "MalformedPolicyDocumentException: The new key policy will not allow you to update the key policy"
        )
    kms = account.at(inputs, "kms")
    made = kms.create_key(
        Description=inputs.get("description", ""),
        MultiRegion=inputs.get("multiRegion", False),
        Tags=account.tag_list(inputs, "TagKey", "TagValue"),
        **({"Policy": policy} if policy else {}),
    )["KeyMetadata"]
    if inputs.get("enableKeyRotation"):
        kms.enable_key_rotation(KeyId=made["KeyId"])
    return made["KeyId"], {"keyId": made["KeyId"], "arn": made["Arn"]}


def _check_key(inputs: Properties) -> list[tuple[str, str]]:
    window = inputs.get("deletionWindowInDays", MAX_WINDOW)
    wrong = not MIN_WINDOW <= window <= MAX_WINDOW
    return [("deletionWindowInDays", f"expected to be in the range (7 - 30), got {window}")] if wrong else []


def _find_key(account: Account, identity: str, state: Properties) -> bool:
    found = account.at(state, "kms").describe_key(KeyId=identity)["KeyMetadata"]
    return bool(found["KeyState"] != "PendingDeletion")


def _delete_key(account: Account, identity: str, state: Properties) -> None:
    window = state.get("deletionWindowInDays", MAX_WINDOW)
    account.at(state, "kms").schedule_key_deletion(KeyId=identity, PendingWindowInDays=window)


def _alias(account: Account, inputs: Properties) -> tuple[str, Properties]:
    account.at(inputs, "kms").create_alias(AliasName=inputs["name"], TargetKeyId=inputs["targetKeyId"])
    return inputs["name"], {}


def _find_alias(account: Account, identity: str, state: Properties) -> bool:
    listed = account.at(state, "kms").list_aliases(KeyId=state["targetKeyId"])["Aliases"]
    return any(each["AliasName"] == identity for each in listed)


def _bucket(account: Account, inputs: Properties) -> tuple[str, Properties]:
    name, region = inputs["bucket"], inputs.get("region", account.region)
    where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    s3 = account.at(inputs, "s3")
    s3.create_bucket(Bucket=name, **where)
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": account.tag_list(inputs)})
    return name, {"arn": f"arn:aws:s3:::{name}", "bucket": name}


def _delete_bucket(account: Account, identity: str, state: Properties) -> None:
    s3 = account.at(state, "s3")
    for each in s3.list_objects_v2(Bucket=identity).get("Contents", []) if state.get("forceDestroy") else ():
        s3.delete_object(Bucket=identity, Key=each["Key"])
    s3.delete_bucket(Bucket=identity)


def _encryption(account: Account, inputs: Properties) -> tuple[str, Properties]:
    rules = [
        {
            "ApplyServerSideEncryptionByDefault": {
                "SSEAlgorithm": rule["applyServerSideEncryptionByDefault"]["sseAlgorithm"],
                "KMSMasterKeyID": rule["applyServerSideEncryptionByDefault"]["kmsMasterKeyId"],
            },
            "BucketKeyEnabled": rule.get("bucketKeyEnabled", False),
        }
        for rule in inputs["rules"]
    ]
    configuration = {"Rules": rules}
    account.at(inputs, "s3").put_bucket_encryption(
        Bucket=inputs["bucket"], ServerSideEncryptionConfiguration=configuration
    )
    return inputs["bucket"], {}


def _access_block(account: Account, inputs: Properties) -> tuple[str, Properties]:
    flags = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    block = {flag[0].upper() + flag[1:]: inputs.get(flag, False) for flag in flags}
    account.at(inputs, "s3").put_public_access_block(Bucket=inputs["bucket"], PublicAccessBlockConfiguration=block)
    return inputs["bucket"], {}


def _policy(account: Account, inputs: Properties) -> tuple[str, Properties]:
    require_json(inputs["policy"], "the bucket's policy")
    with POLICIES:
        account.at(inputs, "s3").put_bucket_policy(Bucket=inputs["bucket"], Policy=inputs["policy"])
    return inputs["bucket"], {}


@contextmanager
def _past_policy(s3: Any, bucket: str) -> Iterator[Any]:
    """moto reads no conditions of a bucket's policy: one that denies what comes without TLS denies everything."""
    with POLICIES:
        try:
            policy = s3.get_bucket_policy(Bucket=bucket)["Policy"]
        except s3.exceptions.ClientError:
            yield s3
            return
        s3.delete_bucket_policy(Bucket=bucket)
        try:
            yield s3
        finally:
            s3.put_bucket_policy(Bucket=bucket, Policy=policy)


def _content(asset: dict[str, str]) -> bytes:
    if "text" in asset:
        return asset["text"].encode()
    file = Path(asset["path"])
    if not file.is_file():
        raise RefusedError(f"opening S3 object source ({file}): no such file or directory")
    return file.read_bytes()


def _object(account: Account, inputs: Properties) -> tuple[str, Properties]:
    data = _content(inputs["source"])
    key = {"SSEKMSKeyId": inputs["kmsKeyId"]} if "kmsKeyId" in inputs else {}
    with _past_policy(account.at(inputs, "s3"), inputs["bucket"]) as s3:
        s3.put_object(
            Bucket=inputs["bucket"],
            Key=inputs["key"],
            Body=data,
            ServerSideEncryption=inputs.get("serverSideEncryption", "AES256"),
            **key,
        )
    return f"{inputs['bucket']}/{inputs['key']}", {}


def _log_group(account: Account, inputs: Properties) -> tuple[str, Properties]:
    region = inputs.get("region", account.region)
    if key := inputs.get("kmsKeyId"):
        policy = account.at(inputs, "kms").get_key_policy(KeyId=key, PolicyName="default")["Policy"]
        if f"logs.{region}.amazonaws.com" not in policy:
            raise RefusedError(
                "InvalidParameterException: The specified KMS key does not exist or is not allowed to be used with Arn"
            )
    logs = account.at(inputs, "logs")
    given = {"kmsKeyId": key} if key else {}
    logs.create_log_group(logGroupName=inputs["name"], tags=account.tagged(inputs), **given)
    if days := inputs.get("retentionInDays"):
        logs.put_retention_policy(logGroupName=inputs["name"], retentionInDays=days)
    return inputs["name"], {"arn": f"arn:aws:logs:{region}:{account.number}:log-group:{inputs['name']}"}


def _check_log_group(inputs: Properties) -> list[tuple[str, str]]:
    days = inputs.get("retentionInDays", 0)
    return [] if days in RETENTION else [("retentionInDays", f"expected one of {sorted(RETENTION)}, got {days}")]


def _find_log_group(account: Account, identity: str, state: Properties) -> bool:
    found = account.at(state, "logs").describe_log_groups(logGroupNamePrefix=identity)["logGroups"]
    return any(each["logGroupName"] == identity for each in found)


def _resend(make: Create) -> Update:
    def update(account: Account, _identity: str, _state: Properties, inputs: Properties) -> Properties:
        return make(account, inputs)[1]

    return update


def _bucket_part(make: Create, call: str) -> Kind:
    """What belongs to a bucket: asked for, changed and removed by the bucket's name."""
    return Kind(
        create=make,
        find=lambda account, identity, state: getattr(account.at(state, "s3"), f"get_{call}")(Bucket=identity),
        delete=lambda account, identity, state: getattr(account.at(state, "s3"), f"delete_{call}")(Bucket=identity),
        update=_resend(make),
        fixed=frozenset({"bucket", "region"}),
    )


def _find_object(account: Account, _identity: str, state: Properties) -> bool:
    listed = account.at(state, "s3").list_objects_v2(Bucket=state["bucket"], Prefix=state["key"])
    return any(each["Key"] == state["key"] for each in listed.get("Contents", []))


def _delete_object(account: Account, _identity: str, state: Properties) -> None:
    with _past_policy(account.at(state, "s3"), state["bucket"]) as s3:
        s3.delete_object(Bucket=state["bucket"], Key=state["key"])


KINDS = {
    "aws:kms/key:Key": Kind(_key, _find_key, _delete_key, check=_check_key),
    "aws:kms/alias:Alias": Kind(
        _alias, _find_alias, lambda account, identity, state: account.at(state, "kms").delete_alias(AliasName=identity)
    ),
    "aws:s3/bucket:Bucket": Kind(
        _bucket,
        lambda account, identity, state: account.at(state, "s3").head_bucket(Bucket=identity),
        _delete_bucket,
        update=lambda _account, _identity, _state, _inputs: {},
        fixed=frozenset({"bucket", "region"}),
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": _bucket_part(
        _encryption, "bucket_encryption"
    ),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _bucket_part(_access_block, "public_access_block"),
    "aws:s3/bucketPolicy:BucketPolicy": _bucket_part(_policy, "bucket_policy"),
    "aws:s3/bucketObjectv2:BucketObjectv2": Kind(
        _object,
        _find_object,
        _delete_object,
        update=_resend(_object),
        fixed=frozenset({"bucket", "key", "region"}),
    ),
    "aws:cloudwatch/logGroup:LogGroup": Kind(
        _log_group,
        _find_log_group,
        lambda account, identity, state: account.at(state, "logs").delete_log_group(logGroupName=identity),
        check=_check_log_group,
    ),
}
