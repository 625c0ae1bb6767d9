"""Request bodies: the parameters the gateway knows, their types and bounds. Everything else is refused.

Servers take many parameters beyond OpenAI's, some of which would go around a quota (`n_predict`) or reach into the
server (`id_slot`, `chat_template`). So only what is listed here passes.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, NotRequired

from pydantic import ConfigDict, Field, TypeAdapter, with_config
from typing_extensions import TypedDict  # pydantic reads typing's own from Python 3.12 on only

from trivet_gateway.config import Route

LISTED: Final = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)
OPEN: Final = ConfigDict(strict=True, extra="allow", allow_inf_nan=False)

Text = Annotated[str, Field(min_length=1)]
Tokens = Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1, fail_fast=True)]
Count = Annotated[int, Field(ge=1)]
Choices = Annotated[int, Field(ge=1, le=8)]
Penalty = Annotated[float, Field(ge=-2, le=2)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Stop = str | Annotated[list[str], Field(max_length=16, fail_fast=True)]
Object = dict[str, Any]
Objects = Annotated[list[Object], Field(fail_fast=True)]

# Said by clients about themselves; taken, and not passed on.
HINTS: Final = frozenset({"metadata", "prompt_cache_key", "safety_identifier", "service_tier", "store", "user"})


@with_config(OPEN)
class TextPart(TypedDict):
    """A part of a message's content. Text only: the models here see nothing else."""

    type: Literal["text"]
    text: str


@with_config(OPEN)
class ChatMessage(TypedDict):
    """A message. Fields beyond these are the chat template's business."""

    role: Literal["developer", "system", "user", "assistant", "tool", "function"]
    content: NotRequired[str | Annotated[list[TextPart], Field(fail_fast=True)] | None]
    tool_calls: NotRequired[Objects | None]


@with_config(OPEN)
class ResponseFormat(TypedDict):
    """What form the answer must have."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: NotRequired[Object | None]


@with_config(LISTED)
class StreamOptions(TypedDict):
    """Options of a stream."""

    include_usage: NotRequired[bool | None]


@with_config(LISTED)
class Body(TypedDict):
    """What every route takes."""

    model: Text
    metadata: NotRequired[Object | None]
    prompt_cache_key: NotRequired[str | None]
    safety_identifier: NotRequired[str | None]
    service_tier: NotRequired[str | None]
    store: NotRequired[Literal[False] | None]
    user: NotRequired[str | None]


@with_config(LISTED)
class Generation(Body):
    """What chat and completions share."""

    stream: NotRequired[bool | None]
    stream_options: NotRequired[StreamOptions | None]
    max_tokens: NotRequired[Count | None]
    n: NotRequired[Choices | None]
    temperature: NotRequired[Annotated[float, Field(ge=0, le=2)] | None]
    top_p: NotRequired[Fraction | None]
    top_k: NotRequired[Annotated[int, Field(ge=-1)] | None]
    min_p: NotRequired[Fraction | None]
    stop: NotRequired[Stop | None]
    seed: NotRequired[int | None]
    presence_penalty: NotRequired[Penalty | None]
    frequency_penalty: NotRequired[Penalty | None]
    repeat_penalty: NotRequired[Annotated[float, Field(gt=0, le=10)] | None]
    logit_bias: NotRequired[dict[str, float] | None]


@with_config(LISTED)
class ChatBody(Generation):
    """`POST /v1/chat/completions`."""

    messages: Annotated[list[ChatMessage], Field(min_length=1, fail_fast=True)]
    max_completion_tokens: NotRequired[Count | None]
    logprobs: NotRequired[bool | None]
    top_logprobs: NotRequired[Annotated[int, Field(ge=0, le=20)] | None]
    response_format: NotRequired[ResponseFormat | None]
    tools: NotRequired[Objects | None]
    tool_choice: NotRequired[str | Object | None]
    parallel_tool_calls: NotRequired[bool | None]
    reasoning_effort: NotRequired[str | None]
    chat_template_kwargs: NotRequired[Object | None]


@with_config(LISTED)
class CompletionBody(Generation):
    """`POST /v1/completions`."""

    prompt: Text | Annotated[list[Text], Field(min_length=1, max_length=128, fail_fast=True)] | Tokens
    logprobs: NotRequired[Annotated[int, Field(ge=0, le=20)] | None]
    echo: NotRequired[bool | None]
    suffix: NotRequired[str | None]


@with_config(LISTED)
class EmbeddingBody(Body):
    """`POST /v1/embeddings`."""

    input: Text | Annotated[list[Text | Tokens], Field(min_length=1, max_length=2048, fail_fast=True)] | Tokens
    encoding_format: NotRequired[Literal["float", "base64"] | None]
    dimensions: NotRequired[Count | None]


BODIES: Final[dict[Route, TypeAdapter[Any]]] = {
    "/v1/chat/completions": TypeAdapter(ChatBody),
    "/v1/completions": TypeAdapter(CompletionBody),
    "/v1/embeddings": TypeAdapter(EmbeddingBody),
}
