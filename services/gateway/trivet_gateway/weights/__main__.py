"""`python3 -m trivet_gateway.weights ARTIFACT --into DIR`: fetch a model's weights and verify them."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from trivet_gateway.weights import WeightsError
from trivet_gateway.weights.fetch import fetch_weights
from trivet_gateway.weights.registry import Artifact, Repository


def main(arguments: list[str] | None = None) -> int:
    """0: every file is there and right; 2: an error, said on stderr."""
    parser = argparse.ArgumentParser(prog="python3 -m trivet_gateway.weights", description="A model's weights.")
    parser.add_argument("artifact", help="HOST/REPOSITORY@sha256:…")
    parser.add_argument("--into", type=Path, required=True, metavar="DIR")
    parser.add_argument("--ca", type=Path, metavar="FILE", help="certificates that the registry's is held against")
    parser.add_argument("--credentials", type=Path, metavar="FILE", help="as `docker login` writes it")
    args = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        artifact = Artifact.parse(args.artifact)
        repository = Repository(artifact, ca=args.ca, credentials=args.credentials)
        files = fetch_weights(repository, artifact, args.into)
    except WeightsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{len(files)} files of {artifact.digest} are in {args.into}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
