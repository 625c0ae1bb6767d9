"""Runs one Pulumi program in this process, as the language host asks: `run_program.py ENGINE <RunRequest`.

The request comes on stdin because it holds the stack's secrets. Exit status: 0, `REPORTED` when the program gave up and
the engine's log says why, 1 after a traceback.
"""

from __future__ import annotations

import asyncio
import logging
import os
import runpy
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

from pulumi import RunError, log
from pulumi.runtime import Settings, configure, run_in_stack, set_all_config
from pulumi.runtime.proto.language_pb2 import RunRequest

REPORTED = 3
RUNPY = runpy.run_path.__code__.co_filename
CALLS_PER_RESOURCE = 4  # the official host's: what one resource in flight may wait for at a time


def main() -> int:
    """Configure the SDK from the request, then run the program as `python PROGRAM` would."""
    request = RunRequest.FromString(sys.stdin.buffer.read())
    configure(
        Settings(
            project=request.project,
            stack=request.stack,
            organization=request.organization,
            monitor=request.monitor_address,
            engine=sys.argv[1],
            parallel=request.parallel,
            dry_run=request.dryRun,
            root_directory=request.info.root_directory,
        )
    )
    set_all_config(dict(request.config), list(request.configSecretKeys))
    program = Path(request.info.program_directory, request.info.entry_point)
    sys.argv = [str(program), *request.args]
    os.chdir(request.pwd)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # what a failed program never awaited is no news
    sys.excepthook = _print_from_the_program_on
    try:
        asyncio.run(_run(program, workers=max(request.parallel, 1) * CALLS_PER_RESOURCE))
    except RunError as error:
        log.error(str(error))
        return REPORTED
    return 0


async def _run(program: Path, *, workers: int) -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(workers))

    def execute() -> None:
        runpy.run_path(str(program), run_name="__main__")

    await run_in_stack(execute)


def _print_from_the_program_on(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Leave out the frames that every program starts with: asyncio's, the SDK's and runpy's."""
    own = trace
    while own and own.tb_frame.f_code.co_filename != RUNPY:
        own = own.tb_next
    while own and own.tb_frame.f_code.co_filename == RUNPY:
        own = own.tb_next
    traceback.print_exception(kind, error, own or trace)


if __name__ == "__main__":
    sys.exit(main())
