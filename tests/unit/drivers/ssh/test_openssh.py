"""OpenSSH's command line: taken apart by OpenSSH itself (`ssh -G`), nested as deep as there are hosts between."""

from __future__ import annotations

import itertools
import shlex
import subprocess

import pytest

from trivet.drivers.ssh.openssh import ssh_argv
from trivet.spec.ssh import SshHop, SshTarget

TARGET = SshTarget(
    address="gpu1.example.org", port=2222, user="ai", key_file="/keys/my key", known_hosts="/pins of %us/known"
)


def understood(argv: list[str]) -> dict[str, list[str]]:
    """What ssh makes of options."""
    end = argv.index("--")
    done = subprocess.run(
        [argv[0], "-G", *argv[1:end], "--", argv[end + 1]], capture_output=True, text=True, check=True
    )
    found: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        key, _, value = line.partition(" ")
        found.setdefault(key, []).append(value)
    return found


def test_it_goes_where_we_go_with_our_key_and_our_pins_alone() -> None:
    argv = ssh_argv(TARGET, "exec true")
    assert argv[-1] == "exec true"
    found = understood(argv)
    assert [found[key] for key in ("hostname", "port", "user")] == [["gpu1.example.org"], ["2222"], ["ai"]]
    assert found["identityfile"] == ["/keys/my key"]
    assert found["stricthostkeychecking"] == ["true"]
    assert found["batchmode"] == ["yes"]
    assert "proxycommand" not in found


def test_without_a_key_file_it_is_the_agent_s_keys_and_no_file_s() -> None:
    found = understood(ssh_argv(SshTarget(address="gpu1"), "x"))
    assert found.get("identityfile", ["none"]) == ["none"]
    assert found["identitiesonly"] == ["no"]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_hosts_on_the_way_are_nested_and_as_strict(count: int) -> None:
    hops = tuple(SshHop(address=f"relay{number}", user=f"u{number}") for number in range(count))
    argv = ssh_argv(TARGET.model_copy(update={"jump": hops}), "x")
    expected: list[SshHop] = [TARGET, *reversed(hops)]
    for hop, before in itertools.pairwise(expected):
        found = understood(argv)
        assert (found["hostname"], found["stricthostkeychecking"]) == ([hop.address], ["true"])
        argv = shlex.split(found["proxycommand"][0].replace("%%", "%"))
        assert argv[-4:] == ["-W", f"[{hop.address}]:{hop.port}", "--", before.address]
    assert "proxycommand" not in understood(argv)
