"""`python3 -m trivet_gateway [CONFIG]`: serve."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path
from typing import Final

from trivet_gateway.app import Gateway
from trivet_gateway.config import load_config
from trivet_gateway.contract import Contract
from trivet_gateway.server import DrainingServer

CONFIG: Final = Path("/etc/trivet/gateway.json")
SWITCH_SECONDS: Final = 0.0005
"""How long the audit's thread waits for its turn at most: responses wait for it. Python's default is ten times that."""
LOG_FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def main(arguments: list[str] | None = None) -> int:
    """Run until stopped. 0: stopped as asked; 2: the configuration is not valid; 3: could not start."""
    parser = argparse.ArgumentParser(prog="python3 -m trivet_gateway", description="The gateway.")
    parser.add_argument("config", nargs="?", type=Path, default=CONFIG, help=f"default: {CONFIG}")
    path = parser.parse_args(arguments).config
    logging.basicConfig(level=logging.INFO, format=LOG_FORMAT, stream=sys.stderr)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    try:
        config = load_config(path)
        contract = Contract.of(config, os.environ)
    except (OSError, ValueError) as error:  # a ValidationError is a ValueError
        print(f"{path}: {error}", file=sys.stderr)
        return 2
    sys.setswitchinterval(SWITCH_SECONDS)
    DrainingServer(Gateway(config, path, contract)).run()  # exits with 3 where it cannot start
    return 0


if __name__ == "__main__":
    sys.exit(main())
