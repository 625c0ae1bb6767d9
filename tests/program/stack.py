"""A real stack in a project directory of its own, driven by the real Pulumi CLI; nothing of it touches anybody else's.

Own are: the directory, Pulumi's home and backend, the stack's name (and with it containers, network, volume and files),
the port. Shared are the checkout's code and its store, both only read, and the engine.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from ruamel.yaml import YAML

from tests.unit.examples import ROOT, merge, raw_spec

FAST = {"interval": 1, "timeout": 3, "retries": 10, "start": 60}
SPEC: dict[str, Any] = {"runtimes": {"llama": {"health": FAST}}, "gateway": {"health": FAST}}


class Stack:
    """A project directory (`project`) and its one stack (`name`), which the engine knows as `compose_project`."""

    def __init__(self, project: Path, *, changes: Mapping[str, Any] | None = None) -> None:
        self.project = project
        self.name = f"test-{uuid.uuid4().hex[:8]}"
        self.compose_project = f"trivet-{self.name}"
        self.host_root = project / ".trivet" / "hosts" / self.name
        self.key_directory = project / ".trivet" / "keys" / self.name
        self.store = project / ".trivet" / "store"
        self.port = free_port()
        self.spec = merge(merge(raw_spec(), SPEC), changes or {})
        self.settings: dict[str, Any] = {"tier": "onprem", "region": "test", "port": self.port, "waitSeconds": 120}
        self.said = ""  # all that Pulumi has printed
        self.env = self._environment()
        self._lay_out()
        self.pulumi("stack", "init", self.name)
        self._salt = self._settings_file.read_text()
        self.write()

    def write(self) -> None:
        """Bring `spec` and `settings` to disk."""
        (self.project / "inference.yaml").write_text(json.dumps(self.spec, indent=1))
        config = {f"inference:{key}": value for key, value in self.settings.items()}
        self._settings_file.write_text(f"{self._salt}config: {json.dumps(config)}\n")

    def set_secret(self, name: str, value: str) -> None:
        """Set a config secret the way a person does, and keep it there."""
        self.pulumi("config", "set", "--secret", name, value)
        document: dict[str, Any] = YAML(typ="safe", pure=True).load(self._settings_file)
        self.settings[name] = document["config"][f"inference:{name}"]

    def pulumi(self, *args: str, fails: bool = False, env: Mapping[str, str] | None = None) -> str:
        """Run the CLI and return what it printed; it must succeed, or with `fails` it must not."""
        done = subprocess.run(
            ["pulumi", *args, "--non-interactive"],
            cwd=self.project,
            env={**self.env, **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=400,
            check=False,
        )
        self.said += done.stdout
        assert (done.returncode != 0) == fails, done.stdout
        return done.stdout

    def up(self, *args: str, fails: bool = False, env: Mapping[str, str] | None = None) -> str:
        """`pulumi up`."""
        return self.pulumi("up", "--yes", "--skip-preview", *args, fails=fails, env=env)

    def preview(self, *args: str) -> str:
        """`pulumi preview --diff`."""
        return self.pulumi("preview", "--diff", *args)

    def destroy(self) -> str:
        """`pulumi destroy`."""
        return self.pulumi("destroy", "--yes", "--skip-preview")

    def state(self) -> str:
        """Everything that Pulumi wrote about the stack: state, its backups, history."""
        files = (self.project / "state").rglob("*")
        return "".join(path.read_text() for path in files if path.is_file())

    @property
    def outputs(self) -> dict[str, Any]:
        """The stack's outputs."""
        outputs: dict[str, Any] = json.loads(self.pulumi("stack", "output", "--json"))
        return outputs

    @property
    def url(self) -> str:
        """The gateway."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def key_file(self) -> Path:
        """The first team's first key."""
        team = self.spec["gateway"]["teams"][0]
        return self.key_directory / f"{team['name']}-{team['keys'][0]['name']}.key"

    @property
    def key(self) -> str:
        """Its text."""
        return self.key_file.read_text().strip()

    def docker(self, *args: str) -> str:
        """Run the command line of the engine that the stack runs on, which must succeed."""
        return docker(*args)

    def container(self, service: str) -> str:
        """The name of a service's container."""
        return f"{self.compose_project}-{service}-1"

    def containers(self) -> dict[str, dict[str, Any]]:
        """What the engine says of each of the project's containers, by name."""
        ids = self.docker("ps", "-aq", "--filter", f"label=com.docker.compose.project={self.compose_project}").split()
        found = json.loads(self.docker("container", "inspect", *ids)) if ids else []
        return {each["Name"].removeprefix("/"): each for each in found}

    def started(self) -> dict[str, tuple[str, str]]:
        """Id and start of each container, by name: equal before and after means that it was not touched."""
        return {name: (each["Id"], each["State"]["StartedAt"]) for name, each in self.containers().items()}

    def leftovers(self) -> dict[str, list[str]]:
        """Whatever there is of the project, by kind."""
        label = f"label=com.docker.compose.project={self.compose_project}"
        files = [str(path) for path in (self.host_root, self.key_directory) if path.exists()]
        return {
            "containers": list(self.containers()),
            "networks": self.docker("network", "ls", "-q", "--filter", label).split(),
            "volumes": self.docker("volume", "ls", "-q", "--filter", label).split(),
            "files": files,
        }

    def require_converged(self) -> None:
        """Exactly one healthy container a service, and nothing that Pulumi would still do."""
        found = self.containers()
        services = {"gateway", *(f"model-{model['name']}" for model in self.spec["models"])}
        assert set(found) == {self.container(service) for service in services}
        assert {each["State"]["Health"]["Status"] for each in found.values()} == {"healthy"}
        self.pulumi("preview", "--expect-no-changes")

    def wipe(self) -> None:
        """Remove everything, whatever state it is in, without Pulumi."""
        if names := list(self.containers()):
            self.docker("rm", "-f", *names)
        for kind in ("network", "volume"):
            label = f"label=com.docker.compose.project={self.compose_project}"
            if names := self.docker(kind, "ls", "-q", "--filter", label).split():
                self.docker(kind, "rm", *names)
        shutil.rmtree(self.host_root, ignore_errors=True)

    def copy_store(self) -> Path:
        """A store of this project's own, to damage: its blobs are links, so replace one before writing to it."""
        self.store.unlink()
        shutil.copytree(ROOT / ".trivet" / "store", self.store, copy_function=os.link)
        return self.store

    @property
    def _settings_file(self) -> Path:
        return self.project / "stacks" / f"Pulumi.{self.name}.yaml"

    def _environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PULUMI_")}
        return {
            **kept,
            "PATH": os.pathsep.join([os.environ["PATH"], str(ROOT / ".trivet" / "bin")]),
            "PULUMI_BACKEND_URL": f"file://{self.project / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": f"of {self.name} alone",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_HOME": str(self.project / "home"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }

    def _lay_out(self) -> None:
        for directory in ("state", "home", ".trivet"):
            (self.project / directory).mkdir()
        for file in ("Pulumi.yaml", "__main__.py", "inference.lock"):
            shutil.copy(ROOT / file, self.project)
        shutil.copytree(ROOT / "stacks", self.project / "stacks", ignore=shutil.ignore_patterns("Pulumi.*"))
        (self.project / "trivet").symlink_to(ROOT / "trivet")
        (self.project / ".venv").symlink_to(sys.prefix)
        self.store.symlink_to(ROOT / ".trivet" / "store")


S = TypeVar("S", bound=Stack)


@contextmanager
def deployed(stack: S) -> Iterator[S]:
    """The stack, up; taken away afterwards, with all that is of it."""
    try:
        stack.up()
        yield stack
    finally:
        stack.destroy()
        left = stack.leftovers()
        stack.wipe()
    assert not any(left.values()), left


NewStack = Callable[..., Stack]


def docker(*args: str) -> str:
    """Run the engine's command line, which must succeed."""
    done = subprocess.run(["docker", *args], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def free_port() -> int:
    """A port that nobody listens on, below those that the kernel gives to whoever asks for any (ip(7))."""
    while True:
        port = random.randrange(20_000, 32_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def sha256(text: str) -> str:
    """Hexadecimal SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()


def eventually(true: Callable[[], object], *, seconds: float = 15) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.1)
