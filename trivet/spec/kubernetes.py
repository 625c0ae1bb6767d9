"""Settings of a stack on a Kubernetes cluster."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated

from pydantic import AfterValidator, Field

from trivet.spec.base import Country, Frozen, refuse
from trivet.spec.gateway import Port
from trivet.spec.modal import REPOSITORY

LABEL = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
OBJECT = r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$"


def _network(text: str) -> str:
    try:
        ip_network(text)
    except ValueError:
        refuse("a network is an address and a prefix, with no bits behind it", "write 10.20.0.0/24, or 10.20.0.7/32")
    if "/" not in text:
        refuse("a network policy wants a prefix, one address too", f"write {text}/32 (IPv6: /128)")
    return text


Networks = Annotated[tuple[Annotated[str, AfterValidator(_network)], ...], Field(strict=False)]
ObjectName = Annotated[str, Field(pattern=OBJECT)]


class KubernetesSettings(Frozen):
    """How a cluster runs the stack: what `helm/trivet` cannot know from the spec and the lock."""

    registry: Annotated[
        str,
        Field(pattern=REPOSITORY, description="HOST/PREFIX that the bundle was pushed to."),
    ]
    registry_networks: Annotated[
        Networks, Field(min_length=1, description="Its addresses: models fetch their weights there and reach no other.")
    ]
    registry_port: Annotated[Port, Field(description="Where it listens.")] = 443
    registry_country: Annotated[
        Country | None, Field(description="Where it lies. Needed by every residency regime but none.")
    ] = None
    registry_ca: Annotated[
        ObjectName | None, Field(description="Secret with ca.crt, for a registry with an authority of your own.")
    ] = None
    pull_secret: Annotated[
        ObjectName | None, Field(description="Secret of type kubernetes.io/dockerconfigjson, where it asks who pulls.")
    ] = None
    namespace: Annotated[str, Field(pattern=LABEL, description="The stack's own.")] = "trivet"
    keys: Annotated[
        dict[str, Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]],
        Field(description="SHA-256 of each API key that the spec has no hash of, by TEAM-KEY."),
    ] = Field(default_factory=dict)
    clients: Annotated[Networks, Field(description="Networks that may reach the gateway, besides its namespace.")] = ()
    frontier_secret: Annotated[
        ObjectName | None, Field(description="Secret with the frontier's key as `frontier`, where the spec has one.")
    ] = None
    frontier_networks: Annotated[Networks, Field(description="The frontier's addresses.")] = ()
    volumes: Annotated[
        bool, Field(description="Keep weights and audit on persistent volumes; else they go with the pod.")
    ] = True
    storage_class: Annotated[ObjectName | None, Field(description="Theirs; the cluster's default when absent.")] = None
    audit_gib: Annotated[int, Field(ge=1, le=65536, alias="auditGiB", description="GiB of the audit's volume.")] = 10
    cpu_reserved: Annotated[
        float,
        Field(gt=0, le=1, strict=False, description="Part of each container's CPU bound that nobody else may use."),
    ] = 1.0
    node_labels: Annotated[dict[str, str], Field(description="Labels of the nodes that run it.")] = Field(
        default_factory=dict
    )
    pulumi_image: Annotated[
        str | None,
        Field(
            pattern=r"^[a-z0-9.-]+(:[0-9]{1,5})?/[a-z0-9/._-]+@sha256:[0-9a-f]{64}$",
            description="Image, by digest, in which Pulumi's operator runs the project's other stacks.",
        ),
    ] = None
    runtime_class: Annotated[ObjectName | None, Field(description="Of models on GPUs, such as `nvidia`.")] = None
