"""GitOps trees: what Argo CD, Flux and Pulumi's operator take, all of it by digest."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.examples import cluster_settings, spec_with
from tests.unit.render.cases import lock_for
from tests.unit.render.definitions import documents, faults
from trivet.render.gitops import Artifacts, gitops_tree
from trivet.render.helm import helm_values

IMAGE = f"registry.example.com/trivet/image/pulumi@sha256:{'0' * 64}"
ARTIFACTS = Artifacts(chart=f"chart/trivet@sha256:{'1' * 64}", program=f"program/trivet@sha256:{'2' * 64}")
TARGETS = {
    "onprem": ("local",),
    "cluster": ("kubernetes",),
    "office": ("ssh",),
    "gpuaas": ("lambda", "modal"),
    "modal": ("modal",),
    "cloud": ("vm",),
    "endpoint": ("sagemaker",),
}


def tree(**place: Any) -> dict[str, str]:
    spec, where = spec_with({}), cluster_settings(**place)
    assert where.kubernetes
    values = helm_values(spec, lock_for(spec), where, stack="cluster")
    return gitops_tree("cluster", values, where.kubernetes, ARTIFACTS, TARGETS)


def found(files: dict[str, str], kind: str) -> list[dict[str, Any]]:
    return [each for text in files.values() for each in documents(text) if each["kind"] == kind]


@pytest.mark.parametrize("place", [{}, {"pullSecret": "r", "registryCa": "c", "pulumiImage": IMAGE}])
def test_the_definitions_take_every_manifest(place: dict[str, Any]) -> None:
    manifests = [each for text in tree(**place).values() for each in documents(text)]
    assert {each["kind"] for each in manifests} >= {"Application", "OCIRepository", "HelmRelease"}
    assert [fault for each in manifests for fault in faults(each)] == []


@pytest.mark.parametrize("kind", ["Application", "OCIRepository", "HelmRelease", "Stack"])
def test_the_definitions_refuse_what_nobody_knows(kind: str) -> None:
    manifest = found(tree(pulumiImage=IMAGE), kind)[0]
    manifest["spec"]["intervall"] = "1h"
    assert len(faults(manifest)) == 1


def test_everything_is_named_by_digest() -> None:
    files = tree(pulumiImage=IMAGE)
    (application,) = found(files, "Application")
    assert application["spec"]["source"]["repoURL"] == "oci://registry.example.com/trivet/chart/trivet"
    assert application["spec"]["source"]["targetRevision"] == f"sha256:{'1' * 64}"
    references = {each["metadata"]["name"]: each["spec"]["ref"] for each in found(files, "OCIRepository")}
    assert references == {
        "trivet-chart": {"digest": f"sha256:{'1' * 64}"},
        "trivet-program": {"digest": f"sha256:{'2' * 64}"},
    }


def test_argo_and_flux_tell_the_chart_the_same() -> None:
    files = tree()
    (application,), (release,) = found(files, "Application"), found(files, "HelmRelease")
    assert application["spec"]["source"]["helm"]["valuesObject"] == release["spec"]["values"]
    assert application["spec"]["destination"]["namespace"] == release["metadata"]["namespace"] == "trivet"
    assert application["spec"]["source"]["helm"]["releaseName"] == release["spec"]["releaseName"]


def test_pods_are_held_to_the_strictest_level() -> None:
    files = tree()
    (application,), (namespace,) = found(files, "Application"), found(files, "Namespace")
    strict = {"pod-security.kubernetes.io/enforce": "restricted"}
    assert namespace["metadata"]["labels"] == strict
    assert application["spec"]["syncPolicy"]["managedNamespaceMetadata"]["labels"] == strict


def test_flux_keeps_the_namespace_when_the_tree_goes() -> None:
    (namespace,) = found(tree(), "Namespace")
    assert namespace["metadata"]["annotations"] == {"kustomize.toolkit.fluxcd.io/prune": "disabled"}


def test_the_operator_runs_the_stacks_whose_credentials_it_has_if_it_is_told_where_pulumi_is() -> None:
    assert [path for path in tree() if path.startswith("pulumi/")] == []
    files = tree(pulumiImage=IMAGE)
    paths = {path for path in files if path.startswith("pulumi/")}
    assert paths == {"pulumi/operator.yaml", "pulumi/gpuaas.yaml", "pulumi/modal.yaml"}
    stacks = {each["spec"]["stack"]: each["spec"] for each in found(files, "Stack")}
    always = {"PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE"}
    assert stacks["modal"]["envRefs"].keys() == always | {"MODAL_TOKEN_ID", "MODAL_TOKEN_SECRET"}
    assert stacks["gpuaas"]["envRefs"].keys() == stacks["modal"]["envRefs"].keys() | {"LAMBDA_API_KEY"}
    assert {each["workspaceTemplate"]["spec"]["image"] for each in stacks.values()} == {IMAGE}


def test_pip_asks_nobody_outside_the_image() -> None:
    (stack, *_) = found(tree(pulumiImage=IMAGE), "Stack")
    (container,) = stack["spec"]["workspaceTemplate"]["spec"]["podTemplate"]["spec"]["containers"]
    assert {"name": "PIP_NO_INDEX", "value": "1"} in container["env"]


def test_no_secret_is_in_a_tree_but_by_name() -> None:
    for each in found(tree(pulumiImage=IMAGE), "Stack"):
        assert {ref["type"] for ref in each["spec"]["envRefs"].values()} == {"Secret"}
    assert "tvt_" not in "".join(tree(pulumiImage=IMAGE).values())


def test_the_same_inputs_give_the_same_bytes() -> None:
    assert tree(pulumiImage=IMAGE) == tree(pulumiImage=IMAGE)
