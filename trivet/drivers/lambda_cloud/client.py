"""The verbs of Lambda's API that a stack needs."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Mapping
from functools import cache
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
from pydantic import TypeAdapter, ValidationError

from trivet.drivers.clock import Clock, SystemClock
from trivet.drivers.lambda_cloud.domain import (
    NO_CAPACITY,
    Data,
    FirewallRule,
    FirewallRuleset,
    Instance,
    InstanceTypeOffer,
    LaunchRequest,
    SshKey,
)
from trivet.drivers.lambda_cloud.pace import Pace
from trivet.errors import AmbiguousError, CapacityError, CloudError

URL = "https://cloud.lambda.ai/api/v1"
TIMEOUT = httpx.Timeout(30, connect=10)
TRIES = 5
BACKOFF_SECONDS = 2.0
LOST = "lost"
TOO_MANY = 429
SERVER_ERROR = 500

T = TypeVar("T")


class _Launched(Data):
    instance_ids: tuple[str, ...]


class _Terminated(Data):
    terminated_instances: tuple[Instance, ...]


class LambdaCloud:
    """Lambda Cloud, for the account of one API key.

    What is sent again: a GET and a terminate, because twice has the effect of once; five times at most, after a
    time-out, a broken connection, a 429 or a 5xx. Nothing else is. Least of all a launch: the API has no idempotency
    key, so a launch whose answer is lost raises AmbiguousError, and who asked for it must look for its tag.

    Every method raises CloudError with the API's code when it refuses, and keeps the rates that the API asks for.
    """

    def __init__(self, key: str, *, url: str = URL, clock: Clock | None = None) -> None:
        self.clock = clock or SystemClock()
        self._url = url
        self._pace = Pace(self.clock)
        self._http = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=TIMEOUT, verify=_tls()
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._http.close()

    def instance_types(self) -> dict[str, InstanceTypeOffer]:
        """Every kind of machine by name, with its price and the regions that have one just now."""
        return self._get("/instance-types", dict[str, InstanceTypeOffer])

    def instances(self) -> list[Instance]:
        """Every instance of the account that is not gone."""
        return self._get("/instances", list[Instance])

    def instance(self, instance_id: str) -> Instance:
        """One instance. `global/object-does-not-exist` where there is none (any more)."""
        return self._get(f"/instances/{instance_id}", Instance)

    def launch(self, request: LaunchRequest) -> str:
        """Start an instance and the bill; returns its id.

        Raises:
            CapacityError: there is none to give.
            AmbiguousError: it may have been started.
        """
        body = request.model_dump(mode="json")
        launched = self._post("/instance-operations/launch", body, _Launched, launch=True)
        if len(launched.instance_ids) != 1:
            raise self._lost(
                "POST /instance-operations/launch", f"{len(launched.instance_ids)} instances were launched"
            )
        return launched.instance_ids[0]

    def terminate(self, instance_ids: Iterable[str]) -> list[Instance]:
        """End instances. Until then they are billed, in use or not."""
        body = {"instance_ids": sorted(instance_ids)}
        data = self._send("POST", "/instance-operations/terminate", body, again=True)
        return list(_parsed(_Terminated, data, self._url).terminated_instances)

    def rename(self, instance_id: str, name: str) -> Instance:
        """Change an instance's name, which is all that can be changed of it."""
        return self._post(f"/instances/{instance_id}", {"name": name}, Instance)

    def ssh_keys(self) -> list[SshKey]:
        """The account's SSH keys."""
        return self._get("/ssh-keys", list[SshKey])

    def add_ssh_key(self, name: str, public_key: str) -> SshKey:
        """Add a public key. The private one is never sent anywhere."""
        return self._post("/ssh-keys", {"name": name, "public_key": public_key}, SshKey)

    def delete_ssh_key(self, key_id: str) -> None:
        """Remove a public key."""
        self._send("DELETE", f"/ssh-keys/{key_id}", again=False)

    def firewall_rulesets(self) -> list[FirewallRuleset]:
        """The account's rulesets, of every region."""
        return self._get("/firewall-rulesets", list[FirewallRuleset])

    def add_firewall_ruleset(self, name: str, region: str, rules: Iterable[FirewallRule]) -> FirewallRuleset:
        """Add a ruleset. The account-wide `/firewall-rules` are everybody's: this project never writes them."""
        listed = [rule.model_dump(mode="json", exclude_none=True) for rule in rules]
        return self._post("/firewall-rulesets", {"name": name, "region": region, "rules": listed}, FirewallRuleset)

    def delete_firewall_ruleset(self, ruleset_id: str) -> None:
        """Remove a ruleset; refused with `firewall-rulesets/firewall-ruleset-in-use` while an instance has it."""
        self._send("DELETE", f"/firewall-rulesets/{ruleset_id}", again=False)

    def _get(self, path: str, kind: type[T]) -> T:
        return _parsed(kind, self._send("GET", path, again=True), self._url)

    def _post(self, path: str, body: Mapping[str, Any], kind: type[T], *, launch: bool = False) -> T:
        data = self._send("POST", path, body, again=False, launch=launch)
        try:
            return _parsed(kind, data, self._url)
        except CloudError as exc:
            raise self._lost(f"POST {path}", str(exc.value)) from exc

    def _send(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, again: bool, launch: bool = False
    ) -> Any:
        """The `data` of the answer."""
        for attempt in range(1, TRIES + 1):
            self._pace.wait(launch=launch)
            try:
                response = self._http.request(method, path, json=body)
                return self._data(f"{method} {path}", response)
            except (httpx.TransportError, _TransientError) as exc:
                if not again or attempt == TRIES:
                    raise self._failure(f"{method} {path}", exc, reads=method == "GET") from exc
                self.clock.sleep(BACKOFF_SECONDS * 2 ** (attempt - 1))
        raise AssertionError("the last attempt raises or returns")

    def _data(self, request: str, response: httpx.Response) -> Any:
        if response.status_code == TOO_MANY or response.status_code >= SERVER_ERROR:
            raise _TransientError(response.status_code, _error(response))
        if response.is_success:
            try:
                return response.json()["data"]
            except (ValueError, KeyError, TypeError) as exc:
                raise self._lost(request, "the answer is no {data: …}") from exc
        code, message = _error(response)
        kind = CapacityError if code == NO_CAPACITY else CloudError
        raise kind(
            code=code or f"http/{response.status_code}",
            where=f"{self._url}: {request}",
            value=f"{code}: {message}",
            rule="the provider does what it is asked",
            remedy=REMEDIES.get(code, "see the code at https://docs.lambda.ai/api/cloud, and mend its cause"),
        )

    def _failure(self, request: str, exc: Exception, *, reads: bool) -> CloudError:
        """What a request that is not sent again has come to."""
        if isinstance(exc, _TransientError) and exc.status == TOO_MANY:
            return CloudError(
                code="http/429",
                where=f"{self._url}: {request}",
                value="too many requests",
                rule="one request a second, and one launch in twelve, for the whole account",
                remedy="end what else uses the account's key, then run the same command again",
            )
        if reads or isinstance(exc, httpx.ConnectError | httpx.ConnectTimeout):
            return CloudError(
                code="unreachable",
                where=f"{self._url}: {request}",
                value=str(exc) or type(exc).__name__,
                rule="the provider answers",
                remedy="see https://status.lambda.ai and your way out, then run the same command again",
            )
        return self._lost(request, str(exc) or type(exc).__name__)

    def _lost(self, request: str, value: str) -> AmbiguousError:
        return AmbiguousError(
            code=LOST,
            where=f"{self._url}: {request}",
            value=value,
            rule="a request that may not be sent twice is answered",
            remedy="run the same command again: it looks for what was made before it makes anything",
        )


REMEDIES = {
    "global/invalid-api-key": "set LAMBDA_API_KEY_FILE to a file with a key of https://cloud.lambda.ai/api-keys",
    "global/quota-exceeded": "end what you no longer use, or ask Lambda for a larger quota",
    NO_CAPACITY: "list more lambda.instanceTypes or lambda.otherRegions in the stack's settings",
}


class _TransientError(Exception):
    """An answer after which the same request may fare better."""

    def __init__(self, status: int, error: tuple[str, str]) -> None:
        super().__init__(f"{status} {error[0]}".strip())
        self.status = status


@cache
def _tls() -> ssl.SSLContext:
    """Reading the certificates takes a tenth of a second: once is enough."""
    return httpx.create_ssl_context()


def _error(response: httpx.Response) -> tuple[str, str]:
    """Code and message of a refusal; empty where the answer is not of the API's own making."""
    try:
        error = response.json()["error"]
        return str(error["code"]), str(error["message"])
    except (ValueError, LookupError, TypeError):
        return "", ""


def _parsed(kind: type[T], data: Any, url: str) -> T:
    try:
        return TypeAdapter(kind).validate_python(data)
    except ValidationError as exc:
        first = exc.errors()[0]
        raise CloudError(
            code="shape",
            where=url,
            value=f"{'.'.join(map(str, first['loc']))}: {first['msg']}",
            rule="the answer has the shape of version 1.10 of Lambda's API",
            remedy="update Trivet; until then use Lambda's console",
        ) from exc
