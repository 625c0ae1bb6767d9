"""Choose: law, fit and price of every place, against the facts on which the tables were built."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.unit.examples import spec_with
from tests.unit.residency.cases import TODAY, shipped
from trivet.residency import load_tables
from trivet.residency.choose import Choice, Chooser
from trivet.residency.fit import Needs, misfit, needs_of
from trivet.spec import StackSpec

TABLES = load_tables()
T4_SIZED = 14_000  # MiB: fits a T4, and everything larger


def spec(memory: int = T4_SIZED, quantisation: str = "AWQ", name: str = "chat", **changes: Any) -> StackSpec:
    model = {
        "name": name,
        "kind": "chat",
        "source": "models/chat",
        "format": "safetensors",
        "quantisation": quantisation,
        "licence": "MIT",
        "digest": "sha256:" + "0" * 64,
        "contextLength": 8192,
        "runtime": "vllm",
        "gpuMemoryMiB": memory,
    }
    return spec_with({"models": [{**model, **changes}], "runtimes": {"vllm": {"image": "vllm"}}})


def choose(stack: StackSpec, regime: str, today: date = TODAY, **options: Any) -> list[Choice]:
    return list(Chooser(stack, shipped(regime), TABLES, today, **options).choices())


def open_machines(choices: list[Choice], verdict: str) -> set[tuple[str, str, str]]:
    return {(each.provider, each.region, each.machine) for each in choices if each.verdict == verdict}


def reasons(choices: list[Choice], provider: str) -> dict[tuple[str, str], str]:
    return {
        (each.region, each.machine): each.why
        for each in choices
        if each.provider == provider and each.verdict == "refused"
    }


def test_strict_south_africa_with_a_model_for_a_t4() -> None:
    choices = choose(spec(), "za-strict")
    g4dn = {f"g4dn.{size}" for size in ("xlarge", "2xlarge", "4xlarge", "8xlarge", "16xlarge", "12xlarge", "metal")}
    assert open_machines(choices, "fits") == {
        ("own", "ZA", f"a machine of yours with a GPU with {T4_SIZED} MiB"),
        *(("aws", "af-south-1", name) for name in g4dn),
    }
    assert open_machines(choices, "probe") == {
        ("aws", "af-south-1", "sagemaker"),
        ("azure", "southafricanorth", "azureml"),
        ("azure", "southafricanorth", "Standard_NV36ads_A10_v5"),
        ("azure", "southafricanorth", "Standard_NV72ads_A10_v5"),
        ("azure", "southafricanorth", "Standard_ND96amsr_A100_v4"),
        ("azure", "southafricanorth", "Standard_ND96isr_H100_v5"),
        ("azure", "southafricanorth", "Standard_ND96isr_H200_v5"),
        ("azure", "southafricawest", "Standard_ND96isr_H100_v5"),
    }
    refused = {name: reasons(choices, name) for name in TABLES.providers}
    assert "it has no GPU" in refused["gcp"]["africa-south1", "any"]
    assert "no GPU of the region fits" in refused["gcp"]["africa-south1", "vertex-endpoint"]
    assert "names no country" in refused["gcp"]["anywhere", "vertex-generative"]
    assert {"au", "eu", "jp", "us", "us-gov"} == {
        region for region, machine in refused["aws"] if machine == "bedrock-profile"
    }
    for provider in ("lambda", "coreweave", "modal"):
        assert {region for region, _ in refused[provider]} == set(TABLES.providers[provider].regions.countries)


@pytest.mark.parametrize(
    ("memory", "quantisation", "words"),
    [
        (20_000, "AWQ", "a GPU holds about 15237 MiB of the 20000"),
        (T4_SIZED, "FP8", "no FP8 (compute capability 7.5"),
        (T4_SIZED, "BF16", "no bf16 (compute capability 7.5"),
    ],
)
def test_strict_south_africa_refuses_aws_for_more_than_a_t4_and_says_what_fits(
    memory: int, quantisation: str, words: str
) -> None:
    choices = choose(spec(memory, quantisation), "za-strict")
    assert {each.provider for each in choices if each.verdict == "fits"} == {"own"}
    why = reasons(choices, "aws")["af-south-1", "g4dn.xlarge"]
    assert words in why
    assert "H100, H200, RTX-PRO-6000 would fit" in why
    azure = open_machines(choices, "probe")
    assert ("azure", "southafricanorth", "Standard_ND96isr_H100_v5") in azure
    assert (("azure", "southafricanorth", "Standard_NV36ads_A10_v5") in azure) == (quantisation != "FP8")


def test_eu_has_neither_south_africa_nor_the_united_states_nor_a_seat_there() -> None:
    choices = choose(spec(), "eu")
    lawful = {(each.provider, each.region) for each in choices if each.verdict != "refused"} - {
        ("own", "an allowed country")
    }
    assert lawful == {
        ("aws", "eu-west-1"),
        ("aws", "eu-central-1"),
        ("aws", "eu-west-2"),
        ("azure", "uksouth"),
        ("gcp", "europe-west4"),
    }
    assert reasons(choices, "lambda")["europe-central-1", "any"].startswith("control-plane: it is in US")
    assert reasons(choices, "modal")["uk", "any"].startswith("control-plane: it is in US")
    assert "not this stack's weights" in reasons(choices, "aws")["eu", "bedrock-profile"]


def test_without_a_regime_only_fit_and_price_decide() -> None:
    choices = choose(spec(), "none")
    assert ("aws", "us-east-1", "g4dn.xlarge") in open_machines(choices, "fits")
    assert "no table says which GPUs it has (GPU types, capacity" in reasons(choices, "lambda")["us-east-1", "any"]


def test_the_cheapest_comes_first_after_ones_own_machine() -> None:
    choices = [each for each in choose(spec(), "none") if each.verdict == "fits"]
    assert choices[0].provider == "own"
    prices = [each.price_hour for each in choices[1:] if each.price_hour is not None]
    assert prices == sorted(prices)
    assert prices[0] == 0.526
    assert [each.price_hour for each in choices[len(prices) + 1 :]] == [None] * (len(choices) - len(prices) - 1)


def test_a_budget_refuses_what_costs_more_and_what_has_no_price() -> None:
    choices = choose(spec(), "eu", budget=1.1)
    assert open_machines(choices, "fits") == {
        ("own", "an allowed country", f"a machine of yours with a GPU with {T4_SIZED} MiB"),
        ("gcp", "europe-west4", "g2-standard-4"),
        ("aws", "eu-west-1", "g4dn.xlarge"),
        ("aws", "eu-central-1", "g6.xlarge"),
        ("aws", "eu-west-2", "g6.xlarge"),
    }
    refused = reasons(choices, "aws")
    assert refused["eu-west-1", "g5.xlarge"] == "1.123 USD/h is over the budget of 1.1"
    assert "its price is not in the tables" in refused["eu-west-1", "p4d.24xlarge"]


def test_a_price_per_million_tokens_rests_on_a_measurement_of_that_machine_or_on_an_assumption() -> None:
    stack = spec(10_000, "FP8", name="llama-3.1-8b-instruct")
    found = {(each.region, each.machine): each for each in choose(stack, "none")}
    h100 = found["us-east-1", "p5.4xlarge"]
    assert h100.price_million_tokens == pytest.approx(6.88 / (3400 * 3600) * 1e6)
    assert "3400 tokens/s, 8B FP8, vLLM v0.5.4" in h100.throughput
    assert found["us-east-1", "g6.xlarge"].throughput == "not measured"
    assumed = {(each.region, each.machine): each for each in choose(stack, "none", tokens_per_second=100.0)}
    assert assumed["us-east-1", "g6.xlarge"].price_million_tokens == pytest.approx(0.805 / 360_000 * 1e6)
    assert "your assumption" in assumed["us-east-1", "g6.xlarge"].throughput


def test_old_prices_are_marked_and_machines_not_seen_for_long_are_refused() -> None:
    choices = {(each.region, each.machine): each for each in choose(spec(), "none")}
    assert choices["af-south-1", "g4dn.xlarge"].price_stale
    assert not choices["us-east-1", "g4dn.xlarge"].price_stale
    later = {(each.region, each.machine): each for each in choose(spec(), "none", today=date(2028, 1, 1))}
    assert "last seen on offer on 2026-11-01" in later["us-east-1", "g4dn.xlarge"].why


def test_a_stack_for_the_cpu_needs_no_gpu_and_no_region_is_refused_for_having_none() -> None:
    cpu = spec_with({})
    assert str(needs_of(cpu)) == "no GPU"
    assert ("gcp", "africa-south1", "a machine without a GPU") in open_machines(choose(cpu, "za-strict"), "probe")


def test_models_share_the_first_gpus_as_they_are_rendered() -> None:
    stack = spec(60_000, arguments={"tensor-parallel-size": 4})
    assert needs_of(stack).memory_mib == (15_000,) * 4
    assert misfit(needs_of(stack), TABLES.gpus["T4"], 4) is None
    assert misfit(needs_of(stack), TABLES.gpus["H200"], 1) == "it has 1 of the 4 GPUs that are needed"
    both = stack.model_copy(update={"models": (*stack.models, *spec(1_000).models)})
    assert needs_of(both).memory_mib == (16_000, 15_000, 15_000, 15_000)


@pytest.mark.parametrize("gpu", TABLES.gpus)
def test_more_memory_never_makes_a_misfit_fit(gpu: str) -> None:
    fits = [
        misfit(Needs((size,), bf16=False, fp8=False), TABLES.gpus[gpu], 1) is None for size in range(0, 200_000, 500)
    ]
    assert fits == sorted(fits, reverse=True)
    assert fits[0]
    assert not fits[-1]
