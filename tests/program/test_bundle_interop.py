"""Other programs read what we wrote: minisign, skopeo, tar. And we read what minisign wrote."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.unit.bundle.bundles import CREATED, NOW, Seed, seed
from trivet.bundle.create import create_bundle
from trivet.bundle.keys import load_public, load_signer, new_key
from trivet.bundle.pinned import Pinned
from trivet.bundle.verify import verify_bundle

PASSPHRASE = "correct horse"


@pytest.fixture
def origin(tmp_path: Path) -> Seed:
    return seed(tmp_path / "store")


def run(*argv: object, answer: str = "") -> str:
    done = subprocess.run([str(each) for each in argv], input=answer, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_minisign_verifies_our_signature_with_our_public_key(origin: Seed, tmp_path: Path) -> None:
    public = new_key(tmp_path / "officer", lambda _: PASSPHRASE)
    signer = load_signer(tmp_path / "officer.key", lambda _: PASSPHRASE)
    create_bundle(origin.store, origin.contents, tmp_path / "b", [signer])
    index = tmp_path / "b" / "index.json"
    signature = tmp_path / "b" / f"index.json.{public.id}.minisig"
    out = run("minisign", "-Vm", index, "-x", signature, "-p", tmp_path / "officer.pub")
    assert "Signature and comment signature verified" in out
    index.write_bytes(index.read_bytes() + b" ")
    refused = subprocess.run(
        ["minisign", "-Vm", index, "-x", signature, "-P", public.text], capture_output=True, check=False
    )
    assert refused.returncode == 1


def test_minisign_signs_with_our_secret_key_and_we_believe_it(origin: Seed, tmp_path: Path) -> None:
    public = new_key(tmp_path / "officer", lambda _: PASSPHRASE)
    create_bundle(origin.store, origin.contents, tmp_path / "b")
    index = tmp_path / "b" / "index.json"
    signature = tmp_path / "b" / f"index.json.{public.id}.minisig"
    run("minisign", "-Sm", index, "-x", signature, "-s", tmp_path / "officer.key", answer=f"{PASSPHRASE}\n")
    assert verify_bundle(tmp_path / "b", Pinned.of([public]), now=NOW).trusted.complete


def test_a_key_of_minisign_signs_with_us(origin: Seed, tmp_path: Path) -> None:
    run("minisign", "-GW", "-p", tmp_path / "m.pub", "-s", tmp_path / "m.key")
    (tmp_path / "m.key").chmod(0o600)
    signer = load_signer(tmp_path / "m.key", lambda _: "")
    assert signer.public == load_public(str(tmp_path / "m.pub"))
    # The comment before it differs where a key id begins with a zero, which minisign leaves out.
    assert signer.public.dump().splitlines()[-1] == (tmp_path / "m.pub").read_text().splitlines()[-1]
    create_bundle(origin.store, origin.contents, tmp_path / "b", [signer])
    assert verify_bundle(tmp_path / "b", Pinned.of([signer.public]), now=CREATED).trusted.complete


@pytest.mark.parametrize("form", ["b", "b.tar"])
def test_skopeo_reads_the_images_in_both_forms(origin: Seed, tmp_path: Path, form: str) -> None:
    origin.bundle(tmp_path / form)
    transport = "oci-archive" if form.endswith(".tar") else "oci"
    entry = origin.store.find("image/llama")
    assert entry
    shown = json.loads(run("skopeo", "inspect", f"{transport}:{tmp_path / form}:image/llama"))
    assert shown["Digest"] == entry.digest
    run("skopeo", "copy", "--quiet", f"{transport}:{tmp_path / form}:image/llama", f"dir:{tmp_path / 'copy'}")
    for layer in shown["Layers"]:
        assert (tmp_path / "copy" / layer.removeprefix("sha256:")).exists()


def test_tar_unpacks_a_bundle_that_still_verifies(origin: Seed, tmp_path: Path) -> None:
    tar = origin.bundle(tmp_path / "b.tar")
    (tmp_path / "unpacked").mkdir()
    run(shutil.which("tar"), "-xf", tar, "-C", tmp_path / "unpacked")
    assert verify_bundle(tmp_path / "unpacked", None, now=NOW).trusted.complete
