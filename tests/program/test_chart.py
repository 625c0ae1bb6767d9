"""Helm and the chart: rendered as a person has read it, refused by name, pulled from a real registry."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.program.registry_server import Server, served
from tests.unit.bundle.bundles import NOW, pinned, seed, signer
from tests.unit.examples import ROOT
from tests.unit.render.cases import Case, cases, pretty
from tests.unit.render.definitions import documents
from trivet.bundle.create import create_bundle
from trivet.bundle.packed import Packed, pack_chart, pack_tree
from trivet.bundle.program import program_files
from trivet.bundle.push import push_bundle
from trivet.render.helm import Values
from trivet_gateway.weights.__main__ import main as fetch_weights

CHART = ROOT / "helm" / "trivet"
CASES = cases()
UPDATE = os.environ.get("TRIVET_UPDATE_GOLDEN") == "1"


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.param
    return found


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    yield from served(tmp_path / "registry", guarded=False)


def helm(home: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """Helm, as somebody who has never used it."""
    program = shutil.which("helm", path=f"{ROOT / '.trivet' / 'bin'}:{os.environ['PATH']}")
    assert program, "run tools/setup/helm.sh"
    environment = {"PATH": os.environ["PATH"], "HOME": str(home)}
    return subprocess.run(
        [program, *map(str, words)], env=environment, capture_output=True, text=True, check=False, cwd=home
    )


def template(home: Path, values: Values, chart: Path = CHART) -> subprocess.CompletedProcess[str]:
    (home / "values.json").write_text(pretty(values))
    return helm(home, "template", "trivet", chart, "--namespace", "trivet", "--values", home / "values.json")


def own_chart() -> Packed:
    packed = pack_chart(program_files(ROOT))
    assert packed
    return packed


def test_the_chart_is_the_golden_one(case: Case, tmp_path: Path) -> None:
    done = template(tmp_path, case.cluster)
    assert done.returncode == 0, done.stderr
    path = case.path / "chart.yaml"
    if UPDATE:
        path.write_text(done.stdout)
    assert path.read_text() == done.stdout


def test_lint_has_nothing_against_it(tmp_path: Path) -> None:
    values = CASES["plain"].path / "values.yaml"
    done = helm(tmp_path, "lint", CHART, "--strict", "--values", values)
    assert done.returncode == 0, done.stdout


def test_what_the_schema_does_not_know_is_refused(tmp_path: Path) -> None:
    done = template(tmp_path, {**CASES["plain"].cluster, "replicas": 3})
    assert done.returncode == 1
    assert "additional properties 'replicas' not allowed" in done.stderr


def test_a_key_without_a_hash_is_refused_by_name(tmp_path: Path) -> None:
    values = CASES["plain"].cluster
    missing = next(iter(values["gateway"]["keys"]))
    values["gateway"]["keys"] = {name: sha for name, sha in values["gateway"]["keys"].items() if name != missing}
    done = template(tmp_path, values)
    assert done.returncode == 1
    assert f"no hash of the key {missing}: make one with `trivet chart keys`" in done.stderr


def test_a_word_that_looks_like_a_variable_reaches_the_server_as_it_is(tmp_path: Path) -> None:
    values = CASES["plain"].cluster
    name, model = next(iter(values["models"].items()))
    model["args"] = ["--template", "$(HOME) ${USER} <&>"]
    done = template(tmp_path, values)
    container = next(
        each["spec"]["template"]["spec"]["containers"][0]
        for each in documents(done.stdout)
        if each["kind"] == "Deployment" and each["metadata"]["name"] == model["service"]
    )
    assert container["args"] == ["--template", "$$(HOME) ${USER} <&>"], name


def test_without_volumes_everything_goes_with_the_pod(tmp_path: Path) -> None:
    values = CASES["plain"].cluster
    values["storage"] = {"volumes": False, "retain": False}
    done = template(tmp_path, values)
    assert done.returncode == 0, done.stderr
    assert "PersistentVolumeClaim" not in done.stdout


def test_helm_pulls_from_a_registry_what_a_bundle_brought_there(server: Server, tmp_path: Path) -> None:
    origin = seed(tmp_path / "store")
    chart, tree = own_chart(), pack_tree("gitops/cluster", {"flux/a.yaml": b"kind: A\n"})
    create_bundle(origin.store, replace(origin.contents, packed=(chart, tree)), tmp_path / "b", [signer("officer")])
    done = push_bundle(tmp_path / "b", server.destination, pinned(), now=NOW)
    where = f"oci://{server.host}/trivet/chart/trivet"
    pulled = helm(tmp_path, "pull", where, "--version", chart.version, "--plain-http", "--untar")
    assert pulled.returncode == 0, pulled.stderr
    assert chart.digest in pulled.stderr + pulled.stdout
    values = CASES["plain"].cluster
    assert template(tmp_path, values, tmp_path / "trivet").stdout == (CASES["plain"].path / "chart.yaml").read_text()
    by_digest = helm(tmp_path, "show", "chart", f"{where}@{chart.digest}", "--plain-http")
    assert "name: trivet" in by_digest.stdout, by_digest.stderr
    assert done.references["gitops/cluster"].endswith(f"/trivet/gitops/cluster@{tree.digest}")


def test_a_pod_gets_its_weights_from_a_registry_that_a_bundle_filled(server: Server, tmp_path: Path) -> None:
    origin = seed(tmp_path / "store")
    done = push_bundle(origin.bundle(tmp_path / "b"), server.destination, pinned(), now=NOW)
    into = tmp_path / "volume" / "files"
    for _ in range(2):  # the second time, everything is there
        assert fetch_weights([done.references["model/wide"], "--into", str(into)]) == 0
    assert {path.name for path in into.iterdir()} == {"a.gguf", "b.gguf"}
