"""Where a stack on Modal is worked on: the account, the app, the operator's store and keys."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trivet.bundle.layout import Layout
from trivet.drivers.bundle.keys import KeyRing
from trivet.drivers.host import Report
from trivet.drivers.modal.account import Account
from trivet.render.modal import ModalApp

# Tags of the app: whose it is, what was deployed, and for whoever reaps: until when it may live (seconds since 1970),
# what a container costs an hour, and that somebody consented to containers that stay up without a request.
MANAGED, DEFINITION = "managed-by", "trivet-definition"
EXPIRES, CENTS, CONSENT = "expires-at", "cents-per-hour", "idle-billing"
OURS = "trivet"
FUNCTION = "serve"  # the name of the one function; Modal puts it into the URL


@dataclass(frozen=True)
class ModalSite:
    """One app and everything that it is worked on with."""

    app: ModalApp
    account: Account
    report: Report

    @property
    def keys(self) -> KeyRing:
        """The operator's keys."""
        return KeyRing(Path(self.app.key_directory))

    def store(self) -> Layout:
        """The operator's store.

        Raises:
            IntegrityError: there is none.
        """
        return Layout(Path(self.app.store))
