"""A cloud stack on the real engine: our stand-in plugins on PATH, and a moto server that is AWS."""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import httpx
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

from tests.program.stack import Stack
from tests.unit.bundle.bundles import HOST, seed, signer, tar_layer
from tests.unit.examples import ROOT
from trivet.spec import load_spec
from trivet.spec.digest import json_digest

ACCOUNT = "123456789012"  # moto's
IDENTITY = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}


@contextmanager
def aws() -> Iterator[str]:
    """AWS, empty, at an address of this machine."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        url = f"http://{host}:{port}"
        httpx.post(f"{url}/moto-api/reset").raise_for_status()  # its state is the process's, not the server's
        yield url
    finally:
        server.stop()


class BundledStack(Stack):
    """A project with a small signed bundle of its own, and our plugins in place of the clouds'."""

    plugins: tuple[str, ...] = ()

    def make_bundle(self) -> None:
        """A bundle of the stack as it is on disk now, the lock that it was made from, and the store."""
        (self.project / "bundle.tar").unlink(missing_ok=True)
        file = self.project / "inference.yaml"
        spec = load_spec(file)
        made = seed(
            Path(tempfile.mkdtemp(dir=self.project)) / "store",
            images={name: (tar_layer(f"usr/bin/{name}"),) for name in spec.images},
            models={model.name: {"weights.gguf": model.name.encode()} for model in spec.models},
            files={"inference.yaml": file.read_bytes(), "inference.lock": b"{}\n"},
            artifacts=HOST,
            expires=None,
        )
        lock = made.contents.lock.model_copy(update={"inputs": json_digest(spec.lock_inputs)})
        (self.project / "inference.lock").write_text(lock.dump())
        self.store.unlink()
        self.store.symlink_to(made.store.root)
        replace(made, contents=replace(made.contents, lock=lock)).bundle(self.project / "bundle.tar")

    def resources(self) -> list[str]:
        """The types in Pulumi's state, without the stack itself."""
        state = json.loads(self.pulumi("stack", "export"))
        types = [each["type"] for each in state["deployment"].get("resources", [])]
        return [each for each in types if each != "pulumi:pulumi:Stack"]

    def state(self, kind: str) -> dict[str, Any]:
        """The outputs of the one resource of a type."""
        state = json.loads(self.pulumi("stack", "export"))
        (found,) = [each for each in state["deployment"]["resources"] if each["type"] == kind]
        outputs: dict[str, Any] = found["outputs"]
        return outputs

    def _environment(self) -> dict[str, str]:
        plugins = self.project / "plugins"
        plugins.mkdir()
        for package in self.plugins:
            plugin = plugins / f"pulumi-resource-{package}"
            launch = f'cd "{self.project}" && PYTHONPATH="{ROOT}" exec "{sys.executable}" -m tests.fakes.pulumi_cloud'
            plugin.write_text(f'#!/bin/sh\n{launch} {package} "$@"\n')
            plugin.chmod(0o755)
        env = super()._environment()
        return {**env, "PATH": os.pathsep.join([str(plugins), env["PATH"]])}


class CloudStack(BundledStack):
    """One that is deployed to `region` of the AWS at `endpoint`.

    `registry` stands behind its ECR.
    """

    plugins = ("aws",)

    def __init__(
        self,
        project: Path,
        endpoint: str,
        *,
        region: str,
        registry: str = "",
        changes: Mapping[str, Any] | None = None,
    ) -> None:
        self.endpoint, self.region, self.registry = endpoint, region, registry
        super().__init__(project, changes=changes)
        self.settings = {
            "tier": "cloud",
            "provider": "aws",
            "target": "vm",
            "region": region,
            "operatedFrom": "ZA",
            "aws": {
                "account": ACCOUNT,
                "bundle": "bundle.tar",
                "keys": [signer("officer").public.text],
                "notify": "ops@example.org",
                "budget": 900,
                "machine": "t3.large",
                "image": self.client("ec2").describe_images(Owners=["amazon"])["Images"][0]["ImageId"],
            },
        }
        self.write()
        self.make_bundle()

    def client(self, service: str, region: str | None = None) -> Any:
        """boto3, as a person would read back what is there."""
        return boto3.client(  # type: ignore[call-overload]
            service,
            region_name=region or self.region,
            endpoint_url=self.endpoint,
            aws_access_key_id=IDENTITY["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=IDENTITY["AWS_SECRET_ACCESS_KEY"],
        )

    def _environment(self) -> dict[str, str]:
        return {
            **super()._environment(),
            **IDENTITY,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
            **({"FAKE_ECR": self.registry} if self.registry else {}),
        }
