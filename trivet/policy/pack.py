"""The policy pack's decisions: a resource's properties in, violations out. What a preview does not know is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pulumi_policy.proxy import UnknownValueError

from trivet.residency import Finding, Regime, check, load_regime, load_tables
from trivet.residency.backend import state_backend
from trivet.residency.resource_types import PROVIDERS
from trivet.residency.resources import UNKNOWN, resource_assets
from trivet.residency.stack import check_stack
from trivet.spec import StackSpec, load_spec
from trivet.spec.settings_file import read_settings

OWN = "trivet"


@dataclass(frozen=True)
class Resource:
    """A resource as a policy is handed it; `provider` is None for a component, which is only its children."""

    kind: str
    urn: str
    name: str
    properties: Mapping[str, Any]
    provider: Mapping[str, Any] | None


@dataclass(frozen=True)
class Pack:
    """One project's spec and regime, ready to judge resources. `environ` says where Pulumi's state is."""

    project: Path
    spec: StackSpec
    regime: Regime
    environ: Mapping[str, str]
    today: date

    @classmethod
    def of(cls, project: Path, environ: Mapping[str, str], *, today: date) -> Pack:
        """Read the spec and its regime.

        Raises:
            SpecError: either is missing or malformed.
        """
        spec = load_spec(project / "inference.yaml")
        return cls(project, spec, load_regime(spec.residency.regime, project), environ, today)

    def violations(self, resource: Resource) -> tuple[str, ...]:
        """What the regime refuses about a resource."""
        package = resource.kind.partition(":")[0]
        if package == OWN:
            refused = self._own(stack=resource.urn.removeprefix("urn:pulumi:").partition("::")[0])
        elif package not in PROVIDERS and resource.provider is None:
            refused = ()
        else:
            refused = self._foreign(resource)
        return tuple(_text(finding) for finding in refused)

    def _foreign(self, resource: Resource) -> tuple[Finding, ...]:
        properties, provider = known(resource.properties), known(resource.provider or {})
        assets = resource_assets(resource.kind, resource.name, properties, provider, load_tables())
        return check(assets, self.regime, self.spec.residency, load_tables(), today=self.today).refused

    def _own(self, stack: str) -> tuple[Finding, ...]:
        """Our own resources lie where the stack's settings say."""
        settings = read_settings(self.project, stack)
        backend = state_backend(self.project, self.environ)
        return check_stack(self.spec, settings, backend, self.project, today=self.today).refused


def known(value: Any) -> Any:
    """Plain data of what a policy is handed; `UNKNOWN` in place of each value that a preview does not know."""
    if isinstance(value, Mapping):
        return {key: _get(value, key) for key in value}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_get(value, at) for at in range(len(value))]
    return value


def _get(container: Any, key: Any) -> Any:
    try:
        return known(container[key])
    except UnknownValueError:
        return UNKNOWN


def _text(finding: Finding) -> str:
    return f"{finding.asset.kind}: {finding.because} [{finding.article}]. Remedy: {finding.remedy}"
