"""The HTTP side: authorisation, rates, faults, routes, errors with the API's codes."""

from __future__ import annotations

import uuid
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tests.fakes.lambda_cloud.account import REGIONS, TYPES, Account, Launch, instance_type, region
from tests.fakes.lambda_cloud.clock import ManualClock
from tests.fakes.lambda_cloud.faults import Fault, Faults
from tests.fakes.lambda_cloud.requests import IdsBody, KeyBody, LaunchBody, RenameBody, RulesetBody
from trivet.drivers.clock import Clock

KEY = "secret_fake-lambda-key"
BASE = "/api/v1"
LAUNCH = "/instance-operations/launch"
SOLD_OUT = "instance-operations/launch/insufficient-capacity"
TOLERANCE = 0.9  # of a rate's seconds: what the way may shorten
Model = TypeVar("Model", bound=BaseModel)


class Refusal(Exception):  # noqa: N818
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.response = JSONResponse({"error": {"code": code, "message": message}}, status)


class FakeLambda:
    """`app` is the ASGI application; `account` what it serves; `requests` what came, in order."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock or ManualClock()
        self.account = Account(self.clock.monotonic)
        self.faults = Faults()
        self.requests: list[tuple[str, str]] = []
        self.keep_rates = True
        self._last = self._last_launch = -1e9
        self.app = Starlette(
            routes=[Route(f"{BASE}/{{path:path}}", self.serve, methods=["GET", "POST", "DELETE", "PUT"])]
        )

    async def serve(self, request: Request) -> Response:
        path, method = request.url.path.removeprefix(BASE), request.method
        self.requests.append((method, path))
        fault = self.faults.next(path)
        if fault is Fault.TOO_MANY or self._too_fast(path):
            return PlainTextResponse("Too Many Requests", 429)
        if fault is Fault.REFUSED:
            return JSONResponse({"error": {"code": "global/internal-error", "message": "Internal error."}}, 500)
        if fault is Fault.FORBIDDEN:
            return JSONResponse({"error": {"code": "global/forbidden", "message": "Forbidden."}}, 403)
        try:
            require_key(request)
            data = self.route(method, path, await request.body(), fault)
        except Refusal as refusal:
            return refusal.response
        if fault is Fault.LOST_502:
            return PlainTextResponse("Bad Gateway", 502)
        return Broken() if fault in {Fault.LOST, Fault.LATE} else JSONResponse({"data": data})

    def _too_fast(self, path: str) -> bool:
        now = self.clock.monotonic()
        early = now - self._last < TOLERANCE or (path == LAUNCH and now - self._last_launch < 12 * TOLERANCE)
        if early and self.keep_rates:
            return True
        self._last = now
        if path == LAUNCH:
            self._last_launch = now
        return False

    def route(self, method: str, path: str, raw: bytes, fault: Fault) -> Any:
        kind, _, rest = path.strip("/").partition("/")
        match method, kind, rest:
            case "GET", "instance-types", "":
                return {name: self.offer(name) for name in TYPES}
            case "GET", "regions", "":
                return [region(name) for name in REGIONS]
            case "POST", "instance-operations", "launch":
                return {"instance_ids": [self.launch(read(raw, LaunchBody), fault).id]}
            case "POST", "instance-operations", "terminate":
                return self.terminate(read(raw, IdsBody))
            case _, ("instances" | "ssh-keys" | "firewall-rulesets"), _:
                collection = {"instances": self.instances, "ssh-keys": self.ssh_keys}.get(kind, self.rulesets)
                return collection(method, rest, raw)
        raise Refusal(404, "global/not-found", f"{method} {path} is not served.")

    def instances(self, method: str, instance_id: str, raw: bytes) -> Any:
        if method == "GET" and not instance_id:
            return [self.account.show(each) for each in self.account.listed()]
        launch = self.find(instance_id)
        if method == "POST":
            launch.name = read(raw, RenameBody).name
        return self.account.show(launch)

    def terminate(self, body: IdsBody) -> Any:
        found = [self.find(each) for each in body.instance_ids]
        for each in found:
            self.account.end(each)
        return {"terminated_instances": [self.account.show(each) for each in found]}

    def offer(self, name: str) -> dict[str, Any]:
        with_capacity = [region(place) for place in REGIONS if self.account.capacity[name, place] > 0]
        return {"instance_type": instance_type(name), "regions_with_capacity_available": with_capacity}

    def find(self, instance_id: str) -> Launch:
        found = self.account.launches.get(instance_id)
        if found is None or found.listed_at > self.clock.monotonic():
            raise Refusal(404, "global/object-does-not-exist", "Specified instance does not exist.")
        return found

    def launch(self, body: LaunchBody, fault: Fault) -> Launch:
        account = self.account
        if body.instance_type_name not in TYPES or body.region_name not in REGIONS:
            raise Refusal(404, "global/object-does-not-exist", "Specified instance type or region does not exist.")
        if not any(key["name"] == body.ssh_key_names[0] for key in account.keys.values()):
            raise Refusal(404, "global/object-does-not-exist", "Specified SSH key does not exist.")
        for ref in body.firewall_rulesets:
            if ref.id not in account.rulesets:
                raise Refusal(404, "global/object-does-not-exist", "Specified firewall ruleset does not exist.")
            if account.rulesets[ref.id]["region"]["name"] != body.region_name:
                raise Refusal(400, "global/invalid-parameters", "The firewall ruleset is of another region.")
        if len({tag.key for tag in body.tags}) != len(body.tags):
            raise Refusal(400, "global/invalid-parameters", "A tag's key stands twice.")
        if len(account.living) >= account.quota:
            raise Refusal(400, "global/quota-exceeded", "Quota exceeded.")
        if fault is Fault.SOLD_OUT or account.capacity[body.instance_type_name, body.region_name] < 1:
            raise Refusal(400, SOLD_OUT, "Not enough capacity to fulfill launch request.")
        return account.launch(body, late=fault is Fault.LATE)

    def ssh_keys(self, method: str, key_id: str, raw: bytes) -> Any:
        keys = self.account.keys
        if method == "GET" and not key_id:
            return list(keys.values())
        if method == "POST" and not key_id:
            body = read(raw, KeyBody)
            made = {"id": uuid.uuid4().hex, "name": body.name, "public_key": body.public_key}
            keys[made["id"]] = made
            return made
        if method == "DELETE" and key_id in keys:
            del keys[key_id]
            return {}
        raise Refusal(404, "global/object-does-not-exist", "Specified SSH key does not exist.")

    def rulesets(self, method: str, ruleset_id: str, raw: bytes) -> Any:
        rulesets = self.account.rulesets
        if method == "GET" and not ruleset_id:
            return [{**each, "instance_ids": self.account.users_of_ruleset(each["id"])} for each in rulesets.values()]
        if method == "POST" and not ruleset_id:
            body = read(raw, RulesetBody)
            if body.region not in REGIONS:
                raise Refusal(400, "global/invalid-parameters", "There is no such region.")
            rules = [rule.model_dump(mode="json", exclude_none=True) for rule in body.rules]
            made = {"id": uuid.uuid4().hex, "name": body.name, "region": region(body.region), "rules": rules}
            made |= {"created": "2026-01-01T00:00:00Z", "instance_ids": []}
            rulesets[str(made["id"])] = made
            return made
        if method == "DELETE" and ruleset_id in rulesets:
            if self.account.users_of_ruleset(ruleset_id):
                raise Refusal(400, "firewall-rulesets/firewall-ruleset-in-use", "The ruleset is in use.")
            del rulesets[ruleset_id]
            return {}
        raise Refusal(404, "global/object-does-not-exist", "Specified firewall ruleset does not exist.")


class Broken(Response):
    """An answer that breaks off: the server closes the connection on it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # ASGI
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"99")]})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})


def require_key(request: Request) -> None:
    if request.headers.get("authorization") != f"Bearer {KEY}":
        raise Refusal(401, "global/invalid-api-key", "API key was invalid, expired, or deleted.")


def read(raw: bytes, model: type[Model]) -> Model:
    try:
        return model.model_validate_json(raw)
    except ValidationError as exc:
        first = exc.errors()[0]
        message = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise Refusal(400, "global/invalid-parameters", message) from exc
