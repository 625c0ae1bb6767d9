"""A stack as a Modal app: one container with the gateway and every model, behind one web endpoint."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from trivet.errors import SpecError
from trivet.render.deployed import deployed
from trivet.render.gateway import DATA
from trivet.render.hardening import USER
from trivet.render.installation import key_name, project_name, require_distinct_keys
from trivet.render.modal_gpu import gpu
from trivet.render.modal_price import HOUR, cents_per_hour
from trivet.render.node_plan import DRAIN_SECONDS, node_gateway, node_image, node_plan
from trivet.spec import Lock, Settings, StackSpec
from trivet.spec.base import Frozen
from trivet.spec.lock import LockedModel

WEIGHTS = "/weights"
AUDIT = "/audit"
MIB = 1 << 20
MOST_INPUTS = 1000  # Modal's own bound on what one container is given at a time


class Autoscaler(Frozen):
    """How many containers run, and for how long an idle one stays (seconds)."""

    min_containers: Annotated[int, Field(ge=0)]
    max_containers: Annotated[int, Field(ge=1)]
    buffer_containers: Annotated[int, Field(ge=0)]
    scaledown_window: Annotated[int, Field(ge=2, le=3600)]


class ModalApp(Frozen):
    """One stack on Modal: the provider's inputs, and what the driver carries out.

    Relative paths start at the operator's checkout. `routing_region` None leaves it to Modal, which routes through
    us-east. `node` is what the container starts; `gateway` is its configuration, less the hashes of keys.
    """

    name: str
    environment: str | None = None
    dockerfile: tuple[str, ...]
    cpu: Annotated[float, Field(gt=0)]
    memory_mib: Annotated[int, Field(gt=0)]
    gpu: str | None = None
    region: str
    routing_region: str | None = None
    autoscaler: Autoscaler
    max_inputs: Annotated[int, Field(ge=1, le=MOST_INPUTS)]
    timeout_seconds: Annotated[int, Field(ge=1)]
    start_seconds: Annotated[int, Field(ge=1)]
    ttl: Annotated[int | None, Field(ge=1, description="Seconds from a deployment until reapers stop the app.")] = None
    cents_per_hour: Annotated[float, Field(ge=0, description="List price of one container.")]
    budget_cents: Annotated[int | None, Field(ge=1)] = None
    multiplier: Annotated[float, Field(ge=1)] = 1.0
    retain: bool
    may_pass: Annotated[
        bool, Field(description="Another provider is asked next: what cannot run here is passed over.")
    ] = False
    store: str
    key_directory: str
    models: dict[str, LockedModel]
    node: dict[str, Any]
    gateway: dict[str, Any]

    @property
    def keys(self) -> dict[str, str | None]:
        """Every API key as `team-key`, with its hash where the spec has it."""
        return {
            key_name(team["name"], key["name"]): key.get("sha256")
            for team in self.gateway["teams"]
            for key in team["keys"]
        }

    @property
    def weights_volume(self) -> str:
        """The volume with models and configurations."""
        return f"{self.name}-weights"

    @property
    def audit_volume(self) -> str:
        """The volume with the copies of each container's audit."""
        return f"{self.name}-audit"


def modal_app(spec: StackSpec, lock: Lock, settings: Settings, *, stack: str) -> ModalApp:
    """What `stack` is on Modal.

    Raises:
        SpecError: the settings have nothing about Modal, or Modal has no place for such a stack.
    """
    place = settings.modal
    if place is None:
        raise SpecError(
            value="no settings for Modal",
            rule="a stack on Modal says from which registry it is pulled",
            remedy="set target: modal and modal: {registry: …}",
        )
    image = node_image(spec)
    gateway = node_gateway(spec, lock, settings)
    resources = [spec.gateway.resources, *(each.resources for each in deployed(spec, lock))]
    cpu, memory_mib = sum(each.cpus for each in resources), sum(each.memory_bytes for each in resources) // MIB
    chosen, limits = gpu(spec, place.gpu), spec.gateway.limits
    app = ModalApp(
        name=project_name(stack),
        environment=place.environment,
        dockerfile=image.dockerfile(lock, place.registry),
        cpu=cpu,
        memory_mib=memory_mib,
        gpu=chosen,
        region=settings.region,
        routing_region=place.routing_region,
        autoscaler=Autoscaler(
            min_containers=place.min_containers,
            max_containers=place.max_containers,
            buffer_containers=place.buffer_containers,
            scaledown_window=place.scaledown_window,
        ),
        max_inputs=min(MOST_INPUTS, sum(each["concurrency"] + limits.queue for each in gateway["models"])),
        timeout_seconds=limits.total_seconds + DRAIN_SECONDS,
        start_seconds=settings.wait_seconds,
        ttl=round(place.ttl_hours * HOUR) if place.ttl_hours else None,
        cents_per_hour=cents_per_hour(gpu=chosen, cpu=cpu, memory_mib=memory_mib, region=settings.region),
        budget_cents=round(place.monthly_budget * 100) if place.monthly_budget else None,
        multiplier=place.multiplier,
        retain=settings.retain,
        store=".trivet/store",
        key_directory=f".trivet/keys/{stack}",
        models={model.name: lock.models[model.name] for model in spec.models},
        # The driver adds where the gateway's configuration lies.
        node=node_plan(
            spec,
            lock,
            settings,
            weights=WEIGHTS,
            audit=f"{DATA}/audit.sqlite",
            copies=AUDIT,
            user=int(USER.partition(":")[0]),
        ),
        gateway=gateway,
    )
    require_distinct_keys(app.gateway)
    return app
