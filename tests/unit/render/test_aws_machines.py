"""Which machines bring a disk of their own: every one of the tables, against what AWS says of its types."""

from __future__ import annotations

import pytest
from moto.ec2.models.instance_types import INSTANCE_TYPES

from trivet.render.aws_machines import has_own_disk
from trivet.residency import load_tables

MACHINES = sorted({name for offer in load_tables().providers["aws"].offers for name in offer.instances})


@pytest.mark.parametrize("machine", [*MACHINES, "m5.xlarge", "m5d.xlarge", "t3.large", "c7g.large", "c7gd.large"])
def test_the_name_tells_what_aws_says(machine: str) -> None:
    assert has_own_disk(machine) is has_own_disk(f"ml.{machine}") is INSTANCE_TYPES[machine]["InstanceStorageSupported"]
