"""Metrics as vLLM, llama.cpp and the gateway print them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivet.idle.metrics import Reading, UnreadableError, read_metrics, together

VLLM = """\
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="m"} 2.0
vllm:num_requests_waiting{engine="0",model_name="m"} 1.0
vllm:gpu_cache_usage_perc{engine="0",model_name="m"} 0.97
vllm:prompt_tokens_total{engine="0",model_name="m"} 1.5e+06
vllm:request_success_total{engine="0",finished_reason="stop",model_name="m"} 12.0
"""
LLAMA = """\
# TYPE llamacpp:prompt_tokens_total counter
llamacpp:prompt_tokens_total 312
llamacpp:tokens_predicted_total 99
llamacpp:n_decode_total 40
llamacpp:requests_processing 0
llamacpp:requests_deferred 3
"""
GATEWAY = """\
process_start_time_seconds 1.76e+09
trivet_gateway_requests_total{model="m",outcome="ok",status="200",team="a"} 7.0
trivet_gateway_requests_total{model="",outcome="refused",status="401",team=""} 4000.0
trivet_gateway_in_flight{team="a"} 1.0
trivet_gateway_in_flight{team="b"} 0.0
trivet_gateway_queue_depth{model="m"} 2.0
"""


def test_vllm_is_read() -> None:
    reading = read_metrics(VLLM)
    assert reading.in_flight == 3
    assert sorted(reading.counters.values()) == [12, 1_500_000]


def test_llama_is_read() -> None:
    assert read_metrics(LLAMA) == Reading(
        3,
        {
            "llamacpp:prompt_tokens_total{}": 312,
            "llamacpp:tokens_predicted_total{}": 99,
            "llamacpp:n_decode_total{}": 40,
        },
    )


def test_the_gateway_is_read_without_those_whom_it_knows_not() -> None:
    reading = read_metrics(GATEWAY)
    assert reading.in_flight == 3
    assert sorted(reading.counters.values()) == [7, 1.76e9]


def test_a_busy_gpu_alone_is_no_traffic() -> None:
    with pytest.raises(UnreadableError, match="in flight"):
        read_metrics("vllm:gpu_cache_usage_perc 0.97\nDCGM_FI_DEV_GPU_UTIL 100\n")


@pytest.mark.parametrize("number", ["NaN", "-1", "many"])
def test_a_number_that_is_none_is_not_taken_for_zero(number: str) -> None:
    with pytest.raises(UnreadableError):
        read_metrics(f"llamacpp:requests_processing {number}\n")


def test_two_servers_of_one_kind_do_not_hide_each_other() -> None:
    one, two = Reading(1, {"a": 5}), Reading(2, {"a": 6})
    assert together([one, two]).in_flight == 3
    assert together([one, two]).counters != together([two, one]).counters


@given(st.text())
def test_any_text_is_read_or_unreadable(text: str) -> None:
    with contextlib.suppress(UnreadableError):
        assert read_metrics(text).in_flight >= 0


@given(st.integers(0, 10**9), st.text(alphabet='abc"\\,{} =', max_size=12))
def test_labels_do_not_confuse_the_value(value: int, label: str) -> None:
    escaped = label.replace("\\", "\\\\").replace('"', '\\"')
    line = f'llamacpp:requests_processing{{x="{escaped}"}} {value}\n'
    assert read_metrics(line).in_flight == value
