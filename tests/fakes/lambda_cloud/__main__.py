"""`python -m tests.fakes.lambda_cloud`: the fake for people, in real time, until Ctrl-C."""

from __future__ import annotations

import argparse

import uvicorn

from tests.fakes.lambda_cloud.app import BASE, KEY, FakeLambda
from trivet.drivers.clock import SystemClock


def main() -> None:
    """Serve an account of its own."""
    parser = argparse.ArgumentParser(prog="tests.fakes.lambda_cloud", description=__doc__)
    parser.add_argument("--port", type=int, default=8900)
    parser.add_argument("--boot-seconds", type=float, default=10, help="from the launch until active (default: 10)")
    args = parser.parse_args()
    fake = FakeLambda(SystemClock())
    fake.account.boot_seconds = args.boot_seconds
    print(f"export LAMBDA_CLOUD_URL=http://127.0.0.1:{args.port}{BASE} LAMBDA_API_KEY={KEY}", flush=True)
    uvicorn.run(fake.app, host="127.0.0.1", port=args.port, log_level="info")


if __name__ == "__main__":
    main()
