"""What a stack's settings and state backend say about where everything lies."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.examples import cluster_settings, modal_settings, settings, spec_with
from tests.unit.residency.cases import judge
from trivet.residency import Asset, load_tables, stack_assets
from trivet.residency.places import handled_by

HOME = {"country": "ZA", "operatedFrom": "ZA"}
FILE = "file:///srv/state"
LAMBDA = {"instanceTypes": ["gpu_1x_a10"], "allowFrom": ["198.51.100.7/32"], "monthlyBudget": 50}
FRONTIER = {"url": "https://api.example.org/v1", "model": "big", "country": "US", "dataClasses": ["public"]}


def assets(*, backend: str = FILE, frontier: bool = False, **changes: Any) -> dict[str, Asset]:
    spec = spec_with({"gateway": {"frontier": FRONTIER}} if frontier else {})
    placed = stack_assets(spec, settings(**changes), load_tables(), state_backend=backend)
    return {asset.kind: asset for asset in placed}


def test_everything_on_a_machine_of_ones_own_is_lawful_at_home() -> None:
    report = judge(*assets(**HOME).values(), regime="za-strict")
    assert report.lawful
    assert {finding.countries for finding in report.findings} == {("ZA",)}


@pytest.mark.parametrize("missing", HOME)
def test_what_nobody_declared_is_unknown(missing: str) -> None:
    declared = {key: value for key, value in HOME.items() if key != missing}
    refused = judge(*assets(**declared).values(), regime="za-strict").refused
    assert {finding.because for finding in refused} == {"its place is unknown (an unknown place)"}
    assert any(missing in finding.remedy for finding in refused)


def test_a_frontier_is_a_place_where_requests_are_answered() -> None:
    assert "inference-routing" not in assets(**HOME)
    (finding,) = judge(*assets(**HOME, frontier=True).values(), regime="za-strict").refused
    assert finding.asset.name == "frontier"


@pytest.mark.parametrize(
    ("backend", "declared", "lawful"),
    [
        (FILE, None, True),
        ("s3://bucket?region=af-south-1", None, True),
        ("s3://bucket?region=eu-west-1", None, False),
        ("s3://bucket?region=eu-west-1", "ZA", False),
        ("s3://bucket?region=af-south-1&region=eu-west-1", None, False),
        ("s3://bucket", None, False),
        ("s3://bucket", "ZA", True),
        ("gs://bucket", None, False),
        ("gs://bucket", "DE", False),
        ("https://api.pulumi.com", None, False),
        ("", None, False),
    ],
)
def test_state_lies_where_its_backend_s_url_or_the_settings_say(
    backend: str, declared: str | None, *, lawful: bool
) -> None:
    found = assets(**HOME, backend=backend, stateCountry=declared)
    report = judge(found["state-backend"], found["secret"], regime="za-strict")
    assert len(report.refused) == (0 if lawful else 2)


def test_pulumi_its_state_and_the_keys_lie_with_the_people_where_the_host_is_another_machine() -> None:
    remote = {**HOME, "target": "ssh", "host": {"address": "10.0.0.7", "user": "ops"}}
    assert judge(*assets(**remote).values(), regime="za-strict").lawful
    abroad = judge(*assets(**{**remote, "operatedFrom": "GB"}).values(), regime="za-strict").refused
    assert {finding.asset.kind for finding in abroad} == {
        "control-plane",
        "key",
        "registry",
        "secret",
        "state-backend",
        "support-access",
    }


def test_on_another_tier_the_place_is_the_provider_s_region() -> None:
    rented = assets(tier="gpuaas", target="lambda", region="us-east-1", operatedFrom="ZA", **{"lambda": LAMBDA})
    assert (rented["compute"].provider, rented["compute"].region) == ("lambda", "us-east-1")
    assert not judge(rented["compute"], regime="za-strict").lawful


def test_a_provider_handles_requests_where_it_says_whatever_the_region() -> None:
    providers = load_tables().providers
    handled = {asset.kind: asset for asset in handled_by(providers["modal"], "uk")}
    assert {kind: asset.countries for kind, asset in handled.items()} == {
        "control-plane": ("US",),
        "inference-routing": ("US",),
    }
    assert len(judge(*handled.values(), regime="uk").refused) == 2
    assert judge(*handled_by(providers["aws"], "eu-west-2"), regime="uk").lawful


def test_every_region_that_a_node_may_come_to_is_judged() -> None:
    rented = {**LAMBDA, "otherRegions": ["europe-central-1"]}
    changes = {"tier": "gpuaas", "target": "lambda", "region": "us-east-1", "lambda": rented}
    placed = stack_assets(spec_with({}), settings(**changes), load_tables(), state_backend=FILE)
    assert {asset.region for asset in placed if asset.kind == "compute"} == {"us-east-1", "europe-central-1"}


def on_modal(**modal: Any) -> dict[str, Asset]:
    """By name; what lies on the host goes by the name of the machine."""
    placed = stack_assets(spec_with({}), modal_settings(**modal), load_tables(), state_backend=FILE)
    return {asset.name: asset for asset in placed}


def test_a_stack_on_modal_lies_in_its_region_and_enters_where_it_is_pinned() -> None:
    found = on_modal(routingRegion="uk")
    assert (found["the machine"].provider, found["the machine"].region) == ("modal", "eu-west")
    assert (found["requests on their way"].provider, found["requests on their way"].region) == ("modal", "uk")
    assert judge(found["requests on their way"], regime="uk").lawful


def test_requests_that_nobody_routes_pass_through_the_united_states() -> None:
    found = on_modal(routingRegion=None)["requests on their way"]
    assert found.countries == ("US",)
    (refused,) = judge(found, regime="za-strict").refused
    assert "it is in US" in refused.because


def test_a_registry_that_modal_pulls_from_is_a_place_to_declare() -> None:
    (refused,) = judge(on_modal()["registry that Modal pulls from"], regime="uk").refused
    assert "modal.registryCountry" in refused.remedy
    assert judge(on_modal(registryCountry="GB")["registry that Modal pulls from"], regime="uk").lawful


def test_a_registry_that_a_cluster_pulls_from_is_a_place_to_declare() -> None:
    name = "registry that the cluster pulls from"

    def registry(**place: Any) -> Asset:
        placed = stack_assets(spec_with({}), cluster_settings(**place), load_tables(), state_backend=FILE)
        return next(asset for asset in placed if asset.name == name)

    (refused,) = judge(registry(), regime="uk").refused
    assert "kubernetes.registryCountry" in refused.remedy
    assert judge(registry(registryCountry="GB"), regime="uk").lawful


@pytest.mark.parametrize("regime", ["za-strict", "za-transfer"])
def test_modal_has_no_place_for_a_stack_that_stays_in_south_africa(regime: str) -> None:
    assert "the machine" in {finding.asset.name for finding in judge(*on_modal().values(), regime=regime).refused}


def test_on_a_machine_of_the_cloud_everything_but_people_and_pulumi_lies_in_the_region() -> None:
    found = assets(tier="cloud", provider="aws", region="af-south-1", operatedFrom="ZA")
    kinds = {"compute", "volume", "bucket", "key", "log", "secret", "telemetry", "model-cache"}
    assert {(found[kind].provider, found[kind].region) for kind in kinds} == {("aws", "af-south-1")}
    assert judge(*found.values(), regime="za-strict").lawful


AWS = {"account": "1" * 12, "bundle": "b.tar", "keys": ["RW" + "A" * 54], "notify": "a@b.example", "budget": 1}


@pytest.mark.parametrize(("region", "lawful"), [("af-south-1", True), ("eu-west-3", False)])
def test_an_endpoint_is_where_the_provider_offers_the_service(region: str, *, lawful: bool) -> None:
    cloud = {"tier": "cloud", "provider": "aws", "target": "sagemaker", "aws": AWS, "operatedFrom": "ZA"}
    spec, changed = spec_with({}), settings(**cloud, region=region)
    placed = stack_assets(spec, changed, load_tables(), state_backend="s3://b?region=af-south-1")
    assert any(asset.service == "sagemaker" for asset in placed)
    assert judge(*placed, regime="za-strict").lawful is lawful
    refused = judge(*placed, regime="eu").refused
    # eu-west-3 is in France, and the table of the service does not list it.
    assert any("service sagemaker" in finding.because for finding in refused) is not lawful
