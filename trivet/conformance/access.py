"""The stack as one key opens it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from trivet.conformance.breach import BreachError, InapplicableError
from trivet.conformance.http import Connection, Reply
from trivet.conformance.routes import EMBEDDINGS, IDENTITY, MODELS
from trivet.conformance.said import Caller, DescribedModels, Identity
from trivet.conformance.shapes import AnyShape, read_shape
from trivet.errors import ConformanceError
from trivet.spec import StackSpec
from trivet.spec.gateway import Team

OK = 200
UNAUTHORIZED = 401
TOO_MANY = 429
DATA_CLASS = "X-Trivet-Data-Class"


@dataclass(frozen=True)
class ModelUnderTest:
    """A model that a team may use."""

    name: str
    kind: Literal["chat", "embedding"]
    dimensions: int | None


class Access:
    """Requests with one key. What is sent is synthetic: it goes as the least sensitive class that the team may send."""

    def __init__(self, connection: Connection, key: str, spec: StackSpec | None) -> None:
        self.connection = connection
        self.key = key
        self._spec = spec

    def identity(self) -> Identity:
        """What the stack says of itself now.

        Raises:
            BreachError: it does not answer in the shape of an identity.
        """
        reply = self.get(IDENTITY)
        if reply.status != OK:
            raise BreachError(f"GET {IDENTITY}: status {reply.status}: {reply.excerpt()}")
        return read_shape(Identity, reply)

    @cached_property
    def caller(self) -> Caller:
        """Whose key this is."""
        return self.identity().caller

    @cached_property
    def team(self) -> Team | None:
        """The key's team as the spec has it; None without a spec.

        Raises:
            BreachError: the stack names a team that the spec does not list.
        """
        if self._spec is None:
            return None
        for team in self._spec.gateway.teams:
            if team.name == self.caller.team:
                return team
        raise BreachError(f"the stack says that the key is of team {self.caller.team}, which the spec does not list")

    @cached_property
    def model_names(self) -> tuple[str, ...]:
        """Names of the models that the key's team may use: by the spec, or else by the stack's word; sorted."""
        if self._spec is None or self.team is None:
            return tuple(sorted(self.caller.models))
        every = {model.name for model in self._spec.models}
        return tuple(sorted(every if "*" in self.team.models else every & set(self.team.models)))

    @cached_property
    def models(self) -> tuple[ModelUnderTest, ...]:
        """These models and their kinds: by the spec, or else by what the model list says of them."""
        if self._spec is not None:
            return tuple(
                ModelUnderTest(model.name, model.kind, model.dimensions)
                for model in self._spec.models
                if model.name in self.model_names
            )
        listed = read_shape(DescribedModels, self.get(MODELS)).data
        return tuple(ModelUnderTest(model.id, model.kind, model.dimensions) for model in listed if model.kind)

    def models_for(self, route: str) -> tuple[ModelUnderTest, ...]:
        """The models that answer on a route.

        Raises:
            InapplicableError: the spec does not list the route, or the team may use no such model.
        """
        self.require_route(route)
        kind = "embedding" if route == EMBEDDINGS else "chat"
        found = tuple(model for model in self.models if model.kind == kind)
        if not found:
            raise InapplicableError(f"no {kind} model is listed for team {self.caller.team}")
        return found

    @cached_property
    def data_classes(self) -> tuple[str, ...]:
        """Data classes that the team may send, from the least sensitive."""
        if self._spec is None or self.team is None:
            return tuple(self.caller.data_classes)
        return tuple(name for name in self._spec.gateway.data_classes if name in self.team.data_classes)

    def lists(self, route: str) -> bool:
        """True when the spec lists the route; without a spec, every route is meant to be there."""
        return self._spec is None or route in self._spec.gateway.routes

    def require_route(self, route: str) -> None:
        """End a check that examines a route which the spec does not list.

        Raises:
            InapplicableError: it does not.
        """
        if not self.lists(route):
            raise InapplicableError(f"the spec does not list the route {route}")

    @property
    def headers(self) -> dict[str, str]:
        """What goes with every request beside the key."""
        return {DATA_CLASS: self.data_classes[0]} if self.data_classes else {}

    def get(self, path: str) -> Reply:
        """One GET with the key."""
        return self.connection.send("GET", path, key=self.key)

    def post(self, path: str, body: object, *, hang_up: bool = False) -> Reply:
        """One POST with the key and a data class, whatever comes back."""
        return self.connection.send("POST", path, key=self.key, body=body, headers=self.headers, hang_up=hang_up)

    def served(self, path: str, body: object) -> Reply:
        """The reply to a request that nothing is wrong with.

        Raises:
            BreachError: its status is not 200.
            ConformanceError: the team's quota is used up, so nothing can be said about the stack.
        """
        reply = self.post(path, body)
        if reply.status == TOO_MANY:
            raise ConformanceError(
                where=f"{self.connection.base}{path}",
                value=f"429, Retry-After {reply.headers.get('retry-after', 'absent')}: {reply.excerpt()}",
                rule="the key's team has the quota that an examination takes, some 60 requests a minute",
                remedy="wait a minute; or use the key of a team with a larger quota, or without other traffic",
            )
        if reply.status != OK:
            raise BreachError(f"POST {path}: status {reply.status}: {reply.excerpt()}")
        return reply

    def ask(self, path: str, body: object, shape: type[AnyShape]) -> AnyShape:
        """The answer to a request that nothing is wrong with, in its shape.

        Raises:
            BreachError: it is refused, or answered in another shape.
            ConformanceError: the team's quota is used up.
        """
        return read_shape(shape, self.served(path, body))
