"""The gateway's policy: who may ask what, how much, and what may ever leave."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from trivet.spec.base import Country, Frozen, Name, refuse, require_unique
from trivet.spec.service import Health, Resources, Restart

Route = Literal["/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/models"]
ALL_ROUTES: tuple[Route, ...] = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/models")
Port = Annotated[int, Field(ge=1, le=65535)]


class Quota(Frozen):
    """What a team may use. Reserved before a request is dispatched, settled after it."""

    requests_per_minute: Annotated[int, Field(ge=1, le=10_000_000)]
    tokens_per_minute: Annotated[int, Field(ge=1, le=10_000_000_000)]
    concurrency: Annotated[int, Field(ge=1, le=100_000, description="Requests in flight.")]


class Key(Frozen):
    """An API key: made by `pulumi up`, in a 0600 file; or, with `sha256`, made elsewhere and known by its hash."""

    name: Name
    sha256: Annotated[
        str | None, Field(pattern=r"^[0-9a-f]{64}$", description="Hash of a key handed out elsewhere.")
    ] = None


class Team(Frozen):
    """A tenant: its keys, its models, its data classes and its quota."""

    name: Name
    keys: Annotated[tuple[Key, ...], Field(min_length=1, strict=False)]
    models: Annotated[
        tuple[str, ...], Field(min_length=1, strict=False, description="Model names, or `*` for all.")
    ] = ("*",)
    data_classes: Annotated[tuple[Name, ...], Field(min_length=1, strict=False)]
    quota: Quota

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        require_unique("key", [key.name for key in self.keys], "keys")
        return self


class Limits(Frozen):
    """Bounds on one request. Times in seconds, sizes in bytes."""

    body_bytes: Annotated[int, Field(ge=1024, le=1 << 30)] = 4 << 20
    max_tokens: Annotated[
        int, Field(ge=1, le=1_048_576, description="Answer tokens when the client names none, and the most.")
    ] = 1024
    queue: Annotated[int, Field(ge=0, le=100_000, description="Requests a model may keep waiting.")] = 64
    queue_seconds: Annotated[int, Field(ge=1, le=600)] = 5
    connect_seconds: Annotated[int, Field(ge=1, le=60)] = 2
    first_byte_seconds: Annotated[int, Field(ge=1, le=3600)] = 60
    idle_seconds: Annotated[int, Field(ge=1, le=3600, description="Longest silence within a stream.")] = 60
    total_seconds: Annotated[int, Field(ge=1, le=86_400)] = 600


class Audit(Frozen):
    """What the audit keeps besides who, which, when and how much."""

    prompts: Annotated[bool, Field(description="Keep prompt texts. Personal data then lies in the audit.")] = False


def _https(url: str) -> str:
    if not url.startswith("https://"):
        refuse("a frontier is reached over https", "use an https:// URL that ends in /v1")
    return url.rstrip("/")


class Frontier(Frozen):
    """The exception: an outside model, for the named data classes only, capped by a token bucket."""

    url: Annotated[str, Field(max_length=2048), AfterValidator(_https)]
    model: Annotated[str, Field(min_length=1, max_length=256)]
    country: Country
    data_classes: Annotated[tuple[Name, ...], Field(min_length=1, strict=False)]
    share: Annotated[float, Field(gt=0, le=0.05, description="Largest share of requests.")] = 0.05
    burst: Annotated[int, Field(ge=1, le=1000)] = 20
    on: Annotated[tuple[Literal["context_overflow", "failed_verifier"], ...], Field(min_length=1, strict=False)] = (
        "context_overflow",
    )


class GatewaySpec(Frozen):
    """The one door of the stack."""

    port: Port = 8080
    routes: Annotated[tuple[Route, ...], Field(min_length=1, strict=False)] = ALL_ROUTES
    data_classes: Annotated[
        tuple[Name, ...], Field(min_length=1, strict=False, description="From the least to the most sensitive.")
    ]
    default_data_class: Annotated[Name, Field(description="Of a request that names none.")]
    teams: Annotated[tuple[Team, ...], Field(min_length=1, strict=False)]
    limits: Limits = Limits()
    audit: Audit = Audit()
    frontier: Frontier | None = None
    resources: Resources = Resources(cpus=1.0, memory="512Mi")
    restart: Restart = "unless-stopped"
    health: Health = Health(interval=5, start=30)

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        require_unique("team", [team.name for team in self.teams], "teams")
        require_unique("data class", list(self.data_classes), "dataClasses")
        return self

    @model_validator(mode="after")
    def _data_classes_are_known(self) -> Self:
        users = {f"team {team.name}": team.data_classes for team in self.teams}
        users["defaultDataClass"] = (self.default_data_class,)
        if self.frontier:
            users["frontier"] = self.frontier.data_classes
        for user, classes in users.items():
            unknown = sorted(set(classes) - set(self.data_classes))
            if unknown:
                refuse(
                    f"{user} names a data class that gateway.dataClasses does not list: {', '.join(unknown)}",
                    "add it, or correct it",
                )
        return self
