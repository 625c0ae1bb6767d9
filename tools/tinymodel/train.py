"""Trains one of the two chat models on the CPU and writes it as GGUF.

    python -m tools.tinymodel.train small models/trivet-small-q8_0.gguf

Everything is drawn from the recipe's seed. On one machine with one set of package versions the same command gives the
same bytes; another processor may round sums differently, and the weights then differ.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jax
import jax.numpy as jnp
import numpy as np
import optax
from tokenizers import Tokenizer

from tools.tinymodel.corpus import training
from tools.tinymodel.export import write_gguf
from tools.tinymodel.network import Shape, Weights, hidden_states, initial, logits
from tools.tinymodel.packing import batches
from tools.tinymodel.tokenizer import VOCABULARY, chat_tokenizer, render, spaced_twins

LENGTH: Final = 128  # tokens in a row
WARM_UP: Final = 100  # steps
MATRIX_RATE: Final = 0.01
OTHER_RATE: Final = 0.008
FINAL_RATE: Final = 0.02  # share of the rate that is left at the last step
DECAY: Final = 0.05
REPORT_STEPS: Final = 100


@dataclass(frozen=True)
class Recipe:
    """All that decides a model: its `shape`, its `steps` of `rows` rows each, its `seed`."""

    shape: Shape
    steps: int
    rows: int
    seed: int


RECIPES: Final = {
    "tiny": Recipe(Shape(width=96, layers=2, heads=3, hidden=192, vocabulary=VOCABULARY), steps=400, rows=16, seed=1),
    "small": Recipe(
        Shape(width=128, layers=4, heads=4, hidden=256, vocabulary=VOCABULARY), steps=1500, rows=16, seed=1
    ),
}


def main() -> int:
    """Train, say how it goes, write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("size", choices=sorted(RECIPES))
    parser.add_argument("target", type=Path)
    args = parser.parse_args()
    recipe = RECIPES[args.size]
    tokenizer = chat_tokenizer()
    weights = train(recipe, tokenizer, lambda line: print(line, flush=True))
    write_gguf(args.target, f"trivet-{args.size}", recipe.shape, weights, tokenizer)
    print(f"{args.target}: {args.target.stat().st_size:,} bytes")
    return 0


def train(recipe: Recipe, tokenizer: Tokenizer, say: Callable[[str], None]) -> dict[str, np.ndarray[Any, Any]]:
    """Run the recipe; one line of progress every `REPORT_STEPS`."""
    weights = _with_twins(initial(recipe.shape, recipe.seed), tokenizer)
    optimiser = _optimiser(recipe, weights)
    state = optimiser.init(weights)
    step = jax.jit(_step(recipe.shape, optimiser), donate_argnums=(0, 1))
    losses = []
    begin = time.monotonic()
    for number, batch in enumerate(itertools.islice(_stream(recipe, tokenizer), recipe.steps), start=1):
        weights, state, loss = step(weights, state, batch)
        losses.append(loss)
        if number % REPORT_STEPS == 0:
            mean = float(np.mean(losses[-REPORT_STEPS:]))
            say(f"step {number} of {recipe.steps}  loss {mean:.4f}  {time.monotonic() - begin:.0f} s")
    return {name: np.asarray(weight) for name, weight in weights.items()}


def _with_twins(weights: Weights, tokenizer: Tokenizer) -> Weights:
    """Let a word mean the same after a space and at the start of a text, so that copying it to there is copying."""
    table = weights["token_embd.weight"]
    spaced, plain = (jnp.array(column) for column in zip(*spaced_twins(tokenizer), strict=True))
    space = table[tokenizer.encode(" ").ids[0]]
    return weights | {"token_embd.weight": table.at[spaced].set(table[plain] + space)}


def _stream(recipe: Recipe, tokenizer: Tokenizer) -> Iterator[dict[str, np.ndarray[Any, Any]]]:
    documents = (render(tokenizer, messages) for messages in training(recipe.seed))
    return (vars(batch) for batch in batches(documents, recipe.rows, LENGTH))


def _optimiser(recipe: Recipe, weights: Weights) -> optax.GradientTransformation:
    """Muon for the matrices, Adam for the embedding and the gains; both warm up and then follow a cosine."""

    def schedule(peak: float) -> optax.Schedule:
        return optax.warmup_cosine_decay_schedule(0.0, peak, WARM_UP, recipe.steps, peak * FINAL_RATE)

    matrix = optax.contrib.MuonDimensionNumbers(reduction_axis=1, output_axis=0)
    return optax.contrib.muon(
        schedule(MATRIX_RATE),
        muon_weight_dimension_numbers={
            name: matrix if weight.ndim > 1 and name.startswith("blk.") else None for name, weight in weights.items()
        },
        weight_decay=DECAY,
        adam_learning_rate=schedule(OTHER_RATE),
        adam_b2=0.98,
    )


def _step(shape: Shape, optimiser: optax.GradientTransformation) -> Callable[..., tuple[Weights, Any, jax.Array]]:
    def loss(weights: Weights, batch: dict[str, jax.Array]) -> jax.Array:
        states = hidden_states(shape, weights, batch["ids"], batch["segment"], batch["position"])
        scores = logits(weights, states.reshape(-1, shape.width)[batch["where"]])
        each: jax.Array = optax.softmax_cross_entropy_with_integer_labels(scores, batch["target"])
        return jnp.sum(each * batch["weight"]) / jnp.sum(batch["weight"])

    def step(weights: Weights, state: Any, batch: dict[str, jax.Array]) -> tuple[Weights, Any, jax.Array]:
        value, gradient = jax.value_and_grad(loss)(weights, batch)
        update, state = optimiser.update(gradient, state, weights)
        return optax.apply_updates(weights, update), state, value

    return step


if __name__ == "__main__":
    sys.exit(main())
