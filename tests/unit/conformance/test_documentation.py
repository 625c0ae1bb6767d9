"""The reference lists every check as it is."""

from __future__ import annotations

import re

from tests.unit.examples import ROOT
from trivet.conformance import CHECKS


def test_the_reference_lists_exactly_the_checks_there_are() -> None:
    text = (ROOT / "docs" / "reference" / "conformance.md").read_text()
    assert re.findall(r"^\| `([a-z0-9]+\.[a-z0-9-]+)` \| (.*) \|$", text, re.MULTILINE) == [
        (check.id, check.rule) for check in CHECKS
    ]
