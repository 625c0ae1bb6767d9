"""`trivet lock`: fetch the models, read the images' digests from the store, write inference.lock."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from trivet.bundle.layout import Layout
from trivet.bundle.lock import make_lock
from trivet.bundle.models import pull_models
from trivet.cli.progress import say
from trivet.cli.project import Project, add_project_argument, project_of
from trivet.errors import LockError
from trivet.spec import LockedArtifact, parse_lock


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("lock", help="pin every image and model by digest in inference.lock")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the lock would change")
    add_project_argument(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the lock, or hold the present one against what it would be."""
    write_lock(project_of(args), check=args.check)
    return 0


def write_lock(project: Project, *, check: bool = False, artifacts: Mapping[str, LockedArtifact] | None = None) -> None:
    """Make the lock from the spec and the store, and write it when it differs.

    Args:
        project: whose lock.
        check: only say whether it differs.
        artifacts: what bare hosts need; None keeps what is locked.

    Raises:
        LockError: an image is not in the store; or, with `check`, the lock would change.
    """
    spec = project.spec()
    layout = Layout(project.store)
    models = pull_models(spec.models, project.store, project.root, say)
    old = project.lock_file.read_text(encoding="utf-8") if project.lock_file.exists() else ""
    text = make_lock(spec, layout, models, _locked(project, old) if artifacts is None else artifacts).dump()
    if text == old:
        say("inference.lock is up to date")
        return
    if check:
        raise LockError(
            value=str(project.lock_file),
            rule="the lock pins what inference.yaml and the store say",
            remedy="run `trivet lock` and commit the result",
        )
    temporary = project.lock_file.with_suffix(".lock.tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(project.lock_file)
    say("inference.lock written")


def _locked(project: Project, text: str) -> Mapping[str, LockedArtifact]:
    return parse_lock(text, str(project.lock_file)).artifacts if text else {}
