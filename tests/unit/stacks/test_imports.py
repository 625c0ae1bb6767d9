"""Which tier pays for which package."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.unit.examples import ROOT

CLOUDS = ("pulumi_aws", "pulumi_gcp", "pulumi_azure_native", "boto3", "moto")


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("stacks.onprem, stacks.cloud", []),
        ("stacks.cloud.aws.vm", ["pulumi_aws"]),
        ("stacks.cloud.gcp.vm", ["pulumi_gcp"]),
        ("stacks.cloud.azure.vm", ["pulumi_azure_native"]),
    ],
)
def test_a_cloud_s_sdk_is_imported_for_that_cloud_alone(module: str, imported: list[str]) -> None:
    program = f"import sys, {module}; print([name for name in {CLOUDS} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(imported)
