"""`trivet up`: clear a dead lock, let Pulumi deploy, ask the model something."""

from __future__ import annotations

import argparse
import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from trivet.cli.host_list import host_reports, report_lines
from trivet.cli.progress import say
from trivet.cli.project import add_project_argument, project_of
from trivet.cli.pulumi import Pulumi
from trivet.errors import TrivetError
from trivet.spec import StackSpec
from trivet.spec.settings_file import read_settings

QUESTION = "Hello! What can you do?"


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("up", help="deploy with Pulumi, then ask the model a question")
    parser.add_argument("--stack", default="onprem")
    add_project_argument(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Deploy and show that it answers."""
    project = project_of(args)
    spec = project.spec()
    project.lock(spec)
    pulumi = Pulumi(project.root, args.stack)
    pulumi.select()
    pulumi.clear_dead_lock(os.environ.get("PULUMI_BACKEND_URL", ""))
    settings = read_settings(project.root, args.stack)
    try:
        pulumi.run("up", "--yes", "--stack", args.stack)
    finally:
        if settings.hosts:
            print("", *report_lines(host_reports(settings, pulumi.resources())), sep="\n")
    if settings.has_backups:
        from trivet.cli.host_state import save  # noqa: PLC0415  # paramiko takes its time, and few stacks need it

        save(project.root, settings, pulumi)
    access = settings.workstation.access if settings.workstation else None
    say_hello(spec, pulumi.outputs(), is_tunnelled=access is not None and access.wireguard is not None)
    return 0


def say_hello(spec: StackSpec, outputs: Mapping[str, Any], *, is_tunnelled: bool = False) -> None:
    """Print each host's URL, where the key is, and one answer of the first chat model that the spec lists."""
    chat = next((model.name for model in spec.models if model.kind == "chat"), None)
    for host in outputs.get("hosts", {}).values() or [outputs]:
        print(f"\nurl      {host['url']}\nkey      in {outputs['keyFile']}")
        if chat is None:
            say("the spec lists no chat model, so nobody was asked anything")
        elif is_tunnelled:
            say("peers of the tunnel alone reach that, so nobody was asked anything")
        else:
            answer = ask(host["url"], Path(outputs["keyFile"]), chat, authority=host.get("authority"))
            print(f"asked    {chat}: {QUESTION}\nanswered {answer}")


def ask(url: str, key_file: Path, model: str, *, authority: str | None) -> str:
    """One chat completion.

    Args:
        url: of the gateway.
        key_file: holds the API key.
        model: is asked.
        authority: certificate by which the host is known, in PEM; None for one that everybody knows.

    Raises:
        TrivetError: the stack does not answer as it should.
    """
    body = {"model": model, "messages": [{"role": "user", "content": QUESTION}], "max_tokens": 64, "temperature": 0}
    headers = {"Authorization": f"Bearer {key_file.read_text(encoding='utf-8').strip()}"}
    try:
        tls = ssl.create_default_context(cadata=authority) if authority else True
        response = httpx.post(f"{url}/chat/completions", json=body, headers=headers, timeout=60, verify=tls)
        response.raise_for_status()
        answer: str = response.json()["choices"][0]["message"]["content"]
    except (httpx.HTTPError, ssl.SSLError, LookupError, ValueError) as exc:
        raise TrivetError(
            where=url,
            value=str(exc),
            rule="a deployed stack answers",
            remedy="look at `docker ps` and at the containers' logs; `trivet verify` says which check fails",
        ) from exc
    return " ".join(answer.split())
