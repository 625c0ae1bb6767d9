"""What the real service refuses, as far as its documentation and its client tell."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import NoReturn

from grpclib import GRPCError, Status
from modal_proto import api_pb2 as pb

NAME = re.compile(r"[A-Za-z0-9_.-]{1,63}")
TAG = re.compile(r"[A-Za-z0-9_.-]{1,63}")
REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)*(-[0-9])?")
PATH = re.compile(r"(/[A-Za-z0-9._-]+)+")
GPUS = frozenset(
    [
        "T4",
        "L4",
        "A10",
        "A10G",
        "L40S",
        "A100",
        "A100-40GB",
        "A100-80GB",
        "RTX-PRO-6000",
        "H100",
        "H100!",
        "H200",
        "B200",
        "B200+",
    ]
)  # https://modal.com/docs/guide/gpu
MOST_GPUS, WINDOW, MOST_INPUTS = 8, (2, 3600), 1000
SECRET_BYTES = 64 << 10


def refuse(message: str, status: Status = Status.INVALID_ARGUMENT) -> NoReturn:
    """Answer with an error."""
    raise GRPCError(status, message)


def require(holds: object, message: str, status: Status = Status.INVALID_ARGUMENT) -> None:
    """Refuse unless it holds."""
    if not holds:
        refuse(message, status)


def require_known(kind: str, ids: Collection[str], known: Mapping[str, object]) -> None:
    """Refuse an id that nothing has."""
    for each in ids:
        require(each in known, f"{kind} {each!r} does not exist", Status.NOT_FOUND)


def require_tags(tags: Mapping[str, str]) -> None:
    """Refuse tags that an app cannot carry."""
    for key, value in tags.items():
        require(TAG.fullmatch(key) and TAG.fullmatch(value), f"invalid tag {key}={value}")


def require_autoscaler(settings: pb.AutoscalerSettings) -> None:
    """Refuse settings that contradict each other or are out of bounds."""
    if settings.HasField("scaledown_window") and settings.scaledown_window:
        low, high = WINDOW
        require(low <= settings.scaledown_window <= high, f"scaledown_window must be between {low} and {high}")
    if settings.HasField("max_containers") and settings.max_containers:
        require(settings.min_containers <= settings.max_containers, "min_containers exceeds max_containers")


def require_function(function: pb.Function) -> None:
    """Refuse a function that no worker could run."""
    gpu = function.resources.gpu_config
    if gpu.gpu_type or gpu.count:
        require(gpu.gpu_type in GPUS, f"unknown GPU type {gpu.gpu_type!r}")
        require(1 <= gpu.count <= MOST_GPUS, f"{gpu.count} GPUs: between 1 and {MOST_GPUS}")
    for region in (*function.scheduler_placement.regions, *filter(None, [function.routing_region])):
        require(REGION.fullmatch(region), f"unknown region {region!r}")
    require(function.timeout_secs > 0, "timeout must be positive")
    require(function.max_concurrent_inputs <= MOST_INPUTS, f"at most {MOST_INPUTS} concurrent inputs")
    require_autoscaler(function.autoscaler_settings)
    paths = [mount.mount_path for mount in function.volume_mounts]
    for path in paths:
        require(PATH.fullmatch(path) and path not in {"/root", "/tmp"}, f"cannot mount a volume at {path!r}")
    require(len(set(paths)) == len(paths), "two volumes at one path")
    ids = [mount.volume_id for mount in function.volume_mounts]
    require(len(set(ids)) == len(ids), "one volume at two paths")
    if function.definition_type == pb.Function.DEFINITION_TYPE_FILE:
        require(function.module_name, "a function from a file names its module")
    if function.webhook_config.type == pb.WEBHOOK_TYPE_WEB_SERVER:
        require(1 <= function.webhook_config.web_server_port <= 65535, "web_server_port is a port")
        require(function.webhook_config.web_server_startup_timeout > 0, "startup timeout must be positive")


def require_image(image: pb.Image, builder: str) -> None:
    """Refuse an image that cannot be built."""
    require(builder in {"2024.10", "2025.06", "2026.10"}, f"unknown image builder {builder!r}")
    lines = [line.strip() for line in image.dockerfile_commands if line.strip() and not line.strip().startswith("#")]
    require(lines, "an image without commands")
    require(re.match(r"(FROM|ARG)\s", lines[0], re.IGNORECASE), f"a Dockerfile begins with FROM, not {lines[0]!r}")
    copies = [line for line in lines if re.match(r"COPY\s+(?!--from=)", line, re.IGNORECASE)]
    require(not copies or image.context_mount_id or image.context_files, f"{copies[:1]}: there is no build context")
    stages = [line for line in lines if re.match(r"FROM\s", line, re.IGNORECASE)]
    secret = image.image_registry_config.secret_id
    require(not (secret and len(stages) > 1), "registry credentials are not supported with several stages")
