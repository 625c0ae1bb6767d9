"""The bundle that a machine or a registry is filled from: is it this stack's?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from trivet.bundle.carrier import open_carrier
from trivet.bundle.keys import load_public
from trivet.bundle.pinned import Pinned
from trivet.bundle.verify import believe
from trivet.errors import SpecError
from trivet.spec import Lock
from trivet.spec.digest import sha256_digest


@dataclass(frozen=True)
class BundleFile:
    """A bundle's tar, and the SHA-256 of the `install.sh` in it."""

    path: str
    installer: str
    digest: str


def read_bundle(path: str, keys: tuple[str, ...], lock: Lock, spec_file: Path, *, bare_host: bool = True) -> BundleFile:
    """Believe its index by the keys that the machine will, and hold it against the checkout.

    Its bytes are not hashed here: the machine does that before it takes one of them. A `bare_host` needs an installer.

    Raises:
        SpecError: it is another stack's, an older one, or not for bare hosts.
        IntegrityError: it is not signed, has expired, or its documents are not whole.
    """
    remedy = f"run `trivet build --host bookworm`, then `trivet bundle create --out {path} --key …`"
    if not Path(path).is_file():
        raise SpecError(value=path, rule="what runs in a cloud comes from a signed bundle (aws.bundle)", remedy=remedy)
    pinned = Pinned.of(load_public(key) for key in keys)
    bundle = believe(open_carrier(Path(path)), pinned, now=datetime.now(UTC))
    index = bundle.index
    if index.lock != lock.digest:
        raise SpecError(
            where=path, value=f"lock {index.lock}", rule=f"the bundle is of this lock, {lock.digest}", remedy=remedy
        )
    if sha256_digest(spec_file.read_bytes()) not in bundle.blobs:
        raise SpecError(where=path, value="another inference.yaml", rule="the bundle is of this stack", remedy=remedy)
    if bare_host and not index.installer:
        raise SpecError(where=path, value="no install.sh", rule="a new machine is a bare host", remedy=remedy)
    return BundleFile(path=path, installer=(index.installer or "").removeprefix("sha256:"), digest=bundle.digest)
