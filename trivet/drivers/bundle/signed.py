"""The signed bundle that settings name: believed before the first write, and the store filled from it.

Without one, the store is what was built on the operator's machine, and nobody has to sign it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from trivet.bundle.documents import INDEX_FILE
from trivet.bundle.install import Target, install_bundle, installed_index
from trivet.bundle.keys import read_document
from trivet.bundle.pinned import Pinned
from trivet.bundle.refusals import DocumentError
from trivet.bundle.trust import TrustedBundle
from trivet.bundle.verify import open_bundle
from trivet.drivers.host import Report
from trivet.render import Installation
from trivet.spec.bundle import SignedBundle


def fill_store(installation: Installation, signed: SignedBundle, report: Report) -> None:
    """Verify signatures, manifests and lengths; then, unless it is installed already, every blob; then fill the store.

    Raises:
        IntegrityError: the bundle is not sound, not signed as it must be, or of another lock; nothing was written.
        HostError: the operator's disk has no room.
    """
    source, store, now = Path(signed.path), Path(installation.store), datetime.now(UTC)
    pinned = Pinned.parse(read_document(Path(signed.trust)), signed.trust)
    trusted = open_bundle(source, pinned, now=now).trusted
    _require_lock(trusted, installation)
    if installed_index(store) == trusted.digest:
        return
    report(f"verifying {source}, and filling {store} from it")
    install_bundle(source, Target(store), pinned, now=now)


def _require_lock(trusted: TrustedBundle, installation: Installation) -> None:
    wanted = {f"image/{name}": image.manifest for name, image in installation.images.items()}
    wanted |= {f"model/{name}": model.manifest for name, model in installation.models.items()}
    found = {entry.ref: entry.digest for entry in trusted.index.manifests}
    for name, digest in sorted(wanted.items()):
        if found.get(name) != digest:
            raise DocumentError(
                where=f"{trusted.where}/{INDEX_FILE}",
                value=f"{name} is {found.get(name, 'not there')}",
                rule=f"the bundle carries what inference.lock pins: {digest}",
                remedy="name the bundle that this inference.lock came with",
            )
