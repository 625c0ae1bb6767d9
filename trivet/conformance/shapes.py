"""The shapes of answers as OpenAI documents them (https://platform.openai.com/docs/api-reference).

Fields that runtimes add are allowed; fields that clients rely on are required, with their documented types.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from trivet.conformance.breach import BreachError
from trivet.conformance.http import Reply, excerpt

Count = Annotated[int, Field(ge=0)]
Id = Annotated[str, Field(min_length=1)]
FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "function_call"]


class Shape(BaseModel):
    """No coercion: `"12"` is not a number to a typed client."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)


class Usage(Shape):
    """Tokens of a generation."""

    prompt_tokens: Annotated[int, Field(ge=1)]
    completion_tokens: Count
    total_tokens: Count

    @model_validator(mode="after")
    def _adds_up(self) -> Usage:
        if self.total_tokens != self.prompt_tokens + self.completion_tokens:
            raise ValueError("total_tokens is the sum of prompt_tokens and completion_tokens")
        return self


class EmbeddingUsage(Shape):
    """Tokens of an embedding."""

    prompt_tokens: Annotated[int, Field(ge=1)]
    total_tokens: Annotated[int, Field(ge=1)]


class Words(Shape):
    """Text of a model. Runtimes put what a model thinks before it answers into one of two fields of their own."""

    content: str | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None

    @property
    def text(self) -> str:
        """All of it, in the order in which it is generated."""
        return (self.reasoning_content or self.reasoning or "") + (self.content or "")


class Message(Words):
    """What the model said."""

    role: Literal["assistant"]
    content: str | None


class Choice(Shape):
    """One answer of a chat."""

    index: Count
    message: Message
    finish_reason: FinishReason


class ChatCompletion(Shape):
    """`POST /v1/chat/completions`."""

    id: Id
    object: Literal["chat.completion"]
    created: Count
    model: Id
    choices: Annotated[list[Choice], Field(min_length=1)]
    usage: Usage

    @property
    def text(self) -> str:
        """The first answer."""
        return self.choices[0].message.text


class Delta(Words):
    """A piece of what the model says."""

    role: Literal["assistant"] | None = None


class ChunkChoice(Shape):
    """A piece of one answer of a chat."""

    index: Count
    delta: Delta
    finish_reason: FinishReason | None = None

    @property
    def text(self) -> str:
        """What it adds to the answer."""
        return self.delta.text


class ChatChunk(Shape):
    """One event of a streamed chat. Only the one with the usage may have no choices."""

    id: Id
    object: Literal["chat.completion.chunk"]
    created: Count
    model: Id
    choices: list[ChunkChoice]
    usage: Usage | None = None


class TextChoice(Shape):
    """One completion of a text, or a piece of it."""

    index: Count
    text: str
    finish_reason: FinishReason | None = None


class Completion(Shape):
    """`POST /v1/completions`."""

    id: Id
    object: Literal["text_completion"]
    created: Count
    model: Id
    choices: Annotated[list[TextChoice], Field(min_length=1)]
    usage: Usage

    @property
    def text(self) -> str:
        """The first completion."""
        return self.choices[0].text


class CompletionChunk(Shape):
    """One event of a streamed completion; OpenAI gives it the same object name as the whole."""

    id: Id
    object: Literal["text_completion"]
    created: Count
    model: Id
    choices: list[TextChoice]
    usage: Usage | None = None


class Embedding(Shape):
    """One vector: numbers, or base64 of little-endian 32-bit floats when asked for."""

    object: Literal["embedding"]
    index: Count
    embedding: Annotated[list[FiniteFloat], Field(min_length=1)] | str


class Embeddings(Shape):
    """`POST /v1/embeddings`."""

    object: Literal["list"]
    data: Annotated[list[Embedding], Field(min_length=1)]
    model: Id
    usage: EmbeddingUsage


class ListedModel(Shape):
    """One entry of the model list."""

    id: Id
    object: Literal["model"]
    created: Count
    owned_by: str


class ModelList(Shape):
    """`GET /v1/models`."""

    object: Literal["list"]
    data: list[ListedModel]


class ErrorDetail(Shape):
    """What went wrong. All four keys are there; `param` and `code` may be null."""

    message: Annotated[str, Field(min_length=1)]
    type: Id
    param: str | None
    code: str | None


class ErrorBody(Shape):
    """Every answer with a status of 400 or above."""

    error: ErrorDetail


AnyShape = TypeVar("AnyShape", bound=Shape)


def read_shape(shape: type[AnyShape], reply: Reply) -> AnyShape:
    """The body of a reply in its shape.

    Raises:
        BreachError: it has another; the first field at fault is named.
    """
    return parse_shape(shape, reply.body)


def parse_shape(shape: type[AnyShape], data: bytes | str) -> AnyShape:
    """A JSON text in its shape.

    Raises:
        BreachError: it has another; the first field at fault is named.
    """
    try:
        return shape.model_validate_json(data)
    except ValidationError as exc:
        first = exc.errors(include_input=False, include_url=False)[0]
        path = ".".join(str(part) for part in first["loc"]) or "the body"
        text = data if isinstance(data, str) else data.decode("utf-8", "replace")
        raise BreachError(f"no valid {shape.__name__}: {path}: {first['msg']}: {excerpt(text)}") from exc
