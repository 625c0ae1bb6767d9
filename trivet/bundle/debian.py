"""Makes the root of an image from Debian packages."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from trivet.bundle import tools
from trivet.bundle.base import DebianBase, Mirrors

# With usr-merge, packages hold /usr alone and these links are made by whoever installs them.
LINKS = 'ln -s usr/bin usr/sbin usr/lib usr/lib64 "$1"'


def make_root(
    base: DebianBase, *, prepare: Path, mirrors: Mirrors, epoch: int, target: Path, scratch: Path, log: Path
) -> None:
    """Write the root as a tar; the same packages give the same bytes.

    Args:
        base: the suite and its packages.
        prepare: the hook that turns extracted packages into a root.
        mirrors: where packages come from.
        epoch: the date of whatever is newer, in seconds.
        target: the tar; it appears when it is whole.
        scratch: where packages are extracted; without root, mmdebstrap uses /tmp.
        log: where mmdebstrap's messages go.

    Raises:
        BuildError: packages cannot be fetched, are not signed, or do not fit together.
    """
    partial = target.with_suffix(".partial")
    mode, environ = ("root", {"TMPDIR": str(scratch)}) if os.geteuid() == 0 else ("unshare", {})
    tools.run(
        [
            "mmdebstrap",
            f"--mode={mode}",
            "--variant=extract",
            "--skip=cleanup,output/dev,chroot/mount",  # nothing is run in the root, and `prepare` tidies up
            f"--include={','.join(base.packages)}",
            f"--setup-hook={LINKS}",
            f'--extract-hook={shlex.quote(str(prepare.resolve()))} "$1"',
            "--format=tar",
            "",
            "-",
            "-",
        ],
        log=log,
        output=partial,
        input_text=base.sources(mirrors, tools.keyring()),
        environ={
            **environ,
            "SOURCE_DATE_EPOCH": str(epoch),
            "PROGRAMS": " ".join(base.programs),
            "REMOVE": " ".join(base.remove),
        },
    )
    partial.rename(target)
