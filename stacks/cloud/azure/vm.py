"""The stack on one virtual machine of Azure, in a private network without a way out, all in one region."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pulumi
import pulumi_azure_native as azure

from stacks.cloud.azure.budget import Budget, BudgetArgs
from stacks.cloud.azure.group import Group
from stacks.cloud.azure.keys import Keys, KeysArgs
from stacks.cloud.azure.machine import USER, Machine, MachineArgs
from stacks.cloud.azure.network import Network, NetworkArgs
from stacks.cloud.azure.storage import Storage, StorageArgs
from stacks.cloud.bundle_file import read_bundle
from stacks.cloud.cost import announce
from stacks.cloud.required import require_image, require_no_frontier, require_own
from stacks.outputs import export
from trivet.render.azure_start import custom_data
from trivet.render.cloud_names import fitting
from trivet.render.cloud_vm import INTO, FirstStart
from trivet.render.installation import key_name
from trivet.residency.data import load_tables
from trivet.residency.machine import choose_machine
from trivet.residency.price import estimate
from trivet.spec import Lock, Settings, StackSpec
from trivet.spec.azure import AzureSettings

NAME = 40  # characters at most, so that what is named after it stays within Azure's 64
SHELL = (
    "az network bastion ssh --name {0} --resource-group {1} --target-resource-id {2} --auth-type ssh-key --username {3}"
)
TUNNEL = (
    "az network bastion tunnel --name {0} --resource-group {1} --target-resource-id {2} --resource-port 22 --port 2222"
)
FORWARD = "ssh -N -p 2222 -L {0}:127.0.0.1:{0} {1}@127.0.0.1"
DEBIAN = "debian:debian-12:12-gen2:latest"  # Debian's own


def deploy(spec: StackSpec, lock: Lock, settings: Settings) -> None:
    """Decide everything, refuse what cannot be, and only then register the first resource.

    Raises:
        SpecError: no machine of the region fits, the bundle is another one, or the settings do not belong together.
        IntegrityError: nobody whom the settings name has signed the bundle.
        BudgetError: a month of it is more than the budget.
    """
    own = require_own(settings.azure, "azure")
    require_no_frontier(spec, "Azure")
    require_image(spec, own.image, "azure.image PUBLISHER:OFFER:SKU:VERSION")
    tables, today = load_tables(), datetime.now(UTC).date()
    machine = choose_machine(spec, "azure", settings.region, tables, today=today, wanted=own.machine)
    announce(estimate(tables, "azure", settings.region, machine, price=own.price), own.budget, where="azure.budget")
    bundle = read_bundle(own.bundle, own.keys, lock, Path("inference.yaml"))

    stack, port = pulumi.get_stack(), settings.port or spec.gateway.port
    name = fitting(f"trivet-{stack}", NAME)
    provider = azure.Provider("azure", subscription_id=own.subscription, tenant_id=own.tenant, location=settings.region)
    opts = pulumi.ResourceOptions(provider=provider)
    group = _group(name, spec, lock, settings, own, opts)
    logs = azure.operationalinsights.Workspace(
        name,
        workspace_name=name,
        resource_group_name=group.name,
        location=group.region,
        sku={"name": "PerGB2018"},
        retention_in_days=own.log_days,
        tags=group.tags,
        opts=opts,
    )
    keys = Keys(name, KeysArgs(group=group, workspace=logs.id), opts)
    storage = Storage(name, StorageArgs(group=group, keys=keys, bundle=bundle, uploaders=own.uploaders), opts)
    network = Network(
        name,
        NetworkArgs(
            group=group,
            addresses=own.network,
            clients=own.clients,
            port=port,
            account=storage.account,
            workspace=logs.id,
        ),
        opts,
    )

    def told(source: str) -> str:
        return custom_data(
            FirstStart(
                project=pulumi.get_project(),
                stack=stack,
                settings=settings,
                installer=bundle.installer,
                keys=own.keys,
                source=source,
            )
        )

    node = Machine(
        name,
        MachineArgs(
            group=group,
            machine=machine,
            image=own.image or DEBIAN,
            custom_data=storage.bundle_url.apply(told),
            operator_key=own.operator_key,
            trusted_launch=own.trusted_launch,
            volume=own.volume,
            disks=keys.disks,
            identity=storage.identity,
            subnet=network.subnet,
        ),
        # What it reads at its first start is there before it starts.
        pulumi.ResourceOptions(provider=provider, depends_on=[keys, storage, network]),
    )
    Budget(name, BudgetArgs(group=group, limit=own.budget, notify=own.notify, today=today), opts)

    host: pulumi.Input[str] = node.address if own.clients else "127.0.0.1"
    team = spec.gateway.teams[0]
    key_file = f"{INTO}/.trivet/keys/{stack}/{key_name(team.name, team.keys[0].name)}.key"
    export(spec, lock, settings, url=pulumi.Output.format("http://{0}:{1}/v1", host, port), key_file=key_file)
    pulumi.export("machine", machine)
    pulumi.export("instance", node.name)
    pulumi.export("shell", pulumi.Output.format(SHELL, network.bastion, group.name, node.id, USER))
    pulumi.export("tunnel", pulumi.Output.format(TUNNEL, network.bastion, group.name, node.id))
    pulumi.export("forward", FORWARD.format(port, USER))


def _group(
    name: str, spec: StackSpec, lock: Lock, settings: Settings, own: AzureSettings, opts: pulumi.ResourceOptions
) -> Group:
    tags = {"trivet:stack": name, "trivet:spec": spec.digest, "trivet:lock": lock.digest}
    made = azure.resources.ResourceGroup(name, resource_group_name=name, location=settings.region, tags=tags, opts=opts)
    return Group(
        name=made.name,
        id=made.id,
        region=settings.region,
        subscription=own.subscription,
        tenant=own.tenant,
        tags=tags,
    )
