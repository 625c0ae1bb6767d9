"""What a bundle of a project is made of: its own files, what they render to, its chart and its GitOps trees."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from trivet import __version__
from trivet.bundle.create import Contents
from trivet.bundle.packed import Packed, pack_chart, pack_tree
from trivet.bundle.program import program_files
from trivet.cli.project import Project
from trivet.cli.rendered import onprem_stacks, plain_settings, rendered_files
from trivet.render.gitops import Artifacts, gitops_tree
from trivet.render.helm import helm_values
from trivet.spec import Lock, StackSpec

WORD = re.compile(r"[a-z]+")
REQUIREMENTS = "requirements.txt"  # what Pulumi's operator installs; the wheel is in the image that it runs


def contents_of(
    project: Project, spec: StackSpec, lock: Lock, *, created: datetime | None, expires: datetime | None
) -> Contents:
    """Everything that goes into a bundle of a project.

    Raises:
        LockError: a file of the project is missing or malformed.
        SpecError: the settings of a stack break a rule.
    """
    program = program_files(project.root)
    files = {**program, **rendered_files(project.root, spec, lock)}
    packed: tuple[Packed, ...] = ()
    if chart := pack_chart(program):
        trees = _trees(project, spec, lock, chart, program)
        packed = (chart, *trees)
        for tree in trees:
            files |= {
                f"{tree.name}/{path}": data for path, data in tree.files.items() if tree.name.startswith("gitops/")
            }
    return Contents(stack=spec.name, lock=lock, files=files, packed=packed, created=created, expires=expires)


def _targets(plain: Mapping[str, str]) -> tuple[str, ...]:
    """Where a stack may come to run: its target, or each of its order."""
    return tuple(WORD.findall(plain.get("order") or plain.get("target", "local")))


def _trees(
    project: Project, spec: StackSpec, lock: Lock, chart: Packed, program: Mapping[str, bytes]
) -> tuple[Packed, ...]:
    """The trees of all clusters, and the program that they refer to; nothing without a cluster."""
    stacks = onprem_stacks(project.root)
    clusters = {name: settings.kubernetes for name, settings in stacks.items() if settings.kubernetes}
    if not clusters:
        return ()
    requirements = f"trivet=={__version__}\n".encode()
    source = pack_tree(f"program/{spec.name}", {**program, REQUIREMENTS: requirements})
    targets = {name: _targets(plain) for name, plain in plain_settings(project.root).items()}
    artifacts = Artifacts(*(f"{each.name}@{each.digest}" for each in (chart, source)))
    trees = []
    for name, place in clusters.items():
        values = helm_values(spec, lock, stacks[name], stack=name)
        tree = gitops_tree(name, values, place, artifacts, targets)
        trees.append(pack_tree(f"gitops/{name}", {path: text.encode() for path, text in tree.items()}))
    return (source, *trees)
