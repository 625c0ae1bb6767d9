"""Containers of the machine's own engine: images built from what the client described, registries included."""

from __future__ import annotations

import asyncio
import re
import tempfile
import time
import uuid
from collections.abc import Mapping
from pathlib import Path

import aiohttp
from modal_proto import api_pb2 as pb

from tests.fakes.modal.account import Account, Image
from tests.fakes.modal.fleet import Container, StartError

LABEL = "dev.trivet.fake=modal"
STOP_SECONDS = 20
POLL = 0.05
# What a worker's own entry point does, as far as a web server is concerned: import the module, call the function, stay.
# As process 1 it hands SIGTERM on to everybody, and ends when they have.
WORKER = """
import importlib, os, signal, sys
def end(*_):
    os.kill(-1, signal.SIGTERM)
    try:
        while True: os.wait()
    except ChildProcessError:
        os._exit(0)
signal.signal(signal.SIGTERM, end)
getattr(importlib.import_module(sys.argv[1]), sys.argv[2])()
while True: signal.pause()
"""


class Docker:
    """Implements Runner."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._tag = f"trivet-fake-modal-{uuid.uuid4().hex[:8]}"
        self._built: list[str] = []
        self._pulled: set[str] = set()
        self._running: set[str] = set()

    async def build(self, image: Image) -> None:
        """See `Runner.build`."""
        bases = {each.docker_tag: self._account.images[each.image_id] for each in image.definition.base_images}
        for base in bases.values():
            if not base.reference:
                await self.build(base)
        lines = [_resolved(line, bases) for line in image.definition.dockerfile_commands]
        reference = f"{self._tag}:{image.id}"
        with tempfile.TemporaryDirectory() as directory:
            context = Path(directory)
            (context / "Dockerfile").write_text("\n".join(lines) + "\n")
            if self._account.mounts.get(image.definition.context_mount_id, "").startswith("python-build-standalone."):
                _lay_out_python(context / "python" / "bin")
            before = await self._references()
            code, said = await docker("build", "--label", LABEL, "--tag", reference, directory)
        self._pulled |= await self._references() - before
        if code:
            image.error = said[-2000:]
            return
        image.reference = reference
        self._built.append(reference)

    async def start(self, function: pb.Function) -> Container:
        """See `Runner.start`."""
        name, port = f"{self._tag}-{uuid.uuid4().hex[:6]}", function.webhook_config.web_server_port
        mounts = [
            f"--volume={self._account.volumes[each.volume_id].root}:{each.mount_path}{':ro' if each.read_only else ''}"
            for each in function.volume_mounts
        ]
        memory = [f"--memory={function.resources.memory_mb}m"] if function.resources.memory_mb else []
        variables = {"MODAL_TASK_ID": f"ta-{name[-6:]}"}
        for secret_id in function.secret_ids:
            variables |= self._account.secrets[secret_id].variables
        with tempfile.NamedTemporaryFile("w", suffix=".env") as file:
            file.writelines(f"{key}={value}\n" for key, value in variables.items())
            file.flush()
            self._running.add(name)
            code, said = await docker(
                "run", "--detach", "--name", name, "--label", LABEL, "--env-file", file.name, *mounts, *memory,
                f"--publish=127.0.0.1::{port}", self._account.images[function.image_id].reference,
                "python", "-c", WORKER, function.module_name, function.function_name,
            )  # fmt: skip
        if code:
            raise StartError(said)
        _, where = await docker("port", name, f"{port}/tcp")
        container = Container(name, f"http://{where.strip()}")
        try:
            await self._wait(container, function.webhook_config.web_server_startup_timeout)
        except StartError:
            await self.stop(container)
            raise
        return container

    async def stop(self, container: Container) -> None:
        """See `Runner.stop`."""
        await docker("stop", "--time", str(STOP_SECONDS), container.name)
        await docker("rm", "--force", "--volumes", container.name)
        self._running.discard(container.name)

    async def close(self) -> None:
        """See `Runner.close`."""
        for name in self._running:
            await docker("rm", "--force", "--volumes", name)
        for reference in (*reversed(self._built), *sorted(self._pulled)):
            await docker("image", "rm", reference)

    async def _wait(self, container: Container, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        async with aiohttp.ClientSession() as client:
            while time.monotonic() < deadline:
                try:
                    async with client.get(f"{container.address}/health"):
                        return
                except aiohttp.ClientError:
                    await asyncio.sleep(POLL)
                _, state = await docker("inspect", "--format", "{{.State.Running}}", container.name)
                if state.strip() != "true":
                    break
        _, words = await docker("logs", "--tail", "30", container.name)
        raise StartError(f"the port did not open in {seconds:.0f} s; the container's last words:\n{words}")

    async def _references(self) -> set[str]:
        """Images that were pulled by digest."""
        _, said = await docker("images", "--digests", "--format", "{{.Repository}}@{{.Digest}}")
        return {line for line in said.split() if not line.endswith("@<none>")}


async def docker(*args: str) -> tuple[int, str]:
    """Run the engine's command line; its exit code and all that it printed."""
    process = await asyncio.create_subprocess_exec(
        "docker", *args, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode(errors="replace")


def _resolved(line: str, bases: Mapping[str, Image]) -> str:
    found = re.fullmatch(r"FROM (\S+)(.*)", line)
    return f"FROM {bases[found[1]].reference}{found[2]}" if found and found[1] in bases else line


def _lay_out_python(directory: Path) -> None:
    """In the place of the Python that Modal adds: a name for the one that the image has."""
    directory.mkdir(parents=True)
    (directory / "python").symlink_to("/usr/bin/python3")
