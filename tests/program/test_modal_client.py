"""The newest of Modal's clients that there is, in a folder of its own: what Trivet asks of it still holds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.modal.account import Account
from tests.fakes.modal.server import FakeModal, running
from tests.unit.drivers.modal.place import Answering, seeded
from tests.unit.examples import ROOT, modal_settings, spec_with
from trivet.render.modal import modal_app

PATIENT = 2.0  # seconds
LIFE = """
import json, sys, time
from datetime import UTC, datetime
from pathlib import Path
import modal
from trivet.drivers.modal import ModalSite, deploy, observe, remove
from trivet.drivers.modal.account import Account
from trivet.drivers.modal.bill import money
from trivet.drivers.modal.reaper import reap_apps
from trivet.render.modal import ModalApp
account, seconds = Account(), []
account.client
for path in map(Path, sys.argv[1:]):
    site = ModalSite(ModalApp.model_validate_json(path.read_text()), account, lambda line: None)
    started = time.monotonic()
    deploy(site, None)
    seconds.append(time.monotonic() - started)
assert money(site.app, account, datetime.now(UTC)).spent == 0
assert [each.action for each in reap_apps(account, time.time())[0]] == ["keep"]
started = time.monotonic()
remove(site)
seconds.append(time.monotonic() - started)
assert observe(site) is None
account.close()
print(json.dumps({"version": modal.__version__, "file": modal.__file__, "seconds": seconds}))
"""


@pytest.fixture(scope="module")
def newest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the newest client, and of what it needs what Trivet has locked."""
    folder = tmp_path_factory.mktemp("newest")
    command = ["uv", "pip", "install", "--quiet", "--upgrade", "--target", str(folder), "modal"]
    subprocess.run([*command, "--constraint", str(ROOT / "requirements" / "runtime.txt")], check=True, timeout=300)
    return folder


@pytest.mark.parametrize("client", ["pinned", "newest"])
def test_a_whole_life_is_quick_and_asks_for_nothing_unknown(
    request: pytest.FixtureRequest, tmp_path: Path, client: str
) -> None:
    place = [str(request.getfixturevalue("newest"))] if client == "newest" else []
    spec = spec_with({})
    lock = seeded(spec, tmp_path / "store")
    paths = []
    for queue in (64, 65):
        app = modal_app(spec_with({"gateway": {"limits": {"queue": queue}}}), lock, modal_settings(), stack="unit")
        where = {"store": str(tmp_path / "store"), "key_directory": str(tmp_path / "keys")}
        paths.append(tmp_path / f"{queue}.json")
        paths[-1].write_text(app.model_copy(update=where).model_dump_json(by_alias=True))

    def runner(account: Account) -> Answering:
        return Answering(account)

    with running(FakeModal(tmp_path / "modal", runner=runner)) as fake:
        done = subprocess.run(
            [sys.executable, "-c", LIFE, *map(str, paths)],
            env={**os.environ, **fake.environ, "PYTHONPATH": os.pathsep.join([*place, str(ROOT)])},
            stdout=subprocess.PIPE, text=True, check=True, timeout=60,
        )  # fmt: skip
    said = json.loads(done.stdout)
    assert said["file"].startswith(place[0] if place else sys.prefix)
    assert max(said["seconds"]) < PATIENT, said
    assert fake.servicer.unimplemented == []
    assert fake.servicer.calls.count("AppPublish") == 2
