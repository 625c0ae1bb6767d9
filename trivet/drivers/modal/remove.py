"""Takes an app away again. Whatever is gone already is no error."""

from __future__ import annotations

from trivet.drivers.modal.observe import lookup
from trivet.drivers.modal.site import MANAGED, OURS, ModalSite


def remove(site: ModalSite) -> None:
    """Stop the app with all its containers; remove its volumes (the audit's unless retained) and our keys.

    Raises:
        CloudError: Modal refuses.
    """
    app, modal, client = site.app, site.account.modal, site.account.client
    found = lookup(site)
    with site.account.plainly("remove"):
        if found is not None and found.tags.get(MANAGED) == OURS:
            site.report(f"stopping {app.name}")
            modal.App.lookup(app.name, environment_name=app.environment, client=client).stop(client=client)
        for name in (app.weights_volume, *(() if app.retain else (app.audit_volume,))):
            modal.Volume.objects.delete(name, allow_missing=True, environment_name=app.environment, client=client)
    for name, given in app.keys.items():
        if given is None:
            site.keys.remove(name)
