"""What tools print of a host, and what is made of it. The outputs lie in tests/cases/facts, one folder a machine."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.examples import ROOT
from trivet.drivers.facts import nvidia
from trivet.drivers.facts.disks import parse_disks
from trivet.drivers.facts.facts import Card, Disk
from trivet.drivers.facts.machine import parse_machine, parse_os_release
from trivet.drivers.facts.pci import NVIDIA, parse_displays
from trivet.errors import HostError

CASES = ROOT / "tests" / "cases" / "facts"


def output(machine: str, name: str) -> str:
    return (CASES / machine / name).read_text()


def cards(machine: str) -> tuple[Card, ...]:
    return nvidia.parse_cards(output(machine, "nvidia-smi.csv"), output(machine, "nvidia-smi-L.txt"))


def test_a_geforce_has_no_mig_and_says_so() -> None:
    (card,) = cards("rtx4090")
    assert (card.name, card.memory_mib, card.used_mib) == ("NVIDIA GeForce RTX 4090", 24564, 421)
    assert (card.mig, card.ecc, card.power_limit_watts, card.slices) == (None, False, 450.0, ())
    assert (card.driver, card.compute_capability, card.bus) == ("550.127.05", "8.9", "00000000:01:00.0")


def test_two_cards_are_told_apart_by_what_is_set_on_them() -> None:
    first, second = cards("a6000")
    assert (first.memory_mib, first.ecc, first.power_limit_watts) == (49140, False, 300.0)
    assert (second.memory_mib, second.ecc, second.power_limit_watts) == (46068, True, 280.0)


def test_slices_belong_to_their_card() -> None:
    first, second = cards("h100-mig")
    assert (first.mig, [each.profile for each in first.slices]) == (True, ["3g.40gb", "1g.10gb", "1g.10gb+me"])
    assert first.slices[0].uuid == "MIG-1a2b3c4d-5e6f-5071-8293-a4b5c6d7e8f9"
    assert (second.mig, second.slices) == (False, ())


@pytest.mark.parametrize(
    ("machine", "code", "state"),
    [("none", 0, "no-devices"), ("no-driver", 9, "no-driver"), ("mismatch", 18, "mismatch")],
)
def test_each_failure_of_the_driver_has_its_name_and_its_own_words(machine: str, code: int, state: str) -> None:
    said = output(machine, "nvidia-smi.csv")
    found = nvidia.parse_failure(code, said)
    assert (found.state, found.said) == (state, " ".join(said.split()))


def test_a_failure_that_nobody_knows_is_one_of_the_driver() -> None:
    assert nvidia.parse_failure(3, "").said == "exit code 3"
    assert nvidia.parse_failure(139, "Segmentation fault").state == "no-driver"


@pytest.mark.parametrize(
    "row", ["0, NVIDIA X", "x, n, u, 1, 1, d, 9.0, b, Enabled, Enabled, 1", "0,n,u,1,1,d,9,b,On,Off,1"]
)
def test_what_is_no_row_of_a_card_is_an_error(row: str) -> None:
    with pytest.raises(HostError, match="nvidia-smi"):
        nvidia.parse_cards(row, "")


@pytest.mark.parametrize("missing", ["[N/A]", "N/A", "[Not Supported]", "[Unknown Error]"])
def test_what_a_card_has_not_is_none(missing: str) -> None:
    (card,) = nvidia.parse_cards(f"0, Tesla T4, GPU-1, 15360, 0, 470.1, 7.5, 0:0, {missing}, {missing}, {missing}", "")
    assert (card.mig, card.ecc, card.power_limit_watts) == (None, None, None)


@given(st.text())
def test_no_output_of_nvidia_smi_is_more_than_cards_or_an_error(text: str) -> None:
    with contextlib.suppress(HostError):
        assert all(isinstance(card, Card) for card in nvidia.parse_cards(text, text))
    assert nvidia.parse_failure(1, text).state != "works"


@pytest.mark.parametrize(
    ("machine", "found"),
    [
        ("rtx4090", [("8086", "a780"), ("10de", "2684")]),
        ("a6000", [("10de", "2230"), ("10de", "2230"), ("1a03", "2000")]),
        ("h100-mig", [("10de", "2330"), ("10de", "2330")]),
        ("bare", []),
    ],
)
def test_displays_are_found_on_the_bus_and_nothing_else(machine: str, found: list[tuple[str, str]]) -> None:
    displays = parse_displays(output(machine, "lspci.txt"))
    assert [each.ids for each in displays] == found


def test_a_name_with_brackets_of_its_own_is_kept() -> None:
    displays = parse_displays(output("rtx4090", "lspci.txt"))
    assert displays[0].device == "Raptor Lake-S GT1 [UHD Graphics 770]"
    assert (displays[1].vendor, displays[1].ids[0]) == ("NVIDIA Corporation", NVIDIA)


@given(st.text())
def test_lines_that_are_no_device_are_passed_over(text: str) -> None:
    assert parse_displays(text) == ()


def test_disks_come_with_their_parts_and_mounts() -> None:
    found = parse_disks(output("rtx4090", "lsblk.json"))
    assert [(disk.name, disk.type, disk.mounts) for disk in found] == [
        ("nvme0n1", "disk", ()),
        ("nvme0n1p1", "part", ("/boot/efi",)),
        ("nvme0n1p2", "part", ("/",)),
        ("sda", "disk", ("/srv",)),
    ]
    assert [disk.rotational for disk in found] == [False, False, False, True]
    assert found[0].model == "Samsung SSD 990 PRO 2TB"


def test_what_lies_on_two_disks_is_there_once() -> None:
    found = parse_disks(output("a6000", "lsblk.json"))
    assert [disk.name for disk in found] == ["sda", "md0", "vg-root", "vg-srv", "sdb"]


def test_a_recorded_machine_is_read() -> None:
    assert [disk.name for disk in parse_disks(output("bare", "lsblk.json"))] == ["zram0", "vda"]


TREE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
)


@given(st.text() | TREE.map(json.dumps) | TREE.map(lambda tree: json.dumps({"blockdevices": [tree]})))
def test_no_other_json_is_taken_for_disks(text: str) -> None:
    with contextlib.suppress(HostError):
        assert all(isinstance(disk, Disk) for disk in parse_disks(text))


def test_a_machine_is_its_processor_memory_and_system() -> None:
    machine = parse_machine(
        cpuinfo=output("bare", "cpuinfo.txt"),
        meminfo=output("bare", "meminfo.txt"),
        os_release=output("bare", "os-release.txt"),
        kernel="6.12.1\n",
        container=True,
    )
    assert (machine.cpu, machine.cores, machine.kernel) == ("AMD EPYC", 2, "6.12.1")
    assert {"avx2", "avx512f"} <= set(machine.flags)
    assert machine.system == "Debian GNU/Linux 13 (trixie)"
    assert machine.memory > machine.available > 0


def test_memory_that_is_not_told_is_an_error() -> None:
    with pytest.raises(HostError, match="/proc/meminfo"):
        parse_machine(cpuinfo="", meminfo="nothing", os_release="", kernel="", container=False)


@given(st.text())
def test_any_os_release_has_a_name(text: str) -> None:
    assert parse_os_release(text) != ""


def test_the_name_is_unquoted() -> None:
    assert parse_os_release("ID=ubuntu\nPRETTY_NAME='Ubuntu 24.04.1 LTS'\n") == "Ubuntu 24.04.1 LTS"
    assert parse_os_release("ID=arch\n") == "unknown"
