"""A trained model straight from its GGUF, in numpy: what llama.cpp's answers are compared with, and training's too."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


class Forward:
    """The llama architecture with dequantised weights; no cache, so it is for short texts."""

    def __init__(self, path: Path) -> None:
        """Read the weights and sizes of a GGUF file."""
        reader = gguf.GGUFReader(path)
        self._weights = {
            tensor.name: np.asarray(gguf.quants.dequantize(tensor.data, tensor.tensor_type), np.float32)
            for tensor in reader.tensors
        }

        def number(key: str) -> float:
            return float(reader.fields[f"llama.{key}"].contents())

        self._layers = int(number("block_count"))
        self._heads = int(number("attention.head_count"))
        self._epsilon = number("attention.layer_norm_rms_epsilon")
        self._base = number("rope.freq_base")

    def logits(self, ids: list[int]) -> Array:
        """Scores of what follows each token: (length, vocabulary)."""
        x = self._weights["token_embd.weight"][ids]
        for layer in range(self._layers):
            block = f"blk.{layer}"
            x = x + self._attention(self._norm(x, f"{block}.attn_norm"), block)
            x = x + self._feed_forward(self._norm(x, f"{block}.ffn_norm"), block)
        return self._norm(x, "output_norm") @ self._weights["token_embd.weight"].T

    def answer(self, ids: list[int], end: int, limit: int = 64) -> list[int]:
        """The likeliest continuation, up to `end` (left out) or `limit` tokens."""
        said: list[int] = []
        while len(said) < limit:
            token = int(self.logits([*ids, *said])[-1].argmax())
            if token == end:
                break
            said.append(token)
        return said

    def _attention(self, x: Array, block: str) -> Array:
        length, width = x.shape

        def heads(name: str) -> Array:
            return self._linear(x, f"{block}.{name}").reshape(length, self._heads, -1).transpose(1, 0, 2)

        q, k = self._rotate(heads("attn_q")), self._rotate(heads("attn_k"))
        scores = q @ k.transpose(0, 2, 1) / np.sqrt(np.float32(width // self._heads))
        scores += np.triu(np.full((length, length), -np.inf, np.float32), 1)
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        shares /= shares.sum(axis=-1, keepdims=True)
        return self._linear(
            (shares @ heads("attn_v")).transpose(1, 0, 2).reshape(length, width), f"{block}.attn_output"
        )

    def _rotate(self, x: Array) -> Array:
        _, length, width = x.shape
        frequency = self._base ** (-np.arange(0, width, 2) / width)
        angle = (np.arange(length)[:, None] * frequency).astype(np.float32)
        turned = np.empty_like(x)
        turned[..., 0::2] = x[..., 0::2] * np.cos(angle) - x[..., 1::2] * np.sin(angle)
        turned[..., 1::2] = x[..., 0::2] * np.sin(angle) + x[..., 1::2] * np.cos(angle)
        return turned

    def _feed_forward(self, x: Array, block: str) -> Array:
        gate = self._linear(x, f"{block}.ffn_gate")
        return self._linear(gate / (1 + np.exp(-gate)) * self._linear(x, f"{block}.ffn_up"), f"{block}.ffn_down")

    def _linear(self, x: Array, name: str) -> Array:
        return x @ self._weights[f"{name}.weight"].T

    def _norm(self, x: Array, name: str) -> Array:
        scale = np.sqrt((x * x).mean(axis=-1, keepdims=True) + np.float32(self._epsilon))
        return np.asarray(x / scale * self._weights[f"{name}.weight"], np.float32)
