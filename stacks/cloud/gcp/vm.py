"""The stack on one Compute Engine instance, in a private network whose one way out leads to Google's own services."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pulumi
import pulumi_gcp as gcp

from stacks.cloud.bundle_file import read_bundle
from stacks.cloud.cost import announce
from stacks.cloud.gcp.budget import Budget, BudgetArgs
from stacks.cloud.gcp.identity import Identity, IdentityArgs
from stacks.cloud.gcp.machine import Machine, MachineArgs
from stacks.cloud.gcp.network import Network, NetworkArgs
from stacks.cloud.gcp.storage import Storage, StorageArgs
from stacks.cloud.required import require_image, require_no_frontier, require_own
from stacks.outputs import export
from trivet.render.cloud_names import fitting
from trivet.render.cloud_vm import INTO, FirstStart
from trivet.render.gce_start import startup_script
from trivet.render.installation import key_name
from trivet.residency.data import load_tables
from trivet.residency.machine import choose_machine
from trivet.residency.price import estimate
from trivet.spec import Lock, Settings, StackSpec

NAME = 40  # characters at most, so that what is named after it stays within Google's 63
LABEL = 63  # characters of a label's value, which holds no colon
SHELL = "gcloud compute ssh {0} --project {1} --zone {2} --tunnel-through-iap"
TUNNEL = " -- -N -L {3}:127.0.0.1:{3}"
DEBIAN = "projects/debian-cloud/global/images/family/debian-12"  # Debian's own


def deploy(spec: StackSpec, lock: Lock, settings: Settings) -> None:
    """Decide everything, refuse what cannot be, and only then register the first resource.

    Raises:
        SpecError: no machine of the region fits, the bundle is another one, or the settings do not belong together.
        IntegrityError: nobody whom the settings name has signed the bundle.
        BudgetError: a month of it is more than the budget.
    """
    own = require_own(settings.gcp, "gcp")
    require_no_frontier(spec, "Google Cloud")
    require_image(spec, own.image, "gcp.image projects/PROJECT/global/images/family/FAMILY")
    tables, today = load_tables(), datetime.now(UTC).date()
    machine = choose_machine(spec, "gcp", settings.region, tables, today=today, wanted=own.machine)
    announce(estimate(tables, "gcp", settings.region, machine, price=own.price), own.budget, where="gcp.budget")
    bundle = read_bundle(own.bundle, own.keys, lock, Path("inference.yaml"))

    stack, region = pulumi.get_stack(), settings.region
    name, port = fitting(f"trivet-{stack}", NAME), settings.port or spec.gateway.port
    zone = f"{region}-{own.zone}"
    digests = {"trivet-spec": spec.digest, "trivet-lock": lock.digest}
    provider = gcp.Provider(
        "gcp",
        project=own.project,
        region=region,
        zone=zone,
        default_labels={
            "trivet-stack": name,
            **{key: digest.removeprefix("sha256:")[:LABEL] for key, digest in digests.items()},
        },
    )
    opts = pulumi.ResourceOptions(provider=provider)
    storage = Storage(
        name,
        StorageArgs(
            project=own.project,
            project_number=own.project_number,
            region=region,
            bundle=bundle,
            log_days=own.log_days,
            retain=settings.retain,
        ),
        opts,
    )
    identity = Identity(name, IdentityArgs(bucket=storage.bucket), opts)
    network = Network(
        name,
        NetworkArgs(region=region, addresses=own.network, clients=own.clients, port=port, account=identity.email),
        opts,
    )

    def told(source: str) -> str:
        return startup_script(
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
            machine=machine,
            zone=zone,
            image=own.image or DEBIAN,
            startup_script=storage.bundle_url.apply(told),
            volume=own.volume,
            key=storage.key,
            account=identity.email,
            subnet=network.subnet,
        ),
        # What it reads at its first start is there before it starts.
        pulumi.ResourceOptions(provider=provider, depends_on=[storage, identity, network]),
    )
    Budget(
        name,
        BudgetArgs(
            limit=own.budget,
            notify=own.notify,
            project_number=own.project_number,
            billing_account=own.billing_account,
        ),
        # Their API belongs to no project: it answers only who says which one's quota a call counts for.
        pulumi.ResourceOptions(
            provider=gcp.Provider(
                "gcp-budget", project=own.project, billing_project=own.project, user_project_override=True
            )
        ),
    )

    host: pulumi.Input[str] = node.address if own.clients else "127.0.0.1"
    team = spec.gateway.teams[0]
    key_file = f"{INTO}/.trivet/keys/{stack}/{key_name(team.name, team.keys[0].name)}.key"
    export(spec, lock, settings, url=pulumi.Output.format("http://{0}:{1}/v1", host, port), key_file=key_file)
    pulumi.export("machine", machine)
    pulumi.export("instance", node.name)
    pulumi.export("shell", pulumi.Output.format(SHELL, node.name, own.project, zone))
    pulumi.export("tunnel", pulumi.Output.format(SHELL + TUNNEL, node.name, own.project, zone, port))
