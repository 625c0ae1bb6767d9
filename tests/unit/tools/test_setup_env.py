"""`.trivet/env`: what a shell has after sourcing it."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.unit.tools.checkout import Checkout

DUMP = f"{sys.executable} -c 'import json, os; print(json.dumps(dict(os.environ)))'"


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    made = Checkout(tmp_path)
    made.run(made.root / "tools/setup/env.sh")
    return made


@pytest.fixture(params=["sh", "bash"])
def shell(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def sourced(checkout: Checkout, shell: str, *, times: int = 1, **before: str) -> dict[str, str]:
    """The environment of a strict shell that sourced the file; sourcing prints nothing."""
    done = checkout.run(shell, "-euc", f"{'. .trivet/env; ' * times}{DUMP}", env=before)
    assert done.stderr == ""
    environment: dict[str, str] = json.loads(done.stdout)
    return environment


def test_the_checkout_s_programs_come_first_and_once(checkout: Checkout, shell: str) -> None:
    path = sourced(checkout, shell, times=2)["PATH"]
    assert path == f"{checkout.root}/.venv/bin:{checkout.state}/bin:{os.environ['PATH']}"


def test_state_passphrase_and_home_are_the_checkout_s_own(checkout: Checkout, shell: str) -> None:
    found = sourced(checkout, shell)
    assert found["PULUMI_BACKEND_URL"] == f"file://{checkout.state}/state"
    assert found["PULUMI_CONFIG_PASSPHRASE_FILE"] == f"{checkout.state}/passphrase"
    assert found["PULUMI_HOME"] == f"{checkout.state}/pulumi"
    assert found["PULUMI_SKIP_UPDATE_CHECK"] == "true"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PULUMI_BACKEND_URL", "s3://states"),
        ("PULUMI_CONFIG_PASSPHRASE_FILE", "/etc/passphrase"),
        ("PULUMI_HOME", "/home/me/.pulumi"),
    ],
)
def test_what_the_user_chose_stays(checkout: Checkout, shell: str, name: str, value: str) -> None:
    assert sourced(checkout, shell, times=2, **{name: value})[name] == value


def test_what_another_checkout_chose_goes(checkout: Checkout, shell: str, tmp_path: Path) -> None:
    other = Checkout(tmp_path / "other")
    other.run(other.root / "tools/setup/env.sh")
    found = sourced(checkout, shell, **sourced(other, shell))
    assert found["PULUMI_BACKEND_URL"] == f"file://{checkout.state}/state"
    assert found["PULUMI_CONFIG_PASSPHRASE_FILE"] == f"{checkout.state}/passphrase"
    assert found["PULUMI_HOME"] == f"{checkout.state}/pulumi"


def test_the_passphrase_is_made_once_and_for_its_owner_alone(checkout: Checkout) -> None:
    passphrase = checkout.state / "passphrase"
    first = passphrase.read_text()
    checkout.run(checkout.root / "tools/setup/env.sh")
    assert len(first) == 44
    assert passphrase.read_text() == first
    assert passphrase.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("own", [True, False])
def test_plugins_are_looked_for_where_the_official_language_host_is(checkout: Checkout, *, own: bool) -> None:
    (checkout.state / "bin").mkdir()
    host = checkout.state / "bin" / "pulumi-language-python"
    shutil.copy(checkout.root / "tools/language_host/pulumi-language-python", host) if own else host.write_text("ELF")
    checkout.run(checkout.root / "tools/setup/env.sh")
    assert ("PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION" in sourced(checkout, "sh")) == own
