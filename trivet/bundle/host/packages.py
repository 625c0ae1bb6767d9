"""Debian packages with all that they depend on, resolved against a minimal root of their suite."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from urllib.parse import unquote

from trivet.bundle import tools
from trivet.bundle.base import DebianBase, Mirrors
from trivet.bundle.host.suite import Group, Suite
from trivet.errors import BuildError

ARCHIVES = "/var/cache/trivet"  # in the minimal root: one folder a group
_EPOCH = re.compile(r"^([^_]+)_[0-9]+:")


def fetch_packages(suite: Suite, mirrors: Mirrors, cache: Path, log: Path) -> dict[Group, dict[str, Path]]:
    """The packages of each group, by the names that they have in Debian's archive; fetched once a `cache`.

    The minimal root is really made (mmdebstrap's variant minbase), so that apt itself says what it lacks.

    Args:
        suite: what is wanted.
        mirrors: where packages come from.
        cache: a folder for them; it appears when all are there.
        log: where mmdebstrap's messages go.

    Raises:
        BuildError: packages cannot be fetched, are not signed, or do not fit together.
    """
    if not cache.exists():
        tools.require_tools("mmdebstrap")
        partial = cache.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        _download(suite, mirrors, partial, log)
        partial.rename(cache)
    return {group: {_name(path): path for path in sorted((cache / group).glob("*.deb"))} for group in suite.packages}


def _download(suite: Suite, mirrors: Mirrors, folder: Path, log: Path) -> None:
    sources = DebianBase(suite=suite.suite, packages=("apt",), programs=()).sources(mirrors, tools.keyring())
    hooks = [_hook(group, packages) for group, packages in suite.packages.items()]
    tools.run(
        [
            "mmdebstrap",
            "--variant=minbase",
            "--format=null",
            *(f"--customize-hook={hook}" for hook in hooks),
            f"--customize-hook=sync-out {ARCHIVES} {shlex.quote(str(folder))}",
            "",
            "-",
            "-",
        ],
        log=log,
        input_text=sources,
        environ={},
    )
    empty = [group for group in suite.packages if not any((folder / group).glob("*.deb"))]
    if empty:
        raise BuildError(
            where=suite.suite,
            value=f"no package for {', '.join(empty)}",
            rule="a group names what a minimal installation lacks",
            remedy=f"remove the group; the whole of it is in {log}",
        )


def _hook(group: Group, packages: tuple[str, ...]) -> str:
    """Shell code that mmdebstrap runs with the root as `$1`."""
    place = f'"$1"{ARCHIVES}/{group}'
    options = f"-o APT::Sandbox::User=root -o Dir::Cache::archives={place}/ --no-install-recommends --download-only"
    fetch = f'APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get --yes {options} install {shlex.join(packages)}'
    return f"mkdir -p {place}/partial && {fetch}"


def _name(path: Path) -> str:
    """Without the version's epoch, which apt writes as `%3a` and the archive leaves out."""
    return _EPOCH.sub(r"\1_", unquote(path.name))
