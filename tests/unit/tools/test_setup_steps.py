"""What the steps of set-up share: progress, errors, and what they take as good enough."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.unit.examples import ROOT
from tests.unit.tools.checkout import Checkout
from trivet.drivers.engine.compose import OLDEST

SETUP = ROOT / "tools" / "setup"


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_a_step_says_that_it_begins_and_how_long_it_took_and_keeps_the_rest_in_its_log(checkout: Checkout) -> None:
    done = checkout.script('step "Counting" echo one')
    assert re.fullmatch(r"Counting \.\.\.\nCounting: \d+ s\n", done.stderr)
    assert (checkout.state / "log" / "trial.log").read_text() == "one\n"


def test_a_long_step_gives_signs_of_life(checkout: Checkout) -> None:
    done = checkout.script('BEAT=1\nstep "Sleeping" sleep 2.5')
    assert len(re.findall(r"^Sleeping: \d s so far$", done.stderr, re.MULTILINE)) == 2


def test_a_step_that_fails_shows_the_end_of_its_log_and_passes_its_status_on(checkout: Checkout) -> None:
    done = checkout.script('step "Trying" bash -c "seq 100; exit 3"\nsay "not reached"', fails=True)
    assert done.returncode == 3
    assert "  | 86\n" in done.stderr
    assert "  | 85\n" not in done.stderr
    assert re.search(r"^Trying: failed after \d s; the whole of it is in ", done.stderr, re.MULTILINE)
    assert "not reached" not in done.stderr


def test_a_program_that_a_step_leaves_running_holds_nobody_up(checkout: Checkout) -> None:
    done = checkout.script(
        'BEAT=1\nleave() { while sleep 0.2; do :; done & echo $!; }\nstep "Starting" leave\nsleep 2.5'
    )
    assert re.fullmatch(r"Starting \.\.\.\nStarting: \d s\n", done.stderr)
    subprocess.run(["kill", (checkout.state / "log" / "trial.log").read_text().strip()], check=True)


def test_an_error_says_value_rule_and_remedy(checkout: Checkout) -> None:
    done = checkout.script('fail "1 GiB free" "building needs 6 GiB" "free some space"', fails=True)
    assert done.stderr == "error: 1 GiB free\n  rule:   building needs 6 GiB\n  remedy: free some space\n"
    assert done.returncode == 1


def test_too_little_space_is_refused(checkout: Checkout) -> None:
    checkout.script('need_space 0 "building"')
    assert "building needs 999999 GiB" in checkout.script('need_space 999999 "building"', fails=True).stderr


@pytest.mark.parametrize(
    ("found", "wanted", "enough"),
    [("3.250.0", "3.250.0", True), ("3.1000.0", "3.250.0", True), ("3.99.9", "3.250.0", False), ("", "2.20", False)],
)
def test_versions_are_compared_as_numbers(checkout: Checkout, found: str, wanted: str, *, enough: bool) -> None:
    checkout.script(f"at_least '{found}' {wanted}", fails=not enough)


def test_an_engine_that_somebody_else_looks_after_is_not_replaced(checkout: Checkout) -> None:
    done = checkout.run(checkout.root / "tools/setup/engine.sh", env={"DOCKER_HOST": "tcp://127.0.0.1:1"}, fails=True)
    assert "error: tcp://127.0.0.1:1: " in done.stderr
    assert "remedy: start it, or name another" in done.stderr
    assert "Installing" not in done.stderr


def test_the_cli_that_is_built_is_of_the_locked_sdk_s_version() -> None:
    (cli,) = re.findall(r"^require github.com/pulumi/pulumi/pkg/v3 v(\S+)$", read("go/pulumi/go.mod"), re.MULTILINE)
    (sdk,) = re.findall(r"^pulumi==(\S+)", (ROOT / "requirements" / "runtime.txt").read_text(), re.MULTILINE)
    assert cli == sdk


def test_set_up_and_driver_agree_on_the_oldest_compose() -> None:
    assert f"OLDEST={'.'.join(map(str, OLDEST))} " in read("compose.sh")


def read(name: str) -> str:
    return (SETUP / name).read_text()
