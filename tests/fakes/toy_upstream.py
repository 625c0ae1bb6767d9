"""A model's server on the wire: what llama-server answers on the routes that a gateway asks, from a toy model."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.fakes.toy_model import ToyModel, prompt_of


def toy_upstream(*, context_length: int, dimensions: int) -> Starlette:
    """One server that serves every model by the name it is asked for."""
    model = ToyModel()

    async def health(_: Request) -> Response:
        return PlainTextResponse("ok")

    async def generate(request: Request) -> Response:
        body, path = await request.json(), request.url.path
        if len(prompt_of(body).split()) > context_length // 2:
            message = "the request exceeds the available context size, try increasing it"
            return JSONResponse({"error": {"message": message, "code": 400, "type": "exceed_context_size_error"}}, 400)
        if body.get("stream"):
            return StreamingResponse(model.pieces(body, path), media_type="text/event-stream")
        return JSONResponse(model.plain(body, path))

    async def embed(request: Request) -> Response:
        return JSONResponse(model.embed(await request.json(), dimensions))

    return Starlette(
        routes=[
            Route("/health", health),
            Route("/v1/chat/completions", generate, methods=["POST"]),
            Route("/v1/completions", generate, methods=["POST"]),
            Route("/v1/embeddings", embed, methods=["POST"]),
        ]
    )
