"""The units that supervise an installation, on its host: installed, seen, taken away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from trivet.drivers.bundle.site import Site
from trivet.drivers.bundle.units import ABSENT, Supervised, UnitState, Wanted, digests_of, program_digest, wanted_of
from trivet.drivers.host import Host
from trivet.errors import HostError
from trivet.render import paths
from trivet.render.supervision import PYTHON, UNIT_DIRECTORY, stack_unit, watchdog_unit
from trivet.spec.digest import sha256_digest

STARTING_SECONDS: Final = 120.0
PROPERTIES: Final = ("Id", "ActiveState", "UnitFileState", "DropInPaths")
# Says what is missing, a word each.
CAPABLE: Final = f"""
[ -d /run/systemd/system ] || echo systemd
[ "$(id -u)" = 0 ] || echo root
{PYTHON} -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || echo python3
"""


def require_capable(site: Site) -> None:
    """Refuse a host on which no unit could be installed.

    Raises:
        HostError: it has no systemd or no Python, or we are not root there.
    """
    if not site.installation.supervised:
        return
    missing = site.host.run(["sh", "-c", CAPABLE]).stdout.decode().split()
    if missing:
        raise HostError(
            where=site.installation.root,
            value=f"not there: {', '.join(missing)}",
            rule=f"supervised is a stack on a host with systemd and {PYTHON} 3.10 or newer, worked on as root",
            remedy="set host.sudo or host.user, install what is missing, or run `pulumi config set supervise false`",
        )


def place(site: Site) -> None:
    """Install the units and what they run; start what does not run, and the watchdog anew if it is another one."""
    wanted = wanted_of(site.installation)
    if wanted is None:
        remove(site)
        return
    host, project = site.host, site.installation.project
    if renewed := _digests(site, wanted) != digests_of(wanted):
        for path, data in wanted.files.items():
            host.write(site.path(path), data)
    written = [host.write(f"{UNIT_DIRECTORY}/{name}", data) for name, data in wanted.units.items()]
    seen = _states(site, tuple(wanted.units))
    overrides = [host.remove(path) for unit in seen.values() for path in unit.overrides]
    if changed := any(written) or any(overrides):
        _systemctl(site.host, "daemon-reload")
    if any(unit.enabled != "enabled" for unit in seen.values()):
        _systemctl(site.host, "reenable", *wanted.units)
    stack, watchdog = stack_unit(project), watchdog_unit(project)
    if seen[stack].state != "active":
        _systemctl(site.host, "start", stack)  # which starts no container: this run holds the lock
    if seen[watchdog].state != "active":
        _systemctl(site.host, "start", watchdog)
    elif changed or renewed:
        _systemctl(site.host, "restart", watchdog)


def put_back(host: Host, root: str, project: str, files: Mapping[str, bytes]) -> None:
    """Have the units that are there read what those of another generation read, by name; nothing where none are."""
    if not files or not host.listdir(f"{root}/{paths.SUPERVISE_DIRECTORY}"):
        return
    for name, data in files.items():
        host.write(f"{root}/{paths.SUPERVISE_DIRECTORY}/{name}", data)
    _systemctl(host, "try-restart", watchdog_unit(project))


def look(site: Site) -> Supervised:
    """What there is of the units, and of what they run."""
    wanted = wanted_of(site.installation)
    if wanted is None:
        present = _present(site)
        return Supervised(units=_states(site, present) if present else {}, program=ABSENT)
    return Supervised(units=_states(site, tuple(wanted.units)), program=program_digest(_digests(site, wanted)))


def remove(site: Site) -> None:
    """Take the units away; the containers run on."""
    units = _present(site)
    if not units:
        return
    _systemctl(site.host, "disable", *units)
    for name in units:
        site.host.remove(f"{UNIT_DIRECTORY}/{name}")
        site.host.remove(f"{UNIT_DIRECTORY}/{name}.d")
    _systemctl(site.host, "daemon-reload")
    # Without their files there is nothing to do for that; one that did not run is not known any more, and no error.
    site.host.run(["systemctl", "stop", *units], timeout=STARTING_SECONDS)
    site.host.run(["systemctl", "reset-failed", *units])
    site.host.remove(site.path(paths.SUPERVISE_DIRECTORY))


def _present(site: Site) -> tuple[str, ...]:
    """The units whose file is there."""
    project = site.installation.project
    names = (stack_unit(project), watchdog_unit(project))
    return tuple(name for name in names if site.host.stat(f"{UNIT_DIRECTORY}/{name}"))


def _digests(site: Site, wanted: Wanted) -> dict[str, str]:
    """What the files on the host are that the units read; those that are there."""
    named = {site.path(path): path for path in wanted.files}
    done = site.host.run(["sha256sum", "--", *named])  # says no where one is absent
    lines = [line.split(maxsplit=1) for line in done.stdout.decode().splitlines()]
    return {named[path]: f"sha256:{digest}" for digest, path in lines}


def _states(site: Site, units: tuple[str, ...]) -> dict[str, UnitState]:
    shown = _systemctl(site.host, "show", f"--property={','.join(PROPERTIES)}", *units)
    blocks = [dict(line.split("=", 1) for line in block.splitlines()) for block in shown.split("\n\n") if block]
    return {block["Id"]: _state(site, block) for block in blocks}


def _state(site: Site, shown: dict[str, str]) -> UnitState:
    name = shown["Id"]
    data = site.host.read(f"{UNIT_DIRECTORY}/{name}")
    return UnitState(
        file=ABSENT if data is None else sha256_digest(data),
        overrides=[path for path in shown["DropInPaths"].split() if f"/{name}.d/" in path],
        enabled=shown["UnitFileState"] or ABSENT,
        state=shown["ActiveState"],
    )


def _systemctl(host: Host, *args: str) -> str:
    done = host.run(["systemctl", *args], timeout=STARTING_SECONDS)
    if done.code != 0:
        raise HostError(
            where=f"systemctl {' '.join(args)}",
            value=done.stderr.strip() or f"exit code {done.code}",
            rule="systemd does what it is asked",
            remedy="see `systemctl status` and `journalctl -xe` on the host, then run the same command again",
        )
    return done.stdout.decode(errors="replace")
