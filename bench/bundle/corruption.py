"""Random damage: every one must be refused, with the culprit named and the target untouched.

Damage is done by somebody without the key: bytes flipped, files cut, exchanged, removed, added, made links, pipes or
huge, in a directory, a tar, an update and parts. What a *signed* bundle may not say either is in `nonsense`.
"""

from __future__ import annotations

import gzip
import os
import random
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.unit.bundle.bundles import MODELS, NOW, pinned, seed, signer, tree
from trivet.bundle.install import Target, install_bundle
from trivet.bundle.join import join_bundle
from trivet.bundle.split import split_bundle
from trivet.bundle.tarball import END, header, list_tar, padding
from trivet.errors import IntegrityError

KEYS = pinned()
SCRATCH = "scratch"
Damage = Callable[[Path, random.Random], Sequence[str]]
"""Damages a bundle; returns names of which the error must say one."""


@dataclass
class Outcome:
    """How it went, by kind of damage."""

    done: Counter[str] = field(default_factory=Counter)
    taken: list[str] = field(default_factory=list)
    unnamed: list[str] = field(default_factory=list)
    touched: list[str] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Forms:
    """A bundle in every form, and a host on which its base is installed."""

    base: Path
    bundle: Path
    tar: Path
    delta: Path
    parts: Path
    host: Path


def make_forms(root: Path) -> Forms:
    """Make them, small: what is asked is whether, not how fast."""
    old = seed(root / "old")
    base = old.bundle(root / "base")
    models = {
        **MODELS,
        "tiny": {"tiny.gguf": b"better weights" * 900},
        "big": {"big.gguf": random.Random(1).randbytes(3 << 20)},
    }
    new = seed(root / "new", models=models)
    bundle, tar = new.bundle(root / "bundle"), new.bundle(root / "bundle.tar")
    delta = new.bundle(root / "delta", since=base)
    split_bundle(bundle, root / "parts", 1_500_000, [signer("officer")], KEYS, now=NOW)
    install_bundle(base, Target(root / "host" / "store", root / "host"), KEYS, now=NOW)
    return Forms(base, bundle, tar, delta, root / "parts", root / "host")


def files(root: Path) -> list[Path]:
    """The plain files below a directory, sorted."""
    return sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink())


def name_of(path: Path) -> str:
    """What an error calls a file: a signature goes by its document."""
    return path.name.split(".json.")[0] + ".json" if path.name.endswith(".minisig") else path.name


def away(root: Path) -> Path:
    """A name outside of what is looked at."""
    return next(each for each in root.parents if each.name == SCRATCH) / "elsewhere"


def flip(root: Path, rng: random.Random) -> Sequence[str]:
    """One bit of one byte."""
    path = rng.choice(files(root))
    data = bytearray(path.read_bytes())
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)
    return [name_of(path)]


def overwrite(root: Path, rng: random.Random) -> Sequence[str]:
    """A run of bytes."""
    path = rng.choice(files(root))
    data = bytearray(path.read_bytes())
    start = rng.randrange(len(data))
    run = bytes(byte ^ 0xFF for byte in data[start : start + rng.randint(1, 4096)])
    data[start : start + len(run)] = run
    path.write_bytes(data)
    return [name_of(path)]


def truncate(root: Path, rng: random.Random) -> Sequence[str]:
    """A file is cut."""
    path = rng.choice(files(root))
    path.write_bytes(path.read_bytes()[: rng.randrange(path.stat().st_size)])
    return [name_of(path)]


def extend(root: Path, rng: random.Random) -> Sequence[str]:
    """A file goes on."""
    path = rng.choice(files(root))
    path.write_bytes(path.read_bytes() + rng.randbytes(rng.randint(1, 2000)))
    return [name_of(path)]


def huge(root: Path, rng: random.Random) -> Sequence[str]:
    """A file claims terabytes."""
    path = rng.choice(files(root))
    os.truncate(path, 1 << rng.randint(33, 43))
    return [name_of(path)]


def missing(root: Path, rng: random.Random) -> Sequence[str]:
    """A file is gone."""
    path = rng.choice(files(root))
    path.unlink()
    return [name_of(path)]


def swap(root: Path, rng: random.Random) -> Sequence[str]:
    """Two files change places."""
    one, two = rng.sample(files(root), 2)
    first, second = one.read_bytes(), two.read_bytes()
    if first == second:
        return flip(root, rng)
    one.write_bytes(second)
    two.write_bytes(first)
    return [name_of(one), name_of(two)]


def stale(root: Path, rng: random.Random) -> Sequence[str]:
    """A file has another one's bytes."""
    one, two = rng.sample(files(root), 2)
    if one.read_bytes() == two.read_bytes():
        return flip(root, rng)
    shutil.copy(two, one)
    return [name_of(one)]


def link(root: Path, rng: random.Random) -> Sequence[str]:
    """A file is a symbolic link, to the same bytes or to the host's own."""
    path = rng.choice(files(root))
    elsewhere = away(root)
    path.rename(elsewhere)
    path.symlink_to(rng.choice([elsewhere, Path("/etc/passwd"), Path("../../../etc/shadow")]))
    return [path.name]


def link_directory(root: Path, rng: random.Random) -> Sequence[str]:
    """A directory is a symbolic link."""
    path = rng.choice([each for each in root.rglob("*") if each.is_dir()])
    elsewhere = away(root)
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    return [path.name]


def extra(root: Path, rng: random.Random) -> Sequence[str]:
    """A file too many, plain or hidden, anywhere."""
    folder = rng.choice([root, *(each for each in root.rglob("*") if each.is_dir())])
    name = rng.choice([f"{rng.randbytes(32).hex()}", ".hidden", "README", "index.json~", "Index.json", "x\n", "..."])
    (folder / name).write_bytes(rng.randbytes(rng.randint(0, 100)))
    return [name]


def special(root: Path, rng: random.Random) -> Sequence[str]:
    """A pipe where a file belongs."""
    path = rng.choice(files(root))
    path.unlink()
    os.mkfifo(path)
    return [path.name]


def bomb(root: Path, rng: random.Random) -> Sequence[str]:
    """A blob becomes a gzip that unpacks to a thousand times its size."""
    path = rng.choice([each for each in files(root) if each.parent.name == "sha256"])
    path.write_bytes(gzip.compress(bytes(1 << 20)))
    return [path.name]


def member(tar: Path, rng: random.Random) -> tuple[str, int, int]:
    """One file of a tar: its name, where its header begins, its length."""
    name, extent = rng.choice(list(list_tar(tar)))
    return name, extent.offset - 512, extent.size


def tar_rename(tar: Path, rng: random.Random) -> Sequence[str]:
    """A file of the tar leads out of it, with a header that any tar program takes."""
    _, start, size = member(tar, rng)
    bad = rng.choice(["../../etc/cron.d/x", "/etc/passwd", "blobs/sha256/../../x", "blobs//x", "./index.json", "~/x"])
    splice(tar, start, 512, header(bad, size))
    return [tar.name]


def tar_twice(tar: Path, rng: random.Random) -> Sequence[str]:
    """A file stands twice, the second time with other bytes."""
    name, start, size = member(tar, rng)
    splice(tar, start, 0, header(name, size) + rng.randbytes(size) + bytes(padding(size)))
    return [tar.name]


def tar_size(tar: Path, rng: random.Random) -> Sequence[str]:
    """A header claims another length."""
    name, start, size = member(tar, rng)
    splice(tar, start, 512, header(name, rng.choice([0, max(0, size - 1), size + 512, 1 << 33, 1 << 60])))
    return [tar.name]


def tar_drop(tar: Path, rng: random.Random) -> Sequence[str]:
    """A file is taken out of the tar."""
    _, start, size = member(tar, rng)
    splice(tar, start, 512 + size + padding(size), b"")
    return [tar.name]


def tar_add(tar: Path, rng: random.Random) -> Sequence[str]:
    """A file is put into the tar."""
    data = rng.randbytes(rng.randint(0, 600))
    name = rng.choice([f"blobs/sha256/{rng.randbytes(32).hex()}", "README", "blobs/x"])
    at = tar.stat().st_size - len(END)
    splice(tar, at, 0, header(name, len(data)) + data + bytes(padding(len(data))))
    return [tar.name]


def splice(tar: Path, start: int, length: int, new: bytes) -> None:
    """Replace bytes of a file."""
    data = tar.read_bytes()
    tar.write_bytes(data[:start] + new + data[start + length :])


def in_tar(damage: Damage) -> Damage:
    """Damage of a file, done to a tar as a whole."""
    return lambda tar, rng: [tar.name] if damage(tar.parent, rng) else []


IN_DIRECTORY: Sequence[Damage] = (
    flip, flip, overwrite, truncate, extend, huge, missing, swap, stale, link, link_directory, extra, special, bomb,
)  # fmt: skip
IN_TAR: Sequence[Damage] = (
    in_tar(flip), in_tar(flip), in_tar(overwrite), in_tar(truncate), in_tar(extend),
    tar_rename, tar_twice, tar_size, tar_drop, tar_add,
)  # fmt: skip


def run(root: Path, count: int, seed_number: int) -> Outcome:
    """Do `count` random damages; `seed_number` makes them the same again."""
    rng = random.Random(seed_number)
    forms = make_forms(root)
    outcome = Outcome()
    for number in range(count):
        scratch = root / SCRATCH
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        form = rng.choice(("bundle", "tar", "delta", "parts"))
        copy, what = _copy(forms, form, scratch), rng.choice(IN_TAR if form == "tar" else IN_DIRECTORY)
        names = what(copy, rng)
        kind = f"{form}: {what.__name__.removeprefix('tar_').replace('<lambda>', 'bytes')}"
        label = f"{number} {kind} {names}"
        outcome.done[kind] += 1
        target = _target(forms, form, scratch)
        before = tree(target)
        try:
            _take(form, scratch, target)
        except IntegrityError as exc:
            outcome.errors[type(exc).__name__] += 1
            if not any(name in f"{exc.where} {exc.value}" for name in names):
                outcome.unnamed.append(f"{label}: {exc.where}: {exc.value}")
        else:
            outcome.taken.append(label)
        if tree(target) != before:
            outcome.touched.append(label)
    return outcome


def _copy(forms: Forms, form: str, scratch: Path) -> Path:
    if form == "tar":
        (scratch / "in").mkdir()
        return Path(shutil.copy(forms.tar, scratch / "in"))
    source = {"bundle": forms.bundle, "delta": forms.delta, "parts": forms.parts}[form]
    copied = Path(shutil.copytree(source, scratch / "in"))
    return copied / "part-2-of-3" if form == "parts" else copied


def _target(forms: Forms, form: str, scratch: Path) -> Path:
    """A host: one that has the base for an update, else one with nothing but a file of its own."""
    target = scratch / "host"
    if form == "delta":
        return Path(shutil.copytree(forms.host, target))
    target.mkdir()
    (target / "diary").write_text("dear")
    return target


def _take(form: str, scratch: Path, target: Path) -> None:
    if form == "parts":
        join_bundle(sorted((scratch / "in").iterdir()), target / "joined", KEYS, now=NOW)
        return
    source = scratch / "in" / "bundle.tar" if form == "tar" else scratch / "in"
    install_bundle(source, Target(target / "store", target), KEYS, now=NOW)
