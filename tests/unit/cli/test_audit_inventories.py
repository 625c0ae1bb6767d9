"""`trivet residency audit` of Google Cloud and Azure: every drift is found, and nothing else."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.fakes.inventories import SECRET, Inventories
from tests.fakes.serving import serving
from tests.unit.examples import ROOT
from trivet.cli import main

SCOPE, SUBSCRIPTION = "projects/clinic", "11111111-2222-3333-4444-555555555555"


def asset(kind: str, location: str = "", **resource: Any) -> dict[str, Any]:
    """One of the asset inventory."""
    host, _, own = kind.partition("/")
    name = f"//{host}.googleapis.com/projects/clinic/{own.lower()}-{location}-{len(resource)}"
    versions = {"versionedResources": [{"version": "v1", "resource": resource}]} if resource else {}
    return {"name": name, "assetType": f"{host}.googleapis.com/{own}", "location": location, **versions}


def managed(*places: str) -> dict[str, Any]:
    return {"userManaged": {"replicas": [{"location": place} for place in places]}}


def log_bucket(place: str) -> str:
    return f"logging.googleapis.com/projects/clinic/locations/{place}/buckets/b"


HOME = "africa-south1"
GCP_LAWFUL = (
    asset("compute/Instance", f"{HOME}-a"),
    asset("compute/Disk", f"{HOME}-a"),
    asset("compute/Snapshot", HOME, storageLocations=[HOME]),
    asset("compute/Network", "global"),
    asset("compute/Firewall", "global"),
    asset("compute/Route", "global"),
    asset("compute/Subnetwork", HOME),
    asset("compute/Project", "global"),
    asset("storage/Bucket", HOME),
    asset("artifactregistry/Repository", HOME),
    asset("cloudkms/KeyRing", HOME),
    asset("cloudkms/CryptoKey", HOME),
    asset("secretmanager/Secret", "global", replication=managed(HOME)),
    asset("secretmanager/SecretVersion", "global"),
    asset("logging/LogBucket", HOME),
    asset("logging/LogSink", HOME, destination=log_bucket(HOME)),
    asset("aiplatform/Endpoint", HOME),
    asset("iam/ServiceAccount", "global"),
    asset("cloudresourcemanager/Project", "global"),
    asset("serviceusage/Service", "global"),
    asset("dns/ManagedZone", "global"),
    asset("monitoring/NotificationChannel", "global"),
)
GCP_DRIFTS = (
    asset("compute/Instance", "europe-west4-a"),
    asset("compute/Disk", "us-central1-b"),
    asset("compute/Snapshot", "eu", storageLocations=["eu"]),
    asset("compute/Snapshot", HOME),
    asset("compute/Image", HOME, storageLocations=["us"]),
    asset("compute/GlobalForwardingRule", "global"),
    asset("storage/Bucket", "eu"),
    asset("storage/Bucket", "us-east1"),
    asset("artifactregistry/Repository", "europe"),
    asset("cloudkms/KeyRing", "global"),
    asset("cloudkms/CryptoKey", "europe-west1"),
    asset("secretmanager/Secret", "global", replication={"automatic": {}}, labels={}, etag=""),
    asset("secretmanager/Secret", "global", replication=managed(HOME, "europe-west1"), labels={}),
    asset("logging/LogBucket", "global"),
    asset("logging/LogSink", "global", destination="storage.googleapis.com/somewhere", filter=""),
    asset("aiplatform/Endpoint", "us-central1"),
    asset("container/Cluster", "europe-west3"),
    asset("bigquery/Dataset", "US"),
)


def resource(kind: str, location: str, sku: str = "", **properties: Any) -> dict[str, Any]:
    """One of the resource graph."""
    name = f"{kind.rpartition('/')[2]}-{location}-{sku}"
    return {
        "id": f"/subscriptions/{SUBSCRIPTION}/resourceGroups/g/providers/Microsoft.{kind}/{name}",
        "name": name,
        "type": f"microsoft.{kind.lower()}",
        "location": location,
        "sku": {"name": sku} if sku else None,
        "properties": properties or None,
    }


NORTH = "southafricanorth"
AZURE_LAWFUL = (
    resource("Compute/virtualMachines", NORTH),
    resource("Compute/disks", NORTH, "Premium_LRS"),
    resource("Compute/snapshots", "southafricawest"),
    resource("Storage/storageAccounts", NORTH, "Standard_LRS", primaryLocation=NORTH),
    resource(
        "Storage/storageAccounts", NORTH, "Standard_GRS", primaryLocation=NORTH, secondaryLocation="southafricawest"
    ),
    resource("KeyVault/vaults", NORTH),
    resource("RecoveryServices/vaults", NORTH, "Standard"),
    resource("ContainerRegistry/registries", NORTH, "Premium"),
    resource("OperationalInsights/workspaces", NORTH),
    resource("MachineLearningServices/workspaces", NORTH),
    resource("Network/privateDnsZones", "global"),
    resource("Network/privateDnsZones/virtualNetworkLinks", "global"),
    resource("Resources/subscriptions", ""),
    resource("Resources/subscriptions/resourceGroups", NORTH),
    resource("ManagedIdentity/userAssignedIdentities", NORTH),
)
AZURE_DRIFTS = (
    resource("Compute/virtualMachines", "westeurope"),
    resource("Compute/disks", "eastus", "Premium_LRS"),
    resource("Compute/snapshots", "uksouth"),
    resource("Storage/storageAccounts", "westeurope", "Standard_LRS"),
    resource("KeyVault/vaults", "northeurope"),
    resource("RecoveryServices/vaults", "brazilsouth", "Standard"),
    resource("ContainerRegistry/registries/replications", "westus2"),
    resource(
        "OperationalInsights/workspaces", NORTH, "copied", replication={"enabled": True, "location": "westeurope"}
    ),
    resource("MachineLearningServices/workspaces", "uksouth"),
    resource("Cdn/profiles", "global"),
    resource(
        "Compute/galleries/images/versions", NORTH, "", publishingProfile={"targetRegions": [{"name": "East US"}]}
    ),
    resource("Resources/subscriptions/resourceGroups", "westeurope"),
)


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A service account's, whose tokens the fake gives out."""
    key = rsa.generate_private_key(65537, 2048)
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    file = tmp_path_factory.mktemp("google") / "key.json"
    file.write_text(json.dumps({"type": "service_account", "client_email": "audit@clinic.iam", "private_key": text}))
    return file


@pytest.fixture
def inventories(monkeypatch: pytest.MonkeyPatch, key_file: Path) -> Iterator[Inventories]:
    clouds = Inventories()
    for name in [name for name in os.environ if name.startswith(("AZURE_", "GOOGLE_", "CLOUDSDK_"))]:
        monkeypatch.delenv(name)
    with serving(clouds.app) as url:
        key_file.write_text(json.dumps({**json.loads(key_file.read_text()), "token_uri": f"{url}/token"}))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key_file))
        monkeypatch.setenv("CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDASSET", f"{url}/")
        monkeypatch.setenv("AZURE_RESOURCE_MANAGER_ENDPOINT", url)
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{url}/msi")
        monkeypatch.setenv("IDENTITY_HEADER", SECRET)
        yield clouds


@pytest.fixture
def project(tmp_path: Path) -> Path:
    strict = "regime: za-strict\n  maxAgeDays: 3650"
    (tmp_path / "inference.yaml").write_text((ROOT / "inference.yaml").read_text().replace("regime: none", strict))
    return tmp_path


def audit(project: Path, *args: str) -> int:
    return main(["residency", "audit", "--project", str(project), "--json", *args])


def named(said: dict[str, Any], verdict: str) -> set[str]:
    return {each["asset"]["name"] for each in said["findings"] if each["verdict"] == verdict}


def labels(entries: tuple[dict[str, Any], ...]) -> set[str]:
    return {entry["name"].rpartition("/")[2] for entry in entries}


@pytest.mark.parametrize(
    ("args", "lawful", "drifts"),
    [
        (("--cloud", "gcp", "--scope", SCOPE), GCP_LAWFUL, GCP_DRIFTS),
        (("--cloud", "azure", "--scope", SUBSCRIPTION), AZURE_LAWFUL, AZURE_DRIFTS),
    ],
)
def test_every_seeded_drift_is_found_and_nothing_that_is_at_home(
    inventories: Inventories,
    project: Path,
    capsys: pytest.CaptureFixture[str],
    args: tuple[str, ...],
    lawful: tuple[dict[str, Any], ...],
    drifts: tuple[dict[str, Any], ...],
) -> None:
    held = inventories.assets if "gcp" in args else inventories.resources
    held[args[-1]] = [*lawful, *drifts]
    inventories.busy = 1
    assert audit(project, *args) == 1
    said = json.loads(capsys.readouterr().out)
    refused = {name.partition(" ")[0] for name in named(said, "refused")}
    assert refused == labels(drifts)
    held[args[-1]] = list(lawful)
    assert audit(project, *args) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["things"] > len(lawful) // 2
    assert named(said, "refused") == set()


@pytest.mark.parametrize(
    "args", [("--cloud", "gcp", "--scope", "projects/another"), ("--cloud", "azure", "--scope", SUBSCRIPTION)]
)
def test_what_cannot_be_read_is_an_error(
    inventories: Inventories, project: Path, capsys: pytest.CaptureFixture[str], args: tuple[str, ...]
) -> None:
    assert inventories.assets == {}
    assert audit(project, *args) == 2
    assert "what it cannot read may be anywhere" in capsys.readouterr().err


@pytest.mark.parametrize(
    "args",
    [
        ("--cloud", "gcp"),
        ("--cloud", "gcp", "--scope", "clinic"),
        ("--cloud", "azure"),
        ("--cloud", "azure", "--scope", "clinic"),
        ("--scope", "projects/clinic"),
    ],
)
def test_a_scope_is_named_where_the_cloud_wants_one(
    project: Path, capsys: pytest.CaptureFixture[str], args: tuple[str, ...]
) -> None:
    assert audit(project, *args) == 2
    assert "--scope" in capsys.readouterr().err


def test_credentials_that_are_refused_are_an_error(
    inventories: Inventories, project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    inventories.assets[SCOPE] = []
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/key.json")
    assert audit(project, "--cloud", "gcp", "--scope", SCOPE) == 2
    assert "gcloud auth application-default login" in capsys.readouterr().err
