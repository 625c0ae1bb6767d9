"""`trivet build`: build the images of the spec into the store, then write the lock."""

from __future__ import annotations

import argparse

from trivet.bundle.build import build_images
from trivet.cli.lock import write_lock
from trivet.cli.progress import say
from trivet.cli.project import add_project_argument, project_of


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("build", help="build images reproducibly into .trivet/store, and write the lock")
    parser.add_argument("image", nargs="*", help="only these (default: every image that inference.yaml uses)")
    parser.add_argument("--gpu", action="store_true", help="the vllm image too")
    parser.add_argument("--refresh", action="store_true", help="with the Debian packages of today")
    add_project_argument(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Build what has changed."""
    project = project_of(args)
    names = sorted(set(args.image or project.spec().images) | ({"vllm"} if args.gpu else set()))
    build_images(names, project.store, project.services, say, gpu=args.gpu, refresh=args.refresh)
    if not args.image:
        write_lock(project)
    return 0
