"""A machine of Azure at its first start: cloud-init that installs the bundle from the region's storage account."""

from __future__ import annotations

import shlex
from typing import Final

from trivet.render.cloud_vm import FirstStart, cloud_config, installation
from trivet.render.metadata import ADDRESS, close_metadata, fetch

STORAGE: Final = "https://storage.azure.com/"
TOKEN: Final = f"http://{ADDRESS}/metadata/identity/oauth2/token?api-version=2018-02-01&resource={STORAGE}"
STORAGE_VERSION: Final = {"x-ms-version": "2021-12-02"}  # without one it takes no tokens


def custom_data(start: FirstStart) -> str:
    """The `#cloud-config` document. It holds no secret: the machine's own users can read it."""
    script = f"""\
#!/bin/bash
# The bundle comes from a storage account of {start.settings.region}, by way of the network's own private endpoint.
set -euo pipefail
export HOME=/root
{fetch(TOKEN, {"Metadata": "true"}, STORAGE_VERSION)}\
{installation(start, f"fetch {shlex.quote(start.source)}", between=close_metadata())}"""
    return cloud_config(start, script)
