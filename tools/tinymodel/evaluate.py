"""Measures models through a running endpoint: the share of held-out questions answered exactly, by task.

    python -m tools.tinymodel.evaluate --url http://127.0.0.1:8080/v1 --key-file KEY trivet-tiny trivet-small

Without models it measures all that the endpoint lists. Greedy decoding; an answer counts when it is the right one,
character by character, spaces at its ends aside.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from tools.tinymodel.ask import ask
from tools.tinymodel.corpus import MEASURED, held_out
from tools.tinymodel.tasks import Example


def main() -> int:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*")
    parser.add_argument("--url", required=True, help="ends in /v1")
    parser.add_argument("--key-file", type=Path, help="a file with an API key")
    parser.add_argument("--count", type=int, default=200, help="questions a task (default 200)")
    parser.add_argument("--seed", type=int, default=1, help="of the held-out sample (default 1)")
    parser.add_argument("--show", type=int, default=0, metavar="N", help="print N wrong answers a task")
    args = parser.parse_args()
    headers = {"Authorization": f"Bearer {args.key_file.read_text().strip()}"} if args.key_file else {}
    with httpx.Client(base_url=args.url, headers=headers, timeout=60) as client:
        models = args.models or [model["id"] for model in client.get("models").raise_for_status().json()["data"]]
        print(f"| model | {' | '.join(MEASURED)} | all |\n|---|{'---|' * (len(MEASURED) + 1)}")
        for model in models:
            wrong = {task: failures(client, model, held_out(task, args.count, args.seed)) for task in MEASURED}
            shares = [1 - len(wrong[task]) / args.count for task in MEASURED]
            cells = [f"{share:.1%}" for share in (*shares, sum(shares) / len(shares))]
            print(f"| {model} | {' | '.join(cells)} |", flush=True)
            for task in MEASURED:
                for example, answer in wrong[task][: args.show]:
                    print(f"    {task}: {example.prompt!r} → {answer!r}, not {example.answer!r}")
    return 0


def failures(client: httpx.Client, model: str, examples: Iterable[Example]) -> list[tuple[Example, str]]:
    """The examples that the model gets wrong, with what it said."""
    examples = list(examples)
    with ThreadPoolExecutor(max_workers=4) as pool:
        answers = list(pool.map(lambda example: ask(client, model, example.prompt).strip(), examples))
    return [(example, answer) for example, answer in zip(examples, answers, strict=True) if answer != example.answer]


if __name__ == "__main__":
    sys.exit(main())
