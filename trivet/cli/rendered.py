"""The Compose files of a project's on-premises stacks, for whoever wants to read what a bundle will run."""

from __future__ import annotations

from pathlib import Path

from trivet.render import render
from trivet.render.compose import compose_file
from trivet.spec import Lock, StackSpec
from trivet.spec.settings_file import read_settings

PREFIX, SUFFIX = "Pulumi.", ".yaml"


def rendered_files(root: Path, spec: StackSpec, lock: Lock) -> dict[str, bytes]:
    """`compose/<stack>.yaml` for each of `stacks/`, less the labels that only a host can know.

    Raises:
        SpecError: the settings of a stack break a rule.
    """
    files = {}
    for file in sorted((root / "stacks").glob(f"{PREFIX}*{SUFFIX}")):
        stack = file.name.removeprefix(PREFIX).removesuffix(SUFFIX)
        settings = read_settings(root, stack)
        if settings.tier == "onprem":
            made = render(spec, lock, settings, stack=stack)
            text = compose_file(made.project, made.services, made.networks, made.volumes)
            files[f"compose/{stack}.yaml"] = text.encode()
    return files
