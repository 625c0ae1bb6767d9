"""A Debian release that bundles can be installed on: its `tools/host/<suite>.toml`. Pure but for reading it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from trivet.bundle.base import PackageName, PythonVersion
from trivet.errors import BuildError
from trivet.spec.base import Frozen

Group = Literal["engine", "python", "signature", "workstation"]


class Suite(Frozen):
    """What such a host needs beyond a minimal installation, and whose wheels its Python takes."""

    suite: Annotated[str, Field(pattern=r"^[a-z]+$")]
    python: PythonVersion
    glibc: Annotated[str, Field(pattern=r"^2\.[0-9]+$", description="The newest that wheels may ask for.")]
    packages: dict[Group, Annotated[tuple[PackageName, ...], Field(min_length=1, strict=False)]]

    @property
    def tag(self) -> str:
        """Its CPython's tag, such as `cp313`."""
        return f"cp{self.python.replace('.', '')}"


def load_suite(folder: Path, name: str) -> Suite:
    """Read a description.

    Raises:
        BuildError: there is none of that name, or it is malformed.
    """
    path = folder / f"{name}.toml"
    if not path.is_file():
        known = ", ".join(sorted(each.stem for each in folder.glob("*.toml"))) or "none"
        raise BuildError(
            value=name,
            rule=f"a release that bundles are made for is described in {folder}: {known}",
            remedy="name one of these, or describe it there",
        )
    try:
        suite = Suite.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, ValidationError) as exc:
        first = exc.errors()[0] if isinstance(exc, ValidationError) else None
        at = ".".join(str(part) for part in first["loc"]) + f": {first['msg']}" if first else str(exc)
        raise BuildError(
            where=str(path), value=at, rule="a release has suite, python, glibc and packages", remedy="correct it"
        ) from exc
    if suite.suite != name:
        raise BuildError(
            where=str(path), value=f"suite = {suite.suite}", rule="the file is named for its suite", remedy="rename it"
        )
    return suite
