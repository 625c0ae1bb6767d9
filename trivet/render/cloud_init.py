"""Cloud-init for a rented node: the watchdog first, then who may come in.

`bootcmd` is the earliest that cloud-init runs, before SSH is up and before anything is installed: whatever fails later,
the node already knows how long it may live.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from io import StringIO
from typing import Any, Literal

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import LiteralScalarString

from trivet.idle.charter import Charter
from trivet.idle.watchdog import Terms

PACKAGE = "/opt/trivet/guard"
CONFIG = "/etc/trivet/guard.json"
KEY_FILE = "/etc/trivet/guard.key"
ARMED_FILE = "/run/trivet-guard.armed"  # gone at the next boot
UNIT_FILE = "/etc/systemd/system/trivet-guard.service"
DELIMITER = "TRIVET_END_OF_FILE"
WIDTH = 1 << 20
UNIT = f"""\
[Unit]
Description=Trivet: ends this machine when it is idle, ill, or its time is over
StartLimitIntervalSec=0

[Service]
ExecStart=/usr/bin/python3 -m trivet.idle.guard {CONFIG}
Environment=PYTHONPATH={PACKAGE} PYTHONDONTWRITEBYTECODE=1
Restart=always
RestartSec=5
WatchdogSec=2min
NotifyAccess=main

[Install]
WantedBy=multi-user.target
"""


@dataclass(frozen=True)
class Way:
    """How a node reaches who can end it: its provider with a key of the account, a broker with a secret, or itself.

    Attributes:
        kind: of account, as the guard knows it.
        settings: what the guard is told of it.
        key: goes into a file that root alone can read, which the guard is told of as `keyFile`.
    """

    kind: Literal["lambda", "broker", "machine"]
    settings: Mapping[str, str]
    key: str | None = None


@dataclass(frozen=True)
class HostKey:
    """The node's SSH identity, made beforehand: so it can be pinned before the first contact."""

    private: str
    public: str


@dataclass(frozen=True)
class NodeSetup:
    """Everything that a node is started with.

    Attributes:
        modules: the guard's Python files by path, as `trivet/idle/guard.py`.
        sources: addresses of metrics, on the node.
        drain_file: while it is there, the gateway admits nothing.
    """

    charter: Charter
    terms: Terms
    modules: Mapping[str, str]
    sources: tuple[str, ...]
    drain_file: str
    host_key: HostKey
    way: Way | None


def cloud_init(setup: NodeSetup) -> str:
    """The `user_data`. It holds secrets: it goes to the provider and nowhere else."""
    document = {
        "bootcmd": [LiteralScalarString(_arm(setup))],
        "ssh_deletekeys": True,
        "ssh_keys": {
            "ed25519_private": LiteralScalarString(setup.host_key.private),
            "ed25519_public": setup.host_key.public,
        },
        "ssh_pwauth": False,
    }
    yaml = YAML(pure=True)
    yaml.width = WIDTH
    text = StringIO()
    yaml.dump(document, text)
    return f"#cloud-config\n{text.getvalue()}"


def _arm(setup: NodeSetup) -> str:
    files = {f"{PACKAGE}/{path}": text for path, text in sorted(setup.modules.items())}
    files[CONFIG] = json.dumps(_config(setup), indent=1, sort_keys=True) + "\n"
    secret = {KEY_FILE: setup.way.key + "\n"} if setup.way and setup.way.key else {}
    files[UNIT_FILE] = UNIT
    lines = ["set -eu", "umask 077", *(_write(path, text) for path, text in secret.items()), "umask 022"]
    lines += [_write(path, text) for path, text in files.items()]
    lines += ["systemctl daemon-reload", "systemctl enable --now --no-block trivet-guard.service"]
    return "\n".join(lines) + "\n"


def _write(path: str, text: str) -> str:
    """A shell command that writes a file, whatever is in it."""
    if DELIMITER in text:
        raise ValueError(f"{path} holds {DELIMITER}")
    return f"mkdir -p {path.rpartition('/')[0]}\ncat >{path} <<'{DELIMITER}'\n{text.rstrip()}\n{DELIMITER}"


def _config(setup: NodeSetup) -> dict[str, Any]:
    key = {"keyFile": KEY_FILE} if setup.way and setup.way.key else {}
    way: dict[str, Any] = {setup.way.kind: {**setup.way.settings, **key}} if setup.way else {}
    return {
        "charter": asdict(setup.charter),
        "terms": asdict(setup.terms),
        "sources": list(setup.sources),
        "drainFile": setup.drain_file,
        "armedFile": ARMED_FILE,
        **way,
    }
