"""What this machine can do at best: the disk, `cp`, and OpenSSL's SHA-256 on every core."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def openssl(files: Sequence[Path]) -> float:
    """Bytes a second of `openssl dgst -sha256` over the files, as many at once as there are cores."""

    def one(path: Path) -> None:
        subprocess.run(["openssl", "dgst", "-sha256", path], check=True, stdout=subprocess.DEVNULL)

    begin = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(one, sorted(files, key=lambda path: -path.stat().st_size)))
    return sum(path.stat().st_size for path in files) / (time.perf_counter() - begin)


def openssl_speed() -> float:
    """Bytes a second of `openssl speed` on every core, from memory: what no file can be hashed faster than."""
    cores = str(os.cpu_count())
    argv = ["openssl", "speed", "-multi", cores, "-seconds", "2", "-bytes", "1048576", "-evp", "sha256"]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    return float(done.stdout.split()[-1].removesuffix("k")) * 1000


def cp(source: Path, target: Path) -> tuple[float, float]:
    """Bytes a second of `cp -r`, alone and with what the disk still had to do: durable as ours is."""
    begin = time.perf_counter()
    subprocess.run(["cp", "-r", source, target], check=True)
    copied = time.perf_counter()
    subprocess.run(["sync", "-f", target], check=True)
    synced = time.perf_counter()
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    shutil.rmtree(target)
    return size / (copied - begin), size / (synced - begin)


def read_all(files: Sequence[Path]) -> float:
    """Bytes a second of `cat` to nowhere, as many at once as there are cores."""

    def one(path: Path) -> None:
        with Path(os.devnull).open("wb") as nowhere:
            subprocess.run(["cat", path], check=True, stdout=nowhere)

    begin = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(one, files))
    return sum(path.stat().st_size for path in files) / (time.perf_counter() - begin)
