"""A stack as a Modal app: one container with the gateway and every model, behind one web endpoint."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from trivet.errors import SpecError
from trivet.render.deployed import RUNTIMES, deployed
from trivet.render.gateway import DATA, FRONTIER_KEY_FILE, PORT, gateway_config
from trivet.render.hardening import USER
from trivet.render.installation import key_name, project_name, require_distinct_keys
from trivet.render.modal_gpu import gpu
from trivet.render.modal_image import PYTHON, NodeImage
from trivet.render.runtime import Deployed, argv
from trivet.spec import Lock, Settings, StackSpec
from trivet.spec.base import Frozen
from trivet.spec.lock import LockedModel

WEIGHTS = "/weights"
AUDIT = "/audit"
FIRST_PORT = 8081
MIB = 1 << 20
DRAIN_SECONDS = 30  # the gateway's limits.drainSeconds
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
    retain: bool
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
    image = NodeImage(spec, {name: runtime.traits for name, runtime in RUNTIMES.items()})
    models = [_at(each, lock) for each in deployed(spec, lock)]
    ports = {each.model.name: FIRST_PORT + index for index, each in enumerate(models)}
    gateway = gateway_config(spec, lock, settings)
    gateway["models"] = [{**each, "url": f"http://127.0.0.1:{ports[each['name']]}"} for each in gateway["models"]]
    resources = [spec.gateway.resources, *(each.resources for each in models)]
    limits = spec.gateway.limits
    app = ModalApp(
        name=project_name(stack),
        environment=place.environment,
        dockerfile=image.dockerfile(lock, place.registry),
        cpu=sum(each.cpus for each in resources),
        memory_mib=sum(each.memory_bytes for each in resources) // MIB,
        gpu=gpu(spec, place.gpu),
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
        retain=settings.retain,
        store=".trivet/store",
        key_directory=f".trivet/keys/{stack}",
        models={model.name: lock.models[model.name] for model in spec.models},
        node={
            "models": [_server(each, image, spec, ports[each.model.name]) for each in models],
            "gateway": {
                "name": "gateway",
                "argv": [PYTHON, "-m", "trivet_gateway"],  # the driver adds where its configuration lies
                "environment": image.gateway_environment,
                "health": f"http://127.0.0.1:{PORT}/health",
            },
            "audit": f"{DATA}/audit.sqlite",
            "copies": AUDIT,
            "frontier_key_file": FRONTIER_KEY_FILE,
            "start_seconds": settings.wait_seconds,
            "drain_seconds": DRAIN_SECONDS + 5,
            "user": int(USER.partition(":")[0]),
        },
        gateway=gateway,
    )
    require_distinct_keys(app.gateway)
    return app


def model_directory(model: LockedModel) -> str:
    """A model's directory on the volume, named for its content."""
    return f"models/{model.manifest.removeprefix('sha256:')}"


def _at(each: Deployed, lock: Lock) -> Deployed:
    weights = f"{WEIGHTS}/{model_directory(lock.models[each.model.name])}"
    return Deployed(each.model, each.files, each.arguments, each.resources, weights)


def _server(each: Deployed, image: NodeImage, spec: StackSpec, port: int) -> dict[str, Any]:
    runtime = RUNTIMES[each.model.runtime]
    command = {**runtime.command(each), "--host": "127.0.0.1", "--port": str(port)}
    return {
        "name": each.model.name,
        "argv": [*image.program(spec.runtimes[each.model.runtime].image), *argv(command)],
        "environment": dict(runtime.traits.environment),
        "health": f"http://127.0.0.1:{port}/health",
    }
