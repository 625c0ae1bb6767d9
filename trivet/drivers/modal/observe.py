"""Looks at Modal: what is deployed under the app's name, where it runs, how it scales."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trivet.drivers.modal import volume
from trivet.drivers.modal.observation import ABSENT, AppState
from trivet.drivers.modal.site import DEFINITION, FUNCTION, ModalSite
from trivet.errors import CloudError
from trivet.render.modal import Autoscaler, ModalApp

# What Modal names nothing for: no bound of ours, and its own default.
UNBOUNDED = 1_000_000
DEFAULT_WINDOW = 60  # seconds


@dataclass(frozen=True)
class Deployed:
    """An app that Modal has: its tags, and what its function is, where it has one."""

    tags: Mapping[str, str]
    function: Any
    regions: tuple[str, ...]
    routing_region: str | None
    autoscaler: Autoscaler | None
    url: str | None

    def matches(self, app: ModalApp) -> bool:
        """True if it runs and is routed where it ought to be."""
        return (self.regions, self.routing_region) == ((app.region,), app.routing_region)


def lookup(site: ModalSite) -> Deployed | None:
    """The deployed app; None where there is none.

    Raises:
        CloudError: Modal refuses.
    """
    modal, client, app = site.account.modal, site.account.client, site.app
    with site.account.plainly("look up"):
        try:
            handle = modal.App.lookup(app.name, environment_name=app.environment, client=client)
        except modal.exception.NotFoundError:
            return None
        tags = handle.get_tags(client=client)
        function = modal.Function.from_name(app.name, FUNCTION, environment_name=app.environment, client=client)
        try:
            info = function.info(refresh=True)
        except modal.exception.NotFoundError:
            return Deployed(tags, None, (), None, None, None)
        settings = function.autoscaler.settings()
        return Deployed(
            tags=tags,
            function=function,
            regions=tuple(info.regions or ()),
            routing_region=info.routing_region or None,
            autoscaler=autoscaler_of(settings),
            url=function.get_web_url(),
        )


def observe(site: ModalSite) -> AppState | None:
    """What is there; None if nothing is: no app, and no model on a volume.

    Raises:
        CloudError: Modal refuses.
        HostError: a key file cannot be read.
    """
    seen = look(site)
    return seen if seen.definition != ABSENT or seen.models else None


def look(site: ModalSite) -> AppState:
    """What is there of all that is observed, if only nothing."""
    found = lookup(site)
    return AppState(
        definition=(found.tags.get(DEFINITION) if found and found.function else None) or ABSENT,
        regions=found.regions if found else (),
        routing_region=(found.routing_region if found else None) or ABSENT,
        autoscaler=(found.autoscaler if found else None) or site.app.autoscaler,
        models=volume.present(site),
        keys={name: given or site.keys.sha256(name) or ABSENT for name, given in site.app.keys.items()},
    )


def url(site: ModalSite) -> str:
    """Where the app answers, ending in `/v1`.

    Raises:
        CloudError: it is not deployed.
    """
    found = lookup(site)
    if found is None or not found.url:
        raise CloudError(
            code="no-url", where=site.app.name, value="no web endpoint", rule="a deployed app has a URL",
            remedy="run `pulumi up`",
        )  # fmt: skip
    return f"{found.url.rstrip('/')}/v1"


def autoscaler_of(settings: Any) -> Autoscaler:
    """Modal's settings as ours."""
    return Autoscaler(
        min_containers=settings.min_containers or 0,
        max_containers=settings.max_containers or UNBOUNDED,
        buffer_containers=settings.buffer_containers or 0,
        scaledown_window=settings.scaledown_window or DEFAULT_WINDOW,
    )
