"""What a project's on-premises stacks run, for whoever wants to read it: Compose and unit files, charts' values."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from trivet.render import render
from trivet.render.compose import compose_file
from trivet.render.helm import helm_values
from trivet.render.supervision import supervision
from trivet.render.yaml_text import yaml_text
from trivet.spec import Lock, Settings, StackSpec, parse_settings
from trivet.spec.settings_file import read_plain

PREFIX, SUFFIX = "Pulumi.", ".yaml"
INTO = PurePosixPath("/srv/trivet")  # where install.sh puts a project


def rendered_files(root: Path, spec: StackSpec, lock: Lock) -> dict[str, bytes]:
    """For each of `stacks/` on a host `compose/<stack>.yaml` and `units/<stack>/`, on a cluster `helm/<stack>.yaml`.

    A stack that nothing supervises has units too: what `supervise: true` would install where `install.sh` puts it.

    Raises:
        SpecError: the settings of a stack break a rule.
    """
    files = {}
    for stack, settings in onprem_stacks(root).items():
        if settings.target == "kubernetes":
            files[f"helm/{stack}.yaml"] = yaml_text(helm_values(spec, lock, settings, stack=stack)).encode()
        else:
            made = render(spec, lock, settings, stack=stack)
            text = compose_file(made.project, made.services, made.networks, made.volumes)
            files[f"compose/{stack}.yaml"] = text.encode()
            supervised = supervision(made, str(INTO / made.root))
            texts = {**supervised.units, **supervised.files}
            files |= {f"units/{stack}/{PurePosixPath(path).name}": text.encode() for path, text in texts.items()}
    return files


def onprem_stacks(root: Path) -> dict[str, Settings]:
    """The settings of the stacks on premises, by name.

    Raises:
        SpecError: those of a stack break a rule.
    """
    plain = plain_settings(root)
    return {name: parse_settings(name, each) for name, each in plain.items() if each.get("tier", name) == "onprem"}


def plain_settings(root: Path) -> dict[str, dict[str, str]]:
    """What stands in each of `stacks/`, by the stack's name: those of another tier may still be incomplete here."""
    names = [
        file.name.removeprefix(PREFIX).removesuffix(SUFFIX)
        for file in sorted((root / "stacks").glob(f"{PREFIX}*{SUFFIX}"))
    ]
    return {name: read_plain(root, name) for name in names}
