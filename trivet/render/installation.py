"""Everything that an installation on a host consists of: the provider's inputs, and what a driver carries out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address
from typing import Annotated, Any, Literal

from pydantic import Field

from trivet.errors import SpecError
from trivet.render.compose import networks, services, volumes
from trivet.render.deployed import reference
from trivet.render.gateway import gateway_config
from trivet.spec import Lock, Settings, StackSpec
from trivet.spec.base import Digest, Frozen
from trivet.spec.bundle import SignedBundle
from trivet.spec.cloud import OFFERED_BY
from trivet.spec.lock import LockedModel
from trivet.spec.ssh import SshTarget

PROJECT = r"^trivet-[a-z0-9][a-z0-9_-]{0,39}$"


class Image(Frozen):
    """An image of the lock: digests of its manifest and its config, bytes of its blobs, what the engine calls it."""

    manifest: Digest
    config: Digest
    size: Annotated[int, Field(ge=0)]
    reference: str


class Installation(Frozen):
    """One stack on one host. Relative paths start at the operator's checkout; `root` is a path of the host."""

    project: Annotated[str, Field(pattern=PROJECT)]
    target: Literal["local", "ssh"]
    host: Annotated[SshTarget | None, Field(description="How the host is reached, with target ssh.")] = None
    root: Annotated[str, Field(min_length=1, description="Directory on the host that holds the installation.")]
    store: Annotated[str, Field(min_length=1, description="OCI image layout with the images and models.")]
    bundle: Annotated[SignedBundle | None, Field(description="Signed, and what the store is filled from.")] = None
    key_directory: Annotated[str, Field(min_length=1, description="Where the operator's API keys are written.")]
    shares_keys: Annotated[bool, Field(description="Other hosts go by the same keys.")] = False
    bind: str
    port: Annotated[int, Field(ge=1, le=65535)]
    retain: bool
    wait_seconds: Annotated[int, Field(ge=1)]
    supervised: Annotated[bool, Field(description="Units of systemd start and watch the stack.")] = False
    images: dict[str, Image]
    models: dict[str, LockedModel]
    services: dict[str, dict[str, Any]]
    networks: dict[str, dict[str, Any]]
    volumes: dict[str, dict[str, Any]]
    gateway: dict[str, Any]

    @property
    def url(self) -> str:
        """Where the gateway answers: when it listens on every address, the one that the host is reached at."""
        address = ip_address(self.bind)
        name = str(address)
        if address.is_unspecified and self.host:
            name = self.host.address
        elif address.is_unspecified:
            name = "::1" if isinstance(address, IPv6Address) else "127.0.0.1"
        return f"http://{f'[{name}]' if ':' in name else name}:{self.port}/v1"

    @property
    def keys(self) -> dict[str, str | None]:
        """Every API key as `team-key`, with its hash where the spec has it."""
        return {
            key_name(team["name"], key["name"]): key.get("sha256")
            for team in self.gateway["teams"]
            for key in team["keys"]
        }


def key_name(team: str, key: str) -> str:
    """A key's name across teams: the name of its file, without the suffix."""
    return f"{team}-{key}"


def render(spec: StackSpec, lock: Lock, settings: Settings, *, stack: str) -> Installation:
    """What `stack` is on its host.

    Raises:
        SpecError: the stack's name, or two keys' names, cannot be used.
    """
    if settings.target in OFFERED_BY:
        raise SpecError(
            where=f"stack {stack}",
            value=f"target {settings.target}",
            rule="what runs in a cloud is no host of ours: a machine there installs itself, as its own target local",
            remedy="run `pulumi up`, which makes it",
        )
    if settings.target == "kubernetes":
        raise SpecError(
            where=f"stack {stack}",
            value="target kubernetes",
            rule="a cluster runs the Helm chart, which Helm, Argo CD or Flux installs",
            remedy="see docs/how-to/kubernetes.md: `trivet chart values` renders what the chart is told",
        )
    installation = Installation(
        project=project_name(stack),
        target="ssh" if settings.host else "local",
        host=settings.host,
        root=place_of(settings, stack),
        store=".trivet/store",
        bundle=settings.bundle,
        key_directory=f".trivet/keys/{stack}",
        shares_keys=bool(settings.hosts),
        bind=settings.bind,
        port=settings.port or spec.gateway.port,
        retain=settings.retain,
        wait_seconds=settings.wait_seconds,
        supervised=settings.supervised,
        images={
            name: Image(
                manifest=lock.images[name].manifest,
                config=lock.images[name].config,
                size=lock.images[name].size,
                reference=reference(name, lock.images[name].manifest),
            )
            for name in spec.images
        },
        models={model.name: lock.models[model.name] for model in spec.models},
        services=services(spec, lock, settings),
        networks=networks(spec),
        volumes=volumes(),
        gateway=gateway_config(spec, lock, settings),
    )
    require_distinct_keys(installation.gateway)
    return installation


def place_of(settings: Settings, stack: str) -> str:
    """The directory of a stack on its host; on this machine, from the checkout."""
    return f"{settings.root}/{stack}" if settings.host else f".trivet/hosts/{stack}"


def project_name(stack: str) -> str:
    """What everything of a stack is named after, at any place.

    Raises:
        SpecError: the stack's name cannot be used.
    """
    project = f"trivet-{stack}"
    if not re.fullmatch(PROJECT, project):
        raise SpecError(
            where="the stack's name",
            value=stack,
            rule="lower-case letters, digits, - and _, at most 40: the engine names networks and volumes after it",
            remedy="run `pulumi stack rename NAME`",
        )
    return project


def require_distinct_keys(gateway: Mapping[str, Any]) -> None:
    """Refuse a gateway two keys of which would lie in one file.

    Raises:
        SpecError: two would.
    """
    names = [key_name(team["name"], key["name"]) for team in gateway["teams"] for key in team["keys"]]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SpecError(
            where="gateway.teams",
            value=f"two keys would be in {twice[0]}.key",
            rule="a key's file is named TEAM-KEY.key",
            remedy="rename a team or a key",
        )
