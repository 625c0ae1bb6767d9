"""What a managed endpoint asks of a container: SageMaker's, Vertex AI's or Azure ML's routes, for the gateway's work.

The platform has authenticated whoever comes by its predict route, and lets nobody else reach the port: such requests
count for the one team that the configuration names. Which of the gateway's routes is meant, the body says.

    https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
    https://cloud.google.com/vertex-ai/docs/predictions/custom-container-requirements
    https://learn.microsoft.com/azure/machine-learning/how-to-deploy-custom-container
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pydantic_core import from_json

from trivet_gateway.auth import Caller
from trivet_gateway.config import GatewayConfig, Platform, Route
from trivet_gateway.errors import ApiError
from trivet_gateway.exchange import Exchange

DATA_CLASS: Final = b"x-trivet-data-class"
# SageMaker passes on no headers of the client's but this one, at most 1024 characters: `trivet-data-class=public`.
ATTRIBUTES: Final = b"x-amzn-sagemaker-custom-attributes"
ATTRIBUTE: Final = "trivet-data-class"
VERTEX: Final = ("AIP_HEALTH_ROUTE", "AIP_PREDICT_ROUTE", "AIP_HTTP_PORT")
MEANT: Final[dict[str, Route]] = {
    "messages": "/v1/chat/completions",
    "prompt": "/v1/completions",
    "input": "/v1/embeddings",
}


@dataclass(frozen=True, slots=True)
class Contract:
    """One platform's routes. `port` is where it wants the container to listen."""

    platform: Platform
    health: str
    predict: str
    port: int
    caller: Caller
    routes: frozenset[Route]

    @classmethod
    def of(cls, config: GatewayConfig, environ: Mapping[str, str]) -> Contract | None:
        """The contract that the configuration names; None where it names none.

        Raises:
            ValueError: Vertex AI did not say which routes it wants.
        """
        if config.endpoint is None:
            return None
        platform, port = config.endpoint.platform, config.listen.port
        health, predict = {"sagemaker": ("/ping", "/invocations"), "azureml": ("/ready", "/score"), "vertex": ("", "")}[
            platform
        ]
        if platform == "vertex":
            if missing := [name for name in VERTEX if not environ.get(name)]:
                raise ValueError(f"Vertex AI sets {', '.join(VERTEX)}; not set here: {', '.join(missing)}")
            health, predict, port = environ[VERTEX[0]], environ[VERTEX[1]], int(environ[VERTEX[2]])
        team = next(team for team in config.teams if team.name == config.endpoint.team)
        return cls(platform, health, predict, port, Caller(team, platform), frozenset(config.routes))

    def route(self, body: bytes) -> Route:
        """The gateway's route that a body is for.

        Raises:
            ApiError: 400, it is for none of those that the stack serves.
        """
        try:
            given = from_json(body)
        except ValueError:
            given = {"messages": None}  # whose parser says what is wrong with it
        names = given.keys() if isinstance(given, dict) else ()
        if "instances" in names:
            raise ApiError(
                400,
                "Requests are not wrapped in `instances` here. Send the body itself, with rawPredict.",
                param="instances",
            )
        meant = [route for name, route in MEANT.items() if name in names and route in self.routes]
        if len(meant) != 1:
            wanted = ", ".join(name for name, route in MEANT.items() if route in self.routes)
            raise ApiError(400, f"The body says what it asks for by exactly one of: {wanted}. Send one of them.")
        return meant[0]


def data_class(exchange: Exchange) -> str | None:
    """The data class that a client named, in its own header or in the one that SageMaker passes on."""
    given = exchange.header(DATA_CLASS)
    if given is None:
        pairs = (each.partition("=") for each in (exchange.header(ATTRIBUTES) or "").split(","))
        given = next((value.strip() for name, _, value in pairs if name.strip() == ATTRIBUTE), None)
    return given
