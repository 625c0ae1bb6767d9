"""Images on an engine: which are there, bringing one there, taking one away."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence

from trivet.drivers.engine.docker import Docker, refused
from trivet.drivers.host import Report
from trivet.errors import EngineError
from trivet.render import Image

LOAD_SECONDS = 3600.0
MIB = 1 << 20


def identity(engine_id: str, image: Image) -> bool:
    """True if the engine's id means this image: its config's digest, or with the containerd store its manifest's."""
    return engine_id in {image.config, image.manifest}


def missing(docker: Docker, images: Mapping[str, Image]) -> dict[str, Image]:
    """Those that the engine does not have, or has something else in the place of."""
    found: dict[str, str] = {}
    for each in docker.inspect("image", [image.reference for image in images.values()]):
        found |= dict.fromkeys(each["RepoTags"] or (), each["Id"])
    return {name: image for name, image in images.items() if not identity(found.get(image.reference, ""), image)}


def layers_there(docker: Docker, layers: Sequence[str]) -> int:
    """How many of an image's first layers (by the digest of their content) the engine has, below some other image."""
    ids = docker.lines("image", "ls", "--quiet", "--no-trunc")
    known = [each["RootFS"].get("Layers") or [] for each in docker.inspect("image", sorted(set(ids)))]
    return max((_shared(layers, other) for other in known), default=0)


def load(docker: Docker, image: Image, archive: Iterable[bytes], report: Report) -> None:
    """Stream an archive into the engine.

    Raises:
        EngineError: the engine refuses it, or makes something else of it.
        IntegrityError: the archive's source is not what it promised.
    """
    docker.do("load", "--quiet", stdin=_reported(archive, image, report), timeout=LOAD_SECONDS)
    if missing(docker, {"": image}):
        raise EngineError(
            value=f"{image.reference} is there under another id",
            rule=f"a loaded image has the id {image.config} (or {image.manifest}, with the containerd store)",
            remedy=f"run `docker image rm {image.reference}`, then the same command again",
        )


def remove(docker: Docker, reference: str) -> bool:
    """Remove a name, and the image with it if it was the last; False if a container uses it. Gone already is success.

    Raises:
        EngineError: the engine refuses for another reason.
    """
    done = docker.run("image", "rm", reference)
    words = done.stderr.lower()
    if done.code == 0 or "no such image" in words or "not found" in words:
        return True
    if "is using" in words or "in use" in words:
        return False
    raise refused(done)


def _shared(layers: Sequence[str], other: Sequence[str]) -> int:
    pairs = zip(layers, other, strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


def _reported(archive: Iterable[bytes], image: Image, report: Report) -> Iterator[bytes]:
    sent, step = 0, 0
    for chunk in archive:
        yield chunk
        sent += len(chunk)
        if sent // (32 * MIB) > step:
            step = sent // (32 * MIB)
            report(f"loading {image.reference}: {sent // MIB} of {image.size // MIB} MiB")
