"""The stack on one EC2 instance, in a private network without a way out, all in one region."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pulumi
import pulumi_aws as aws

from stacks.cloud.aws.budget import Budget, BudgetArgs, Stop
from stacks.cloud.aws.hours import Running, RunningArgs
from stacks.cloud.aws.identity import Identity, IdentityArgs
from stacks.cloud.aws.machine import Machine, MachineArgs
from stacks.cloud.aws.network import Network, NetworkArgs
from stacks.cloud.aws.settings import required
from stacks.cloud.aws.storage import Item, Storage, StorageArgs
from stacks.cloud.bundle_file import read_bundle
from stacks.cloud.cost import announce
from stacks.cloud.required import require_image
from stacks.outputs import export
from trivet.render.aws_policies import endpoint_policy
from trivet.render.cloud_vm import INTO, FirstStart, user_data
from trivet.render.installation import key_name
from trivet.residency.data import load_tables
from trivet.residency.machine import choose_machine
from trivet.residency.price import HOURS_A_MONTH, estimate, monthly_hours
from trivet.spec import Lock, Settings, StackSpec

SESSIONS = ("ssm", "ssmmessages")  # what a shell or a tunnel through Systems Manager needs
SHELL = "aws ssm start-session --region {0} --target {1}"
TUNNEL = " --document-name AWS-StartPortForwardingSession --parameters portNumber={2},localPortNumber={2}"
DEBIAN = "resolve:ssm:/aws/service/debian/release/12/latest/amd64"  # Debian's own, published in every region


def deploy(spec: StackSpec, lock: Lock, settings: Settings) -> None:
    """Decide everything, refuse what cannot be, and only then register the first resource.

    Raises:
        SpecError: no machine of the region fits, the bundle is another one, or the settings do not belong together.
        IntegrityError: nobody whom the settings name has signed the bundle.
        BudgetError: a month of it is more than the budget.
    """
    own = required(spec, settings)
    require_image(spec, own.image, "aws.image ami-…")
    tables, today = load_tables(), datetime.now(UTC).date()
    machine = choose_machine(spec, "aws", settings.region, tables, today=today, wanted=own.machine)
    hours = monthly_hours(own.hours.start, own.hours.stop, own.hours.days) if own.hours else HOURS_A_MONTH
    announce(
        estimate(tables, "aws", settings.region, machine, price=own.price, hours=hours), own.budget, where="aws.budget"
    )
    bundle = read_bundle(own.bundle, own.keys, lock, Path("inference.yaml"))

    object_key = f"{bundle.digest.removeprefix('sha256:')}.tar"
    stack, region = pulumi.get_stack(), settings.region
    name, port = f"trivet-{stack}", settings.port or spec.gateway.port
    provider = aws.Provider(
        "aws",
        region=region,
        allowed_account_ids=[own.account],
        default_tags={"tags": {"trivet:stack": name, "trivet:spec": spec.digest, "trivet:lock": lock.digest}},
    )
    opts = pulumi.ResourceOptions(provider=provider)
    storage = Storage(
        name,
        StorageArgs(
            account=own.account,
            region=region,
            items=[Item(object_key, bundle.digest, path=bundle.path)],
            log_group=f"/trivet/{name}",
            log_days=own.log_days,
            retain=settings.retain,
        ),
        opts,
    )
    identity = Identity(
        name,
        IdentityArgs(
            account=own.account,
            region=region,
            stack=name,
            bucket=storage.bucket_name,
            key_arn=storage.key_arn,
            log_group_arn=storage.log_group_arn,
        ),
        opts,
    )
    network = Network(
        name,
        NetworkArgs(
            region=region,
            zone=f"{region}{own.zone}",
            addresses=own.network,
            clients=own.clients,
            port=port,
            to_store=endpoint_policy(storage.bucket_name, region),
            services=SESSIONS,
            log_group_arn=storage.log_group_arn,
            log_role_arn=identity.log_role_arn,
        ),
        opts,
    )
    start = FirstStart(
        project=pulumi.get_project(),
        stack=stack,
        settings=settings,
        installer=bundle.installer,
        keys=own.keys,
        source=f"s3://{storage.bucket_name}/{object_key}",
    )
    node = Machine(
        name,
        MachineArgs(
            machine=machine,
            image=own.image or DEBIAN,
            user_data=user_data(start),
            volume=own.volume,
            root_device=own.root_device,
            key_arn=storage.key_arn,
            profile=identity.profile,
            subnet=network.subnet,
            group=network.group,
        ),
        # What it reads at its first start is there before it starts.
        pulumi.ResourceOptions(provider=provider, depends_on=[storage, identity, network]),
    )
    Running(
        name,
        RunningArgs(
            account=own.account,
            region=region,
            stack=name,
            instance=node.id,
            key_arn=storage.key_arn,
            hours=own.hours,
            stop_idle_minutes=own.stop_idle_minutes,
        ),
        opts,
    )
    Budget(
        name,
        BudgetArgs(
            limit=own.budget,
            notify=own.notify,
            account=own.account,
            region=region,
            stop=Stop(node.id, identity.stop_role_arn),
        ),
        opts,
    )

    host: pulumi.Input[str] = node.address if own.clients else "127.0.0.1"
    team = spec.gateway.teams[0]
    key_file = f"{INTO}/.trivet/keys/{stack}/{key_name(team.name, team.keys[0].name)}.key"
    export(spec, lock, settings, url=pulumi.Output.format("http://{0}:{1}/v1", host, port), key_file=key_file)
    pulumi.export("machine", machine)
    pulumi.export("instance", node.id)
    pulumi.export("shell", pulumi.Output.format(SHELL, region, node.id))
    pulumi.export("tunnel", pulumi.Output.format(SHELL + TUNNEL, region, node.id, port))
