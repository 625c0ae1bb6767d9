"""`trivet build`: images from Debian and Python packages, without a container engine and without a registry.

Packages (mmdebstrap) or a site's own image → base → Containerfile (buildah) → store. The same files and packages give
the same digests. An image whose context is in the store is left alone; one that fails leaves the store as it was.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from trivet.bundle.base import Mirrors
from trivet.bundle.context import context_digest
from trivet.bundle.images import locked_image
from trivet.bundle.job import Job, Progress
from trivet.bundle.layout import Layout
from trivet.errors import BuildError, IntegrityError
from trivet.spec.lock import LockedImage

EPOCH = 1735689600  # 2025-01-01: the one date in an image, so that a date never makes a digest differ
ON_DEMAND = frozenset({"vllm"})
AT_ONCE = 2  # images; each is bound by the network first and by the disk then


def build_images(
    names: Iterable[str], store: Path, services: Path, progress: Progress, *, gpu: bool = False, refresh: bool = False
) -> dict[str, LockedImage]:
    """Build what is not in the store yet.

    Args:
        names: folders of `services`.
        store: the OCI layout; `cache` beside it is for what may be deleted at any time.
        services: the folder of the images' folders.
        progress: is told what happens, line by line, from more than one thread.
        gpu: build images that are only built on demand, too.
        refresh: take the suites' packages of today, even for an image that is up to date.

    Raises:
        BuildError: an image cannot be built, or is only built on demand. The others are in the store.
    """
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH", EPOCH))
    layout = Layout.create(store)
    contexts = {name: context_digest(services, name, epoch) for name in sorted(set(names))}
    built = {} if refresh else _present(layout, contexts)
    if built.keys() == contexts.keys():
        progress(f"images are up to date: {', '.join(built)}")
        return built
    _require_demand(contexts.keys() - built.keys(), gpu=gpu)
    cache = store.parent / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    with _alone(cache, progress), ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        built = {} if refresh else _present(layout, contexts)  # again: another build may just have ended
        missing = sorted(contexts.keys() - built.keys())
        jobs = [
            Job(
                name=name,
                context=contexts[name],
                services=services,
                layout=layout,
                cache=cache,
                epoch=epoch,
                mirrors=Mirrors.of(),
                progress=progress,
                refresh=refresh,
            )
            for name in missing
        ]
        built.update(zip(missing, pool.map(Job.run, jobs), strict=True))
    layout.sweep()
    return built


def _present(layout: Layout, contexts: Mapping[str, str]) -> dict[str, LockedImage]:
    """The images that the store holds of these contexts."""
    found = {}
    for name, context in contexts.items():
        with contextlib.suppress(IntegrityError):  # damaged: it is built again
            image = locked_image(layout, name)
            if image and image.context == context:
                found[name] = image
    return found


def _require_demand(names: Iterable[str], *, gpu: bool) -> None:
    unasked = sorted(ON_DEMAND.intersection(names))
    if unasked and not gpu:
        raise BuildError(
            value=", ".join(unasked),
            rule="the images of GPU runtimes are large, and built on demand",
            remedy="run `trivet build --gpu`",
        )


@contextlib.contextmanager
def _alone(cache: Path, progress: Progress) -> Iterator[None]:
    """Hold the cache: two builds at once would tread on each other."""
    with (cache / "build.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("another build is running: waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        os.set_inheritable(file.fileno(), True)  # noqa: FBT003  # tools that outlive a killed build hold the cache
        yield
