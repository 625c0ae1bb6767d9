"""The gateway as a process: stopped, killed, and on a full disk. Nothing that it took in may go unrecorded."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import socket
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import trivet_gateway
from tests.unit.gateway.fake_model import FakeModel, Wire, chunk
from tests.unit.gateway.harness import ASK, CHAT, STREAM, bearer, config, serving, until
from trivet_gateway.audit.verify import verify

PACKAGES = Path(trivet_gateway.__file__).parent.parent


@dataclass
class Program:
    """A gateway's process, and what is around it."""

    process: asyncio.subprocess.Process
    url: str
    audit: Path
    model: FakeModel
    client: aiohttp.ClientSession
    release: asyncio.Event

    def ask(self, body: dict[str, Any]) -> asyncio.Task[tuple[int, bytes]]:
        return asyncio.create_task(self._ask(body))

    async def _ask(self, body: dict[str, Any]) -> tuple[int, bytes]:
        async with self.client.post(self.url + CHAT, json=body, headers=bearer()) as response:
            return response.status, await response.read()

    async def ready(self) -> int:
        async with self.client.get(f"{self.url}/ready") as response:
            return response.status

    async def until_ready(self, status: int = 200) -> None:
        async with asyncio.timeout(20):
            while True:
                try:
                    if await self.ready() == status:
                        return
                except aiohttp.ClientError:
                    assert self.process.returncode is None, await self.said()
                await asyncio.sleep(0.05)

    async def ended(self) -> int:
        async with asyncio.timeout(10):
            return await self.process.wait()

    async def said(self) -> str:
        assert self.process.stderr
        return (await self.process.stderr.read()).decode()

    def rows(self) -> list[tuple[int, str]]:
        """Status and outcome of every row."""
        assert verify(self.audit).broken is None
        with closing(sqlite3.connect(self.audit)) as db:
            return db.execute("SELECT status, outcome FROM audit ORDER BY seq").fetchall()


@asynccontextmanager
async def program(folder: Path, **changes: Any) -> AsyncIterator[Program]:
    """A gateway in front of a model that holds its answers until `release` is set."""
    release = asyncio.Event()

    async def hold(wire: Wire) -> None:
        if wire.body.get("stream"):
            await wire.start()
            await wire.event(chunk("early", "small"))
            await release.wait()
            await wire.event(b"data: [DONE]\n\n")
            await wire.end()
        else:
            await release.wait()
            await model.serve(wire)

    model = FakeModel(behave=hold)
    async with AsyncExitStack() as stacked:
        upstream = f"http://127.0.0.1:{await stacked.enter_async_context(serving(model))}"
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            port = free.getsockname()[1]
        audit = folder / "audit.sqlite"
        told = config(upstream, upstream, audit, listen={"host": "127.0.0.1", "port": port}, **changes)
        file = folder / "gateway.json"
        file.write_text(json.dumps(told))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "trivet_gateway", str(file)),
            env={**os.environ, "PYTHONPATH": str(PACKAGES)},
            stderr=asyncio.subprocess.PIPE,
        )
        client = await stacked.enter_async_context(aiohttp.ClientSession())
        running = Program(process, f"http://127.0.0.1:{port}", audit, model, client, release)
        try:
            await running.until_ready()
            yield running
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()


async def test_when_stopped_it_refuses_what_is_new_and_ends_what_it_began(tmp_path: Path) -> None:
    async with program(tmp_path) as here:
        plain, stream = here.ask(ASK), here.ask(STREAM)
        await until(lambda: len(here.model.seen) == 2)
        here.process.terminate()
        await here.until_ready(503)
        async with here.client.post(here.url + CHAT, json=ASK, headers=bearer()) as refused:
            assert (refused.status, (await refused.json())["error"]["code"]) == (503, "draining")
            assert refused.headers["Retry-After"] == "5"
        here.release.set()
        assert (await plain)[0] == 200
        assert (await stream)[1].endswith(b"data: [DONE]\n\n")
        assert await here.ended() == 0
        assert sorted(here.rows()) == [(200, "ok"), (200, "ok"), (503, "unavailable")]


async def test_when_idle_it_stops_at_once(tmp_path: Path) -> None:
    async with program(tmp_path) as here:
        here.process.send_signal(signal.SIGINT)
        async with asyncio.timeout(3):
            assert await here.process.wait() == 0
        assert f"the audit's head is {verify(here.audit).head}" in await here.said()


async def test_what_does_not_end_in_time_is_cut_and_recorded(tmp_path: Path) -> None:
    async with program(tmp_path, limits={"drainSeconds": 0.3}) as here:
        asking = [here.ask(ASK), here.ask(STREAM)]
        await until(lambda: len(here.model.seen) == 2)
        here.process.terminate()
        assert await here.ended() == 0
        await asyncio.gather(*asking, return_exceptions=True)
        assert sorted(here.rows()) == [(0, "interrupted"), (200, "interrupted")]


async def test_when_killed_what_was_in_flight_is_recorded_by_the_next_start(tmp_path: Path) -> None:
    async with program(tmp_path) as here:
        asking = [here.ask(ASK) for _ in range(5)]
        await until(lambda: len(here.model.seen) == 5)
        assert verify(here.audit).in_flight == 5
        here.process.kill()
        await here.process.wait()
        await asyncio.gather(*asking, return_exceptions=True)
    async with program(tmp_path) as here:
        here.release.set()
        assert (await here.ask(ASK))[0] == 200
        assert here.rows() == [*[(0, "interrupted")] * 5, (200, "ok")]
        assert verify(here.audit).in_flight == 0
        here.process.terminate()
        assert await here.ended() == 0
        assert "5 requests were interrupted when the gateway was last killed" in await here.said()


async def test_when_killed_no_completed_answer_is_without_its_row(tmp_path: Path) -> None:
    async with program(tmp_path) as here:
        here.release.set()
        answered = 0

        async def ask_on() -> None:
            nonlocal answered
            while True:
                answered += (await here.ask(ASK))[0] == 200

        asking = [asyncio.create_task(ask_on()) for _ in range(8)]
        await asyncio.sleep(0.5)
        here.process.kill()
        await here.process.wait()
        await asyncio.gather(*asking, return_exceptions=True)
        report = verify(here.audit)
        assert report.broken is None
        assert 0 < answered <= report.rows
        assert len(here.model.seen) <= report.rows + report.in_flight


async def test_on_a_full_disk_nothing_is_served_until_there_is_room(tmp_path: Path) -> None:
    async with program(tmp_path) as here:
        here.release.set()
        assert (await here.ask(ASK))[0] == 200
        log = here.audit.with_name("audit.sqlite-wal").stat().st_size
        resource.prlimit(here.process.pid, resource.RLIMIT_FSIZE, (log, resource.RLIM_INFINITY))
        status, body = await here.ask(ASK)
        assert (status, json.loads(body)["error"]["code"]) == (503, "audit_unavailable")
        assert len(here.model.seen) == 2  # what a model saw before the fault was found has its intent
        async with here.client.get(f"{here.url}/ready") as response:
            assert response.status == 503
            assert "the audit cannot be written" in (await response.json())["audit"]
        for _ in range(3):
            assert (await here.ask(STREAM))[0] == 503
        assert len(here.model.seen) == 2
        resource.prlimit(here.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        await here.until_ready(200)
        assert (await here.ask(ASK))[0] == 200
        assert here.rows() == [(200, "ok"), *[(503, "unavailable")] * 4, (200, "ok")]


async def test_an_answer_that_cannot_be_recorded_is_withheld(tmp_path: Path) -> None:
    async with program(tmp_path) as here:
        plain, stream = here.ask(ASK), here.ask(STREAM)
        await until(lambda: len(here.model.seen) == 2)
        log = here.audit.with_name("audit.sqlite-wal").stat().st_size
        resource.prlimit(here.process.pid, resource.RLIMIT_FSIZE, (log, resource.RLIM_INFINITY))
        here.release.set()
        status, body = await plain
        assert (status, json.loads(body)["error"]["code"]) == (503, "audit_unavailable")
        with pytest.raises(aiohttp.ClientPayloadError):  # its end never came
            await stream
        resource.prlimit(here.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        await here.until_ready(200)
        assert sorted(here.rows()) == [(200, "unavailable"), (503, "unavailable")]
        assert verify(here.audit).in_flight == 0


async def test_an_audit_that_was_tampered_with_is_not_continued(tmp_path: Path) -> None:
    async with program(tmp_path) as here:
        here.release.set()
        await here.ask(ASK)
        here.process.terminate()
        assert await here.ended() == 0
    with closing(sqlite3.connect(tmp_path / "audit.sqlite")) as db:
        db.execute("UPDATE head SET seq = 7")
        db.commit()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "trivet_gateway", str(tmp_path / "gateway.json")),
        env={**os.environ, "PYTHONPATH": str(PACKAGES)},
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    assert process.returncode == 3
    assert b"the gateway cannot start" in said
    assert b"keep the file as evidence" in said
