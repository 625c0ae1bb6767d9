"""Where things lie in a checkout, and the arguments that every command shares."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from trivet.errors import SpecError
from trivet.spec import Lock, StackSpec, load_lock, load_spec


@dataclass(frozen=True)
class Project:
    """A directory with an `inference.yaml`; everything else has its place relative to it."""

    root: Path

    @property
    def spec_file(self) -> Path:
        """What runs."""
        return self.root / "inference.yaml"

    @property
    def lock_file(self) -> Path:
        """What runs, by digest."""
        return self.root / "inference.lock"

    @property
    def services(self) -> Path:
        """One folder an image."""
        return self.root / "services"

    @property
    def work(self) -> Path:
        """Everything that is made and not committed."""
        return self.root / ".trivet"

    @property
    def store(self) -> Path:
        """The OCI image layout with every image and model."""
        return self.work / "store"

    def spec(self) -> StackSpec:
        """Read `inference.yaml`."""
        return load_spec(self.spec_file)

    def lock(self, spec: StackSpec) -> Lock:
        """Read `inference.lock`, held against the spec."""
        return load_lock(self.lock_file, spec)


def find_project(start: Path) -> Project:
    """The nearest directory with an `inference.yaml`, from `start` upwards.

    Raises:
        SpecError: there is none.
    """
    for directory in (start, *start.parents):
        if (directory / "inference.yaml").is_file():
            return Project(directory)
    raise SpecError(
        value=str(start),
        rule="a command runs in a directory with an inference.yaml, or below one",
        remedy="change to the project's directory, or pass --project DIR",
    )


def add_project_argument(parser: argparse.ArgumentParser) -> None:
    """`--project DIR`, on every command that reads the project."""
    parser.add_argument(
        "--project", type=Path, default=None, metavar="DIR", help="the project (default: found from here)"
    )


def project_of(args: argparse.Namespace) -> Project:
    """The project that the arguments name, or the one around the working directory."""
    return find_project((args.project or Path.cwd()).resolve())
