"""What a project's on-premises stacks will run, for whoever wants to read it: Compose files, values of the chart."""

from __future__ import annotations

from pathlib import Path

from trivet.render import render
from trivet.render.compose import compose_file
from trivet.render.helm import helm_values
from trivet.render.yaml_text import yaml_text
from trivet.spec import Lock, StackSpec
from trivet.spec.settings_file import read_settings

PREFIX, SUFFIX = "Pulumi.", ".yaml"


def rendered_files(root: Path, spec: StackSpec, lock: Lock) -> dict[str, bytes]:
    """`compose/<stack>.yaml` for each of `stacks/` on a host, `helm/<stack>.yaml` for each on a cluster.

    Raises:
        SpecError: the settings of a stack break a rule.
    """
    files = {}
    for file in sorted((root / "stacks").glob(f"{PREFIX}*{SUFFIX}")):
        stack = file.name.removeprefix(PREFIX).removesuffix(SUFFIX)
        settings = read_settings(root, stack)
        if settings.target == "kubernetes":
            files[f"helm/{stack}.yaml"] = yaml_text(helm_values(spec, lock, settings, stack=stack)).encode()
        elif settings.tier == "onprem":
            made = render(spec, lock, settings, stack=stack)
            text = compose_file(made.project, made.services, made.networks, made.volumes)
            files[f"compose/{stack}.yaml"] = text.encode()
    return files
