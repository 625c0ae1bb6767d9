"""Resources on a host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from trivet.render import Installation
from trivet.render.ansible import Setup


@dataclass(frozen=True)
class Rented:
    """What is known of a rented node once it is there: it takes the place of what the installation has."""

    address: pulumi.Input[str]
    region: pulumi.Input[str]
    launch_id: pulumi.Input[str]


@dataclass(frozen=True)
class BundleArgs:
    """Arguments of a Bundle. `frontier_api_key` only where the spec lists a frontier; `sudo_password` where asked."""

    installation: Installation
    frontier_api_key: pulumi.Input[str] | None = None
    sudo_password: pulumi.Input[str] | None = None
    rented: Rented | None = None


class Bundle(pulumi.CustomResource):
    """A stack, installed on a host from the store: containers, their network and volume, configuration and keys.

    Attributes:
        url: the gateway, ending in `/v1`.
        key_file: path of a 0600 file with one API key, on the operator's machine.
        state: `ready`, or what is not well there.
        changed: when a run last changed something there, in ISO 8601.
    """

    url: pulumi.Output[str]
    key_file: pulumi.Output[str]
    state: pulumi.Output[str]
    changed: pulumi.Output[str]

    def __init__(self, name: str, args: BundleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        properties = args.installation.model_dump(mode="json", by_alias=True)
        if args.frontier_api_key is not None:
            properties["frontierApiKey"] = pulumi.Output.secret(args.frontier_api_key)
        if args.sudo_password is not None:
            properties["sudoPassword"] = pulumi.Output.secret(args.sudo_password)
        if rented := args.rented:
            identity = {**properties["gateway"]["identity"], "region": rented.region}
            properties["gateway"] = {**properties["gateway"], "identity": identity}
            properties["host"] = {**properties["host"], "address": rented.address}
            properties["launchId"] = rented.launch_id
        outputs = dict.fromkeys(("url", "keyFile", "state", "changed"))
        super().__init__("trivet:host:Bundle", name, {**properties, **outputs}, opts)
        self.key_file = self.keyFile  # type: ignore[attr-defined]  # set by the base class under its name in the schema


@dataclass(frozen=True)
class WorkstationArgs:
    """Arguments of a Workstation. `secrets`: variables of the roles that nobody may see."""

    setup: Setup
    sudo_password: pulumi.Input[str] | None = None
    secrets: Mapping[str, pulumi.Input[str]] | None = None


class Workstation(pulumi.CustomResource):
    """A host on which the Ansible roles hold: engine, hardening, and whatever else the settings name.

    Attributes:
        notices: what the roles could not do there, and why.
        authority: certificate by which clients know the host, where it is its own authority.
    """

    notices: pulumi.Output[list[str]]
    authority: pulumi.Output[str | None]

    def __init__(self, name: str, args: WorkstationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        properties = args.setup.model_dump(mode="json", by_alias=True)
        if args.sudo_password is not None:
            properties["sudoPassword"] = pulumi.Output.secret(args.sudo_password)
        if args.secrets is not None:
            properties["secrets"] = pulumi.Output.secret(pulumi.Output.all(**args.secrets))
        super().__init__("trivet:host:Workstation", name, {**properties, "notices": None, "authority": None}, opts)
