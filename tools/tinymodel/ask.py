"""One question to a chat endpoint with OpenAI's API."""

from __future__ import annotations

import httpx

MAX_TOKENS = 64


def ask(client: httpx.Client, model: str, prompt: str) -> str:
    """The model's likeliest answer. `client` has the base URL, which ends in `/v1`, and the key if one is needed."""
    body = {
        "model": model,
        "messages": [{"role": "user", "content": prompt}],
        "temperature": 0,
        "max_tokens": MAX_TOKENS,
    }
    reply = client.post("chat/completions", json=body).raise_for_status().json()
    return str(reply["choices"][0]["message"]["content"] or "")
