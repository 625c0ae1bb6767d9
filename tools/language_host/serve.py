"""Pulumi's language host for Python: what the engine asks when it wants to run a program or a policy pack.

Only for machines that cannot download the official host. The protocol is Pulumi's `language.proto`: print a port, serve
`LanguageRuntime` on it, end on SIGINT. What only the official host can do (generate code, install dependencies) stays
UNIMPLEMENTED.
"""
# ruff: noqa: ARG002, N802 - the protocol names the methods and their arguments

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import language_pb2 as proto
from pulumi.runtime.proto.language_pb2_grpc import LanguageRuntimeServicer, add_LanguageRuntimeServicer_to_server
from pulumi.runtime.proto.plugin_pb2 import PluginInfo

RUN_PROGRAM = Path(__file__).with_name("run_program.py")
REPORTED = 3  # the exit status of run_program.py when the engine's log holds the error already
WORKERS = 64  # every policy pack occupies one for as long as it runs


class LanguageHost(LanguageRuntimeServicer):
    """Runs each program in a process of its own, by the interpreter of the virtual environment that it names."""

    def __init__(self, engine: str) -> None:
        """`engine` is the address, host:port, that programs log to."""
        self._engine = engine
        self._children: set[subprocess.Popen[bytes]] = set()

    def Handshake(
        self, request: proto.LanguageHandshakeRequest, context: grpc.ServicerContext
    ) -> proto.LanguageHandshakeResponse:
        """Learn the engine's address."""
        self._engine = request.engine_address
        return proto.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Empty, context: grpc.ServicerContext) -> PluginInfo:
        """Name no version: the host is part of the checkout."""
        return PluginInfo()

    def GetRequiredPackages(
        self, request: proto.GetRequiredPackagesRequest, context: grpc.ServicerContext
    ) -> proto.GetRequiredPackagesResponse:
        """Ask for no plugin: they are on PATH or named in Pulumi.yaml, and nothing is downloaded."""
        return proto.GetRequiredPackagesResponse()

    def GetRequiredPlugins(
        self, request: proto.GetRequiredPluginsRequest, context: grpc.ServicerContext
    ) -> proto.GetRequiredPluginsResponse:
        """Ask for no plugin, as above."""
        return proto.GetRequiredPluginsResponse()

    def RuntimeOptionsPrompts(
        self, request: proto.RuntimeOptionsRequest, context: grpc.ServicerContext
    ) -> proto.RuntimeOptionsResponse:
        """Ask the user nothing."""
        return proto.RuntimeOptionsResponse()

    def About(self, request: proto.AboutRequest, context: grpc.ServicerContext) -> proto.AboutResponse:
        """Say which interpreter runs the program."""
        python = _interpreter(request.info, context)
        version = subprocess.run(
            [python, "-c", "import platform; print(platform.python_version(), end='')"],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        return proto.AboutResponse(executable=python, version=version.stdout)

    def GetProgramDependencies(
        self, request: proto.GetProgramDependenciesRequest, context: grpc.ServicerContext
    ) -> proto.GetProgramDependenciesResponse:
        """List what is installed beside the program."""
        pip = [_interpreter(request.info, context), "-m", "pip", "list", "--format=json"]
        scope = [] if request.transitiveDependencies else ["--not-required"]
        listed = json.loads(subprocess.run([*pip, *scope], check=True, capture_output=True).stdout)
        found = [proto.DependencyInfo(name=entry["name"], version=entry["version"]) for entry in listed]
        return proto.GetProgramDependenciesResponse(dependencies=found)

    def Run(self, request: proto.RunRequest, context: grpc.ServicerContext) -> proto.RunResponse:
        """Run the program to its end; what it prints goes to the engine."""
        argv = [_interpreter(request.info, context), str(RUN_PROGRAM), self._engine]
        program = self._start(argv, cwd=request.pwd, stdin=subprocess.PIPE)
        program.communicate(request.SerializeToString())
        self._children.discard(program)
        if program.returncode == REPORTED:
            return proto.RunResponse(bail=True)
        failed = f"the program ended with exit status {program.returncode}" if program.returncode else ""
        return proto.RunResponse(error=failed)

    def RunPlugin(
        self, request: proto.RunPluginRequest, context: grpc.ServicerContext
    ) -> Iterator[proto.RunPluginResponse]:
        """Run a policy pack, or another plugin written in Python, and pass on what it prints until it ends."""
        directory = request.info.program_directory
        policy_pack = ["-m", "pulumi.policy", *request.args, directory]
        command = policy_pack if request.kind == "analyzer" else [directory, *request.args]
        plugin = self._start(
            [_interpreter(request.info, context), "-u", *command],
            cwd=request.pwd,
            env=dict(entry.split("=", 1) for entry in request.env),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        context.add_callback(plugin.terminate)  # the engine ends a plugin by ending the call
        with selectors.DefaultSelector() as streams:
            for name in ("stdout", "stderr"):
                streams.register(getattr(plugin, name), selectors.EVENT_READ, name)
            while streams.get_map():
                for stream, _ in streams.select():
                    if chunk := os.read(stream.fd, 65536):
                        response = proto.RunPluginResponse()
                        setattr(response, stream.data, chunk)
                        yield response
                    else:
                        streams.unregister(stream.fileobj)
        yield proto.RunPluginResponse(exitcode=plugin.wait())
        self._children.discard(plugin)

    def close(self) -> None:
        """End what still runs."""
        for child in self._children:
            child.terminate()

    def _start(self, argv: list[str], **options: Any) -> subprocess.Popen[bytes]:
        child: subprocess.Popen[bytes] = subprocess.Popen(argv, **options)
        self._children.add(child)
        return child


def _interpreter(info: proto.ProgramInfo, context: grpc.ServicerContext) -> str:
    """The program's Python: its `runtime.options.virtualenv`, relative to the project, or else this host's own."""
    if "virtualenv" not in info.options:
        return sys.executable
    python = Path(info.root_directory, str(info.options["virtualenv"]), "bin", "python")
    if not python.exists():
        context.abort(
            grpc.StatusCode.FAILED_PRECONDITION,
            f"{python}: not there\n  rule:   runtime.options.virtualenv names an environment that is installed\n"
            "  remedy: make setup",
        )
    return str(python)


def main() -> None:
    """Serve until the engine interrupts, or dies: it holds the other end of stdin."""
    server = grpc.server(ThreadPoolExecutor(max_workers=WORKERS))
    host = LanguageHost(engine=sys.argv[-1])
    add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        print(port, flush=True)
        sys.stdin.read()
    except KeyboardInterrupt:
        pass
    host.close()
    server.stop(grace=None).wait()


if __name__ == "__main__":
    main()
