"""What cannot succeed is refused with its reason, before anything was changed."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.program.stack import NewStack, Stack

AS_ROOT = () if os.geteuid() == 0 else ("sudo", "-n")
TMPFS_MIB = 66  # less than the reserve and any model


@pytest.fixture
def refused(new_stack: NewStack) -> Iterator[Stack]:
    """A stack of which, at the end of the test, there must be nothing."""
    stack = new_stack()
    yield stack
    assert not any(stack.leftovers().values()), stack.leftovers()


@pytest.fixture
def tiny_disk(refused: Stack) -> Iterator[Path]:
    """A file system in the place of the host's root that is too small for the models."""
    refused.host_root.mkdir(parents=True)
    options = f"size={TMPFS_MIB}m,uid={os.geteuid()}"
    subprocess.run([*AS_ROOT, "mount", "-t", "tmpfs", "-o", options, "tmpfs", str(refused.host_root)], check=True)
    yield refused.host_root
    assert list(refused.host_root.iterdir()) == []
    subprocess.run([*AS_ROOT, "umount", str(refused.host_root)], check=True)
    refused.host_root.rmdir()


def test_a_busy_port(refused: Stack) -> None:
    with socket.create_server(("127.0.0.1", refused.port)):
        said = refused.up(fails=True)
    assert f"127.0.0.1:{refused.port}: another program listens there" in said
    assert "pulumi config set port" in said


@pytest.mark.parametrize(
    ("docker_host", "words"),
    [("unix:///nonexistent.sock", "Cannot connect to the Docker daemon"), ("tcp://127.0.0.1:1", "unset DOCKER_HOST")],
)
def test_no_engine(refused: Stack, docker_host: str, words: str) -> None:
    assert words in refused.up(fails=True, env={"DOCKER_HOST": docker_host})


def test_a_full_disk(refused: Stack, tiny_disk: Path) -> None:
    said = refused.up(fails=True)
    assert f"{tiny_disk}: " in said
    assert "MiB are needed for models, reserve included" in said or "images and models" in said


def test_a_corrupt_blob_of_the_store(refused: Stack) -> None:
    lock = json.loads((refused.project / "inference.lock").read_text())
    file = next(iter(lock["models"].values()))["files"][0]
    blob = refused.copy_store() / "blobs" / "sha256" / file["digest"].removeprefix("sha256:")
    copy = blob.with_name("copy")
    shutil.copyfile(blob, copy)
    copy.replace(blob)
    with blob.open("r+b") as data:
        data.seek(-1, os.SEEK_END)
        last = data.read(1)
        data.seek(-1, os.SEEK_END)
        data.write(bytes([last[0] ^ 1]))
    said = refused.up(fails=True)
    assert blob.name in said
    assert "copy the store again" in said


def test_a_wrong_key_in_the_spec(refused: Stack) -> None:
    refused.spec["gateway"]["prot"] = 8080
    refused.write()
    said = refused.up(fails=True)
    assert "gateway.prot" in said
    assert "did you mean port?" in said
    assert "Traceback" not in said


def test_a_lock_that_does_not_match(refused: Stack) -> None:
    refused.spec["models"][0]["digest"] = "sha256:" + "f" * 64
    refused.write()
    said = refused.up(fails=True)
    assert "stale lock" in said
    assert "trivet lock" in said


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"operatedFrom": "ZA"}, ("its place is unknown", "pulumi config set country")),
        ({"country": "ZA"}, ("its place is unknown", "pulumi config set operatedFrom")),
        ({"country": "DE", "operatedFrom": "ZA"}, ("it is in DE", "POPIA 72(1)")),
        ({"country": "ZA", "operatedFrom": "ZA, GB"}, ("it is in GB", "support-access", "POPIA 72(1)")),
    ],
)
def test_a_place_that_the_regime_does_not_allow(
    refused: Stack, settings: dict[str, str], words: tuple[str, ...]
) -> None:
    refused.spec["residency"] = {"regime": "za-strict", "maxAgeDays": 3650}
    refused.settings |= settings
    refused.write()
    said = refused.up(fails=True)
    assert all(word in said for word in words), said
    assert "trivet:host:Bundle" not in refused.state()


@pytest.mark.parametrize(
    ("tier", "words"), [("cloud", "names its provider"), ("gpuaas", "has target"), ("edge", "a stack's tier is one of")]
)
def test_a_tier_without_its_place(refused: Stack, tier: str, words: str) -> None:
    refused.settings["tier"] = tier
    refused.write()
    assert words in refused.up(fails=True)
