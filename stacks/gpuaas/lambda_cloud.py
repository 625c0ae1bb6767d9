"""Lambda: rents one node, and installs the same bundle there as on any host."""

from __future__ import annotations

import pulumi

from stacks.frontier import frontier_key
from trivet.drivers.rented.rental import USER, rental
from trivet.render import render
from trivet.resources.host import Bundle, BundleArgs, Rented
from trivet.resources.lambdacloud import Instance
from trivet.spec import Lock, Settings, StackSpec
from trivet.spec.ssh import SshTarget

NOT_YET = "node.invalid"  # RFC 2606: the address is known when the node is there


def deploy(spec: StackSpec, lock: Lock, settings: Settings) -> None:
    """Register the resources, and export the outputs that every tier has, and what the node costs.

    Raises:
        SpecError: the spec lists a frontier, and the stack's configuration has no key for it.
    """
    stack = pulumi.get_stack()
    key_file = f".trivet/ssh/{stack}/id_ed25519"
    host = SshTarget(address=NOT_YET, user=USER, key_file=key_file, sudo=True)
    installation = render(spec, lock, settings.model_copy(update={"host": host}), stack=stack)
    secret = frontier_key(spec)
    wanted = rental(settings, stack=stack, port=installation.port, root=installation.root)
    node = Instance("node", wanted)
    rented = Rented(address=node.address, region=node.region, launch_id=node.launch_id)
    args = BundleArgs(installation=installation, frontier_api_key=secret, rented=rented)
    # With the node goes all that is on it: nobody has to take it away first.
    bundle = Bundle("stack", args, pulumi.ResourceOptions(deleted_with=node))
    pulumi.export("url", bundle.url)
    pulumi.export("keyFile", bundle.key_file)
    pulumi.export("specDigest", spec.digest)
    pulumi.export("lockDigest", lock.digest)
    pulumi.export("tier", settings.tier)
    pulumi.export("region", node.region)
    pulumi.export("address", node.address)
    pulumi.export("instanceType", node.instance_type)
    pulumi.export("pricePerHour", node.price_per_hour)
    pulumi.export("worstCase", node.worst_case)
    pulumi.export("monthToDate", node.month_to_date)
    tunnel = f"ssh -N -i {key_file} -o UserKnownHostsFile=.trivet/known_hosts"
    forward = f"-L {installation.port}:127.0.0.1:{installation.port}"
    pulumi.export("tunnel", pulumi.Output.concat(tunnel, f" {forward} {USER}@", node.address))
