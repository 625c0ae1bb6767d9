"""Holds a running llama-server against the trainer: same tokens, same answers, same logits.

    python -m tools.tinymodel.agree models/trivet-small-q8_0.gguf --url http://127.0.0.1:8080

Tokens of hundreds of texts must be equal, odd ones and the chat template among them. An answer may differ only where
the two best tokens are closer than `NEAR_TIE`: llama.cpp rounds activations to 8 bits in products, the reference does
not.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from pathlib import Path

import httpx
import numpy as np

from tools.tinymodel.corpus import MEASURED, held_out, training
from tools.tinymodel.forward import Forward
from tools.tinymodel.tokenizer import END, SPECIAL, of_gguf, render

CONVERSATIONS = 300
ANSWERS = 20  # a task
MOST = 64  # tokens of an answer; a weak model may not come to an end
NEAR_TIE = 0.5
ODD_TEXTS = (
    "",
    " ",
    "  two  spaces ",
    "tab\tnew\nline\r\n\n end\n",
    "I'll, you're, they've, it's DON'T",
    "12345 67.8 -9 €100",
    "naïve Ünïcödé Καλημέρα мир 你好 🙂👍🏽",
    "snake_case camelCase x=1;y==2 // https://example.org/?q=a&b=c#d",
    "\u00a0no-break\u200bzero\ufeffmark",
    "".join(map(chr, range(1, 127))),
)


def main() -> int:
    """Print what agrees and what does not; 1 if something does not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--url", required=True, help="of llama-server itself, without /v1")
    args = parser.parse_args()
    with httpx.Client(base_url=args.url, timeout=60) as client:
        return 0 if _tokens_agree(client, args.model) and _answers_agree(client, args.model) else 1


def _tokens_agree(client: httpx.Client, model: Path) -> bool:
    tokenizer = of_gguf(model)
    conversations = list(itertools.islice(training(seed=2), CONVERSATIONS))
    texts = [*ODD_TEXTS, *(content for messages in conversations for _, content in messages)]
    wrong = [text for text in texts if _tokenize(client, text) != tokenizer.encode(text).ids]
    for messages in conversations:
        body = {"messages": [{"role": role, "content": content} for role, content in messages[:-1]]}
        prompt = client.post("/apply-template", json=body).raise_for_status().json()["prompt"]
        ids = [*render(tokenizer, messages[:-1])[0], SPECIAL.index("<|assistant|>")]
        if _tokenize(client, prompt) != ids:
            wrong.append(prompt)
    print(f"tokens: {len(texts) + len(conversations) - len(wrong)} texts equal, {len(wrong)} different {wrong[:3]}")
    return not wrong


def _answers_agree(client: httpx.Client, model: Path) -> bool:
    tokenizer, forward = of_gguf(model), Forward(model)
    equal, ties, wrong, error = 0, 0, [], 0.0
    for example in [each for task in MEASURED for each in held_out(task, ANSWERS, seed=3)]:
        ids = [*render(tokenizer, [("user", example.prompt)])[0], SPECIAL.index("<|assistant|>")]
        said, chances = _complete(client, ids)
        wanted = [*forward.answer(ids, SPECIAL.index(END)), SPECIAL.index(END)][:MOST]
        first = forward.logits(ids)[-1].astype(np.float64)
        own = first - np.log(np.exp(first - first.max()).sum()) - first.max()
        error = max([error, *(abs(own[token] - chance) for token, chance in chances.items())])
        if said == wanted:
            equal += 1
            continue
        place = next(index for index, pair in enumerate(zip(said, wanted, strict=False)) if pair[0] != pair[1])
        best = np.sort(forward.logits([*ids, *wanted[:place]])[-1])
        ties += int(best[-1] - best[-2] < NEAR_TIE)
        if best[-1] - best[-2] >= NEAR_TIE:
            wrong.append(example.prompt)
    print(f"answers: {equal} equal, {ties} differ at a near tie, {len(wrong)} differ {wrong[:3]}")
    print(f"log-probabilities of the first token's five best: at most {error:.3f} apart")
    return not wrong


def _tokenize(client: httpx.Client, text: str) -> list[int]:
    body = {"content": text, "add_special": True, "parse_special": True}
    ids: list[int] = client.post("/tokenize", content=json.dumps(body)).raise_for_status().json()["tokens"]
    return ids


def _complete(client: httpx.Client, ids: list[int]) -> tuple[list[int], dict[int, float]]:
    """The tokens of the greedy answer, its end included; and the five best log-probabilities of the first one."""
    body = {"prompt": ids, "temperature": 0, "n_predict": MOST, "n_probs": 5, "return_tokens": True}
    reply = client.post("/completion", json=body).raise_for_status().json()
    said = [token["id"] for token in reply["completion_probabilities"]]
    best = {each["id"]: each["logprob"] for each in reply["completion_probabilities"][0]["top_logprobs"]}
    return said, best


if __name__ == "__main__":
    sys.exit(main())
