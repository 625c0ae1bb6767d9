"""Settings: where the stack runs. One file a stack: `stacks/Pulumi.<stack>.yaml`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from trivet.errors import SpecError
from trivet.spec.aws import AwsSettings
from trivet.spec.azure import AzureSettings
from trivet.spec.base import Country, Frozen, refuse, require_unique
from trivet.spec.bundle import SignedBundle
from trivet.spec.cloud import OFFERED_BY, PROVIDERS, Provider
from trivet.spec.cloud_vm import VmSettings
from trivet.spec.gateway import Port
from trivet.spec.gcp import GcpSettings
from trivet.spec.kubernetes import KubernetesSettings
from trivet.spec.load import spec_error
from trivet.spec.modal import ModalSettings
from trivet.spec.rental import LambdaSettings
from trivet.spec.ssh import SshTarget
from trivet.spec.workstation import WorkstationSettings

Tier = Literal["onprem", "gpuaas", "cloud"]
TIERS: tuple[str, ...] = get_args(Tier)
Rented = Literal["lambda", "modal"]
RENTED: tuple[str, ...] = get_args(Rented)  # the targets of tier gpuaas


def _address(text: str) -> str:
    try:
        ip_address(text)
    except ValueError:
        refuse("bind is an IP address of the host", "use 127.0.0.1, or the address that clients reach")
    return text


def _listed(countries: object) -> object:
    """A list, or its text: `ZA, DE`."""
    if isinstance(countries, str):
        return tuple(part.strip() for part in countries.split(","))
    return tuple(countries) if isinstance(countries, list) else countries


class Settings(Frozen):
    """Where the stack runs and how it is reached. Secrets are Pulumi config secrets and not part of this."""

    tier: Tier
    target: Literal["local", "ssh", "kubernetes", "lambda", "modal", "vm", "sagemaker"] = "local"
    order: Annotated[
        tuple[Rented, ...],
        Field(strict=False, description="On tier gpuaas, in place of target: the first that can takes the stack."),
    ] = ()
    provider: Annotated[Provider | None, Field(description="Whose cloud it is, on tier cloud.")] = None
    aws: Annotated[AwsSettings | None, Field(description="Needed by provider aws, where Pulumi runs.")] = None
    gcp: Annotated[GcpSettings | None, Field(description="The same for provider gcp.")] = None
    azure: Annotated[AzureSettings | None, Field(description="The same for provider azure.")] = None
    host: Annotated[SshTarget | None, Field(description="With target ssh: how the host is reached.")] = None
    hosts: Annotated[
        tuple[SshTarget, ...],
        Field(strict=False, description="With target ssh, in the place of host: each of them gets the stack."),
    ] = ()
    max_unavailable: Annotated[
        int, Field(ge=1, le=1000, description="With hosts: how many of them are worked on at a time.")
    ] = 1
    root: Annotated[
        str,
        Field(
            pattern=r"^(/[A-Za-z0-9_][A-Za-z0-9._-]*)+$",
            description="With target ssh: directory there, below which each stack has its own.",
        ),
    ] = "/var/lib/trivet"
    kubernetes: Annotated[
        KubernetesSettings | None, Field(description="With target kubernetes: what the chart is told.")
    ] = None
    lambda_cloud: Annotated[
        LambdaSettings | None, Field(alias="lambda", description="With target lambda: what may be rented.")
    ] = None
    modal: Annotated[ModalSettings | None, Field(description="With target modal: how it runs the stack.")] = None
    workstation: Annotated[
        WorkstationSettings | None, Field(description="With target ssh: what the host is to be besides the stack.")
    ] = None
    bind: Annotated[str, AfterValidator(_address), Field(description="Address on which the gateway listens.")] = (
        "127.0.0.1"
    )
    port: Annotated[Port | None, Field(description="Port on the host; the spec's gateway.port when absent.")] = None
    region: Annotated[
        str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$", description="Name of the place, as identity reports it.")
    ]
    country: Annotated[
        Country | None, Field(description="Where the machine stands. Needed by every residency regime but none.")
    ] = None
    operated_from: Annotated[
        tuple[Country, ...],
        BeforeValidator(_listed),
        Field(description="Countries from which people operate and support the stack: access is a transfer too."),
    ] = ()
    state_country: Annotated[
        Country | None, Field(description="Where Pulumi's state lies, when its backend's URL does not tell.")
    ] = None
    operator_parent: Annotated[
        Country | None, Field(description="Jurisdiction of the operator's parent company, for the CLOUD Act flag.")
    ] = None
    bundle: Annotated[
        SignedBundle | None, Field(description="Install from this signed bundle, and not from what was built here.")
    ] = None
    retain: Annotated[bool, Field(description="Keep the audit's volume when the stack is destroyed.")] = False
    wait_seconds: Annotated[
        int, Field(ge=10, le=7200, description="How long to wait until every container is healthy.")
    ] = 180
    supervise: Annotated[
        bool | None,
        Field(description="Have systemd start and watch the stack; absent: on a host where we work as root."),
    ] = None

    @model_validator(mode="after")
    def _host_where_there_is_one(self) -> Self:
        if self.target == "ssh" and self.host is None and not self.hosts:
            refuse("target ssh needs host.address", "run `pulumi config set --path host.address ADDRESS`", ("target",))
        if self.target != "ssh" and self.host is not None:
            refuse("host is for target ssh", "run `pulumi config set target ssh`, or remove host", ("host",))
        if self.target != "ssh" and self.workstation is not None:
            refuse("workstation is for target ssh", "set target to ssh, or remove workstation", ("workstation",))
        access = self.workstation.access if self.workstation else None
        if access and access.wireguard and self.bind != access.address:
            refuse("the gateway listens in the tunnel", f"set bind to {access.address}", ("bind",))
        if access and not access.wireguard and not ip_address(self.bind).is_loopback:
            refuse("with workstation.access clients come through it alone", "set bind to 127.0.0.1", ("bind",))
        return self

    @model_validator(mode="after")
    def _cluster_is_described(self) -> Self:
        if self.target == "kubernetes" and self.kubernetes is None:
            refuse(
                "target kubernetes needs kubernetes.registry and kubernetes.registryNetworks",
                "run `pulumi config set --path kubernetes.registry HOST/PREFIX`",
                ("target",),
            )
        if self.target != "kubernetes" and self.kubernetes is not None:
            refuse("kubernetes is for target kubernetes", "set target to kubernetes, or remove it", ("kubernetes",))
        return self

    @model_validator(mode="after")
    def _an_order_names_each_target_once(self) -> Self:
        if self.order and "target" in self.model_fields_set:
            refuse("order takes the place of target", "remove one of the two", ("order",))
        if len(set(self.order)) < len(self.order):
            refuse("an order names each target once", "remove the second of the same", ("order",))
        if self.modal and self.modal.region and not self.order:
            refuse("modal.region is for an order; elsewhere region says it", "set region", ("modal", "region"))
        return self

    @model_validator(mode="after")
    def _hosts_that_can_have_the_same(self) -> Self:
        if not self.hosts:
            if self.max_unavailable != 1:
                refuse("maxUnavailable is for hosts", "set hosts, or remove maxUnavailable", ("maxUnavailable",))
            return self
        if self.target != "ssh" or self.host is not None:
            refuse("hosts is for target ssh, in the place of host", "set target to ssh and remove host", ("hosts",))
        require_unique("host", [host.resource_name for host in self.hosts], "hosts")
        if not (ip_address(self.bind).is_loopback or ip_address(self.bind).is_unspecified):
            refuse("one address is no address of several hosts", "set bind to 0.0.0.0 or to 127.0.0.1", ("bind",))
        if self.workstation and self.workstation.access and self.workstation.access.name:
            refuse(
                "each of several hosts goes by its own address",
                "remove name: it is the host's address then",
                ("workstation", "access", "name"),
            )
        return self

    @model_validator(mode="after")
    def _rented_where_it_is_a_service(self) -> Self:
        targets = self.order or (self.target,)
        if (self.tier == "gpuaas") != (targets[0] in RENTED):
            refuse(
                f"tier gpuaas has target {' or '.join(RENTED)}, and no other tier has one of them",
                "run `pulumi config set target lambda` (or modal), or choose another tier",
                ("order",) if self.order else ("target",),
            )
        if ("lambda" in targets) != (self.lambda_cloud is not None):
            refuse(
                "target lambda needs lambda.instanceTypes, and no other target has them",
                "run `pulumi config set --path 'lambda.instanceTypes[0]' gpu_1x_a10`, or remove lambda",
                ("lambda",) if self.lambda_cloud else ("order",) if self.order else ("target",),
            )
        if ("modal" in targets) != (self.modal is not None):
            refuse(
                "target modal needs modal.registry, and no other target has it",
                "run `pulumi config set --path modal.registry HOST/PREFIX`, or remove modal",
                ("modal",) if self.modal else ("order",) if self.order else ("target",),
            )
        return self

    @model_validator(mode="after")
    def _cloud_has_a_provider(self) -> Self:
        if (self.tier == "cloud") != (self.provider is not None):
            refuse("tier cloud names its provider, no other tier does", "set or remove provider: aws")
        offered = OFFERED_BY.get(self.target)
        if offered and self.provider not in offered:
            refuse(
                f"target {self.target} is of tier cloud, at {' or '.join(offered)}",
                f"set tier: cloud and provider: {offered[0]}, or another target",
                ("target",),
            )
        if self.target != "vm" and self.aws and (self.aws.hours or self.aws.stop_idle_minutes):
            refuse("hours and stopIdleMinutes are a machine's", "remove them, or set target: vm", ("aws",))
        for provider in PROVIDERS:
            if (getattr(self, provider) is not None) != (offered is not None and provider == self.provider):
                refuse(
                    f"{' and '.join(OFFERED_BY)} on provider {provider} have settings of their own under {provider}",
                    f"set target: vm and {provider}, or neither",
                )
        return self

    @property
    def legs(self) -> tuple[Settings, ...]:
        """The settings of each target of an order, as if there were no other, the most wanted first; or just these."""
        return tuple(self._leg(target) for target in self.order) or (self,)

    def _leg(self, target: Rented) -> Settings:
        alone: dict[str, Any] = {"order": (), "target": target}
        if target == "lambda" or self.modal is None:
            return self.model_copy(update={**alone, "modal": None})
        region = self.modal.region or self.region
        place = self.modal.model_copy(update={"region": None})
        return self.model_copy(update={**alone, "lambda_cloud": None, "region": region, "modal": place})

    @property
    def supervised(self) -> bool:
        """Whether units of systemd look after the stack: only root can install them."""
        if self.supervise is None:
            return self.host is not None and (self.host.sudo or self.host.user == "root")
        return self.supervise

    @property
    def each_host(self) -> tuple[Self, ...]:
        """The settings as each host has them, `host` being itself; these, where there is but one."""
        return tuple(self.model_copy(update={"host": host}) for host in self.hosts) or (self,)

    @property
    def has_backups(self) -> bool:
        """Whether the stack's hosts make backups."""
        return self.workstation is not None and self.workstation.backup is not None

    @property
    def cloud(self) -> VmSettings | None:
        """What the provider's own settings share, whichever it is."""
        return self.aws or self.gcp or self.azure

    @property
    def regions(self) -> tuple[str, ...]:
        """Where the stack may come to run: the most wanted first."""
        return (self.region, *(self.lambda_cloud.other_regions if self.lambda_cloud else ()))


def parse_settings(stack: str, config: Mapping[str, str]) -> Settings:
    """Validate a stack's plain configuration (key without namespace → text, as Pulumi hands it over).

    A stack's tier is its key `tier`, or else its name.

    Raises:
        SpecError: an unknown key, or a value that breaks a rule.
    """
    where = f"stacks/Pulumi.{stack}.yaml"
    tree: dict[str, Any] = {key: _scalar(text) for key, text in config.items()}
    tier = tree.setdefault("tier", stack)
    if tier not in TIERS:
        raise SpecError(
            where=where,
            value=f"tier = {tier!r}",
            rule=f"a stack's tier is one of {', '.join(TIERS)}: its key `tier`, or else its name",
            remedy=f"run `pulumi config set tier onprem --stack {stack}`",
        )
    try:
        return Settings.model_validate(tree)
    except ValidationError as exc:
        raise spec_error(exc, Settings, tree, where) from exc


def _scalar(text: str) -> object:
    """Pulumi hands every value over as text: numbers, booleans, objects and lists are JSON, all else is itself."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, bool | int | dict | list) else text
