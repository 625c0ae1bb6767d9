"""Brings Modal to what an app says: the same steps deploy, redeploy, repair, and go on after a killed run."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trivet.drivers.bundle.observation import config_text
from trivet.drivers.bundle.preflight import require_locked
from trivet.drivers.modal import volume
from trivet.drivers.modal.answer import require_answer
from trivet.drivers.modal.observation import AppState, definition
from trivet.drivers.modal.observe import look, lookup, url
from trivet.drivers.modal.site import CENTS, CONSENT, DEFINITION, EXPIRES, FUNCTION, MANAGED, OURS, ModalSite
from trivet.errors import CloudError, TrivetError
from trivet.render.gateway import PORT
from trivet.render.modal import AUDIT, WEIGHTS, ModalApp
from trivet_gateway.node import FRONTIER_KEY, PLAN, serve

PYTHON = "3.13"  # Modal's own, for its own part of the container; the first that it adds without a shell


class HalfDeployedError(TrivetError):
    """Something was changed, and then a step failed. Running the same again goes on from there."""

    def __init__(self, cause: TrivetError) -> None:
        super().__init__(value=cause.value, rule=cause.rule, remedy=cause.remedy, where=cause.where)


def deploy(site: ModalSite, frontier_key: str | None) -> AppState:
    """Deploy, redeploy or repair, until the URL answers as what was deployed.

    Raises:
        TrivetError: refused; nothing was changed.
        HalfDeployedError: refused on the way.
    """
    found = lookup(site)
    if found is not None and found.tags.get(MANAGED) != OURS:
        raise CloudError(
            code="not-ours",
            value=f"app {site.app.name}",
            rule="an app that Trivet did not make is left alone",
            remedy=f"run `pulumi stack rename NAME`, or stop the app: `modal app stop {site.app.name}`",
        )
    require_locked(site.store(), {f"model/{name}": model.manifest for name, model in site.app.models.items()})
    try:
        return _carry_out(site, frontier_key)
    except TrivetError as exc:
        raise HalfDeployedError(exc) from exc


def _carry_out(site: ModalSite, frontier_key: str | None) -> AppState:
    app = site.app
    keys = {name: given or site.keys.ensure(name) for name, given in app.keys.items()}
    config = config_text(app.gateway, keys)
    path = volume.fill(site, config)
    wanted = definition(app, config, frontier_key)
    found = lookup(site)
    if found is None or found.tags.get(DEFINITION) != wanted or not found.matches(app):
        site.report("deploying")
        _publish(site, wanted, _variables(app.node, path, frontier_key))
    elif found.autoscaler != app.autoscaler:
        site.report("setting the autoscaler")
        with site.account.plainly("autoscaler"):
            _consent(site, found.tags)
            found.function.autoscaler.update(**app.autoscaler.model_dump())
    require_answer(site, url(site))
    volume.prune(site, config)
    return look(site)


def _publish(site: ModalSite, wanted: str, variables: dict[str, str]) -> None:
    """Make Modal build the image and move traffic over: old containers end when new ones have taken over."""
    app, modal = site.app, site.account.modal
    declared = modal.App(app.name, tags=_tags(app, wanted, int(time.time())))
    volumes = {
        WEIGHTS: volume.volume(site, app.weights_volume, create=True).read_only(),
        AUDIT: volume.volume(site, app.audit_volume, create=True),
    }
    with tempfile.TemporaryDirectory() as directory, site.account.plainly("deploy"):
        containerfile = Path(directory) / "Dockerfile"
        containerfile.write_text("\n".join(app.dockerfile) + "\n", encoding="utf-8")
        endpoint: Any = modal.web_server(PORT, startup_timeout=app.start_seconds)(serve)
        declared.function(
            name=FUNCTION,
            image=modal.Image.from_dockerfile(containerfile, context_dir=directory, add_python=PYTHON),
            secrets=[modal.Secret.from_dict(variables)],
            volumes=volumes,
            gpu=app.gpu,
            # Bounds, too: Modal bills what is used, and would let a container use more.
            cpu=(app.cpu, app.cpu),
            memory=(app.memory_mib, app.memory_mib),
            region=app.region,
            routing_region=app.routing_region,
            timeout=app.timeout_seconds,
            startup_timeout=app.start_seconds,
            include_source=False,
            **app.autoscaler.model_dump(),
        )(modal.concurrent(max_inputs=app.max_inputs)(endpoint))
        declared.deploy(environment_name=app.environment, client=site.account.client, strategy="rolling")


def _tags(app: ModalApp, definition: str, now: int) -> dict[str, str]:
    until = {EXPIRES: str(now + app.ttl)} if app.ttl is not None else {}
    return {MANAGED: OURS, DEFINITION: definition, CENTS: f"{app.cents_per_hour:.2f}", **until, **_idle_billing(app)}


def _idle_billing(app: ModalApp) -> dict[str, str]:
    """The settings take no such containers without consent."""
    return {CONSENT: "allowed"} if app.autoscaler.min_containers or app.autoscaler.buffer_containers else {}


def _consent(site: ModalSite, tags: Mapping[str, str]) -> None:
    """Bring the tag of consent to what the settings say, for no deployment does."""
    kept = {key: value for key, value in tags.items() if key != CONSENT}
    wanted = {**kept, **_idle_billing(site.app)}
    if wanted != tags:
        modal, client = site.account.modal, site.account.client
        handle = modal.App.lookup(site.app.name, environment_name=site.app.environment, client=client)
        handle.set_tags(wanted, client=client)


def _variables(node: dict[str, Any], path: str, frontier_key: str | None) -> dict[str, str]:
    """What the container is told; Modal keeps it as a secret."""
    gateway = {**node["gateway"], "argv": [*node["gateway"]["argv"], f"{WEIGHTS}/{path}"]}
    told = {PLAN: json.dumps({**node, "gateway": gateway})}
    return {**told, FRONTIER_KEY: frontier_key} if frontier_key else told
