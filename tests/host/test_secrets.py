"""No secret of a stack on a host is where others can read it, its backed-up state included; were it, it is found."""

from __future__ import annotations

import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.host.conftest import CACHE, lab
from tests.host.secrecy import exposures
from tests.host.stack import RemoteStack
from tests.program.arguments import arguments_of_every_process
from tests.program.stack import deployed
from tests.program.test_removal import FRONTIER
from tools.lab.engine import docker
from tools.lab.image import USER
from tools.lab.workstation import boot

BACKUP = {"engine": None, "hardening": None, "nvidia": None, "backup": {"repository": "/srv/backup"}}
CONFIGURED = ("sudoPassword", "backupPassword", "frontierApiKey")


@dataclass(frozen=True)
class Deployed:
    """A stack full of canaries, and what was seen of it on its way."""

    stack: RemoteStack
    secrets: dict[str, str]
    arguments: set[str]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    key = tmp_path_factory.mktemp("key")
    canaries = {name: f"canary-{uuid.uuid4().hex}" for name in CONFIGURED}
    with lab() as label:
        host = boot(1, variant="workstation", label=label, state=key, cache=CACHE, say=print)[0]
        host.sh(f"echo '{USER}:{canaries['sudoPassword']}' | chpasswd")
        stack = RemoteStack(tmp_path_factory.mktemp("remote"), host, settings={"workstation": BACKUP})
        stack.spec["gateway"]["frontier"] = FRONTIER
        for name in CONFIGURED:
            stack.set_secret(name, canaries[name])
        stack.write()
        with arguments_of_every_process() as arguments, deployed(stack):
            stack.preview("--refresh")
            keys = {path.stem: path.read_text().strip() for path in stack.key_directory.glob("*.key")}
            secrets = {**canaries, **keys, "passphrase": stack.env["PULUMI_CONFIG_PASSPHRASE"]}
            yield Deployed(stack, secrets, arguments)


def test_a_secret_is_nowhere_that_others_can_read(seen: Deployed) -> None:
    assert len(seen.secrets) == 6
    assert any("ansible-playbook" in each for each in seen.arguments)
    assert any("docker compose" in each or "docker-compose" in each for each in seen.arguments), "the host's as well"
    assert exposures(seen.stack, seen.secrets, seen.arguments) == set()


def test_each_of_them_was_in_use(seen: Deployed) -> None:
    host, secrets = seen.stack.workstation, seen.secrets
    assert host.sh("cat /etc/restic/trivet.password") == secrets["backupPassword"]
    assert host.sh("cat /srv/trivet/*/secrets/frontier") == secrets["frontierApiKey"]


@pytest.mark.parametrize("place", ["arguments", "output", "state", "settings", "logs", "files"])
def test_a_secret_that_somebody_leaves_lying_about_is_found(seen: Deployed, place: str) -> None:
    stack, host = seen.stack, seen.stack.workstation
    canary = f"canary-{uuid.uuid4().hex}"
    arguments, said = set(seen.arguments), stack.said
    planted = stack.project / "state" / "planted"
    settings = stack.project / "stacks" / "Pulumi.planted.yaml"
    match place:
        case "arguments":
            with arguments_of_every_process() as arguments, subprocess.Popen(["sleep", "60", canary]) as process:
                host.sh(f"sh -c 'sleep 0.5; : {canary}'")
                process.kill()
        case "output":
            stack.said += canary
        case "state":
            planted.write_text(canary)
        case "settings":
            settings.write_text(canary)
        case "logs":
            host.sh(f"logger {canary}; journalctl --sync")
        case "files":
            host.sh(f"echo 'password: {canary}' >/etc/planted")
    try:
        found = exposures(stack, {"planted": canary}, arguments)
    finally:
        stack.said = said
        planted.unlink(missing_ok=True)
        settings.unlink(missing_ok=True)
        host.sh("rm -f /etc/planted")
    assert found == {("planted", place)}


def test_a_file_that_its_owner_alone_can_read_is_not_taken_for_an_exposure(seen: Deployed) -> None:
    canary, host = f"canary-{uuid.uuid4().hex}", seen.stack.workstation
    host.sh(f"(umask 077; echo {canary} >/etc/planted)")
    try:
        assert exposures(seen.stack, {"planted": canary}, ()) == set()
    finally:
        host.sh("rm /etc/planted")


def test_the_state_comes_back_from_a_host_s_backup_with_its_secrets_encrypted(seen: Deployed, tmp_path: Path) -> None:
    stack, host = seen.stack, seen.stack.workstation
    argv = [sys.executable, "-m", "trivet.cli", "host", "save-state", "--stack", stack.name]
    with arguments_of_every_process() as arguments:
        done = subprocess.run(argv, cwd=stack.project, env=stack.env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert not [name for name, secret in seen.secrets.items() if any(secret in each for each in arguments)]
    place = f"/etc/trivet/stacks/{stack.name}"
    assert host.sh(f"stat -c '%a %U' {place} {place}/*").splitlines() == ["700 root", "600 root", "600 root"]
    host.sh("systemctl start trivet-backup.service")
    host.sh(f"rm -r {place}; /usr/local/lib/trivet/backup restore /srv/restored")
    saved = tmp_path / "saved"
    docker("cp", f"{host.name}:/srv/restored{place}", str(saved))
    assert not [name for name, secret in seen.secrets.items() if any(secret in f.read_text() for f in saved.iterdir())]

    # The operator's machine is another one now.
    (stack.project / "state").rename(tmp_path / "lost")
    (stack.project / "state").mkdir()
    settings = stack.project / "stacks" / f"Pulumi.{stack.name}.yaml"
    settings.unlink()
    shutil.copy(saved / settings.name, settings)
    stack.pulumi("stack", "init", stack.name)
    assert "to create" in stack.preview(), "nothing is known of what is there"
    stack.pulumi("stack", "import", "--stack", stack.name, "--file", str(saved / "state.json"))
    stack.require_converged()
    host.sh("rm -r /srv/restored")
