"""A cluster's GitOps tree: Argo CD or Flux installs the chart, Pulumi's operator runs the project's other stacks. Pure.

Everything is named by digest, so that whoever has verified the tree's own digest has verified all of it.
Sources: https://argo-cd.readthedocs.io/en/stable/user-guide/oci/, https://fluxcd.io/flux/components/,
https://www.pulumi.com/docs/iac/guides/continuous-delivery/pulumi-kubernetes-operator/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from trivet.render.helm import Values
from trivet.render.installation import project_name
from trivet.render.yaml_text import yaml_text
from trivet.spec.kubernetes import KubernetesSettings

CHART_LAYER: Final = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
RELEASE: Final = "trivet"
INTERVAL: Final = "1h"  # between two looks for drift
TIMEOUT: Final = "30m"  # large weights are fetched in it
RESYNC_SECONDS: Final = 3600
PULUMI: Final = "trivet-pulumi"  # ServiceAccount and Secret of Pulumi's operator
BUNDLE: Final = "/bundle"
PRUNE: Final = "kustomize.toolkit.fluxcd.io/prune"
RESTRICTED: Final = {"pod-security.kubernetes.io/enforce": "restricted"}
# What a stack's provider asks for besides Pulumi's backend and passphrase. Other targets want what no workspace has:
# SSH keys and pinned hosts, a cloud's own packages and credentials.
CREDENTIALS: Final[Mapping[str, tuple[str, ...]]] = {
    "lambda": ("LAMBDA_API_KEY",),
    "modal": ("MODAL_TOKEN_ID", "MODAL_TOKEN_SECRET"),
}

Manifest = dict[str, Any]


@dataclass(frozen=True)
class Artifacts:
    """What a tree refers to, by digest.

    Attributes:
        chart: repository below the registry's prefix, with its digest: `chart/trivet@sha256:…`.
        program: the same of the Pulumi program.
    """

    chart: str
    program: str


def gitops_tree(
    stack: str, values: Values, place: KubernetesSettings, artifacts: Artifacts, targets: Mapping[str, tuple[str, ...]]
) -> dict[str, str]:
    """The tree of one cluster: texts by path.

    Args:
        stack: the cluster's.
        values: what the chart is told.
        place: the cluster.
        artifacts: chart and program.
        targets: of each of the project's stacks, the most wanted first. The operator in this cluster runs those that
            run on rented GPUs, if the settings name an image to run Pulumi in.
    """
    tree = {
        "argocd/application.yaml": yaml_text(_application(stack, values, place, artifacts)),
        "flux/trivet.yaml": _documents(
            _namespace(place),
            _source("trivet-chart", place, artifacts.chart, layer=CHART_LAYER),
            _release(values, place),
        ),
    }
    elsewhere = {name: each for name, each in targets.items() if {*each} <= CREDENTIALS.keys()}
    if place.pulumi_image and elsewhere:
        access = (_account(place), _binding(place), _source("trivet-program", place, artifacts.program))
        tree["pulumi/operator.yaml"] = _documents(*access)
        for name, each in elsewhere.items():
            tree[f"pulumi/{name}.yaml"] = yaml_text(_stack(name, each, place, place.pulumi_image))
    return dict(sorted(tree.items()))


def _application(stack: str, values: Values, place: KubernetesSettings, artifacts: Artifacts) -> Manifest:
    repository, _, digest = artifacts.chart.partition("@")
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": project_name(stack), "namespace": "argocd"},
        "spec": {
            "project": "default",
            "source": {
                "repoURL": f"oci://{place.registry}/{repository}",
                "targetRevision": digest,
                "path": ".",
                "helm": {"releaseName": RELEASE, "valuesObject": values},
            },
            "destination": {"server": "https://kubernetes.default.svc", "namespace": place.namespace},
            "syncPolicy": {
                "automated": {"prune": True, "selfHeal": True},
                "managedNamespaceMetadata": {"labels": RESTRICTED},
                "syncOptions": ["CreateNamespace=true", "ServerSideApply=true"],
            },
        },
    }


def _source(name: str, place: KubernetesSettings, artifact: str, *, layer: str = "") -> Manifest:
    repository, _, digest = artifact.partition("@")
    return {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "OCIRepository",
        "metadata": {"name": name, "namespace": place.namespace},
        "spec": {
            "interval": INTERVAL,
            "url": f"oci://{place.registry}/{repository}",
            "ref": {"digest": digest},
            **({"layerSelector": {"mediaType": layer, "operation": "copy"}} if layer else {}),
            **({"secretRef": {"name": place.pull_secret}} if place.pull_secret else {}),
            **({"certSecretRef": {"name": place.registry_ca}} if place.registry_ca else {}),
        },
    }


def _release(values: Values, place: KubernetesSettings) -> Manifest:
    remediation = {"retries": 3}
    return {
        "apiVersion": "helm.toolkit.fluxcd.io/v2",
        "kind": "HelmRelease",
        "metadata": {"name": RELEASE, "namespace": place.namespace},
        "spec": {
            "interval": INTERVAL,
            "timeout": TIMEOUT,
            "releaseName": RELEASE,
            "chartRef": {"kind": "OCIRepository", "name": "trivet-chart"},
            "install": {"remediation": remediation},
            "upgrade": {"remediation": {**remediation, "strategy": "rollback"}},
            "driftDetection": {"mode": "enabled"},
            "values": values,
        },
    }


def _namespace(place: KubernetesSettings) -> Manifest:
    """It holds what is not the tree's as well (keys, claims): Flux does not take it away with the tree."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": place.namespace, "labels": RESTRICTED, "annotations": {PRUNE: "disabled"}},
    }


def _account(place: KubernetesSettings) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": PULUMI, "namespace": place.namespace},
        **({"imagePullSecrets": [{"name": place.pull_secret}]} if place.pull_secret else {}),
    }


def _binding(place: KubernetesSettings) -> Manifest:
    """The workspace asks the cluster who its caller is; it may do nothing else."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": f"{place.namespace}-{PULUMI}"},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "system:auth-delegator",
        },
        "subjects": [{"kind": "ServiceAccount", "name": PULUMI, "namespace": place.namespace}],
    }


def _stack(name: str, targets: tuple[str, ...], place: KubernetesSettings, image: str) -> Manifest:
    asked = (key for target in targets for key in CREDENTIALS.get(target, ()))
    secrets = ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", *asked)
    return {
        "apiVersion": "pulumi.com/v1",
        "kind": "Stack",
        "metadata": {"name": project_name(name), "namespace": place.namespace},
        "spec": {
            "stack": name,
            "serviceAccountName": PULUMI,
            "fluxSource": {
                "sourceRef": {
                    "apiVersion": "source.toolkit.fluxcd.io/v1",
                    "kind": "OCIRepository",
                    "name": "trivet-program",
                }
            },
            "envRefs": {key: {"type": "Secret", "secret": {"name": PULUMI, "key": key}} for key in secrets},
            "refresh": True,
            "destroyOnFinalize": False,  # whoever deletes this object by mistake takes nothing down
            "resyncFrequencySeconds": RESYNC_SECONDS,
            "workspaceTemplate": {"spec": {"image": image, "podTemplate": {"spec": _workspace()}}},
        },
    }


def _workspace() -> Manifest:
    """The operator always runs pip: it finds the wheels in the image, and asks nobody else."""
    return {
        "containers": [
            {
                "name": "pulumi",
                "env": [{"name": "PIP_NO_INDEX", "value": "1"}, {"name": "PIP_FIND_LINKS", "value": "/wheels"}],
                "volumeMounts": [{"name": "bundle", "mountPath": BUNDLE, "readOnly": True}],
            }
        ],
        "volumes": [{"name": "bundle", "persistentVolumeClaim": {"claimName": "trivet-bundle", "readOnly": True}}],
    }


def _documents(*manifests: Manifest) -> str:
    return "---\n".join(map(yaml_text, manifests))
