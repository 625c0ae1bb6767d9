"""Brings a model's files onto this machine: from a path, an https address or a Python package; each verified by digest.

A GGUF model is one file. A safetensors model is a folder; its address ends in `/`, and these files are asked for: the
configuration, the weights (all that the index names, or `model.safetensors`) and whatever there is of `OPTIONAL`.
The digest of one file is its SHA-256; of several, that of their list as `sha256sum * | LC_ALL=C sort` prints it.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import httpx

from trivet.bundle.download import Progress, Wanted, download, https_client
from trivet.bundle.model_facts import INDEX, Files, model_files
from trivet.bundle.packaged_models import SCHEME, convert_package
from trivet.errors import IntegrityError, ModelError

WEIGHTS: Final = "model.safetensors"
OPTIONAL: Final = (
    "added_tokens.json",
    "chat_template.jinja",
    "generation_config.json",
    "merges.txt",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "vocab.json",
    "vocab.txt",
)
FILE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
CONFIG_LIMIT: Final = 64 << 20  # bytes; for everything but weights


def files_digest(digests: Mapping[str, str]) -> str:
    """The digest of a model whose files have these digests (`sha256:…`, by name)."""
    if len(digests) == 1:
        return next(iter(digests.values()))
    lines = sorted(f"{digest.removeprefix('sha256:')}  {name}\n" for name, digest in digests.items())
    return f"sha256:{hashlib.sha256(''.join(lines).encode()).hexdigest()}"


def file_digest(path: Path) -> str:
    """SHA-256 of a file, as OCI writes it."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def resolve(source: str, digest: str | None, root: Path, cache: Path, say: Progress) -> tuple[dict[str, Path], str]:
    """Make the files of a source available and return them with their digest.

    Args:
        source: as in `inference.yaml`.
        digest: what they must have; None where it is not known yet.
        root: what relative paths start from.
        cache: where downloads go and stay until they are stored.
        say: gets a line for each long step.

    Raises:
        ModelError: the files cannot be had.
        IntegrityError: they have another digest.
    """
    cache.mkdir(parents=True, exist_ok=True)
    files = _kept(cache, digest) or _bring(source, digest, root, cache, say)
    found = files_digest({name: file_digest(path) for name, path in files.items()})
    if digest not in {None, found}:
        raise IntegrityError(
            where=source,
            value=found,
            rule=f"the weights have the digest {digest} of inference.yaml",
            remedy="restore the files, or set the digest if the change is meant (`trivet models add` prints it)",
        )
    return files, found


def keep(files: Files, digest: str, cache: Path) -> dict[str, Path]:
    """Move downloaded files to where `resolve` finds them by digest; files from elsewhere stay where they are."""
    folder = cache / digest.removeprefix("sha256:")
    if any(not path.is_relative_to(cache) or path.is_relative_to(folder) for path in files.values()):
        return dict(files)
    folder.mkdir(parents=True, exist_ok=True)
    return {name: path.replace(folder / name) for name, path in files.items()}


def forget(digest: str, cache: Path) -> None:
    """Remove what `keep` kept."""
    shutil.rmtree(cache / digest.removeprefix("sha256:"), ignore_errors=True)


def _kept(cache: Path, digest: str | None) -> dict[str, Path]:
    folder = cache / digest.removeprefix("sha256:") if digest else None
    return {path.name: path for path in sorted(folder.iterdir())} if folder and folder.is_dir() else {}


def _bring(source: str, digest: str | None, root: Path, cache: Path, say: Progress) -> dict[str, Path]:
    if source.startswith("https://"):
        folder = cache / hashlib.sha256(source.encode()).hexdigest()[:16]
        folder.mkdir(parents=True, exist_ok=True)
        with https_client() as client:
            return (
                fetch_folder(client, source, folder, say)
                if source.endswith("/")
                else fetch_file(client, source, digest, folder, say)
            )
    if source.startswith(SCHEME):
        say(f"converting {source.removeprefix(SCHEME)} to GGUF")
        target = cache / f"{source.removeprefix(SCHEME)}.gguf"
        convert_package(source, target, cache)
        return {target.name: target}
    path = root / source
    if not path.exists():
        raise ModelError(
            value=source, rule="the weights are there", remedy="put them there, or `trivet models add PATH|URL`"
        )
    return model_files(path)


def fetch_file(client: httpx.Client, url: str, digest: str | None, folder: Path, say: Progress) -> dict[str, Path]:
    """Fetch a single file; its name is the last part of the address."""
    name = _name(httpx.URL(url).path.rpartition("/")[2])
    say(f"fetching {url}")
    download(client, Wanted(url, digest), folder / name, say)
    return {name: folder / name}


def fetch_folder(client: httpx.Client, url: str, folder: Path, say: Progress) -> dict[str, Path]:
    """Fetch a safetensors model; files that an earlier call finished are not fetched again."""
    say(f"fetching {url}")
    config = {
        name: path
        for name in ("config.json", INDEX, *OPTIONAL)
        if (path := _fetch_if_there(client, url, name, folder, say))
    }
    names = _shards(config[INDEX]) if INDEX in config else [WEIGHTS]
    for name in names:
        if not (folder / name).exists():
            download(client, Wanted(url + name), folder / name, say)
    return config | {name: folder / name for name in names}


def _fetch_if_there(client: httpx.Client, url: str, name: str, folder: Path, say: Progress) -> Path | None:
    target = folder / name
    try:
        download(client, Wanted(url + name, limit=CONFIG_LIMIT), target, say)
    except ModelError as exc:
        if exc.value == f"HTTP {httpx.codes.NOT_FOUND}":
            return None
        raise
    return target


def _shards(index: Path) -> list[str]:
    try:
        return sorted({_name(str(name)) for name in json.loads(index.read_bytes())["weight_map"].values()})
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise ModelError(
            where=INDEX, value=str(exc), rule="the index maps each tensor to its file", remedy="check the address"
        ) from exc


def _name(name: str) -> str:
    if not FILE_NAME.fullmatch(name):
        raise ModelError(
            value=name[:80] or "no file name",
            rule="a file name has letters, digits, `.`, `_` and `-` only",
            remedy="check the address",
        )
    return name
