"""Render: from spec, lock and settings to what a place is told. Pure: no I/O, no Pulumi, golden-tested."""

from trivet.render import paths
from trivet.render.installation import Image, Installation, render

__all__ = ["Image", "Installation", "paths", "render"]
