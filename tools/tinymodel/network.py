"""The llama architecture as llama.cpp computes it (`LLM_ARCH_LLAMA`).

RMS norm before each part, rotary positions on adjacent pairs, SwiGLU, and the embedding as output matrix.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import jax
import jax.numpy as jnp

Weights: TypeAlias = dict[str, jax.Array]
ROPE_BASE = 10_000.0
NORM_EPSILON = 1e-5


@dataclass(frozen=True)
class Shape:
    """Sizes: `width` of the residual stream, `layers`, attention `heads`, `hidden` width of the feed-forward part."""

    width: int
    layers: int
    heads: int
    hidden: int
    vocabulary: int

    @property
    def head_width(self) -> int:
        """Width of one attention head."""
        return self.width // self.heads

    @property
    def tensors(self) -> dict[str, tuple[int, ...]]:
        """Every weight by llama.cpp's name, as (outputs, inputs)."""
        block = {
            "attn_norm": (self.width,),
            "attn_q": (self.width, self.width),
            "attn_k": (self.width, self.width),
            "attn_v": (self.width, self.width),
            "attn_output": (self.width, self.width),
            "ffn_norm": (self.width,),
            "ffn_gate": (self.hidden, self.width),
            "ffn_up": (self.hidden, self.width),
            "ffn_down": (self.width, self.hidden),
        }
        blocks = {f"blk.{layer}.{name}.weight": shape for layer in range(self.layers) for name, shape in block.items()}
        return {"token_embd.weight": (self.vocabulary, self.width), **blocks, "output_norm.weight": (self.width,)}


def initial(shape: Shape, seed: int) -> Weights:
    """Random weights: normal with variance 1/inputs, the two writers into the residual stream scaled down by depth."""
    weights = {}
    keys = jax.random.split(jax.random.key(seed), len(shape.tensors))
    for key, (name, size) in zip(keys, shape.tensors.items(), strict=True):
        if len(size) == 1:
            weights[name] = jnp.ones(size)
            continue
        scale = size[1] ** -0.5
        if "attn_output" in name or "ffn_down" in name:
            scale *= (2 * shape.layers) ** -0.5
        weights[name] = jax.random.normal(key, size) * scale
    return weights


def hidden_states(shape: Shape, weights: Weights, ids: jax.Array, segment: jax.Array, position: jax.Array) -> jax.Array:
    """Last normalised states (batch, length, width) of packed rows; a token sees its own `segment` only."""
    length = ids.shape[1]
    causal = jnp.tril(jnp.ones((length, length), bool))
    visible = causal & (segment[:, :, None] == segment[:, None, :])
    bias = jnp.where(visible, 0.0, -1e9)[:, None]
    cosine, sine = _rotation(shape, position)
    x = weights["token_embd.weight"][ids]
    for layer in range(shape.layers):
        block = {name: weights[f"blk.{layer}.{name}.weight"] for name in _BLOCK}
        x = x + _attention(shape, block, _norm(x, block["attn_norm"]), bias, cosine, sine)
        x = x + _feed_forward(block, _norm(x, block["ffn_norm"]))
    return _norm(x, weights["output_norm.weight"])


def logits(weights: Weights, states: jax.Array) -> jax.Array:
    """Scores over the vocabulary; the output matrix is the embedding's."""
    return states @ weights["token_embd.weight"].T


_BLOCK = ("attn_norm", "attn_q", "attn_k", "attn_v", "attn_output", "ffn_norm", "ffn_gate", "ffn_up", "ffn_down")


def _norm(x: jax.Array, gain: jax.Array) -> jax.Array:
    return x * jax.lax.rsqrt(jnp.mean(x * x, axis=-1, keepdims=True) + NORM_EPSILON) * gain


def _rotation(shape: Shape, position: jax.Array) -> tuple[jax.Array, jax.Array]:
    frequency = ROPE_BASE ** (-jnp.arange(0, shape.head_width, 2) / shape.head_width)
    angle = position[:, None, :, None] * frequency
    return jnp.cos(angle), jnp.sin(angle)


def _rotate(x: jax.Array, cosine: jax.Array, sine: jax.Array) -> jax.Array:
    even, odd = x[..., 0::2], x[..., 1::2]
    return jnp.stack((even * cosine - odd * sine, even * sine + odd * cosine), axis=-1).reshape(x.shape)


def _attention(
    shape: Shape, block: Weights, x: jax.Array, bias: jax.Array, cosine: jax.Array, sine: jax.Array
) -> jax.Array:
    batch, length, width = x.shape

    def heads(name: str) -> jax.Array:
        return (x @ block[name].T).reshape(batch, length, shape.heads, shape.head_width).transpose(0, 2, 1, 3)

    q, k, v = _rotate(heads("attn_q"), cosine, sine), _rotate(heads("attn_k"), cosine, sine), heads("attn_v")
    scores = q @ k.transpose(0, 1, 3, 2) * shape.head_width**-0.5 + bias
    mixed = jax.nn.softmax(scores, axis=-1) @ v
    return mixed.transpose(0, 2, 1, 3).reshape(batch, length, width) @ block["attn_output"].T


def _feed_forward(block: Weights, x: jax.Array) -> jax.Array:
    return (jax.nn.silu(x @ block["ffn_gate"].T) * (x @ block["ffn_up"].T)) @ block["ffn_down"].T
