"""The part of a hash-locked requirements file that one Python needs. Pure.

pip evaluates markers for the Python that runs it, whatever `--python-version` says, so that is done here.
"""

from __future__ import annotations

import re

from packaging.requirements import InvalidRequirement, Requirement

from trivet.errors import BuildError

_CONTINUED = re.compile(r"\\\n")
_OPTION = re.compile(r"\s--hash=")


def requirements_for(text: str, python: str, where: str) -> str:
    """Those lines that apply to CPython `python` (as `3.13`) on Linux, without their markers.

    Raises:
        BuildError: a line is not a pinned requirement with a hash.
    """
    environment = {
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "python_full_version": f"{python}.0",
        "python_version": python,
        "sys_platform": "linux",
        "platform_system": "Linux",
        "os_name": "posix",
    }
    kept = []
    for line in _CONTINUED.sub(" ", text).splitlines():
        stripped = line.partition(" #")[0].strip()
        if not stripped or stripped.startswith("#"):
            continue
        head, *hashes = _OPTION.split(stripped)
        requirement = _parse(head, where)
        if not hashes:
            raise _unlocked(head, where)
        if requirement.marker is None or requirement.marker.evaluate(environment):
            options = "".join(f" --hash={each.strip()}" for each in hashes)
            kept.append(f"{requirement.name}{requirement.specifier}{options}\n")
    return "".join(kept)


def _parse(text: str, where: str) -> Requirement:
    try:
        requirement = Requirement(text.strip())
    except InvalidRequirement as exc:
        raise _unlocked(text, where) from exc
    if not str(requirement.specifier).startswith("=="):
        raise _unlocked(text, where)
    return requirement


def _unlocked(text: str, where: str) -> BuildError:
    return BuildError(
        where=where,
        value=text.strip(),
        rule="each line pins one version with its hashes",
        remedy="run `make relock`",
    )
