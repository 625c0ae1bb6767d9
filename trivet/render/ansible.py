"""The variables of the Ansible roles, from the settings. Pure."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Annotated, Any

from pydantic import Field

from trivet.errors import SpecError
from trivet.residency.fit import width_of
from trivet.spec import Lock, Settings, StackSpec
from trivet.spec.base import Digest, Frozen
from trivet.spec.ssh import SshTarget
from trivet.spec.workstation import EngineRole, WorkstationSettings

PACKAGES = "/var/lib/trivet-packages"  # on the host
AUTHORITY = "/var/lib/caddy/.local/share/caddy/pki/authorities/local/root.crt"  # where Debian's Caddy keeps it
ARTIFACT = re.compile(r"debian/(?P<suite>[a-z]+)-workstation")


class Packages(Frozen):
    """Debian packages that the host is given: the store that has them, and digests of artifacts by release."""

    store: str
    manifests: dict[str, Digest]


class Setup(Frozen):
    """One host, and what it is to be."""

    host: SshTarget
    variables: Annotated[dict[str, Any], Field(description="Of ansible/playbooks/workstation.yml; none is secret.")]
    packages: Packages | None = None
    authority_file: Annotated[
        str | None, Field(description="Its own authority's certificate, on the host, where clients need one.")
    ] = None


def render_setup(
    settings: Settings, *, port: int, spec: StackSpec | None = None, lock: Lock | None = None
) -> Setup | None:
    """What is to be made of the host; None where the settings leave that to its owner.

    Args:
        settings: the stack's.
        port: the gateway's on the host.
        spec: whose models want cards; without it none does.
        lock: what names the bundle's packages, where they are wanted.

    Raises:
        SpecError: the bundle's packages are wanted, and the lock names none.
    """
    if settings.host is None or settings.workstation is None:
        return None
    variables = role_variables(settings, settings.host, settings.workstation, port=port)
    if settings.workstation.gpu_partition:
        variables["gpu_partition_models"] = gpu_models(spec) if spec else []
    packages = _packages(lock) if settings.workstation.packages == "bundle" else None
    if packages:
        variables["workstation_packages"] = PACKAGES
    access = settings.workstation.access
    is_own = access is not None and access.wireguard is None and access.certificate == "internal"
    return Setup(
        host=settings.host, variables=variables, packages=packages, authority_file=AUTHORITY if is_own else None
    )


def _packages(lock: Lock | None) -> Packages:
    artifacts = lock.artifacts if lock else {}
    manifests = {
        found["suite"]: artifact.manifest for name, artifact in artifacts.items() if (found := ARTIFACT.fullmatch(name))
    }
    if not manifests:
        raise SpecError(
            where="inference.lock",
            value="no debian/…-workstation",
            rule="with workstation.packages: bundle, the lock names the Debian packages that the roles install",
            remedy="run `trivet build --host trixie`, which gathers them, or set workstation.packages to mirror",
        )
    return Packages(store=".trivet/store", manifests=manifests)


def gpu_models(spec: StackSpec) -> list[dict[str, Any]]:
    """Models that need a card: MiB in all, and on how many cards."""
    return [
        {"name": model.name, "memory_mib": model.gpu_memory_mib, "width": width_of(spec, model)}
        for model in spec.models
        if model.gpu_memory_mib
    ]


def role_variables(settings: Settings, host: SshTarget, roles: WorkstationSettings, *, port: int) -> dict[str, Any]:
    """Variables of `ansible/playbooks/workstation.yml`; none is secret.

    Args:
        settings: the stack's.
        host: the host; what its user and port are is left open.
        roles: the settings of the roles.
        port: the gateway's on the host.
    """
    chosen = {name: role for name, role in roles if isinstance(role, Frozen)}
    variables: dict[str, Any] = {"workstation_roles": list(chosen)}
    for name, role in chosen.items():
        given = role.model_dump(mode="json", exclude_none=True)
        variables |= {f"{name}_{key}": value for key, value in given.items()}
    if roles.hardening:
        ports = {*roles.hardening.open_ports, *_public(settings, roles, port)}
        variables |= {
            "hardening_ssh_port": host.port,
            "hardening_root_login": host.user == "root",
            "hardening_open_ports": sorted(ports),
        }
    if roles.backup:
        variables["backup_paths"] = ["/etc/trivet", settings.root, *roles.backup.paths]
        variables["backup_data_root"] = (roles.engine or EngineRole()).data_root
    if roles.access:
        variables |= {"access_name": roles.access.name or host.in_url, "access_gateway_port": port}
    if roles.hardening and roles.access and roles.access.wireguard:
        variables |= {
            "hardening_tunnel_port": roles.access.wireguard.port,
            "hardening_tunnel_gateway_port": port,
        }
    if roles.power:
        variables["power_root"] = settings.root
    return variables


def _public(settings: Settings, roles: WorkstationSettings, port: int) -> tuple[int, ...]:
    """Where clients come in."""
    if roles.access:
        return () if roles.access.wireguard else (roles.access.port,)
    return () if ip_address(settings.bind).is_loopback else (port,)
