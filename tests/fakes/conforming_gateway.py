"""A gateway that conforms, small enough to be seen to; and that can be broken in exactly one way at a time.

It speaks HTTP and shares no code with the real gateway, nor with the checks.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.fakes.toy_model import TOKEN_SECONDS, ToyModel, prompt_of
from trivet.spec import Lock, StackSpec
from trivet.spec.gateway import Team

POSTS = {"/v1/chat/completions": "chat", "/v1/completions": "chat", "/v1/embeddings": "embedding"}
KEYS = {
    "default": "tvt_default-key-of-the-conforming-gateway-0000000",
    "conformance": "tvt_small-quota-key-00000000000000000000000000000",
}
WINDOW_SECONDS = 60.0
RATE = "rate_limit_exceeded"


class Refusal(Exception):  # noqa: N818
    def __init__(self, status: int, message: str, code: str = "refused", **headers: str) -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


@dataclass
class TeamState:
    rows: int = 0
    in_flight: int = 0
    admitted: list[float] = field(default_factory=list)


class ConformingGateway:
    """`broken` names the one thing that it does wrong; empty, it does nothing wrong."""

    def __init__(self, spec: StackSpec, lock: Lock) -> None:
        self.spec, self.lock = spec, lock
        self.broken = ""
        self.model = ToyModel()
        self.app = Starlette(routes=[Route("/{path:path}", self.serve, methods=["GET", "POST", "DELETE"])])
        self.reset()

    def reset(self, broken: str = "") -> None:
        self.broken = self.model.broken = broken
        self.ids = itertools.count()
        self.teams = {team.name: TeamState() for team in self.spec.gateway.teams}

    async def serve(self, request: Request) -> Response:
        team = self.team_of(request)
        try:
            response = await self.route(request, team)
        except Refusal as refusal:
            response = self.refused(refusal)
            if team and self.audits(refusal):
                self.row(team, 2 if self.broken == "refusals-twice" else 1)
        asked = request.headers.get("x-request-id")
        own = "one-id" if self.broken == "one-request-id" else f"id-{next(self.ids)}"
        response.headers["x-request-id"] = asked or own
        return response

    def audits(self, refusal: Refusal) -> bool:
        return not (
            (self.broken == "refusals-not-audited" and refusal.status != 429)
            or (self.broken == "over-quota-not-audited" and refusal.status == 429)
        )

    def refused(self, refusal: Refusal) -> Response:
        message, headers = refusal.message, refusal.headers
        if self.broken == "bare-messages":
            message = "Bad request"
        if self.broken == "escapes-in-errors":
            return JSONResponse({"error": "\x1b[2J\rwipe"}, 418)
        if self.broken == "key-in-errors":
            return PlainTextResponse(f"Use another key than {KEYS['default']}", 418)
        if self.broken == "plain-text-errors":
            return PlainTextResponse(message, refusal.status, headers)
        error = {"message": message, "type": "invalid_request_error", "param": None, "code": refusal.code}
        if self.broken == "errors-without-param":
            del error["param"]
        return JSONResponse({"error": error}, refusal.status, headers)

    def team_of(self, request: Request) -> Team | None:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if self.broken == "any-key" and key:
            key = KEYS["default"]
        if self.broken == "open" and not key:
            scheme, key = "Bearer", KEYS["default"]
        teams = {KEYS[team.name]: team for team in self.spec.gateway.teams} if scheme == "Bearer" else {}
        return teams.get(key)

    async def route(self, request: Request, team: Team | None) -> Response:
        path = request.url.path
        if path in {"/health", "/ready", "/metrics"}:
            return self.operate(path)
        if team is None:
            raise Refusal(401, "No key that is known here. Send one.", www_authenticate="Bearer")
        methods = dict.fromkeys(POSTS, "POST") | {"/v1/models": "GET", "/v1/identity": "GET"}
        if self.broken == "runtime-reachable" and path == "/slots":
            return JSONResponse([])
        if path not in methods or (path not in self.spec.gateway.routes and path != "/v1/identity"):
            found = self.broken == "unknown-routes-answered" and "trivet" in path
            raise Refusal(200 if found else 404, "Use another route.")
        if request.method != methods[path] and self.broken != "any-method":
            allow = {} if self.broken == "no-allow" else {"allow": methods[path]}
            raise Refusal(405, f"Use {methods[path]}.", **allow)
        if path in POSTS:
            return await self.ask_model(request, team, path)
        response = self.identity(team) if path == "/v1/identity" else self.models(team)
        self.row(team)
        return response

    def row(self, team: Team, count: int = 1) -> None:
        self.teams[team.name].rows += 2 * count if self.broken == "rows-twice" else count

    def operate(self, path: str) -> Response:
        if path == "/metrics":
            broken = self.broken == "metrics-in-json"
            return JSONResponse({"up": 1}) if broken else PlainTextResponse("# TYPE up gauge\nup 1\n")
        return PlainTextResponse("ok", 503 if self.broken == "never-ready" and path == "/ready" else 200)

    def of_team(self, team: Team) -> list[Any]:
        return [model for model in self.spec.models if "*" in team.models or model.name in team.models]

    def models(self, team: Team) -> Response:
        listed = [
            {
                "id": m.name,
                "object": "model",
                "created": 0,
                "owned_by": "trivet",
                "kind": m.kind,
                "dimensions": m.dimensions,
            }
            for m in self.of_team(team)
        ]
        if self.broken == "a-model-too-few":
            listed.pop()
        return JSONResponse({"object": "list", "data": listed})

    def identity(self, team: Team) -> Response:
        other = "sha256:" + "0" * 64
        images = {name: self.lock.images[name].manifest for name in self.spec.images}
        models = {name: model.manifest for name, model in self.lock.models.items()}
        if self.broken == "image-of-another-digest":
            images["gateway"] = other
        if self.broken == "a-model-not-named":
            models.popitem()
        rows = sum(state.rows for state in self.teams.values())
        head = f"0:{0:064x}" if self.broken == "head-stands-still" else f"{rows}:{rows:064x}"
        quota = team.quota.model_dump(by_alias=True)
        said = {
            "specDigest": other if self.broken == "other-spec" else self.spec.digest,
            "lockDigest": other if self.broken == "other-lock" else self.lock.digest,
            "images": images,
            "models": models,
            "tier": "basement" if self.broken == "no-such-tier" else "onprem",
            "region": "loopback",
            "caller": {
                "team": team.name,
                "key": "default",
                "models": [model.name for model in self.of_team(team)],
                "dataClasses": list(team.data_classes),
                "quota": quota | ({"concurrency": 99} if self.broken == "larger-quota" else {}),
            },
            "audit": {
                "rows": rows,
                "head": head,
                "teamRows": self.teams[team.name].rows + self.other_traffic(),
            },
        }
        return JSONResponse(said)

    def other_traffic(self) -> int:
        return int(time.monotonic() * 20) if self.broken == "other-traffic" else 0

    async def ask_model(self, request: Request, team: Team, path: str) -> Response:
        self.require_data_class(request, team)
        body = self.parse(await self.read(request))
        model = self.find(team, str(body.get("model")), POSTS[path])
        self.require_types(body, path, model)
        left = {"x-ratelimit-remaining-requests": str(self.admit(team))}
        if not body.get("stream"):
            try:
                await asyncio.sleep(1 if self.broken == "hangs" else TOKEN_SECONDS)
                reply = (
                    self.model.embed(body, model.dimensions)
                    if path == "/v1/embeddings"
                    else self.model.plain(body, path)
                )
            finally:
                await self.release(team)
            self.row(team)
            return JSONResponse(reply, headers=left)
        media_type = "application/json" if self.broken == "stream-as-json" else "text/event-stream"
        return StreamingResponse(self.stream(body, path, team), headers=left, media_type=media_type)

    def require_data_class(self, request: Request, team: Team) -> None:
        name = request.headers.get("x-trivet-data-class", self.spec.gateway.default_data_class)
        if name not in self.spec.gateway.data_classes:
            raise Refusal(400, "Use a data class that is defined.")
        if name not in team.data_classes and self.broken != "data-classes-ignored":
            raise Refusal(403, "Send no data of this class.")

    async def read(self, request: Request) -> bytes:
        limit = self.spec.gateway.limits.body_bytes
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > limit and self.broken != "no-body-limit":
                raise Refusal(413, "Shorten the body.")
        return body

    def parse(self, data: bytes) -> dict[str, Any]:
        try:
            body = json.loads(data)
        except ValueError as exc:
            raise Refusal(500 if self.broken == "malformed-json-is-500" else 400, "Send one JSON object.") from exc
        if not isinstance(body, dict):
            raise Refusal(400, "Send one JSON object.")
        if not isinstance(body.get("model"), str) and self.broken != "types-unchecked":
            raise Refusal(400, "Send the model's name.")
        return body

    def find(self, team: Team, name: str, kind: str) -> Any:
        known = {model.name: model for model in self.of_team(team)}
        if name not in known:
            if self.broken == "any-model" and name.startswith("trivet-verify"):
                return next(iter(known.values()))
            raise Refusal(404, "Use a model that is listed.", "model_not_found")
        if known[name].kind != kind and self.broken != "any-kind":
            raise Refusal(400, "Use a model of the other kind.")
        return known[name]

    def require_types(self, body: dict[str, Any], path: str, model: Any) -> None:
        if self.broken == "types-unchecked":
            return
        if path == "/v1/embeddings":
            if not body.get("input") or not isinstance(body["input"], str | list):
                raise Refusal(400, "Send a text or a list of texts.")
            if body.get("encoding_format", "float") not in {"float", "base64"}:
                raise Refusal(400, "Choose float or base64.")
            return
        tokens = body.get("max_tokens", 1)
        wrong = not isinstance(tokens, int) or tokens < 1
        wrong |= not isinstance(body.get("stream", False), bool)
        wrong |= not isinstance(body.get("temperature", 0), int | float)
        if path == "/v1/chat/completions":
            messages = body.get("messages")
            wrong |= not isinstance(messages, list) or not messages or not all(isinstance(m, dict) for m in messages)
        if wrong:
            echo = str(body.get("messages")) if self.broken == "prompt-in-errors" else "Correct the types."
            raise Refusal(400, echo)
        if tokens > self.spec.gateway.limits.max_tokens and self.broken != "no-token-limit":
            raise Refusal(400, "Lower max_tokens.")
        if len(prompt_of(body).split()) > model.context_length // 2 and self.broken != "no-context-limit":
            raise Refusal(400, "Shorten the prompt.")

    def admit(self, team: Team) -> int:
        """Requests that the team has left."""
        state, now = self.teams[team.name], time.monotonic()
        window = 1.0 if self.broken == "a-minute-is-a-second" else WINDOW_SECONDS
        state.admitted = [at for at in state.admitted if now - at < window]
        if state.in_flight >= team.quota.concurrency:
            raise Refusal(429, "Wait for an answer.", "too_many_at_a_time", retry_after="1")
        budget = team.quota.requests_per_minute + {"one-too-many": 1, "one-too-few": -1}.get(self.broken, 0)
        if len(state.admitted) >= budget and self.broken != "no-quota":
            wait = {} if self.broken == "no-retry-after" else {"retry_after": f"{window:.0f}"}
            raise Refusal(429, "Wait a minute.", RATE, **wait)
        state.admitted.append(now)
        state.in_flight += 1
        return team.quota.requests_per_minute - len(state.admitted)

    def exhaust(self, name: str) -> None:
        """Spend a team's budget of this minute."""
        budget = next(team.quota.requests_per_minute for team in self.spec.gateway.teams if team.name == name)
        self.teams[name].admitted = [time.monotonic()] * budget

    async def release(self, team: Team) -> None:
        if self.broken == "slow-to-release":
            await asyncio.sleep(0.03)
        self.teams[team.name].in_flight -= 1

    async def stream(self, body: dict[str, Any], path: str, team: Team) -> AsyncIterator[bytes]:
        try:
            pieces = (
                [piece async for piece in self.model.pieces(body, path)] if self.broken == "buffered-stream" else None
            )
            if pieces is None:
                async for piece in self.model.pieces(body, path):
                    yield piece
            for piece in pieces or ():
                yield piece
        finally:
            await self.release(team)
            if self.broken != "streams-not-audited":
                self.row(team)
