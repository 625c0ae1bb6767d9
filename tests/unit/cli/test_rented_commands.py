"""`trivet reap`, `hold` and `cost` against a fake Lambda in real time."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.fakes.lambda_cloud import KEY, FakeLambda, Fault, Faults, Launch
from tests.fakes.lambda_cloud.app import BASE
from tests.fakes.lambda_cloud.requests import LaunchBody, TagBody
from tests.fakes.serving import serving
from trivet.cli import main
from trivet.drivers.clock import SystemClock
from trivet.idle.broker_account import BrokerAccount
from trivet.idle.charter import Charter, node_name
from trivet.idle.sealed import lease_secret

HOUR = 3600


@dataclass
class Desk:
    """An account, and the command line of somebody who works on it."""

    fake: FakeLambda
    capsys: pytest.CaptureFixture[str]

    def run(self, *argv: str) -> tuple[int, str]:
        """Exit code, and what was printed to either stream."""
        code = main(argv)
        said = self.capsys.readouterr()
        return code, said.out + said.err

    def node(self, stack: str, *, age: int = 0, ttl: int = 8 * HOUR) -> Launch:
        now = int(time.time()) - age
        charter = Charter(stack, f"{len(self.fake.account.launches):016x}", now, now + ttl, now + 24 * HOUR)
        tags = [TagBody(key=key, value=value) for key, value in charter.tags().items()]
        return self._launch(tags, node_name(stack))

    def stranger(self) -> Launch:
        return self._launch([], "theirs")

    def _launch(self, tags: list[TagBody], name: str) -> Launch:
        body = LaunchBody(
            region_name="us-east-1", instance_type_name="gpu_1x_a10", ssh_key_names=["k"], tags=tags, name=name
        )
        return self.fake.account.launch(body)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Desk]:
    fake = FakeLambda(SystemClock())
    fake.account.boot_seconds = 0
    key_file = tmp_path / "key"
    key_file.write_text(KEY)
    key_file.chmod(0o600)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAMBDA_API_KEY_FILE", str(key_file))
    monkeypatch.setenv("MODAL_CONFIG_PATH", os.devnull)
    monkeypatch.delenv("MODAL_TOKEN_ID", raising=False)
    with serving(fake.app) as url:
        monkeypatch.setenv("LAMBDA_CLOUD_URL", url + BASE)
        yield Desk(fake, capsys)


def test_reap_ends_what_is_over_and_nothing_else(desk: Desk) -> None:
    over, young, theirs = desk.node("old", age=9 * HOUR), desk.node("young"), desk.stranger()
    code, said = desk.run("reap", "--dry-run")
    assert (code, over.ended_at) == (0, None)
    assert f"end   {over.id}" in said
    code, said = desk.run("reap")
    assert (code, "2 nodes of ours, 1 to end or ended, 0 failures" in said) == (0, True)
    assert over.ended_at is not None
    assert (young.ended_at, theirs.ended_at) == (None, None)
    assert theirs.id not in said


def test_a_node_that_cannot_be_ended_fails_the_command_and_does_not_save_the_others(desk: Desk) -> None:
    one, two = (desk.node(name, age=9 * HOUR) for name in ("a", "b"))
    desk.fake.faults = Faults([Fault.FORBIDDEN], path="/instance-operations/terminate")
    code, said = desk.run("reap", "--json")
    answer = json.loads(said)
    assert (code, answer["ok"], len(answer["failures"])) == (1, False, 1)
    assert [each.ended_at is None for each in (one, two)].count(True) == 1


IMAGE = f"registry.example.org/trivet@sha256:{'0' * 64}"


@pytest.mark.parametrize("kind", ["systemd", "kubernetes", "github"])
def test_the_timers_are_printed_and_keep_the_key_to_themselves(desk: Desk, kind: str) -> None:
    code, said = desk.run("reap", "--print", kind, "--image", IMAGE)
    assert (code, "trivet" in said, KEY in said) == (0, True, False)
    assert desk.fake.requests == []
    if kind != "systemd":
        assert YAML(typ="safe", pure=True).load(said)


def test_a_cron_job_runs_an_image_by_its_digest_as_nobody_with_the_key_from_a_secret(desk: Desk) -> None:
    for image in ((), ("--image", "registry.example.org/trivet:latest")):
        code, said = desk.run("reap", "--print", "kubernetes", *image)
        assert (code != 0, "named by its digest" in said) == (True, True)
    job = YAML(typ="safe", pure=True).load(desk.run("reap", "--print", "kubernetes", "--image", IMAGE)[1])
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert (container["image"], container["args"]) == (IMAGE, ["trivet", "reap"])
    assert container["env"] == [{"name": "LAMBDA_API_KEY_FILE", "value": "/run/trivet/lambda-key"}]
    assert pod["volumes"][0]["secret"]["secretName"] == "trivet-reap"
    assert pod["securityContext"]["runAsNonRoot"] is True


def test_a_workflow_takes_its_actions_by_commit(desk: Desk) -> None:
    jobs = YAML(typ="safe", pure=True).load(desk.run("reap", "--print", "github")[1])["jobs"]
    used = [step["uses"] for step in jobs["reap"]["steps"] if "uses" in step]
    assert used
    assert all(re.fullmatch(r"[a-z/-]+@[0-9a-f]{40}", each) for each in used)


def test_hold_prolongs_and_lets_go(desk: Desk) -> None:
    node = desk.node("gpuaas", age=7 * HOUR)
    code, said = desk.run("hold", "gpuaas", "--for", "3h", "--why", "demo on Monday")
    assert code == 0, said
    assert node.name.endswith(": demo on Monday")
    assert "up to $2.58 more than before" in said
    code, said = desk.run("hold", node.id, "--for", "0m", "--why", "over")
    assert (code, node.name) == (0, "trivet gpuaas")


def test_a_hold_beyond_the_cap_is_refused(desk: Desk) -> None:
    node = desk.node("gpuaas")
    code, said = desk.run("hold", "gpuaas", "--for", "2d", "--why", "demo")
    assert (code, node.name) == (2, "trivet gpuaas")
    assert "no hold reaches beyond the node's ends-by tag" in said


def test_a_hold_of_nobodys_node_is_refused(desk: Desk) -> None:
    theirs = desk.stranger()
    code, said = desk.run("hold", theirs.id, "--for", "1h", "--why", "demo")
    assert (code, theirs.name, "0 nodes" in said) == (2, "theirs", True)


def test_cost_lists_age_spend_and_end(desk: Desk) -> None:
    node = desk.node("gpuaas", age=2 * HOUR)
    desk.stranger()
    code, said = desk.run("cost", "--json")
    answer: dict[str, Any] = json.loads(said)
    (listed,) = answer["nodes"]
    assert (code, listed["id"], answer["others"]) == (0, node.id, 1)
    assert listed["cents"] == pytest.approx(2 * 129, abs=129 / 60 + 0.01)
    assert abs(listed["endsBy"] - (time.time() + 6 * HOUR)) < 60
    code, said = desk.run("cost")
    assert "ended when idle, at the latest at its deadline" in " ".join(said.split())


def test_a_key_that_others_may_read_is_refused(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "key").chmod(0o644)
    code, said = desk.run("cost")
    assert (code, "chmod 600" in said, desk.fake.requests) == (2, True, [])


def test_a_key_that_is_mounted_for_a_group_of_ours_is_taken(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").chmod(0o440)
    assert desk.run("reap")[0] == 2  # our own, and open to a group
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)  # as a pod finds what the kubelet mounted
    assert desk.run("reap")[0] == 0
    (tmp_path / "key").chmod(0o444)
    assert desk.run("reap")[0] == 2


def test_without_a_key_nobody_is_asked(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAMBDA_API_KEY_FILE")
    code, said = desk.run("reap")
    assert (code, "make fake-clouds" in said, desk.fake.requests) == (2, True, [])


@pytest.mark.parametrize("text", ["2", "h", "-1h", "2w", ""])
def test_a_duration_that_is_none_is_refused(desk: Desk, text: str) -> None:
    with pytest.raises(SystemExit):
        desk.run("hold", "gpuaas", f"--for={text}", "--why", "demo")


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--broker", "127.0.0.1:0"], "--broker without --watch"),
        (["--watch", "1", "--dry-run", "--broker", "127.0.0.1:0"], "--broker with --dry-run"),
    ],
)
def test_a_broker_that_could_not_do_its_work_is_refused(desk: Desk, argv: list[str], said: str) -> None:
    code, text = desk.run("reap", *argv)
    assert code != 0
    assert said in text


def watching(*argv: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "trivet.cli", "reap", "--watch", "1", *argv]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("argv", [(), ("--broker", "127.0.0.1:0")])
def test_a_ledger_that_cannot_be_read_is_said_and_waited_out(desk: Desk, tmp_path: Path, argv: tuple[str, ...]) -> None:
    over = desk.node("over", age=9 * HOUR)
    broken = tmp_path / ".trivet/rented/unit/0.json"
    broken.parent.mkdir(parents=True)
    broken.write_text("{")
    with watching(*argv) as process:
        try:
            assert process.stderr
            said = ""
            while "error:" not in said:
                said = process.stderr.readline()
                assert said, "it has ended"
            broken.unlink()
            patience = time.monotonic() + 20
            while over.ended_at is None and time.monotonic() < patience:
                time.sleep(0.05)
        finally:
            process.kill()
    assert over.ended_at is not None


def test_a_broker_listens_reaps_and_ends_a_node_that_asks(desk: Desk, tmp_path: Path) -> None:
    asks, over, young = desk.node("asks"), desk.node("over", age=9 * HOUR), desk.node("young")
    launch = asks.tags["launch-id"]
    (tmp_path / "secret").write_text(lease_secret(KEY, launch))
    argv = [sys.executable, "-m", "trivet.cli", "reap", "--watch", "1", "--broker", "127.0.0.1:0"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr
            port = process.stderr.readline().rsplit(":", 1)[1].strip()
            BrokerAccount(f"http://127.0.0.1:{port}", tmp_path / "secret", launch).end()
            patience = time.monotonic() + 20
            while over.ended_at is None and time.monotonic() < patience:
                time.sleep(0.05)
        finally:
            process.kill()
        assert process.stdout
        lines = [json.loads(line) for line in process.stdout]
    assert {(line["peer"], line["verb"], line["node"], line["outcome"]) for line in lines} == {
        ("127.0.0.1", "end", asks.id, "done"),
        ("", "end", over.id, "done: its time to live is over"),
    }
    assert asks.ended_at is not None
    assert over.ended_at is not None
    assert young.ended_at is None
