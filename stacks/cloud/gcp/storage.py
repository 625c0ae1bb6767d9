"""What lies at rest in the region: one key, a bucket with the bundle, and a bucket of logs with an end."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

from stacks.cloud.bundle_file import BundleFile

ROTATION = "7776000s"  # 90 days
DESTRUCTION = "2592000s"  # 30 days, the default: a key that is gone takes the audit with it
# Google's own services, which encrypt for the machine: Compute Engine its disk, Cloud Storage the bundle.
AGENTS = {
    "compute": "service-{}@compute-system.iam.gserviceaccount.com",
    "storage": "service-{}@gs-project-accounts.iam.gserviceaccount.com",
}
MAY_ENCRYPT = "roles/cloudkms.cryptoKeyEncrypterDecrypter"


@dataclass(frozen=True)
class StorageArgs:
    """Arguments of Storage. `retain` keeps the bucket from being deleted while the bundle lies in it."""

    project: str
    project_number: str
    region: str
    bundle: BundleFile
    log_days: int
    retain: bool


class Storage(pulumi.ComponentResource):
    """Key and bucket; the machine's and the network's logs go to a log bucket of the region, and to no other.

    Attributes:
        key: the key's name; whoever encrypts with it waits for `granted`.
        granted: what lets Google's services use the key.
        bucket: the bucket's name.
        bundle_url: where the bundle lies, for Cloud Storage's JSON API.
    """

    def __init__(self, name: str, args: StorageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("trivet:gcp:Storage", name, None, opts)
        mine = pulumi.ResourceOptions(parent=self)
        # Google keeps the names of rings and keys for ever, so both are named anew each time.
        ring = gcp.kms.KeyRing(name, location=args.region, opts=mine)
        key = gcp.kms.CryptoKey(
            name,
            key_ring=ring.id,
            purpose="ENCRYPT_DECRYPT",
            rotation_period=ROTATION,
            destroy_scheduled_duration=DESTRUCTION,
            opts=mine,
        )
        self.granted = [
            gcp.kms.CryptoKeyIAMMember(
                f"{name}-{service}",
                crypto_key_id=key.id,
                role=MAY_ENCRYPT,
                member=f"serviceAccount:{agent.format(args.project_number)}",
                opts=mine,
            )
            for service, agent in AGENTS.items()
        ]
        self.key = key.id
        bucket = gcp.storage.Bucket(
            name,
            name=f"{name}-{args.project_number}-{args.region}",
            location=args.region,
            uniform_bucket_level_access=True,
            public_access_prevention="enforced",
            encryption={"default_kms_key_name": key.id},
            soft_delete_policy={"retention_duration_seconds": 0},
            force_destroy=not args.retain,
            opts=pulumi.ResourceOptions(parent=self, depends_on=self.granted),
        )
        self.bucket = bucket.name
        bundle = gcp.storage.BucketObject(
            f"{name}-bundle",
            bucket=bucket.name,
            name=f"{args.bundle.digest.removeprefix('sha256:')}.tar",
            source=pulumi.FileAsset(args.bundle.path),
            opts=mine,
        )
        self.bundle_url = pulumi.Output.format(
            "https://storage.googleapis.com/storage/v1/b/{0}/o/{1}?alt=media", bucket.name, bundle.name
        )
        self._logs(name, args)
        self.register_outputs({"key": self.key, "bucket": self.bucket})

    def _logs(self, name: str, args: StorageArgs) -> None:
        """Where nobody says otherwise, logs go to the project's bucket `_Default`, which lies anywhere."""
        mine = pulumi.ResourceOptions(parent=self)
        logs = gcp.logging.ProjectBucketConfig(
            name,
            project=args.project,
            location=args.region,
            bucket_id=name,
            retention_days=args.log_days,
            opts=mine,
        )
        ours = f'resource.labels.subnetwork_name="{name}" OR labels."compute.googleapis.com/resource_name"="{name}"'
        sink = gcp.logging.ProjectSink(
            name,
            name=name,
            destination=f"logging.googleapis.com/projects/{args.project}/locations/{args.region}/buckets/{name}",
            filter=ours,
            unique_writer_identity=True,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[logs]),
        )
        gcp.logging.ProjectExclusion(
            name,
            name=name,
            filter=ours,
            description="They go to a bucket of the region",
            opts=pulumi.ResourceOptions(parent=self, depends_on=[sink]),
        )
