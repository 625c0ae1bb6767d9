"""The systemd units that supervise a stack on its host, and what they run: pure texts.

`<project>.service` starts the stack after engine and network, again and again until that succeeds, from what is on the
host already: it survives a loss of power at any moment. `<project>.watchdog.service` runs `trivet.supervise.watch`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from trivet.render import paths
from trivet.render.compose import GATEWAY
from trivet.render.gateway import PORT
from trivet.render.installation import Installation
from trivet.supervise.vigil import Terms

UNIT_DIRECTORY: Final = "/etc/systemd/system"
ENGINE_SOCKET: Final = "/var/run/docker.sock"
PYTHON: Final = "/usr/bin/python3"
GRACE: Final = 120  # seconds beyond the waiting for what others depend on, and then for all
STACK = """\
[Unit]
Description=Trivet: the stack {project}
Wants=docker.service network-online.target {watchdog}
After=docker.service network-online.target
# Where the role power has it: requests in flight end before the stack is stopped.
Before=trivet-drain.service
RequiresMountsFor={root}
StartLimitIntervalSec=0

[Service]
Type=oneshot
RemainAfterExit=true
ExecStart=/bin/sh {root}/{script} start
ExecStop=/bin/sh {root}/{script} stop
TimeoutStartSec={start}
TimeoutStopSec=120
Restart=on-failure
RestartSec=5
RestartSteps=6
RestartMaxDelaySec=300

[Install]
WantedBy=multi-user.target
"""
WATCHDOG = """\
[Unit]
Description=Trivet: restarts what hangs in the stack {project}
After=docker.service {stack}
PartOf={stack}
StartLimitIntervalSec=0

[Service]
Type=notify
ExecStart={python} -m trivet.supervise.watch {root}/{config}
Environment=PYTHONPATH={root}/{program} PYTHONDONTWRITEBYTECODE=1
RuntimeDirectory=trivet/{project}
RuntimeDirectoryPreserve=restart
WatchdogSec=90
Restart=always
RestartSec=5
OOMScoreAdjust=-500
NoNewPrivileges=true
ProtectSystem=full

[Install]
WantedBy=multi-user.target
"""
SCRIPT = """\
#!/bin/sh
# stack.sh start|stop: the stack as it was last ready. Images, models and keys are on this host already.
set -eu
cd "${{0%/*}}/.."
root=$(pwd)

compose() {{
  if docker compose version >/dev/null 2>&1; then set -- docker compose "$@"; else set -- docker-compose "$@"; fi
  "$@"
}}

# An update that never became ready has left its file: what was before it holds. One that did was cut off at its end.
settle() {{
  [ -e {next} ] || return 0
  if [ -e {previous}/{config_name} ] && [ "$(cat {next})" != "$(cat {compose})" ]; then
    cp {previous}/{config_name} {config}.part
    sync {config}.part
    mv {config}.part {config}
  fi
  if [ -e {draining} ] && [ "$(cat {draining})" = '{ours}' ]; then rm -f {draining}; fi
  rm -f {next}
}}

case $1 in
  start)
    # Where a run works on the stack, it starts it itself; where one was cut off, what it had started has to end first.
    exec 9>>"$root.lock"
    flock --nonblock 9 || exit 0
    if [ -e "$root.lock.commands" ]; then flock --nonblock "$root.lock.commands" true || exit 0; fi
    trap 'rm -f "$root.lock"' EXIT
    settle
    compose --project-name {project} --file {compose} up --detach --pull never --no-build --remove-orphans \\
      --wait --wait-timeout {wait}
    ;;
  stop) compose --project-name {project} --file {compose} stop ;;
esac
"""


@dataclass(frozen=True)
class Supervision:
    """`units`: texts by name; `files`: texts of what they read, by path below the installation's root."""

    units: dict[str, str]
    files: dict[str, str]


def stack_unit(project: str) -> str:
    """The unit that starts the stack."""
    return f"{project}.service"


def watchdog_unit(project: str) -> str:
    """The unit that watches it. No project has a point in its name, so this is no other stack's."""
    return f"{project}.watchdog.service"


def start_seconds(wait_seconds: int) -> int:
    """How long the stack's unit may take to start it."""
    return 2 * wait_seconds + GRACE


def supervision(installation: Installation, root: str) -> Supervision:
    """What supervises an installation that lies at `root`, an absolute path of the host."""
    project = installation.project
    stack, watchdog = stack_unit(project), watchdog_unit(project)
    start = start_seconds(installation.wait_seconds)
    return Supervision(
        units={
            stack: STACK.format(
                project=project, watchdog=watchdog, root=root, script=paths.SUPERVISE_SCRIPT, start=start
            ),
            watchdog: WATCHDOG.format(
                project=project,
                stack=stack,
                python=PYTHON,
                root=root,
                config=paths.WATCH_FILE,
                program=paths.WATCHDOG_FILE,
            ),
        },
        files={
            paths.SUPERVISE_SCRIPT: SCRIPT.format(
                project=project,
                compose=paths.COMPOSE_FILE,
                next=paths.NEXT_FILE,
                previous=paths.PREVIOUS_DIRECTORY,
                config=paths.CONFIG_FILE,
                config_name=paths.CONFIG_FILE.rpartition("/")[2],
                draining=paths.DRAIN_FILE,
                ours=paths.UPDATE_DRAINS.strip(),
                wait=installation.wait_seconds,
            ),
            paths.WATCH_FILE: json.dumps(_watch(installation, root), indent=1, sort_keys=True) + "\n",
        },
    )


def _watch(installation: Installation, root: str) -> dict[str, Any]:
    """What `trivet.supervise.watch` is told."""
    return {
        "engine": ENGINE_SOCKET,
        "root": root,
        "output": f"/run/trivet/{installation.project}",
        "terms": asdict(Terms()),
        "services": [
            {"service": service, "container": f"{installation.project}-{service}-1", **asked}
            | {"start": installation.wait_seconds}
            for service, asked in sorted(_questions(installation).items())
        ],
    }


def _questions(installation: Installation) -> dict[str, dict[str, Any]]:
    """By service, what it is asked: a model for one token, the gateway for its health."""
    asked: dict[str, dict[str, Any]] = {GATEWAY: {"port": PORT, "path": "/health", "body": None}}
    for model in installation.gateway["models"]:
        url = urlsplit(model["url"])
        if model["kind"] == "embedding":
            path, body = "/v1/embeddings", {"model": model["name"], "input": "1"}
        else:
            path, body = "/v1/completions", {"model": model["name"], "prompt": "1", "max_tokens": 1, "temperature": 0}
        asked[str(url.hostname)] = {"port": url.port, "path": path, "body": body}
    return asked
