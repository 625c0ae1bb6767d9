"""From the bytes of a body to a request that may be dispatched, or a refusal that names the parameter at fault."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails, from_json, to_json

from trivet_gateway.bodies import BODIES, HINTS
from trivet_gateway.config import Capability, Limits, Model, Route
from trivet_gateway.errors import ApiError
from trivet_gateway.usage import estimate

CAPABILITY: Final[dict[Route, Capability]] = {
    "/v1/chat/completions": "chat",
    "/v1/completions": "completions",
    "/v1/embeddings": "embeddings",
}
COMPLETION_TOKENS: Final = 16
"""What OpenAI's `/v1/completions` writes when it is not told how much."""


@dataclass(slots=True)
class ModelRequest:
    """A request for a model, checked as far as it can be without knowing the model.

    Attributes:
        body: the parameters to pass on, without nulls and hints.
        stream: the client wants server-sent events.
        wants_usage: the client asked for the usage event of a stream.
        prompt_tokens: estimated.
    """

    route: Route
    body: dict[str, Any]
    stream: bool
    wants_usage: bool
    prompt_tokens: int

    @property
    def capability(self) -> Capability:
        """What the model must be able to do."""
        return CAPABILITY[self.route]

    @property
    def wants_json(self) -> bool:
        """The answer must parse as JSON."""
        return self.body.get("response_format", {}).get("type") in ("json_object", "json_schema")

    @property
    def prompt(self) -> str:
        """What the client sent for the model to read, as JSON: for the audit, where prompts are kept."""
        return to_json(next(self.body[key] for key in ("messages", "prompt", "input") if key in self.body)).decode()

    def fit(self, model: Model, limits: Limits) -> int:
        """Settle how much the model may write, and return the tokens to reserve.

        Raises:
            ApiError: 400, more is asked for than one request may have, or vectors of another dimension.
        """
        if self.capability == "embeddings":
            _require_dimensions(self.body.pop("dimensions", None), model)
            return self.prompt_tokens
        asked = self.body.get("max_completion_tokens", self.body.get("max_tokens"))
        if asked is None:
            room = limits.max_tokens if self.capability == "chat" else COMPLETION_TOKENS
            asked = self.body["max_tokens"] = min(room, limits.max_tokens, model.context_length)
        elif asked > limits.max_tokens:
            name = "max_completion_tokens" if "max_completion_tokens" in self.body else "max_tokens"
            raise ApiError(
                400,
                f"{name} is {asked}; one request may write at most {limits.max_tokens} tokens here. Lower {name}.",
                code="max_tokens_too_large",
                param=name,
            )
        prompts = self.body.get("prompt")
        answers = len(prompts) if isinstance(prompts, list) and isinstance(prompts[0], str) else 1
        return self.prompt_tokens + asked * answers * int(self.body.get("n", 1))

    def encode(self, model: str) -> bytes:
        """The body to send, to a server that knows the model by `model`; a stream always reports its usage."""
        options = {"stream_options": {"include_usage": True}} if self.stream else {}
        return to_json({**self.body, "model": model, **options})


def parse(route: Route, body: bytes) -> ModelRequest:
    """Check a body's JSON, types, bounds and parameter names.

    Raises:
        ApiError: 400, with the parameter at fault in `param`.
    """
    try:
        checked = BODIES[route].validate_json(body)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_context=False, include_input=False)
        # Of the ways in which a union failed, the one that got furthest is what the client meant.
        furthest = max(errors, key=lambda found: (len(found["loc"]), not found["type"].endswith("_type")))
        raise _refusal(furthest, body) from None
    given = {name: value for name, value in checked.items() if value is not None and name not in HINTS}
    stream = given.get("stream", False)
    options = given.pop("stream_options", None)
    if options is not None and not stream:
        raise ApiError(400, "stream_options needs stream to be true. Leave it out, or stream.", param="stream_options")
    return ModelRequest(
        route=route,
        body=given,
        stream=stream,
        wants_usage=bool(options and options.get("include_usage")),
        prompt_tokens=estimate(body),
    )


def _require_dimensions(asked: int | None, model: Model) -> None:
    if asked is not None and asked != model.dimensions:
        raise ApiError(
            400,
            f"The model '{model.name}' gives vectors of {model.dimensions} dimensions, not {asked}. "
            "Leave `dimensions` out.",
            param="dimensions",
        )


def _refusal(error: ErrorDetails, body: bytes) -> ApiError:
    if error["type"] == "json_invalid":
        return ApiError(400, f"The body is not valid JSON: {error['msg']}. Send one JSON object.", code="invalid_json")
    param = _path(error["loc"], body)
    if error["type"] == "extra_forbidden":
        return ApiError(
            400, f"The parameter '{param}' is not supported here. Leave it out.", code="unknown_parameter", param=param
        )
    if error["type"] == "missing":
        return ApiError(
            400, f"The parameter '{param}' is missing. Add it.", code="missing_required_parameter", param=param
        )
    where = f"'{param}'" if param else "The body"
    return ApiError(
        400, f"{where} is not valid: {error['msg']}. Correct it.", code="invalid_value", param=param or None
    )


def _path(location: tuple[int | str, ...], body: bytes) -> str:
    """The place of an error as a client writes it: `messages[0].role`. Names that are pydantic's own are left out."""
    value, path = from_json(body), ""
    for index, step in enumerate(location):
        if isinstance(step, int):
            path += f"[{step}]"
        elif isinstance(value, dict) and (step in value or index == len(location) - 1):
            path += f".{step}" if path else step
        else:
            continue
        known = isinstance(value, list) or (isinstance(value, dict) and step in value)
        value = value[step] if known else None
    return path[:200]
