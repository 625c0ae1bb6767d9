"""Types of cloud resources: which hold no data, which kind of asset each is, which lie in the provider's region."""

from __future__ import annotations

import re
from typing import Final

from trivet.spec import AssetKind

PROVIDERS: Final = {"aws": "aws", "gcp": "gcp", "azure-native": "azure"}
WITHOUT_DATA: Final = frozenset({"pulumi", "random"})  # packages
# Identities, rules, names and prices: global by nature, and none of the stack's data.
GLOBAL: Final = {
    "aws": frozenset({"iam", "organizations", "budgets", "costexplorer", "route53"}),
    "gcp": frozenset({"projects", "serviceaccount", "organizations", "orgpolicy", "billing", "dns"}),
    "azure": frozenset({"authorization", "consumption", "managementgroup", "privatedns"}),
}
# Types of the other modules that are global, or lie wherever the resource does that they belong to.
DEPENDENT: Final = frozenset(
    {
        "gcp:compute/network:Network",
        "gcp:compute/firewall:Firewall",
        "gcp:compute/route:Route",
        "gcp:logging/projectExclusion:ProjectExclusion",
        "gcp:monitoring/notificationChannel:NotificationChannel",
        "azure-native:network:Subnet",
        "azure-native:storage:BlobContainer",
        "azure-native:keyvault:Secret",
        "azure-native:keyvault:Key",
    }
)
# Types of the global modules that send data somewhere.
SENDERS: Final = re.compile(r"route53/.*[qQ]ueryLog")
# Google's types that lie in the provider's region or zone, or in what their names, paths or rules below name, unless
# they say otherwise. Every other one that says nothing of its place lies where Google pleases.
IN_THE_PROVIDER_S_REGION: Final = frozenset(
    {
        "cloudfunctions/function:Function",
        "compute/address:Address",
        "compute/disk:Disk",
        "compute/forwardingRule:ForwardingRule",
        "compute/instance:Instance",
        "compute/instanceGroup:InstanceGroup",
        "compute/instanceGroupManager:InstanceGroupManager",
        "compute/regionBackendService:RegionBackendService",
        "compute/regionDisk:RegionDisk",
        "compute/regionHealthCheck:RegionHealthCheck",
        "compute/regionInstanceGroupManager:RegionInstanceGroupManager",
        "compute/regionInstanceTemplate:RegionInstanceTemplate",
        "compute/regionUrlMap:RegionUrlMap",
        "compute/resourcePolicy:ResourcePolicy",
        "compute/router:Router",
        "compute/routerNat:RouterNat",
        "compute/snapshot:Snapshot",
        "compute/subnetwork:Subnetwork",
        "container/cluster:Cluster",
        "container/nodePool:NodePool",
        "dataflow/job:Job",
        "kms/cryptoKey:CryptoKey",
        "kms/cryptoKeyIAMMember:CryptoKeyIAMMember",
        "logging/folderSink:FolderSink",
        "logging/organizationSink:OrganizationSink",
        "logging/projectSink:ProjectSink",
        "memcache/instance:Instance",
        "redis/instance:Instance",
        "secretmanager/secret:Secret",
        "secretmanager/secretVersion:SecretVersion",
        "sql/databaseInstance:DatabaseInstance",
        "storage/bucketIAMMember:BucketIAMMember",
        "storage/bucketObject:BucketObject",
        "vpcaccess/connector:Connector",
    }
)
COMPUTE: Final[AssetKind] = "compute"
KINDS: Final[dict[str, dict[str, AssetKind]]] = {
    "aws": {
        "ebs/volume": "volume",
        "ebs/": "snapshot",
        "ec2/ami": "snapshot",
        "backup/": "backup",
        "s3": "bucket",
        "ecr/": "registry",
        "kms/": "key",
        "secretsmanager/": "secret",
        "ssm/": "secret",
        "cloudwatch/": "log",
        "cloudtrail/": "log",
        "bedrock/": "inference-routing",
    },
    "gcp": {
        "compute/disk": "volume",
        "compute/snapshot": "snapshot",
        "compute/image": "snapshot",
        "storage/": "bucket",
        "artifactregistry/": "registry",
        "kms/": "key",
        "secretmanager/": "secret",
        "logging/": "log",
    },
    "azure": {
        "compute:Disk": "volume",
        "compute:Snapshot": "snapshot",
        "recoveryservices:": "backup",
        "dataprotection:": "backup",
        "storage:": "bucket",
        "containerregistry:": "registry",
        "keyvault:": "key",
        "operationalinsights:": "log",
    },
}
REPLICAS: Final[dict[AssetKind, AssetKind]] = {
    "bucket": "bucket-replica",
    "registry": "registry-replica",
    "key": "key-replica",
    "secret": "secret-replica",
}
