"""The hard policy: which team may ask which model about which data. Nothing overrides it."""

from __future__ import annotations

from dataclasses import dataclass

from trivet_gateway.auth import Caller
from trivet_gateway.config import ANY_MODEL, Capability, GatewayConfig, Model, Team
from trivet_gateway.errors import ApiError


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of a configuration."""

    config: GatewayConfig

    def data_class(self, caller: Caller, asked: str | None) -> str:
        """The data class of a request: what `X-Trivet-Data-Class` says, else the default.

        Raises:
            ApiError: 400 for a class that is not defined, 403 for one that the team may not handle here.
        """
        name = asked or self.config.default_data_class
        if name not in self.config.data_classes:
            raise ApiError(
                400,
                f"X-Trivet-Data-Class '{name[:64]}' is not defined here. "
                f"Use one of: {', '.join(self.config.data_classes)}.",
                code="unknown_data_class",
            )
        if name not in caller.team.data_classes:
            allowed = ", ".join(caller.team.data_classes) or "none"
            raise ApiError(
                403,
                f"Team {caller.team.name} may not send data of class '{name}' (allowed: {allowed}). "
                "Set X-Trivet-Data-Class to the class the data really has, or ask your administrator.",
                code="data_class_not_allowed",
            )
        return name

    def model(self, caller: Caller, name: str, capability: Capability) -> Model:
        """The model a request names.

        Raises:
            ApiError: 404 when there is none that the team may use, 400 when it does not serve this route.
        """
        model = self.find(caller, name)
        if not model.can(capability):
            raise ApiError(
                400,
                f"The model '{model.name}' is of kind {model.kind} and does not serve {capability}. "
                "GET /v1/models lists what each model serves.",
                code="model_not_capable",
                param="model",
            )
        return model

    def find(self, caller: Caller, name: str) -> Model:
        """The model of that name.

        Raises:
            ApiError: 404 when there is none that the team may use.
        """
        for model in self.models(caller.team):
            if model.name == name:
                return model
        raise ApiError(
            404,
            f"The model '{name[:64]}' does not exist or team {caller.team.name} may not use it. "
            "GET /v1/models lists those it may.",
            code="model_not_found",
            param="model",
        )

    def models(self, team: Team) -> tuple[Model, ...]:
        """The models a team may use."""
        if ANY_MODEL in team.models:
            return self.config.models
        return tuple(model for model in self.config.models if model.name in team.models)
