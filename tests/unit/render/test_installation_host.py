"""An installation on a host over SSH: where it lies there, and where clients find it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.drivers.installations import installation, lock_for
from tests.unit.examples import settings, spec_with
from trivet.bundle.layout import Layout
from trivet.render import render

HOST = {"address": "gpu1.example.org"}
EVERYWHERE = "0.0.0.0"  # noqa: S104


def test_a_stack_has_a_directory_of_its_own_below_the_root(tmp_path: Path) -> None:
    spec = spec_with({})
    lock = lock_for(spec, Layout.create(tmp_path / "store"))
    here = render(spec, lock, settings(), stack="unit")
    there = render(spec, lock, settings(target="ssh", host=HOST, root="/srv/ai"), stack="unit")
    assert (here.root, here.host) == (".trivet/hosts/unit", None)
    assert there.root == "/srv/ai/unit"
    assert there.services == here.services


@pytest.mark.parametrize(
    ("bind", "host", "url"),
    [
        (EVERYWHERE, HOST, "http://gpu1.example.org:1/v1"),
        ("::", {"address": "fd00::7"}, "http://[fd00::7]:1/v1"),
        ("10.0.0.7", HOST, "http://10.0.0.7:1/v1"),
        ("127.0.0.1", HOST, "http://127.0.0.1:1/v1"),
        (EVERYWHERE, None, "http://127.0.0.1:1/v1"),
        ("::", None, "http://[::1]:1/v1"),
    ],
)
def test_the_url_is_the_address_that_clients_reach(
    tmp_path: Path, bind: str, host: dict[str, str] | None, url: str
) -> None:
    placed = settings(target="ssh", host=host).host if host else None
    found = installation(tmp_path).model_copy(update={"bind": bind, "host": placed})
    assert found.url == url
