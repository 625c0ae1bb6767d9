"""What an image stands on: its `base.toml`, with packages of a Debian suite or an image of the site's own. Pure."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from trivet.errors import BuildError
from trivet.spec.base import Frozen

MIRROR = "http://deb.debian.org/debian"
SECURITY_MIRROR = "http://deb.debian.org/debian-security"

PackageName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9+.:-]*$")]
Glob = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9_*+][A-Za-z0-9_*+.-]*(/[A-Za-z0-9_*+][A-Za-z0-9_*+.-]*)*$",
        description="A path below the root; `*` stands for anything, `/` included.",
    ),
]
PythonVersion = Annotated[str, Field(pattern=r"^3\.[0-9]+$", description="Whose wheels `requirements.txt` asks for.")]


class Base(Frozen):
    """What both kinds of base share."""

    python: PythonVersion | None = None
    free_gib: Annotated[int, Field(ge=1, description="GiB that a build needs on the disk of `.trivet`.")] = 2


class DebianBase(Base):
    """Packages of a Debian suite, extracted; no maintainer script runs.

    Signatures are checked whatever `check_valid_until` says: it is about the age of a suite's Release file alone.
    """

    suite: Annotated[str, Field(pattern=r"^[a-z]+$")]
    security: Annotated[bool, Field(description="Take the suite's updates and security fixes too.")] = True
    check_valid_until: bool = True
    packages: Annotated[
        tuple[PackageName, ...], Field(min_length=1, strict=False, description="Their dependencies come too.")
    ]
    programs: Annotated[
        tuple[Glob, ...], Field(strict=False, description="All that is kept of /usr/bin and /usr/sbin.")
    ]
    remove: Annotated[tuple[Glob, ...], Field(strict=False, description="What else it does not need.")] = ()

    def sources(self, mirrors: Mirrors, keyring: Path) -> str:
        """The suite's sources in apt's deb822 format."""
        updates = f"{self.suite} {self.suite}-updates" if self.security else self.suite
        places = [(mirrors.main, updates)]
        if self.security:
            places.append((mirrors.security, f"{self.suite}-security"))
        until = "" if self.check_valid_until else "Check-Valid-Until: no\n"
        return "\n".join(
            f"Types: deb\nURIs: {mirror}\nSuites: {suites}\nComponents: main\nSigned-By: {keyring}\n{until}"
            for mirror, suites in places
        )


class ImageBase(Base):
    """An image of a registry, pinned."""

    image: Annotated[str, Field(pattern=r"^[^\s@]+@sha256:[0-9a-f]{64}$", description="`registry/name@sha256:…`")]


@dataclass(frozen=True)
class Mirrors:
    """Where Debian packages come from: any mirror, a caching proxy or a date of snapshot.debian.org."""

    main: str = MIRROR
    security: str = SECURITY_MIRROR

    @classmethod
    def of(cls, environ: Mapping[str, str] = os.environ) -> Mirrors:
        """As `TRIVET_DEBIAN_MIRROR` and `TRIVET_DEBIAN_SECURITY_MIRROR` say."""
        return cls(
            main=environ.get("TRIVET_DEBIAN_MIRROR", MIRROR),
            security=environ.get("TRIVET_DEBIAN_SECURITY_MIRROR", SECURITY_MIRROR),
        )


def load_base(path: Path) -> DebianBase | ImageBase:
    """Read a `base.toml`.

    Raises:
        BuildError: there is none, or it is not one.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        kind: type[DebianBase | ImageBase] = ImageBase if "image" in document else DebianBase
        return kind.model_validate(document)
    except FileNotFoundError as exc:
        raise BuildError(
            value=str(path),
            rule="an image has a folder with a Containerfile and a base.toml",
            remedy="see docs/how-to/images.md",
        ) from exc
    except (tomllib.TOMLDecodeError, ValidationError) as exc:
        raise BuildError(
            where=str(path),
            value=_first(exc),
            rule="a base names a Debian suite and packages, or an image by digest",
            remedy="see docs/how-to/images.md",
        ) from exc


def _first(exc: tomllib.TOMLDecodeError | ValidationError) -> str:
    if isinstance(exc, ValidationError):
        error = exc.errors()[0]
        return f"{'.'.join(str(part) for part in error['loc'])}: {error['msg']}"
    return str(exc)
