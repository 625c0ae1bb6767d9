"""A URL is handed out only after it has answered as what was deployed."""

from __future__ import annotations

import time

import httpx

from trivet.drivers.modal.site import ModalSite
from trivet.errors import CloudError

REQUEST_SECONDS = 60.0
PAUSE = 1.0
IDENTITY = ("specDigest", "lockDigest", "images", "models", "tier", "region")


def require_answer(site: ModalSite, url: str) -> None:
    """Wait until the gateway says that it is what was deployed; a first request starts a container.

    Raises:
        CloudError: it does not in time, or says something else.
    """
    deadline = time.monotonic() + site.app.start_seconds
    wanted = {key: site.app.gateway["identity"][key] for key in IDENTITY}
    headers = _headers(site)
    site.report(f"waiting for {url}")
    with httpx.Client(timeout=REQUEST_SECONDS, headers=headers, follow_redirects=True) as client:
        while True:
            said = _identity(client, url) if headers else _alive(client, url)
            if said == (wanted if headers else {}):
                return
            if time.monotonic() > deadline:
                raise CloudError(
                    code="no-answer",
                    where=url,
                    value=f"after {site.app.start_seconds} s it says {said or 'nothing'}",
                    rule="the app answers as what was deployed",
                    remedy=f"see `modal app logs {site.app.name}`; a large model needs a longer waitSeconds",
                )
            time.sleep(PAUSE)


def _headers(site: ModalSite) -> dict[str, str]:
    """With the first key that is ours; none where all were made elsewhere."""
    name = next((name for name, given in site.app.keys.items() if given is None), None)
    if name is None:
        return {}
    return {"Authorization": f"Bearer {site.keys.path(name).read_text(encoding='ascii').strip()}"}


def _identity(client: httpx.Client, url: str) -> dict[str, object] | None:
    try:
        answer = client.get(f"{url}/identity").raise_for_status().json()
        return {key: answer[key] for key in IDENTITY}
    except (httpx.HTTPError, ValueError, KeyError):
        return None


def _alive(client: httpx.Client, url: str) -> dict[str, object] | None:
    try:
        client.get(f"{url.removesuffix('/v1')}/ready").raise_for_status()
    except httpx.HTTPError:
        return None
    return {}
