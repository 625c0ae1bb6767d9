"""`trivet build`: build the images of the spec into the store, then write the lock."""

from __future__ import annotations

import argparse
import os

from trivet.bundle.base import Mirrors
from trivet.bundle.build import EPOCH, build_images
from trivet.bundle.host import Workshop, gather_host
from trivet.bundle.layout import Layout
from trivet.cli.lock import write_lock
from trivet.cli.progress import say
from trivet.cli.project import Project, add_project_argument, project_of
from trivet.errors import BuildError


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("build", help="build images reproducibly into .trivet/store, and write the lock")
    parser.add_argument("image", nargs="*", help="only these (default: every image that inference.yaml uses)")
    parser.add_argument("--gpu", action="store_true", help="the vllm image too")
    parser.add_argument("--refresh", action="store_true", help="with the Debian packages of today")
    parser.add_argument(
        "--host",
        action="append",
        default=[],
        metavar="SUITE",
        help="gather and lock what bundles bring to bare hosts of this Debian release, too; repeatable",
    )
    add_project_argument(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Build what has changed."""
    if args.host and args.image:
        raise BuildError(
            value=f"{', '.join(args.image)} and --host",
            rule="what hosts need is locked together with every image",
            remedy="name no image, or leave --host out",
        )
    project = project_of(args)
    names = sorted(set(args.image or project.spec().images) | ({"vllm"} if args.gpu else set()))
    build_images(names, project.store, project.services, say, gpu=args.gpu, refresh=args.refresh)
    if not args.image:
        artifacts = None
        if args.host:
            layout = Layout(project.store)
            artifacts = gather_host(workshop_of(project), args.host, layout, say, refresh=args.refresh)
        write_lock(project, artifacts=artifacts)
    return 0


def workshop_of(project: Project) -> Workshop:
    """Where what hosts need is gathered."""
    return Workshop(
        root=project.root,
        cache=project.work / "cache" / "host",
        mirrors=Mirrors.of(),
        epoch=int(os.environ.get("SOURCE_DATE_EPOCH", EPOCH)),
    )
