"""From a bare host to a stack that answers with one `up`: what a preview names, what drifts, what is repaired."""

from __future__ import annotations

import contextlib
import json
import ssl
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.host.conftest import CACHE, lab
from tests.host.playing import SHUT_PORT, ansible_playbook, listening, seen_ports
from tests.host.stack import ROOT, RemoteStack
from tests.program.arguments import arguments_of_every_process
from tests.program.stack import eventually
from tools.lab.engine import docker
from tools.lab.workstation import boot
from trivet.render.ansible import render_setup
from trivet.spec import parse_settings

AUTHORITY = "authority.pem"
CANARY = f"canary-{uuid.uuid4().hex}"
DRIFT = {
    "backup: Have the units run, now and after a boot (trivet-backup.timer)": (
        "systemctl disable --now trivet-backup.timer 2>/dev/null"
    ),
    "engine: Set log limits, data root, address pools and live restore": "sed -i s/10m/99m/ /etc/docker/daemon.json",
    "hardening: Let people log in with keys alone": "echo >>/etc/ssh/sshd_config.d/00-trivet.conf",
    "hardening: Have these rules in force, and no others": (
        f"nft add rule inet trivet input tcp dport {SHUT_PORT} accept"
    ),
    "hardening: Have the guard that takes back rules which lock everybody out": "rm /usr/local/lib/trivet/guard",
    "hardening: Have its units (trivet-rollback.timer)": "rm /etc/systemd/system/trivet-rollback.timer",
    "hardening: Install security upgrades by itself": "rm /etc/apt/apt.conf.d/90trivet-upgrades",
    "hardening: Have the kernel's settings at every boot": "chmod 600 /etc/sysctl.d/90-trivet.conf",
    "hardening: Have the kernel go by them now": "sysctl -qw net.ipv4.tcp_syncookies=0",
    "hardening: Let nobody but their owners read secrets (/etc/ssh/ssh_host_rsa_key)": (
        "chmod 644 /etc/ssh/ssh_host_rsa_key"
    ),
    "hardening: Have the units run, now and after a boot (unattended-upgrades.service)": (
        "systemctl stop unattended-upgrades"
    ),
    "hardening: Have the units run, now and after a boot (trivet-firewall.service)": (
        "systemctl disable trivet-firewall 2>/dev/null"
    ),
}


def _text(value: object) -> str:
    """As Pulumi hands it over."""
    return value if isinstance(value, str) else json.dumps(value)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RemoteStack]:
    key = tmp_path_factory.mktemp("key")
    with lab() as label:
        host = boot(1, variant="bare", label=label, state=key, cache=CACHE, say=print)[0]
        settings = {"bind": "127.0.0.1", "workstation": {"backup": {"repository": "/srv/backup"}, "access": {}}}
        deployed = RemoteStack(tmp_path_factory.mktemp("remote"), host, as_root=True, settings=settings)
        deployed.set_secret("backupPassword", CANARY)
        yield deployed
        deployed.pulumi("destroy", "--yes", "--skip-preview")


def test_a_preview_of_a_bare_host_names_every_task_and_changes_nothing(stack: RemoteStack) -> None:
    shown = stack.preview()
    assert "would change: engine: Install docker.io, docker-cli, docker-compose, iptables" in shown
    assert "would change: hardening: Open the listed ports and no others" in shown
    assert "no auditd and no time synchronisation" in shown
    assert stack.workstation.sh("command -v docker nft || echo neither") == "neither"


def test_one_up_makes_it_a_stack_that_conforms_and_shows_no_secret(stack: RemoteStack) -> None:
    with arguments_of_every_process() as seen:
        said = stack.up()
    assert any("ansible-playbook" in each for each in seen)
    assert not [each for each in seen if CANARY in each]
    assert CANARY not in said + stack.state()
    found = stack.workstation.sh(f"grep -rl {CANARY} /etc /var/log /var/lib/trivet /root /srv /tmp 2>/dev/null || :")
    assert found == "/etc/restic/trivet.password"
    url = stack.pulumi("stack", "output", "url").strip()
    assert url == f"https://{stack.workstation.address}:443/v1"
    (stack.project / AUTHORITY).write_text(stack.pulumi("stack", "output", "authority"))
    command = [sys.executable, "-m", "trivet.cli", "verify", "--url", url, "--key-file", str(stack.key_file)]
    quota_key = stack.key_directory / "conformance-default.key"
    command += ["--quota-key-file", str(quota_key), "--spec", str(stack.project / "inference.yaml")]
    for env, is_green in ((stack.env, False), ({**stack.env, "SSL_CERT_FILE": str(stack.project / AUTHORITY)}, True)):
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=stack.project, env=env)
        assert (done.returncode == 0) == is_green, done.stdout + done.stderr


def test_from_outside_only_the_listed_ports_are_seen(stack: RemoteStack) -> None:
    with listening(stack.workstation, SHUT_PORT):
        assert seen_ports(stack.workstation.address) == [22, 443]


def test_a_second_up_changes_nothing_and_is_quicker_than_ansible(stack: RemoteStack) -> None:
    started = time.monotonic()
    stack.up("--expect-no-changes")
    took = time.monotonic() - started
    plain = {key: _text(value) for key, value in stack.settings.items() if key != "backupPassword"}
    settings = parse_settings("onprem", plain)
    setup = render_setup(settings, port=stack.port)
    assert setup is not None
    ansible = ansible_playbook(setup.host, {**setup.variables, "backup_password": CANARY})
    print(f"no-op: up {took:.1f} s, ansible-playbook {ansible:.1f} s")
    assert took < ansible


def test_every_change_by_hand_is_named_by_a_preview_and_repaired_by_up(stack: RemoteStack) -> None:
    for change in DRIFT.values():
        stack.workstation.sh(change)
    shown = stack.preview()
    missed = [task for task in DRIFT if task not in shown]
    assert missed == []
    stack.up()
    stack.require_converged()


def test_another_setting_is_foretold_task_by_task(stack: RemoteStack) -> None:
    stack.settings["workstation"]["engine"] = {"logFiles": 3}
    stack.write()
    shown = stack.preview()
    assert "would change: engine: Set log limits, data root, address pools and live restore" in shown
    assert '- "max-file": "5"' in shown
    stack.up()
    assert json.loads(stack.workstation.sh("cat /etc/docker/daemon.json"))["log-opts"]["max-file"] == "3"
    stack.require_converged()


def test_a_setting_that_breaks_a_rule_is_refused_before_anything_changes(stack: RemoteStack) -> None:
    good = stack.settings["workstation"]
    try:
        stack.settings["workstation"] = {**good, "engine": {"logSize": "much"}}
        stack.write()
        assert "workstation.engine.logSize" in stack.pulumi("preview", fails=True)
    finally:
        stack.settings["workstation"] = good
        stack.write()


def client(stack: RemoteStack) -> httpx.Client:
    """Of the gateway, over TLS; it knows the host by the stack's output."""
    known = ssl.create_default_context(cadata=stack.pulumi("stack", "output", "authority"))
    headers = {"authorization": f"Bearer {stack.key_file.read_text().strip()}"}
    return httpx.Client(base_url=f"https://{stack.workstation.address}", headers=headers, verify=known, timeout=60)


def first_refusal(asking: httpx.Client, model: str) -> httpx.Response:
    """What a client who asks again and again is told in the end; every answer before that was whole."""
    question = {"model": model, "messages": [{"role": "user", "content": "Who are you?"}]}
    while (answer := asking.post("/v1/chat/completions", json=question)).status_code == 200:
        assert answer.json()["choices"][0]["finish_reason"] in {"stop", "length"}
    return answer


def is_ready(asking: httpx.Client) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return asking.get("/ready").status_code == 200
    return False


def test_on_battery_what_was_admitted_is_answered_before_the_host_is_switched_off(
    stack: RemoteStack, tmp_path: Path
) -> None:
    """The mains go, NUT waits for its two seconds, and nobody's request is cut off; then everything comes back."""
    mains = tmp_path / "mains"
    mains.write_text("ups.status: OL\n")
    host = stack.workstation
    host.sh("mkdir -p /etc/nut")
    docker("cp", str(mains), f"{host.name}:/etc/nut/lab.dev")
    ups = {"driver": "dummy-ups", "port": "lab.dev", "onBatterySeconds": 2}
    stack.settings["workstation"]["power"] = {"ups": ups}
    stack.write()
    stack.up()
    with client(stack) as asking, ThreadPoolExecutor(3) as pool:
        told = [pool.submit(first_refusal, asking, stack.spec["models"][0]["name"]) for _ in range(3)]
        host.sh("echo 'ups.status: OB' >/etc/nut/lab.dev")
        refusals = [each.result() for each in told]
    assert {(each.status_code, each.json()["error"]["code"]) for each in refusals} == {(503, "draining")}
    assert all(int(each.headers["retry-after"]) > 0 for each in refusals)
    docker("wait", host.name)
    docker("cp", str(mains), f"{host.name}:/etc/nut/lab.dev")
    assert host.start().address == host.address
    with client(stack) as asking:
        eventually(lambda: is_ready(asking), seconds=90)
    assert host.sh(f"ls -A {ROOT}/*/etc /var/lib/trivet-drain | grep -c draining || :") == "0"
    eventually(lambda: {each["State"]["Health"]["Status"] for each in stack.containers().values()} == {"healthy"})
    stack.require_converged()
