"""What a machine of the cloud is told at its first start, held against a file that a person has read."""

from __future__ import annotations

import os
import subprocess
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.unit.examples import ROOT
from trivet.render.cloud_vm import EVERYWHERE, SCRIPT, FirstStart, user_data
from trivet.spec import Settings, parse_settings

GOLDEN = ROOT / "tests" / "cases" / "cloud_vm" / "user-data.yaml"
KEY = "RW" + "A" * 54
AWS = {
    "account": "123456789012",
    "bundle": "stack.tar",
    "keys": [KEY],
    "notify": "ops@example.org",
    "budget": 900,
}


def settings(**changes: Any) -> Settings:
    return Settings.model_validate(
        {
            "tier": "cloud",
            "provider": "aws",
            "target": "vm",
            "region": "af-south-1",
            "operatedFrom": "ZA, NA",
            "aws": {**AWS, **changes},
        }
    )


def told(of: Settings) -> str:
    start = FirstStart(
        project="inference",
        stack="clinic",
        settings=of,
        installer="0" * 64,
        keys=(KEY,),
        source="s3://trivet-clinic-123456789012-af-south-1/1111.tar",
    )
    return user_data(start)


def files(text: str) -> dict[str, str]:
    document = YAML(typ="safe", pure=True).load(text)
    return {each["path"]: each["content"] for each in document["write_files"]}


def test_the_user_data_is_the_golden_one() -> None:
    text = told(settings())
    if os.environ.get("TRIVET_UPDATE_GOLDEN") == "1":
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


def test_its_script_is_one_that_bash_reads() -> None:
    subprocess.run(["bash", "-n"], input=files(told(settings()))[SCRIPT], text=True, check=True)


@pytest.mark.parametrize(("clients", "bind"), [([], "127.0.0.1"), (["10.7.0.0/16"], EVERYWHERE)])
def test_the_machine_takes_its_settings_and_listens_for_listed_clients_alone(clients: list[str], bind: str) -> None:
    text = files(told(settings(clients=clients)))["/srv/trivet/stacks/Pulumi.clinic.yaml"]
    config = YAML(typ="safe", pure=True).load(text)["config"]
    own = parse_settings("clinic", {key.removeprefix("inference:"): str(value) for key, value in config.items()})
    assert (own.tier, own.provider, own.target, own.bind) == ("cloud", "aws", "local", bind)
    assert own.operated_from == ("ZA", "NA")


def test_the_account_and_who_pays_are_not_told() -> None:
    text = told(settings())
    assert AWS["notify"] not in text
    assert '"inference:aws"' not in text
