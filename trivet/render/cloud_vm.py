"""A virtual machine's first start: cloud-init that installs the bundle from a bucket of the region and deploys it."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from io import StringIO
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import LiteralScalarString

from trivet.spec import Settings
from trivet.spec.cloud import PROVIDERS

INTO: Final = "/srv/trivet"
BUNDLE: Final = "/var/lib/trivet/bundle"
SCRIPT: Final = "/usr/local/sbin/trivet-install"
EVERYWHERE: Final = "0.0.0.0"  # noqa: S104  # the security group lists who may come
WIDTH: Final = 1 << 20


@dataclass(frozen=True)
class FirstStart:
    """What the machine is told.

    Attributes:
        project: the Pulumi project's name, the namespace of its configuration.
        installer: SHA-256 of the bundle's `install.sh`: trust starts there.
        keys: public keys that the bundle is believed for.
        source: where the bundle's tar lies, in the cloud's own words: `s3://BUCKET/KEY`, or an `https://` URL.
    """

    project: str
    stack: str
    settings: Settings
    installer: str
    keys: tuple[str, ...]
    source: str


def node_settings(settings: Settings) -> Settings:
    """The same stack as the machine itself sees it: its own engine is the target."""
    clients = settings.cloud.clients if settings.cloud else ()
    changes: dict[str, object] = {
        "target": "local",
        "bind": EVERYWHERE if clients else "127.0.0.1",
        **dict.fromkeys(PROVIDERS),
    }
    return settings.model_copy(update=changes)


def settings_file(start: FirstStart) -> tuple[str, str]:
    """Path and text of the settings that the machine deploys by."""
    config = {
        f"{start.project}:{key}": ", ".join(value) if isinstance(value, list) else value
        for key, value in node_settings(start.settings)
        .model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)
        .items()
    }
    return f"{INTO}/stacks/Pulumi.{start.stack}.yaml", json.dumps({"config": config}, indent=1) + "\n"


def user_data(start: FirstStart) -> str:
    """The `#cloud-config` document of a machine on AWS."""
    return cloud_config(start, _script(start))


def cloud_config(start: FirstStart, script: str) -> str:
    """The `#cloud-config` document. It holds no secret: whoever may describe the machine can read it."""
    path, text = settings_file(start)
    files = {path: ("0644", text), SCRIPT: ("0755", script)}
    document: dict[str, Any] = {
        "ssh_pwauth": False,
        "disable_root": True,
        "write_files": [
            {"path": path, "permissions": mode, "content": LiteralScalarString(text)}
            for path, (mode, text) in files.items()
        ],
        "runcmd": [[SCRIPT]],
    }
    yaml = YAML(pure=True)
    yaml.width = WIDTH
    written = StringIO()
    yaml.dump(document, written)
    return f"#cloud-config\n{written.getvalue()}"


def installation(start: FirstStart, fetch: str, *, between: str = "") -> str:
    """Shell that installs what the command `fetch` writes to standard output, does `between`, and deploys it."""
    keys = " ".join(f"--key {shlex.quote(key)}" for key in start.keys)
    return f"""\
mkdir -p {BUNDLE}
{fetch} | tar -x --no-same-owner -C {BUNDLE}
echo '{start.installer}  {BUNDLE}/install.sh' | sha256sum --check --quiet
bash {BUNDLE}/install.sh {keys} --into {INTO} --stack {start.stack}
rm -rf {BUNDLE}
{between}cd {INTO}
. .trivet/env
pulumi up --yes --skip-preview --non-interactive --stack {start.stack}
"""


def _script(start: FirstStart) -> str:
    region = start.settings.region
    agent = f"s3://amazon-ssm-{region}/latest/debian_amd64/amazon-ssm-agent.deb"
    return f"""\
#!/bin/bash
# Everything comes from buckets of {region}, by way of the VPC's own endpoint; there is no other way out.
set -euo pipefail
export AWS_DEFAULT_REGION={region} HOME=/root
command -v aws >/dev/null || {{ echo 'the image has no aws command: set aws.image to one that has' >&2; exit 2; }}
if ! systemctl is-active --quiet amazon-ssm-agent; then
  aws s3 cp --only-show-errors {agent} /tmp/ssm.deb
  dpkg --install /tmp/ssm.deb
  systemctl enable --now amazon-ssm-agent
fi
{installation(start, f"aws s3 cp --only-show-errors {shlex.quote(start.source)} -")}"""
