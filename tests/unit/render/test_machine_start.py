"""What machines of Google Cloud and Azure are told at their start: files that a person has read, and run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from ruamel.yaml import YAML

from tests.unit.examples import ROOT
from trivet.render.azure_start import custom_data
from trivet.render.cloud_vm import SCRIPT, FirstStart
from trivet.render.gce_start import startup_script
from trivet.render.metadata import fetch
from trivet.spec import Settings

GOLDEN = ROOT / "tests" / "cases" / "cloud_vm"
KEY = "RW" + "A" * 54
SHARED = {"bundle": "stack.tar", "keys": [KEY], "notify": "ops@example.org", "budget": 900}
OWN = {
    "gcp": {"project": "clinic-inference", "projectNumber": "123456789012", "billingAccount": "012345-6789AB-CDEF01"},
    "azure": {
        "subscription": "11111111-2222-3333-4444-555555555555",
        "tenant": "66666666-7777-8888-9999-000000000000",
        "uploaders": ["9.9.9.9"],
        "operatorKey": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA somebody",
    },
}
SOURCES = {
    "gcp": "https://storage.googleapis.com/storage/v1/b/trivet-clinic/o/1111.tar?alt=media",
    "azure": "https://trivet0123.blob.core.windows.net/bundle/1111.tar",
}
REGIONS = {"gcp": "africa-south1", "azure": "southafricanorth"}
TOLD: dict[str, Callable[[FirstStart], str]] = {"gcp": startup_script, "azure": custom_data}
GOLDENS = {"gcp": "startup-script.sh", "azure": "custom-data.yaml"}


def told(provider: str) -> str:
    settings = Settings.model_validate(
        {
            "tier": "cloud",
            "provider": provider,
            "target": "vm",
            "region": REGIONS[provider],
            "operatedFrom": "ZA",
            provider: {**SHARED, **OWN[provider]},
        }
    )
    start = FirstStart(
        project="inference",
        stack="clinic",
        settings=settings,
        installer="0" * 64,
        keys=(KEY,),
        source=SOURCES[provider],
    )
    return TOLD[provider](start)


@pytest.mark.parametrize("provider", TOLD)
def test_what_is_told_is_the_golden_text(provider: str) -> None:
    golden = GOLDEN / GOLDENS[provider]
    if os.environ.get("TRIVET_UPDATE_GOLDEN") == "1":
        golden.write_text(told(provider))
    assert told(provider) == golden.read_text()


@pytest.mark.parametrize("provider", TOLD)
def test_who_pays_and_what_it_costs_is_not_told(provider: str) -> None:
    assert "ops@example.org" not in told(provider)
    assert f"inference:{provider}" not in told(provider)


def script(provider: str) -> str:
    text = told(provider)
    if not text.startswith("#cloud-config"):
        return text
    files = YAML(typ="safe", pure=True).load(text)["write_files"]
    return next(str(each["content"]) for each in files if each["path"] == SCRIPT)


@pytest.mark.parametrize("provider", TOLD)
def test_the_script_is_one_that_bash_reads(provider: str) -> None:
    subprocess.run(["bash", "-n"], input=script(provider), text=True, check=True)


class Cloud(BaseHTTPRequestHandler):
    """Metadata that wants its header, and storage that knows a grant only at the second try."""

    tries = 0

    def do_GET(self) -> None:
        if self.path == "/token":
            self.answer(200 if self.headers["Metadata"] == "true" else 400, json.dumps({"access_token": "T"}).encode())
        elif self.headers["Authorization"] != "Bearer T" or self.headers["x-ms-version"] != "2021-12-02":
            self.answer(400, b"")
        else:
            type(self).tries += 1
            self.answer(403 if self.tries == 1 else 200, b"the \x00 bundle")

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Tests say enough."""


@pytest.fixture
def cloud() -> Iterator[str]:
    Cloud.tries = 0
    with ThreadingHTTPServer(("127.0.0.1", 0), Cloud) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def run(script: str) -> subprocess.CompletedProcess[bytes]:
    quick = re.sub(r"time\.sleep\(\d+\)", "time.sleep(0)", script)
    assert quick != script
    return subprocess.run(["bash", "-c", quick], capture_output=True, check=False)


def test_the_bundle_is_fetched_with_the_machine_s_own_token_and_after_a_late_grant(cloud: str) -> None:
    function = fetch(f"{cloud}/token", {"Metadata": "true"}, {"x-ms-version": "2021-12-02"})
    done = run(f"set -euo pipefail\n{function}fetch {cloud}/bundle")
    assert (done.returncode, done.stdout) == (0, b"the \x00 bundle")
    assert b"403" in done.stderr
    assert Cloud.tries == 2


def test_what_never_comes_is_an_error_and_no_empty_bundle(cloud: str) -> None:
    function = fetch(f"{cloud}/token", {}, {})
    done = run(f"set -euo pipefail\n{function}fetch {cloud}/bundle | cat")
    assert done.returncode != 0
    assert done.stdout == b""
