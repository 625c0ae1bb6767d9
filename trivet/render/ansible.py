"""The variables of the Ansible roles, from the settings. Pure."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated, Any

from pydantic import Field

from trivet.spec import Settings
from trivet.spec.base import Frozen
from trivet.spec.ssh import SshTarget
from trivet.spec.workstation import EngineRole, WorkstationSettings


class Setup(Frozen):
    """One host, and what it is to be."""

    host: SshTarget
    variables: Annotated[dict[str, Any], Field(description="Of ansible/playbooks/workstation.yml; none is secret.")]


def render_setup(settings: Settings, *, port: int) -> Setup | None:
    """What is to be made of the host; None where the settings leave that to its owner.

    Args:
        settings: the stack's.
        port: the gateway's on the host.
    """
    if settings.host is None or settings.workstation is None:
        return None
    variables = role_variables(settings, settings.host, settings.workstation, port=port)
    return Setup(host=settings.host, variables=variables)


def role_variables(settings: Settings, host: SshTarget, roles: WorkstationSettings, *, port: int) -> dict[str, Any]:
    """Variables of `ansible/playbooks/workstation.yml`; none is secret.

    Args:
        settings: the stack's.
        host: the host; what its user and port are is left open.
        roles: the settings of the roles.
        port: the gateway's on the host.
    """
    chosen = {name: role for name, role in roles if role is not None}
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
    if roles.power:
        variables["power_root"] = settings.root
    return variables


def _public(settings: Settings, roles: WorkstationSettings, port: int) -> tuple[int, ...]:
    """Where clients come in."""
    if roles.access:
        return (roles.access.port,)
    return () if ip_address(settings.bind).is_loopback else (port,)
