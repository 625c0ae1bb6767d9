"""What the gateway is told: the whole of `gateway.json`, frozen, unknown keys refused, rendered from the stack spec."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

Route = Literal["/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/models"]
Kind = Literal["chat", "embedding"]
Platform = Literal["sagemaker", "vertex", "azureml"]
Capability = Literal["chat", "completions", "embeddings"]
Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
Name = Annotated[str, Field(min_length=1, max_length=256)]
Seconds = Annotated[float, Field(gt=0)]
HttpUrl = Annotated[str, Field(pattern=r"^https?://[^/\s]+(/\S*)?$", max_length=2048)]

CAPABILITIES: dict[Kind, tuple[Capability, ...]] = {
    "chat": ("chat", "completions"),
    "embedding": ("embeddings",),
}
ANY_MODEL = "*"


class Config(BaseModel):
    """A frozen part of the configuration, in camelCase on disk."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, validate_by_name=True, validate_by_alias=True
    )


class Identity(Config):
    """What was deployed here: `/v1/identity` answers it and conformance compares it with the lock."""

    spec_digest: Digest
    lock_digest: Digest
    images: dict[str, Digest]
    models: dict[str, Digest]
    tier: str
    region: str


class Listen(Config):
    """The address the gateway binds."""

    host: str = "0.0.0.0"  # noqa: S104  # inside its own container; the engine publishes the port
    port: Annotated[int, Field(ge=0, le=65535)] = 8080


class Model(Config):
    """A model and the one server behind it. `concurrency`: requests that server is given at a time; the rest queue."""

    name: Name
    kind: Kind
    url: HttpUrl
    context_length: Annotated[int, Field(ge=1)]
    dimensions: Annotated[int, Field(ge=1)] | None = None
    capabilities: tuple[Capability, ...] = ()
    concurrency: Annotated[int, Field(ge=1)] = 16

    @model_validator(mode="after")
    def _capabilities_follow_the_kind(self) -> Self:
        allowed = CAPABILITIES[self.kind]
        if unknown := sorted(set(self.capabilities) - set(allowed)):
            raise ValueError(f"model {self.name}: a model of kind {self.kind} has no capability {', '.join(unknown)}")
        if self.kind == "embedding" and self.dimensions is None:
            raise ValueError(f"model {self.name}: an embedding model needs `dimensions`")
        return self

    def can(self, capability: Capability) -> bool:
        """True when the model serves it; a model that lists nothing serves all that its kind allows."""
        return capability in (self.capabilities or CAPABILITIES[self.kind])


class Quota(Config):
    """What a team may use in any 60 seconds, and at one time."""

    requests_per_minute: Annotated[int, Field(ge=1)]
    tokens_per_minute: Annotated[int, Field(ge=1)]
    concurrency: Annotated[int, Field(ge=1)]


class Key(Config):
    """An API key, known by its SHA-256 alone (keys are 32 random bytes, so an unsalted hash is sound)."""

    name: Name
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Team(Config):
    """A tenant."""

    name: Name
    models: tuple[Name, ...]
    data_classes: tuple[Name, ...]
    quota: Quota
    keys: tuple[Key, ...]


class Limits(Config):
    """Bounds on one request. `drain_seconds` bounds what SIGTERM waits for."""

    body_bytes: Annotated[int, Field(ge=1)] = 4 << 20
    queue: Annotated[int, Field(ge=0)] = 64
    queue_seconds: Seconds = 5
    connect_seconds: Seconds = 2
    first_byte_seconds: Seconds = 60
    idle_seconds: Seconds = 60
    total_seconds: Seconds = 600
    drain_seconds: Seconds = 30
    max_tokens: Annotated[int, Field(ge=1)] = 1024


class Audit(Config):
    """Where the audit lies, and whether prompt texts are in it."""

    path: Path = Path("/var/lib/trivet/audit.sqlite")
    prompts: bool = False


class Frontier(Config):
    """The exception: an outside model for the named data classes, at most `share` of the requests."""

    url: HttpUrl
    model: Name
    api_key_file: Path
    data_classes: tuple[Name, ...]
    share: Annotated[float, Field(gt=0, le=0.05)] = 0.05
    burst: Annotated[int, Field(ge=1)] = 20
    on: tuple[Literal["context_overflow", "failed_verifier"], ...] = ("context_overflow",)


class Endpoint(Config):
    """A managed endpoint that this container is behind; what comes by it counts for `team`."""

    platform: Platform
    team: Name


class GatewayConfig(Config):
    """The whole of `gateway.json`."""

    identity: Identity
    listen: Listen = Listen()
    models: Annotated[tuple[Model, ...], Field(min_length=1)]
    routes: tuple[Route, ...]
    data_classes: Annotated[tuple[Name, ...], Field(min_length=1)]
    default_data_class: Name
    teams: tuple[Team, ...]
    limits: Limits = Limits()
    audit: Audit = Audit()
    frontier: Frontier | None = None
    endpoint: Endpoint | None = None

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        _require_unique("model", [model.name for model in self.models])
        _require_unique("team", [team.name for team in self.teams])
        _require_unique("key hash", [key.sha256 for team in self.teams for key in team.keys])
        return self

    @model_validator(mode="after")
    def _references_resolve(self) -> Self:
        known_models = {model.name for model in self.models} | {ANY_MODEL}
        for team in self.teams:
            _require_known(f"team {team.name}", "model", team.models, known_models)
            _require_known(f"team {team.name}", "data class", team.data_classes, set(self.data_classes))
        _require_known("defaultDataClass", "data class", (self.default_data_class,), set(self.data_classes))
        if self.frontier:
            _require_known("frontier", "data class", self.frontier.data_classes, set(self.data_classes))
        if self.endpoint:
            _require_known("endpoint", "team", (self.endpoint.team,), {team.name for team in self.teams})
        return self


def load_config(path: Path) -> GatewayConfig:
    """Read and validate `gateway.json`.

    Raises:
        OSError: the file cannot be read.
        pydantic.ValidationError: it breaks a rule; the message names the key and the rule.
    """
    return GatewayConfig.model_validate_json(path.read_bytes())


def _require_unique(kind: str, names: list[str]) -> None:
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"each {kind} stands once; twice here: {', '.join(twice)}")


def _require_known(user: str, kind: str, names: tuple[str, ...], known: set[str]) -> None:
    if unknown := sorted(set(names) - known):
        raise ValueError(f"{user} names a {kind} that the configuration does not list: {', '.join(unknown)}")
