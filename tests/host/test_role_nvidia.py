"""The role `nvidia` on a host without a card: what it says there, and how it goes by what stands in for a driver."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.host.conftest import SetUp
from tests.host.playing import inside, play

# As much of nvidia-smi as the role speaks, for one card of 100 to 450 W: keeps what it is told, refuses the rest.
DRIVER = """#!/bin/sh
cd /run && touch smi && . ./smi
for option; do
  case $option in
    --persistence-mode=1) echo persistence=Enabled >>smi ;;
    --power-limit=*)
      watts=${option#*=}
      if [ "$watts" -lt 100 ] || [ "$watts" -gt 450 ]; then echo "$watts.00 W is not a valid power limit"; exit 1; fi
      echo "watts=$watts" >>smi ;;
    --ecc-config=[01]) echo "ECC is not supported on this card"; exit 3 ;;
    --lock-gpu-clocks=*,*) ;;
    --query-gpu=index) echo 0 ;;
    --query-gpu=persistence_mode,power.limit,ecc.mode.pending)
      echo "${persistence:-Disabled}, ${watts:-450}.00, [N/A]" ;;
    --format=csv,noheader | --format=csv,noheader,nounits) ;;
    *) echo "Invalid combination of input arguments." ; exit 2 ;;
  esac
done
"""
LIMITS = {"nvidia_power_limit": 300, "nvidia_ecc": "on", "nvidia_clock": 1500}


@pytest.fixture
def driver(set_up: SetUp) -> Iterator[None]:
    set_up.host.sh(f"cat >/usr/bin/nvidia-smi <<'END'\n{DRIVER}END\nchmod 755 /usr/bin/nvidia-smi")
    yield
    set_up.host.sh(
        "systemctl disable --now trivet-gpu 2>/dev/null;"
        " rm -f /usr/bin/nvidia-smi /etc/systemd/system/trivet-gpu.service /run/smi; systemctl daemon-reload"
    )


def test_without_a_card_it_says_so_and_changes_nothing(set_up: SetUp) -> None:
    outcome = play(set_up.target, "nvidia", **LIMITS)
    assert outcome.changes == {}
    assert [notice for notice in outcome.notices if "no NVIDIA card" in notice and "llama.cpp" in notice]
    assert not inside(set_up.host).file("/etc/systemd/system/trivet-gpu.service").exists


@pytest.mark.usefixtures("driver")
def test_cards_are_held_within_limits_now_and_after_a_boot(set_up: SetUp) -> None:
    outcome = play(set_up.target, "nvidia", **LIMITS)
    assert not [notice for notice in outcome.notices if "no NVIDIA card" in notice]
    assert [notice for notice in outcome.notices if "nvidia-container-toolkit" in notice]
    assert inside(set_up.host).service("trivet-gpu").is_enabled
    query = "nvidia-smi --query-gpu=persistence_mode,power.limit,ecc.mode.pending --format=csv,noheader,nounits"
    assert set_up.host.sh(query) == "Enabled, 300.00, [N/A]"
    assert play(set_up.target, "nvidia", check=True, **LIMITS).changes == {}


@pytest.mark.usefixtures("driver")
def test_a_limit_that_somebody_changed_is_named_and_set_again(set_up: SetUp) -> None:
    play(set_up.target, "nvidia", **LIMITS)
    set_up.host.sh("nvidia-smi --power-limit=450")
    assert "nvidia: Have every card go by them now" in play(set_up.target, "nvidia", check=True, **LIMITS).changes
    play(set_up.target, "nvidia", **LIMITS)
    assert play(set_up.target, "nvidia", check=True, **LIMITS).changes == {}
