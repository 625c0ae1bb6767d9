"""The same images through `docker save | docker load` and `skopeo copy`."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from trivet.bundle.archive import docker_archive
from trivet.bundle.layout import Layout

REFERENCE = "trivet-bench/llama:big"


def docker_save_load(store: Layout, scratch: Path) -> float:
    """Seconds of `docker save` to a file and `docker load` from it, into an engine that lacks the image."""
    entry = store.find("image/llama")
    if entry is None:
        raise RuntimeError("the store has no image llama")
    with subprocess.Popen(["docker", "load", "--quiet"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as load:
        if load.stdin is None:
            raise RuntimeError("docker load takes no input")
        load.stdin.writelines(docker_archive(store, entry.digest, REFERENCE))
    tar = scratch / "docker.tar"
    try:
        save = _timed(lambda: _run("docker", "save", "-o", tar, REFERENCE))
        _run("docker", "rmi", "--force", REFERENCE)
        return save + _timed(lambda: _run("docker", "load", "--quiet", "-i", tar))
    finally:
        _run("docker", "rmi", "--force", REFERENCE)
        tar.unlink(missing_ok=True)


def skopeo_copy(bundle: Path, scratch: Path) -> float:
    """Seconds of `skopeo copy` from our layout to another one, uncompressed as ours."""
    target = scratch / "skopeo"
    try:
        return _timed(
            lambda: _run(
                "skopeo",
                "copy",
                "--quiet",
                "--dest-oci-accept-uncompressed-layers",
                f"oci:{bundle}:image/llama",
                f"oci:{target}:llama",
            )
        )
    finally:
        shutil.rmtree(target, ignore_errors=True)


def _timed(work: Callable[[], None]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def _run(*argv: object) -> None:
    subprocess.run([str(each) for each in argv], check=True, stdout=subprocess.DEVNULL)
