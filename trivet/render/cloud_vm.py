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
        source: `s3://BUCKET/KEY` of the bundle's tar.
    """

    project: str
    stack: str
    settings: Settings
    installer: str
    keys: tuple[str, ...]
    source: str


def node_settings(settings: Settings) -> Settings:
    """The same stack as the machine itself sees it: its own engine is the target."""
    clients = settings.aws.clients if settings.aws else ()
    changes = {"target": "local", "aws": None, "bind": EVERYWHERE if clients else "127.0.0.1"}
    return settings.model_copy(update=changes)


def user_data(start: FirstStart) -> str:
    """The `#cloud-config` document. It holds no secret: whoever may describe the machine can read it."""
    config = {
        f"{start.project}:{key}": ", ".join(value) if isinstance(value, list) else value
        for key, value in node_settings(start.settings)
        .model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)
        .items()
    }
    files = {f"{INTO}/stacks/Pulumi.{start.stack}.yaml": ("0644", json.dumps({"config": config}, indent=1) + "\n")}
    files[SCRIPT] = ("0755", _script(start))
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
    text = StringIO()
    yaml.dump(document, text)
    return f"#cloud-config\n{text.getvalue()}"


def _script(start: FirstStart) -> str:
    region = start.settings.region
    agent = f"s3://amazon-ssm-{region}/latest/debian_amd64/amazon-ssm-agent.deb"
    keys = " ".join(f"--key {shlex.quote(key)}" for key in start.keys)
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
mkdir -p {BUNDLE}
aws s3 cp --only-show-errors {shlex.quote(start.source)} - | tar -x --no-same-owner -C {BUNDLE}
echo '{start.installer}  {BUNDLE}/install.sh' | sha256sum --check --quiet
bash {BUNDLE}/install.sh {keys} --into {INTO} --stack {start.stack}
rm -rf {BUNDLE}
cd {INTO}
. .trivet/env
pulumi up --yes --skip-preview --non-interactive --stack {start.stack}
"""
