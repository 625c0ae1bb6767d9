"""A stack that the real engine has deployed conforms; without green conformance it does not exist."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.program.stack import Stack
from trivet.conformance import CHECKS, Report


def verify(stack: Stack, *more: str) -> subprocess.CompletedProcess[str]:
    """`trivet verify` as a person runs it."""
    argv = ["verify", "--url", stack.url, "--key-file", str(stack.key_file), *more]
    return subprocess.run(
        [sys.executable, "-m", "trivet.cli", *argv], cwd=stack.project, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="session")
def report(stack: Stack) -> Report:
    """One examination by all checks; it waits if an earlier one has used the small quota up."""
    done = verify(stack, "--json", "--quota-key-file", str(stack.key_file.with_name("conformance-default.key")))
    assert done.stdout, done.stderr
    return Report.model_validate_json(done.stdout, strict=False)


@pytest.mark.parametrize("check", [check.id for check in CHECKS])
def test_the_deployed_stack_passes(report: Report, check: str) -> None:
    finding = next(finding for finding in report.findings if finding.check == check)
    assert finding.result == "pass", finding.seen


def test_the_report_names_the_stack(report: Report, stack: Stack) -> None:
    assert report.ok
    assert (report.url, report.tier) == (stack.url, "onprem")


def test_a_lock_of_another_stack_is_seen(stack: Stack, tmp_path: Path) -> None:
    lock = json.loads((stack.project / "inference.lock").read_text())
    lock["images"]["gateway"]["manifest"] = "sha256:" + "0" * 64
    (tmp_path / "other.lock").write_text(json.dumps(lock))
    done = verify(stack, "--lock", str(tmp_path / "other.lock"), "--only", "identity")
    assert done.returncode == 1
    assert "FAIL    identity.lock" in done.stdout
    assert "image gateway is" in done.stdout


def test_a_wrong_key_cannot_examine_the_stack(stack: Stack, tmp_path: Path) -> None:
    key = tmp_path / "wrong.key"
    key.write_text("tvt_this-key-opens-nothing-at-all-0123456789abc")
    key.chmod(0o600)
    done = subprocess.run(
        [sys.executable, "-m", "trivet.cli", "verify", "--url", stack.url, "--key-file", str(key)],
        cwd=stack.project, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert "accepts the key in the file" in done.stderr
