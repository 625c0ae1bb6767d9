"""The routes that a model answers: policy, then quota, then the audit's intent, then the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from trivet_gateway.audit.writer import AuditWriter
from trivet_gateway.auth import Caller
from trivet_gateway.call import Call
from trivet_gateway.config import GatewayConfig, Model, Route
from trivet_gateway.contract import data_class
from trivet_gateway.disconnect import UntilDisconnect
from trivet_gateway.errors import ApiError
from trivet_gateway.exchange import SHOWN, Exchange
from trivet_gateway.frontier import Frontier, parses
from trivet_gateway.meter import Meter
from trivet_gateway.parse import parse
from trivet_gateway.policy import Policy
from trivet_gateway.quota import TeamQuota
from trivet_gateway.reply import Reply
from trivet_gateway.slots import Slots
from trivet_gateway.upstream import ContextOverflow, Upstream, decode


@dataclass(frozen=True, slots=True)
class Place:
    """A model, its server, and the places at it."""

    model: Model
    upstream: Upstream
    slots: Slots


@dataclass(frozen=True, slots=True)
class Inference:
    """Serves `/v1/chat/completions`, `/v1/completions` and `/v1/embeddings`."""

    config: GatewayConfig
    policy: Policy
    quotas: Mapping[str, TeamQuota]
    places: Mapping[str, Place]
    audit: AuditWriter
    frontier: Frontier | None

    async def serve(self, exchange: Exchange, caller: Caller, route: Callable[[bytes], Route]) -> Reply | None:
        """The answer; or None, when it was a stream and has been relayed. `route` is which one a body is for.

        Raises:
            ApiError: the request was refused or failed before anything was sent to the client.
            ClientGone: the client left.
            AuditUnavailable: the audit cannot be written; no model has seen the request.
        """
        limits, entry = self.config.limits, exchange.entry
        entry.data_class = self.policy.data_class(caller, data_class(exchange))
        body = await exchange.body(limits.body_bytes)
        request = parse(route(body), body)
        entry.model = request.body["model"][:SHOWN]
        model = self.policy.model(caller, request.body["model"], request.capability)
        reserved = request.fit(model, limits)
        if self.config.audit.prompts:
            entry.prompt = request.prompt
        quota = self.quotas[caller.team.name]
        reservation = quota.reserve(reserved)
        exchange.more_headers = quota.remaining()
        meter = Meter(request.prompt_tokens)
        try:
            self.audit.begin(entry)
            async with UntilDisconnect(exchange):
                reply = await self._answer(Call(exchange, request, meter, limits), self.places[model.name])
        except ApiError as failure:
            meter.failed = True
            if not exchange.streaming:
                raise
            entry.close(200, failure.outcome)
            exchange.last_words = b"data: " + failure.body() + b"\n\n"
            return None
        finally:
            meter.settle(reservation, entry)
        if reply is not None:
            entry.close(reply.status, "ok")
        return reply

    async def _answer(self, call: Call, place: Place) -> Reply | None:
        frontier = self.frontier if call.request.capability == "chat" else None
        data_class = call.exchange.entry.data_class
        if frontier:
            frontier.bucket.count()
        try:
            async with place.slots:
                reply = await call.ask(place.upstream, "local")
        except ContextOverflow as overflow:
            if frontier and frontier.permits("context_overflow", data_class):
                return await self._escalate(frontier, call, overflow)
            raise
        doubtful = frontier and reply and call.request.wants_json and not parses(decode(reply.body))
        if doubtful and frontier and frontier.permits("failed_verifier", data_class):
            return await self._escalate(frontier, call, reply)
        return reply

    async def _escalate(self, frontier: Frontier, call: Call, local: Reply | ApiError | None) -> Reply | None:
        """The frontier's answer; what the local model gave, when the frontier fails before it has begun to answer."""
        try:
            return await call.ask(frontier.upstream, "frontier")
        except ApiError:
            if call.exchange.streaming:
                raise
            call.exchange.entry.served_by = "local"
            if isinstance(local, ApiError):
                raise local from None
            return local
