"""Runtimes: the servers that hold weights. One interface; a model names its runtime and the rest follows."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from trivet.spec.base import Frozen, Name, refuse
from trivet.spec.service import Health, Resources, Restart

RuntimeName = Literal["llama", "vllm"]
ArgumentValue = bool | int | float | str | None

# What the renderer sets from the spec: a second source for one of these would let the two disagree.
# fmt: off
OWNED_ARGUMENTS: dict[str, frozenset[str]] = {
    "llama": frozenset({
        "model", "hf-repo", "model-url", "alias", "host", "port", "api-key", "api-key-file", "ctx-size", "embedding",
        "embeddings", "pooling", "metrics", "offline", "webui", "no-webui", "slots", "no-slots", "props", "path",
        "lora", "mmproj",
    }),
    "vllm": frozenset({
        "model", "served-model-name", "host", "port", "api-key", "max-model-len", "runner", "task", "convert",
        "download-dir", "uds", "root-path", "enable-log-requests", "trust-remote-code",
    }),
}
# fmt: on
FORMATS: dict[str, str] = {"llama": "gguf", "vllm": "safetensors"}


def _flags(arguments: dict[str, ArgumentValue]) -> dict[str, ArgumentValue]:
    for flag in arguments:
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", flag):
            refuse(
                f"an argument is a long flag without its dashes, in lower case; {flag!r} is not",
                f"write {flag.strip('-').replace('_', '-').lower()!r}: value",
            )
    return arguments


Arguments = Annotated[dict[str, ArgumentValue], AfterValidator(_flags)]


def require_unowned(runtime: str, arguments: dict[str, ArgumentValue], at: tuple[str, ...]) -> None:
    """Refuse arguments that Trivet derives from other fields; `at` is the path of the arguments."""
    for flag in arguments:
        if flag in OWNED_ARGUMENTS[runtime]:
            refuse(
                f"Trivet sets {flag} of {runtime} itself, from the model's other fields",
                "remove the argument; set contextLength, kind, name or source instead",
                (*at, flag),
            )


class RuntimeSpec(Frozen):
    """How every model of one runtime is run; a model's own block replaces the block here."""

    image: Name
    arguments: Arguments = Field(default_factory=dict)
    resources: Resources = Resources()
    restart: Restart = "unless-stopped"
    health: Health = Health()
