"""One question to a chat endpoint with OpenAI's API."""

from __future__ import annotations

import time

import httpx

MAX_TOKENS = 64


def ask(client: httpx.Client, model: str, prompt: str) -> str:
    """The model's likeliest answer, asked for again once a minute's quota is renewed.

    Args:
        client: has the base URL, which ends in `/v1`, and the key if one is needed.
        model: its name.
        prompt: what the user says.

    Raises:
        httpx.HTTPStatusError: the endpoint refuses.
    """
    body = {
        "model": model,
        "messages": [{"role": "user", "content": prompt}],
        "temperature": 0,
        "max_tokens": MAX_TOKENS,
    }
    reply = client.post("chat/completions", json=body)
    while reply.status_code == httpx.codes.TOO_MANY_REQUESTS and (wait := reply.headers.get("Retry-After")):
        time.sleep(float(wait))
        reply = client.post("chat/completions", json=body)
    return str(reply.raise_for_status().json()["choices"][0]["message"]["content"] or "")
