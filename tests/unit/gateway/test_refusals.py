"""What is refused, with which status and words, and that no model and no quota sees it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.gateway.harness import (
    ASK,
    CHAT,
    COMPLETIONS,
    EMBED,
    EMBEDDINGS,
    KEY,
    OTHER_KEY,
    Answer,
    Stack,
    stack,
)

UNKNOWN_KEY = "tvt_unknown-unknown-unknown-unknown-unknown-unk"


async def refused(here: Stack, answer: Answer, status: int, code: str | None, words: str) -> None:
    """Refused with these words, recorded as such, and nothing was touched."""
    assert answer.status == status, answer.body
    assert answer.error["code"] == code
    assert words in answer.error["message"]
    row = here.rows()[-1]
    assert (row["status"], row["outcome"]) == (status, "refused")
    assert (here.chat.seen, here.vectors.seen) == ([], [])
    assert here.used() == (0, 0, 0)


async def test_without_a_known_key_nothing_is_answered(tmp_path: Path) -> None:
    async with stack(tmp_path) as here:
        for path in (CHAT, "/v1/models", "/v1/identity", "/v1/anything", "/"):
            for headers in ({}, {"Authorization": f"Basic {KEY}"}, {"Authorization": f"Bearer {UNKNOWN_KEY}"}):
                answer = await here.post(path, ASK, key=None, **headers)
                await refused(here, answer, 401, "invalid_api_key", "Send `Authorization: Bearer <key>`")
                assert answer.headers["WWW-Authenticate"] == "Bearer"
                assert here.rows()[-1]["team"] is None


async def test_the_scheme_is_not_case_sensitive(tmp_path: Path) -> None:
    async with stack(tmp_path) as here:
        assert (await here.get("/v1/models", key=None, Authorization=f"bearer {KEY}")).status == 200


async def test_a_route_that_is_not_listed_does_not_exist(tmp_path: Path) -> None:
    async with stack(tmp_path, routes=[EMBEDDINGS]) as here:
        for path in (CHAT, COMPLETIONS, "/v1/models", "/v1/models/small", "/slots", "/props", "/v1/embeddings/", "//"):
            for method in ("GET", "POST", "DELETE"):
                answer = await here.send(method, path)
                await refused(here, answer, 404, "not_found", "Use one of: /v1/embeddings, /v1/identity")
        assert (await here.post(EMBEDDINGS, EMBED)).status == 200


async def test_another_method_is_refused_with_the_one_to_use(tmp_path: Path) -> None:
    async with stack(tmp_path) as here:
        for path, method, use in ((CHAT, "GET", "POST"), (EMBEDDINGS, "PUT", "POST"), ("/v1/models", "POST", "GET")):
            answer = await here.send(method, path)
            await refused(here, answer, 405, "method_not_allowed", f"Use {use}")
            assert answer.headers["Allow"] == use


async def test_a_model_that_is_unknown_or_not_for_the_team_is_not_found(tmp_path: Path) -> None:
    async with stack(tmp_path) as here:
        unknown = await here.post(CHAT, {**ASK, "model": "huge"})
        await refused(here, unknown, 404, "model_not_found", "'huge' does not exist or team red may not use it")
        foreign = await here.post(CHAT, ASK, key=OTHER_KEY)
        await refused(here, foreign, 404, "model_not_found", "'small' does not exist or team blue may not use it")


async def test_a_model_of_another_kind_is_refused(tmp_path: Path) -> None:
    async with stack(tmp_path) as here:
        answer = await here.post(CHAT, {**ASK, "model": "vectors"})
        await refused(here, answer, 400, "model_not_capable", "does not serve chat")
        answer = await here.post(EMBEDDINGS, {**EMBED, "model": "small"})
        await refused(here, answer, 400, "model_not_capable", "does not serve embeddings")


async def test_data_of_a_class_that_the_team_may_not_send_is_refused(tmp_path: Path) -> None:
    async with stack(tmp_path) as here:
        answer = await here.post(CHAT, ASK, X_Trivet_Data_Class="special")
        await refused(here, answer, 403, "data_class_not_allowed", "may not send data of class 'special'")
        answer = await here.post(CHAT, ASK, X_Trivet_Data_Class="secret")
        await refused(here, answer, 400, "unknown_data_class", "Use one of: public, internal, special")
        assert (await here.post(CHAT, ASK, X_Trivet_Data_Class="public")).status == 200


async def test_the_default_data_class_is_refused_to_a_team_that_may_not_send_it(tmp_path: Path) -> None:
    async with stack(tmp_path, defaultDataClass="special") as here:
        await refused(here, await here.post(CHAT, ASK), 403, "data_class_not_allowed", "class 'special'")


async def test_a_bad_body_is_refused(tmp_path: Path) -> None:
    async with stack(tmp_path) as here:
        await refused(here, await here.post(CHAT, b"{"), 400, "invalid_json", "Send one JSON object")
        await refused(here, await here.post(CHAT, b""), 400, "invalid_json", "Send one JSON object")
        bad = await here.post(CHAT, {**ASK, "temperature": "hot"})
        await refused(here, bad, 400, "invalid_value", "'temperature' is not valid")
        assert bad.error["param"] == "temperature"
        long = await here.post(CHAT, {**ASK, "max_tokens": 65})
        await refused(here, long, 400, "max_tokens_too_large", "Lower max_tokens")


async def test_a_body_over_the_limit_is_refused_announced_or_not(tmp_path: Path) -> None:
    async def pieces() -> Any:
        for _ in range(40):
            yield b" " * 64

    async with stack(tmp_path, limits={"bodyBytes": 2048}) as here:
        await refused(here, await here.post(CHAT, b" " * 2049), 413, None, "larger than 2048 bytes")
        await refused(here, await here.send("POST", CHAT, data=pieces()), 413, None, "larger than 2048 bytes")
        body = json.dumps(ASK).encode()
        assert (await here.post(CHAT, body + b" " * (2048 - len(body)))).status == 200


async def test_a_small_surplus_is_let_in_before_the_refusal_and_a_large_one_is_not(tmp_path: Path) -> None:
    async with stack(tmp_path, limits={"bodyBytes": 2048}) as here:
        host, port = here.url.removeprefix("http://").split(":")
        for length, sent in ((2100, 2099), (4097, 0)):
            reader, writer = await asyncio.open_connection(host, int(port))
            head = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Length: {length}\r\n\r\n"
            writer.write(head.encode() + b" " * sent)
            answer = asyncio.create_task(reader.readline())
            if sent:
                await asyncio.wait({answer}, timeout=0.2)
                assert not answer.done()
                writer.write(b" " * (length - sent))
            assert (await answer).split()[1] == b"413"
            writer.close()
            await writer.wait_closed()


async def test_a_compressed_body_is_refused(tmp_path: Path) -> None:
    async with stack(tmp_path) as here:
        answer = await here.send("POST", CHAT, data=b"\x1f\x8b", Content_Encoding="gzip")
        await refused(here, answer, 415, None, "Send the JSON uncompressed")


async def test_a_client_that_leaves_while_sending_is_recorded(tmp_path: Path) -> None:
    async with stack(tmp_path) as here:
        host, port = here.url.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        head = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Length: 100\r\n\r\n"
        writer.write(head.encode() + b'{"model"')
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.close()
        await writer.wait_closed()
        await asyncio.sleep(0.05)
        await here.settled()
        row = here.rows()[0]
    assert (row["status"], row["outcome"], row["team"]) == (499, "disconnected", "red")


@pytest.mark.parametrize("asked", ["", "a b", "x" * 129, "naïve", "<script>"])
async def test_a_request_id_that_is_none_is_replaced(tmp_path: Path, asked: str) -> None:
    async with stack(tmp_path) as here:
        answer = await here.get("/v1/models", X_Request_Id=asked)
        assert answer.headers["X-Request-Id"] != asked
        assert here.rows()[0]["request"] == answer.headers["X-Request-Id"]


async def test_every_refusal_is_a_row_and_every_row_a_request(tmp_path: Path) -> None:
    async with stack(tmp_path) as here:
        await asyncio.gather(
            here.post(CHAT, ASK, key=None),
            here.post(CHAT, b"{"),
            here.get("/nowhere"),
            here.get(CHAT),
            here.post(CHAT, {**ASK, "model": "huge"}),
            here.post(CHAT, ASK, X_Trivet_Data_Class="special"),
            here.post(CHAT, ASK),
        )
        for path in ("/health", "/ready", "/metrics"):
            await here.get(path)
        rows = here.rows()
    assert sorted(row["status"] for row in rows) == [200, 400, 401, 403, 404, 404, 405]


async def test_neither_prompts_nor_keys_reach_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", logger="trivet_gateway")
    secret = "the-patient-has-a-name"
    asks = {"model": "small", "messages": [{"role": "user", "content": secret}]}
    async with stack(tmp_path) as here:
        for body in (asks, {**asks, "messages": secret}, {**asks, "n": secret}, {**asks, "model": secret}):
            await here.post(CHAT, body)
        metrics = (await here.get("/metrics")).body.decode()
        rows = here.rows()
    assert secret not in caplog.text
    assert KEY not in caplog.text
    assert secret not in metrics
    assert [row["prompt"] for row in rows] == [None] * 4


async def test_prompts_are_kept_where_the_configuration_asks_for_it(tmp_path: Path) -> None:
    audit = {"path": str(tmp_path / "audit.sqlite"), "prompts": True}
    async with stack(tmp_path, audit=audit) as here:
        await here.post(CHAT, ASK)
        await here.post(EMBEDDINGS, EMBED)
        await here.post(CHAT, {**ASK, "model": "huge"})
        rows = here.rows()
    assert [row["prompt"] for row in rows] == ['[{"role":"user","content":"Count."}]', '"a text"', None]
