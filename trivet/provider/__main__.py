"""`pulumi-resource-trivet ENGINE`: what Pulumi starts as the plugin."""

from __future__ import annotations

import argparse
import asyncio

from trivet import __version__
from trivet.provider.log import EngineLog
from trivet.provider.provider import TrivetProvider
from trivet.provider.server import serve

RESOURCES = {
    "trivet:host:Bundle": "trivet.provider.bundle",
    "trivet:lambdacloud:Instance": "trivet.provider.lambda_instance",
    "trivet:modal:App": "trivet.provider.modal_app",
    "trivet:host:Workstation": "trivet.provider.workstation",
    "trivet:registry:Image": "trivet.provider.registry_image",
}


def main() -> None:
    """Serve the engine at the address that it passes."""
    parser = argparse.ArgumentParser(prog="pulumi-resource-trivet", description=__doc__)
    parser.add_argument("engine", help="address of the Pulumi engine")
    engine = parser.parse_known_args()[0].engine  # Pulumi passes logging flags too
    provider = TrivetProvider(RESOURCES, EngineLog(engine))
    asyncio.run(serve(provider, engine=engine, version=__version__))


if __name__ == "__main__":
    main()
