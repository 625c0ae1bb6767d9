"""`trivet schema`: the JSON Schema of inference.yaml, for editors."""

from __future__ import annotations

import argparse
import json

from trivet.spec import StackSpec


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("schema", help="print the JSON Schema of inference.yaml")
    parser.set_defaults(run=run)


def schema_text() -> str:
    """JSON Schema, draft 2020-12."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **StackSpec.model_json_schema(by_alias=True),
        "title": "inference.yaml",
    }
    return json.dumps(schema, indent=2) + "\n"


def run(_: argparse.Namespace) -> int:
    """Print it."""
    print(schema_text(), end="")
    return 0
