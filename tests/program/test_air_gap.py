"""A bare Debian host without a network becomes a stack that conforms, from a signed bundle alone."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.program.bare_host import SUITE, BareHost, wait_for_the_next_second
from tests.unit.bundle.bundles import signer
from tests.unit.examples import ROOT
from trivet.bundle.base import Mirrors
from trivet.bundle.build import EPOCH
from trivet.bundle.create import Contents, create_bundle
from trivet.bundle.host import Workshop, gather_host
from trivet.bundle.layout import Layout
from trivet.bundle.program import program_files
from trivet.spec import load_spec, parse_lock

INSTALL = f"bash /media/bundle/install.sh --key {signer('officer').public.text}"
IN_PROJECT = "cd /srv/trivet && . .trivet/env"
KEYS = ".trivet/keys/onprem"
VERIFY = (
    f"{IN_PROJECT} && trivet verify --json --url http://127.0.0.1:8080/v1 --key-file {KEYS}/default-default.key"
    f" --quota-key-file {KEYS}/conformance-default.key"
)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of this checkout for bare hosts; its store is a copy of links."""
    root = tmp_path_factory.mktemp("air-gap")
    shutil.copytree(ROOT / ".trivet" / "store", root / "store", copy_function=os.link)
    workshop = Workshop(root=ROOT, cache=ROOT / ".trivet" / "cache" / "host", mirrors=Mirrors.of(), epoch=EPOCH)
    store = Layout(root / "store")
    artifacts = gather_host(workshop, (SUITE,), store, print)
    spec = load_spec(ROOT / "inference.yaml")
    plain = parse_lock((ROOT / "inference.lock").read_text(), "inference.lock")
    lock = plain.model_copy(update={"artifacts": artifacts})
    files = {**program_files(ROOT), "inference.lock": lock.dump().encode()}
    create_bundle(store, Contents(spec.name, lock, files), root / "bundle", [signer("officer")])
    return root / "bundle"


@pytest.fixture(scope="module")
def host(bundle: Path) -> Iterator[BareHost]:
    """A bare host with the bundle in its drive. The control: what tries to leave it fails, and is counted."""
    bare = BareHost(f"trivet-test-bare-{uuid.uuid4().hex[:8]}", bundle)
    try:
        assert bare.attempts() == 0
        assert bare.run("exec 3<>/dev/tcp/203.0.113.1/80").returncode != 0
        one = bare.attempts()
        assert one > 0, "the cut counts a connection to an address"
        assert bare.run("exec 3<>/dev/tcp/deb.debian.org/80").returncode != 0
        assert bare.attempts() > one, "the cut counts a question for a name"
        bare.forget_attempts()
        yield bare
    finally:
        bare.remove()


@pytest.fixture(scope="module")
def stack(host: BareHost) -> BareHost:
    """The same host, installed and deployed on."""
    for program in ("docker", "python3", "openssl", "curl"):
        assert host.run(f"command -v {program}").returncode != 0, f"a bare host has no {program}"
    host.do(INSTALL)
    host.do(f"{IN_PROJECT} && pulumi up --stack onprem --yes --skip-preview --non-interactive")
    return host


def test_a_wrong_key_is_refused_before_anything_is_written(host: BareHost) -> None:
    host.do("touch /root/marker")
    wait_for_the_next_second()
    refused = host.run(INSTALL.replace(signer("officer").public.text, signer("stranger").public.text))
    assert refused.returncode == 2
    assert "none of the named keys" in refused.stderr
    assert host.files_newer_than("/root/marker") == []


def test_a_dry_run_says_what_is_missing_and_writes_nothing(host: BareHost) -> None:
    host.do("touch /root/marker")
    wait_for_the_next_second()
    said = host.do(f"{INSTALL} --dry-run")
    assert "for: engine python" in said
    assert "nothing was written" in said
    assert host.files_newer_than("/root/marker") == []


def test_the_stack_conforms_and_nobody_tried_to_reach_the_world(stack: BareHost) -> None:
    report = json.loads(stack.do(VERIFY))
    assert report["ok"] is True
    assert {finding["result"] for finding in report["findings"]} == {"pass"}
    assert stack.attempts() == 0


def test_no_image_is_ever_pulled(stack: BareHost) -> None:
    compose = stack.do("cat /srv/trivet/.trivet/hosts/onprem/compose.yaml")
    services = compose.count("\n    image: ")
    assert services == compose.count('\n    pull_policy: "never"') == 4


def test_a_container_that_tries_is_counted_too(stack: BareHost) -> None:
    before = stack.attempts()
    script = "import socket; socket.create_connection(('203.0.113.1', 80), timeout=3)"
    image = stack.do("docker images --format '{{.Repository}}:{{.Tag}}' trivet/gateway").split()[0]
    refused = stack.run(f'docker run --rm --entrypoint python3 {image} -c "{script}"')
    assert refused.returncode != 0
    assert stack.attempts() > before
    stack.forget_attempts()


def test_a_second_installation_changes_nothing(stack: BareHost) -> None:
    packages = stack.do("dpkg-query -W")
    started = stack.do("docker ps --format '{{.ID}} {{.CreatedAt}}'")
    stack.do("sed -i 's/region: .*/region: cellar/' /srv/trivet/stacks/Pulumi.onprem.yaml")
    assert "Debian packages" not in stack.do(INSTALL)
    assert stack.do("dpkg-query -W") == packages
    assert stack.do("docker ps --format '{{.ID}} {{.CreatedAt}}'") == started
    assert "region: cellar" in stack.do("cat /srv/trivet/stacks/Pulumi.onprem.yaml")


def test_pulumi_itself_insists_on_the_signature_of_the_bundle_that_the_settings_name(stack: BareHost) -> None:
    up = f"{IN_PROJECT} && pulumi up --stack onprem --yes --skip-preview --non-interactive"
    name = "pulumi config set --stack onprem --path inference:bundle"
    for who in ("stranger", "officer"):
        stack.do(f"{IN_PROJECT} && trivet keys trust --key {signer(who).public.text} --out /etc/{who}")
    stack.do(f"{IN_PROJECT} && {name}.path /media/bundle && {name}.trust /etc/stranger/trust.json")
    refused = stack.run(up)
    assert refused.returncode != 0
    assert "a pinned key has signed" in refused.stdout
    stack.do(f"{IN_PROJECT} && {name}.trust /etc/officer/trust.json && {up}")
    assert json.loads(stack.do(VERIFY))["ok"] is True


def test_the_officer_finds_the_evidence(stack: BareHost) -> None:
    record = json.loads(stack.do("cat $(ls -d /srv/trivet/.trivet/store/installed/evidence/*.json | head -n 1)"))
    assert [each["key"] for each in record["signers"]] == [signer("officer").public.id]
    assert record["unsigned"] is False
    assert record["bundle"]["complete"] is True
