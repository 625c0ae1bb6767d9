"""Stacks on Google Cloud and Azure: whatever is there is noted in a file of the stack's own."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from tests.fakes.pulumi_cloud.estate import FILE, Estate, Record
from tests.program.cloud import BundledStack
from tests.unit.bundle.bundles import signer
from tests.unit.examples import ROOT
from tests.unit.residency.cases import judge
from trivet.residency import load_tables
from trivet.residency.resources import resource_assets

GCP: dict[str, Any] = {
    "project": "clinic-inference",
    "projectNumber": "123456789012",
    "billingAccount": "012345-6789AB-CDEF01",
    "machine": "n2-standard-4",
}

AZURE: dict[str, Any] = {
    "subscription": "11111111-2222-3333-4444-555555555555",
    "tenant": "66666666-7777-8888-9999-000000000000",
    "uploaders": ["9.9.9.9"],
    "operatorKey": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA operator",
    "machine": "Standard_D4s_v5",
}


class EstateStack(BundledStack):
    """One that is deployed to a region of `provider`."""

    def __init__(
        self,
        project: Path,
        provider: str,
        own: Mapping[str, Any],
        *,
        region: str,
        changes: Mapping[str, Any] | None = None,
    ) -> None:
        self.plugins = ({"azure": "azure-native"}.get(provider, provider),)
        super().__init__(project, changes=changes)
        shared = {
            "bundle": "bundle.tar",
            "keys": [signer("officer").public.text],
            "notify": "ops@example.org",
            "budget": 900,
        }
        self.settings = {
            "tier": "cloud",
            "provider": provider,
            "target": "vm",
            "region": region,
            "operatedFrom": "ZA",
            provider: {**shared, **own},
        }
        self.write()
        self.make_bundle()

    @property
    def estate(self) -> dict[str, Record]:
        """Everything that exists, by id."""
        return Estate(self.project / "estate.json").read()

    def records(self) -> AbstractContextManager[dict[str, Record]]:
        """The same, to be changed."""
        return Estate(self.project / "estate.json").open()

    def only(self, token: str) -> Record:
        """The one resource of a type."""
        (found,) = [each for each in self.estate.values() if each.token == token]
        return found

    def all(self, token: str) -> list[Record]:
        """Every resource of a type."""
        return [each for each in self.estate.values() if each.token == token]

    def add_pack(self) -> None:
        """The policy pack, to be named by `--policy-pack policy`."""
        shutil.copytree(ROOT / "policy", self.project / "policy", ignore=shutil.ignore_patterns("__pycache__"))

    def drop_own_check(self) -> None:
        """The program no longer judges the stack before its first resource."""
        program = self.project / "__main__.py"
        text = program.read_text()
        program.write_text(re.sub(r"\n +check_stack\(.*", "", text))
        assert program.read_text() != text

    def unlawful(self, regime: str) -> list[str]:
        """Whatever is there and may not be."""
        here = {"location": self.settings["region"], "region": self.settings["region"]}
        found = [
            resource_assets(each.token, name, each.inputs, here, load_tables()) for name, each in self.estate.items()
        ]
        return [finding.asset.name for each in found for finding in judge(*each, regime=regime).refused]

    def _environment(self) -> dict[str, str]:
        return {**super()._environment(), FILE: str(self.project / "estate.json")}
