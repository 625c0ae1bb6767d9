"""What clients may ask for, behind a key: the routes that the configuration lists, and no others."""

from __future__ import annotations

from typing import Final

from trivet_gateway import catalog
from trivet_gateway.audit.writer import AuditWriter
from trivet_gateway.auth import Caller, Keyring
from trivet_gateway.config import GatewayConfig, Route
from trivet_gateway.contract import Contract
from trivet_gateway.errors import ApiError
from trivet_gateway.exchange import Exchange
from trivet_gateway.inference import Inference
from trivet_gateway.policy import Policy
from trivet_gateway.reply import Reply
from trivet_gateway.standing import Standing

MODELS: Final = "/v1/models"
IDENTITY: Final = "/v1/identity"


class Routes:
    """Authenticates a request and hands it to what serves its path."""

    def __init__(
        self,
        config: GatewayConfig,
        standing: Standing,
        policy: Policy,
        inference: Inference,
        audit: AuditWriter,
        contract: Contract | None = None,
    ) -> None:
        self._standing = standing
        self._keyring = Keyring(config.teams)
        self._policy = policy
        self._inference = inference
        self._audit = audit
        self._contract = contract
        self._models: dict[str, Route] = {route: route for route in config.routes if route != MODELS}
        self._catalog = {MODELS, IDENTITY} if MODELS in config.routes else {IDENTITY}

    async def serve(self, exchange: Exchange) -> Reply | None:
        """The answer; or None, when it was a stream and has been relayed.

        Raises:
            ApiError: the request was refused, or its model failed.
            ClientGone: the client left.
            AuditUnavailable: nothing may be served at present.
        """
        path = exchange.path
        contract = self._contract if self._contract and path == self._contract.predict else None
        caller = contract.caller if contract else self._keyring.authenticate(exchange.header(b"authorization"))
        exchange.entry.team, exchange.entry.key = caller.team.name, caller.key
        if contract:
            _require(exchange, "POST")
            return await self._inference.serve(exchange, caller, contract.route)
        if path in self._models:
            _require(exchange, "POST")
            return await self._inference.serve(exchange, caller, lambda _: self._models[path])
        if path in self._catalog or (MODELS in self._catalog and path.startswith(f"{MODELS}/")):
            _require(exchange, "GET")
            reply = self._look_up(caller, path)
            exchange.entry.close(reply.status, "ok")
            return reply
        served = ", ".join(sorted([*self._models, *self._catalog]))
        raise ApiError(404, f"There is nothing at '{path[:100]}'. Use one of: {served}.", code="not_found")

    def _look_up(self, caller: Caller, path: str) -> Reply:
        if path == IDENTITY:
            return catalog.identity(self._standing.identity(), self._policy, caller, self._audit)
        if path == MODELS:
            return catalog.list_models(self._policy, caller)
        return catalog.one_model(self._policy, caller, path.removeprefix(f"{MODELS}/"))


def _require(exchange: Exchange, method: str) -> None:
    if exchange.method != method:
        raise ApiError(
            405,
            f"{exchange.path[:100]} does not answer {exchange.method}. Use {method}.",
            code="method_not_allowed",
            headers=[(b"allow", method.encode())],
        )
