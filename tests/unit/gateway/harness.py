"""A gateway and its models on loopback sockets, in the test's own event loop."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import aiohttp
import uvicorn

from tests.unit.gateway.fake_model import FakeModel
from trivet_gateway.app import Gateway
from trivet_gateway.audit.verify import verify
from trivet_gateway.config import GatewayConfig
from trivet_gateway.contract import Contract

KEY = "tvt_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
OTHER_KEY = "tvt_GFEDCBAzyxwvutsrqponmlkjihgfedcba9876543210"
DIGEST = "sha256:" + "1" * 64
CHAT = "/v1/chat/completions"
COMPLETIONS = "/v1/completions"
EMBEDDINGS = "/v1/embeddings"
ASK: dict[str, Any] = {"model": "small", "messages": [{"role": "user", "content": "Count."}]}
STREAM: dict[str, Any] = {**ASK, "stream": True}
EMBED: dict[str, Any] = {"model": "vectors", "input": "a text"}


def sha(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def config(chat_url: str, embedding_url: str, database: Path, **changes: Any) -> dict[str, Any]:
    """gateway.json as the stack renders it: two teams, a chat and an embedding model; `changes` replace parts of it."""
    quota = {"requestsPerMinute": 1000, "tokensPerMinute": 1_000_000, "concurrency": 100}
    value: dict[str, Any] = {
        "identity": {
            "specDigest": DIGEST,
            "lockDigest": DIGEST,
            "images": {"gateway": DIGEST},
            "models": {"small": DIGEST, "vectors": DIGEST},
            "tier": "onprem",
            "region": "za-office",
        },
        "listen": {"host": "127.0.0.1", "port": 0},
        "models": [
            {"name": "small", "kind": "chat", "url": chat_url, "contextLength": 512, "concurrency": 64},
            {"name": "vectors", "kind": "embedding", "url": embedding_url, "contextLength": 256, "dimensions": 3},
        ],
        "routes": [CHAT, COMPLETIONS, EMBEDDINGS, "/v1/models"],
        "dataClasses": ["public", "internal", "special"],
        "defaultDataClass": "internal",
        "teams": [
            {
                "name": "red",
                "models": ["*"],
                "dataClasses": ["public", "internal"],
                "quota": quota,
                "keys": [{"name": "main", "sha256": sha(KEY)}],
            },
            {
                "name": "blue",
                "models": ["vectors"],
                "dataClasses": ["internal"],
                "quota": quota,
                "keys": [{"name": "only", "sha256": sha(OTHER_KEY)}],
            },
        ],
        "limits": {"maxTokens": 64},
        "audit": {"path": str(database)},
    }
    quota_changes = changes.pop("quota", {})
    limits = {**value["limits"], **changes.pop("limits", {})}
    value["teams"][0]["quota"] = {**quota, **quota_changes}
    models = changes.pop("model", {})
    value["models"][0] |= models
    return {**value, "limits": limits, **changes}


@asynccontextmanager
async def serving(app: Any, *, lifespan: Literal["on", "off"] = "off", port: int = 0) -> AsyncIterator[int]:
    """An ASGI application behind a real server on a free port of the loopback."""
    settings = uvicorn.Config(
        app, port=port, lifespan=lifespan, log_config=None, access_log=False, ws="none", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(settings)
    settings.load()
    server.lifespan = settings.lifespan_class(settings)
    await server.startup()
    assert server.started, "the application did not start"
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        # What uvicorn's own shutdown does, without its pauses.
        server.servers[0].close()
        for connection in list(server.server_state.connections):
            connection.transport.close()
        tasks = list(server.server_state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.lifespan.shutdown()


async def until(holds: Callable[[], bool], seconds: float = 5) -> None:
    """Wait for something that nobody announces."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def bearer(key: str = KEY) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@dataclass
class Stack:
    """A running gateway, its models, and a client of it."""

    url: str
    audit: Path
    gateway: Gateway
    chat: FakeModel
    vectors: FakeModel
    frontier: FakeModel
    client: aiohttp.ClientSession

    async def post(self, path: str, body: Any, *, key: str | None = KEY, **headers: str) -> Answer:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.send("POST", path, key=key, data=data, **headers)

    async def get(self, path: str, *, key: str | None = KEY, **headers: str) -> Answer:
        return await self.send("GET", path, key=key, **headers)

    async def send(self, method: str, path: str, *, key: str | None = KEY, data: Any = None, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            named |= bearer(key)
        async with self.client.request(method, self.url + path, data=data, headers=named) as response:
            return Answer(response.status, response.headers, await response.read())

    def rows(self) -> list[dict[str, Any]]:
        """The audit's rows; the chain is verified on the way."""
        report = verify(self.audit)
        assert report.broken is None
        with closing(sqlite3.connect(self.audit)) as db:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute("SELECT * FROM audit ORDER BY seq")]

    def used(self, team: str = "red") -> tuple[int, int, int]:
        """Requests and tokens in the window, and requests in flight."""
        quota = self.gateway._routes._inference.quotas[team]
        return quota.requests.used, quota.tokens.used, quota.in_flight

    async def settled(self) -> None:
        """Wait until no request is in flight."""
        async with asyncio.timeout(5):
            await self.gateway._recorder.idle.wait()


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        error: dict[str, Any] = self.json["error"]
        assert set(error) == {"message", "type", "param", "code"}
        return error

    @property
    def events(self) -> list[Any]:
        assert self.body.endswith(b"\n\n")
        texts = [event.removeprefix(b"data: ") for event in self.body.split(b"\n\n")[:-1]]
        return [text if text == b"[DONE]" else json.loads(text) for text in texts]

    @property
    def text(self) -> str:
        pieces = [event["choices"][0]["delta"].get("content", "") for event in self.events[:-1] if event["choices"]]
        return "".join(pieces)


@asynccontextmanager
async def stack(
    folder: Path,
    *,
    frontier: dict[str, Any] | None = None,
    source: Path | None = None,
    environ: Mapping[str, str] | None = None,
    **changes: Any,
) -> AsyncIterator[Stack]:
    """A gateway in front of a chat model, an embedding model and, where asked for, a frontier."""
    async with contextlib.AsyncExitStack() as stacked:
        models = [FakeModel(), FakeModel(), FakeModel()]
        ports = [await stacked.enter_async_context(serving(model)) for model in models]
        urls = [f"http://127.0.0.1:{port}" for port in ports]
        if frontier is not None:
            key_file = folder / "frontier.key"
            key_file.write_text("sk-frontier\n")
            outside = {"url": f"{urls[2]}/v1", "model": "large", "apiKeyFile": str(key_file), "dataClasses": ["public"]}
            changes["frontier"] = {**outside, **frontier}
        audit = folder / "audit.sqlite"
        told = GatewayConfig.model_validate_json(json.dumps(config(urls[0], urls[1], audit, **changes)))
        gateway = Gateway(told, source, Contract.of(told, environ or {}))
        port = await stacked.enter_async_context(serving(gateway, lifespan="on"))
        client = await stacked.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        yield Stack(f"http://127.0.0.1:{port}", audit, gateway, *models, client)
        assert [fault for model in models for fault in model.faults] == []
