"""Embeddings: of the right length, the same each time, alone or in a batch, and near what means the same."""

from __future__ import annotations

from trivet.conformance.breach import BreachError, require
from trivet.conformance.check import Check
from trivet.conformance.examination import Examination
from trivet.conformance.prompts import TEXTS, embedding_body
from trivet.conformance.routes import EMBEDDINGS
from trivet.conformance.shapes import Embeddings
from trivet.conformance.vectors import cosine, from_base64, largest_difference

SAME = 1e-5
# A batch may be summed in another order than a single text.
SAME_IN_BATCH = 1e-3
SAME_IN_BASE64 = 1e-6
RUNTIME = "check the model's pooling and its runtime's arguments"
GATEWAY = "compare with the model's own answer: the gateway passes vectors on unchanged"


def _shape(examination: Examination) -> str:
    seen = []
    for model in examination.access.models_for(EMBEDDINGS):
        length = len(_vectors(examination, model.name, TEXTS[0][0])[0])
        if model.dimensions is not None:
            require(length == model.dimensions, f"{model.name}: {length} numbers; the spec says {model.dimensions}")
        seen.append(f"{model.name}: {length} numbers")
    return "; ".join(seen)


def _deterministic(examination: Examination) -> str:
    worst = 0.0
    for model in examination.access.models_for(EMBEDDINGS):
        one, other = (_vectors(examination, model.name, TEXTS[0][0])[0] for _ in range(2))
        worst = max(worst, largest_difference(one, other))
        require(worst <= SAME, f"{model.name}: two vectors of one text differ by {worst:.2g}")
    return f"differ by {worst:.2g} at most"


def _batch(examination: Examination) -> str:
    worst = 0.0
    for model in examination.access.models_for(EMBEDDINGS):
        texts = list(TEXTS[0])
        batch = _vectors(examination, model.name, texts)
        singles = [_vectors(examination, model.name, text)[0] for text in texts]
        worst = max([worst, *map(largest_difference, batch, singles)])
        require(worst <= SAME_IN_BATCH, f"{model.name}: in a batch a vector differs by {worst:.2g} from its own")
    return f"differ by {worst:.2g} at most"


def _meaning(examination: Examination) -> str:
    margins = []
    for model in examination.access.models_for(EMBEDDINGS):
        for texts in TEXTS:
            text, paraphrase, unrelated = _vectors(examination, model.name, list(texts))
            near, far = cosine(text, paraphrase), cosine(text, unrelated)
            require(near > far, f"{model.name}: cosine {near:.3f} to {texts[1]!r}, {far:.3f} to {texts[2]!r}")
            margins.append(near - far)
    return f"paraphrases are nearer by {min(margins):.2f} at least"


def _base64(examination: Examination) -> str:
    worst = 0.0
    for model in examination.access.models_for(EMBEDDINGS):
        floats = _vectors(examination, model.name, TEXTS[0][0])[0]
        body = embedding_body(model.name, TEXTS[0][0], encoding_format="base64")
        coded = examination.access.ask(EMBEDDINGS, body, Embeddings).data[0].embedding
        if not isinstance(coded, str):
            raise BreachError(f"{model.name}: asked for base64 and got a list")
        worst = max(worst, largest_difference(from_base64(coded), floats))
        require(worst <= SAME_IN_BASE64 + SAME, f"{model.name}: base64 and numbers differ by {worst:.2g}")
    return f"differ by {worst:.2g} at most"


def _vectors(examination: Examination, model: str, text: str | list[str]) -> list[list[float]]:
    answer = examination.access.ask(EMBEDDINGS, embedding_body(model, text), Embeddings)
    count = 1 if isinstance(text, str) else len(text)
    indices = [entry.index for entry in answer.data]
    require(indices == list(range(count)), f"{model}: {count} texts gave vectors with the indices {indices}")
    vectors = [entry.embedding for entry in answer.data if not isinstance(entry.embedding, str)]
    require(len(vectors) == count, f"{model}: base64 was not asked for")
    return vectors


CHECKS = (
    Check("embeddings.shape", "Embeddings have OpenAI's shape and the dimension of the spec.", RUNTIME, _shape),
    Check("embeddings.deterministic", f"One text has one vector, to {SAME:g}.", RUNTIME, _deterministic),
    Check("embeddings.batch", f"A text has the same vector in a batch, to {SAME_IN_BATCH:g}.", RUNTIME, _batch),
    Check("embeddings.meaning", "A paraphrase is nearer than an unrelated text.", RUNTIME, _meaning),
    Check("embeddings.base64", "Base64 holds the same vector as numbers.", GATEWAY, _base64),
)
