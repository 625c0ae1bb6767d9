"""Lambda: rents one node, and installs the same bundle there as on any host."""

from __future__ import annotations

import pulumi

from stacks.frontier import frontier_key
from stacks.gpuaas.order import Leg, Outputs, Turn
from stacks.outputs import common
from trivet.drivers.bundle.preflight import require_store
from trivet.drivers.rented.rental import USER, rental
from trivet.render import render
from trivet.resources.host import Bundle, BundleArgs, Rented
from trivet.resources.lambdacloud import Instance
from trivet.spec import Lock, Settings, StackSpec
from trivet.spec.ssh import SshTarget

NOT_YET = "node.invalid"  # RFC 2606: the address is known when the node is there


def leg(spec: StackSpec, lock: Lock, settings: Settings, turn: Turn) -> Leg:
    """Register the node; then what is installed there, and the outputs that every tier has, and what the node costs.

    Raises:
        SpecError: the spec lists a frontier, and the stack's configuration has no key for it.
        IntegrityError: the store is not what the lock says.
    """
    stack = pulumi.get_stack()
    key_file = f".trivet/ssh/{stack}/id_ed25519"
    host = SshTarget(address=NOT_YET, user=USER, key_file=key_file, sudo=True)
    installation = render(spec, lock, settings.model_copy(update={"host": host}), stack=stack)
    installation = installation.model_copy(update={"key_directory": turn.keys})
    require_store(installation)  # before a minute of a node is paid for
    secret = frontier_key(spec)
    wanted = rental(settings, stack=stack, port=installation.port, root=installation.root)
    node = Instance("node", wanted.model_copy(update={"may_pass": turn.may_pass}))

    def finish() -> Outputs:
        rented = Rented(address=node.address, region=node.region, launch_id=node.launch_id)
        args = BundleArgs(installation=installation, frontier_api_key=secret, rented=rented)
        # With the node goes all that is on it: nobody has to take it away first.
        bundle = Bundle("stack", args, pulumi.ResourceOptions(deleted_with=node))
        tunnel = f"ssh -N -i {key_file} -o UserKnownHostsFile=.trivet/known_hosts"
        forward = f"-L {installation.port}:127.0.0.1:{installation.port}"
        return {
            **common(spec, lock, settings, url=bundle.url, key_file=bundle.key_file),
            "region": node.region,
            "target": settings.target,
            "address": node.address,
            "instanceType": node.instance_type,
            "pricePerHour": node.price_per_hour,
            "worstCase": node.worst_case,
            "monthToDate": node.month_to_date,
            "tunnel": pulumi.Output.concat(tunnel, f" {forward} {USER}@", node.address),
        }

    return Leg(node.passed, finish)
