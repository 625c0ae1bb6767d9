"""The images that `trivet build` made, on the real engine: what is in them, how they run, that they can be made again.

They use the store that `make test` filled; nothing is built twice but where a second build is what is tested.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.image_registry import serving_image
from trivet.bundle.archive import docker_archive
from trivet.bundle.base import DebianBase, load_base
from trivet.bundle.build import build_images
from trivet.bundle.images import image_ref, locked_image
from trivet.bundle.layout import Layout
from trivet.errors import BuildError
from trivet.spec.lock import LockedImage

ROOT = Path(__file__).parents[2]
SERVICES = ROOT / "services"
STORE = ROOT / ".trivet" / "store"
IMAGES = ("gateway", "llama")
HARDENED = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--network=none", "--tmpfs=/tmp")
SHELLS = {"sh", "bash", "dash", "ash", "busybox", "perl", "awk", "mawk", "apt", "apt-get", "dpkg", "tar", "openssl"}


@pytest.fixture(scope="session")
def layout() -> Layout:
    build_images(IMAGES, STORE, SERVICES, print)
    return Layout(STORE)


@pytest.fixture(scope="session")
def engine(layout: Layout) -> Iterator[dict[str, str]]:
    """References of the images, loaded into the engine under a tag of our own."""
    tag = uuid.uuid4().hex[:12]
    references = {name: f"trivet-test/{name}:{tag}" for name in IMAGES}
    for name, reference in references.items():
        load = subprocess.Popen(["docker", "load", "--quiet"], stdin=subprocess.PIPE)
        assert load.stdin is not None
        load.stdin.writelines(docker_archive(layout, locked(layout, name).manifest, reference))
        load.stdin.close()
        assert load.wait(60) == 0
    yield references
    for reference in references.values():
        docker("rmi", "--force", reference)


def locked(layout: Layout, name: str) -> LockedImage:
    image = locked_image(layout, name)
    assert image is not None
    return image


def docker(*argv: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *argv], check=check, capture_output=True, text=True, timeout=120)


def members(layout: Layout, name: str) -> dict[str, tarfile.TarInfo]:
    """Every path of an image, upper layers over lower ones."""
    entry = layout.find(image_ref(name))
    assert entry is not None
    found: dict[str, tarfile.TarInfo] = {}
    for layer in layout.manifest(entry).layers:
        with layout.open(layer) as file, tarfile.open(fileobj=file) as tar:
            found |= {member.name.removeprefix("./"): member for member in tar}
    return found


@pytest.mark.parametrize("name", IMAGES)
def test_the_engine_knows_an_image_by_the_locked_config_digest(
    layout: Layout, engine: dict[str, str], name: str
) -> None:
    (image,) = json.loads(docker("image", "inspect", engine[name]).stdout)
    assert image["Id"] == locked(layout, name).config
    assert image["Config"]["User"] == "65532:65532"
    assert image["Config"]["Entrypoint"]


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_holds_the_programs_that_it_names_and_no_others(layout: Layout, name: str) -> None:
    base = load_base(SERVICES / name / "base.toml")
    assert isinstance(base, DebianBase)
    paths = members(layout, name)
    programs = {path.removeprefix("usr/bin/") for path in paths if path.startswith("usr/bin/")}
    assert programs == set(base.programs)
    assert [path for path in paths if path.startswith("usr/sbin/")] == []
    executable = {path for path, member in paths.items() if member.mode & 0o111 and not member.isdir()}
    assert SHELLS.isdisjoint(path.rpartition("/")[2] for path in executable)


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_gives_nobody_more_rights(layout: Layout, name: str) -> None:
    for path, member in members(layout, name).items():
        assert not member.mode & 0o6000 or member.issym(), f"{path} is setuid or setgid"
        sticky = member.isdir() and member.mode & 0o1000
        assert not member.mode & 0o002 or member.issym() or sticky, f"{path} is writable for everybody"
        assert member.isreg() or member.isdir() or member.issym() or member.islnk(), f"{path} is a device"


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_says_nothing_of_the_machine_that_built_it(layout: Layout, name: str) -> None:
    paths = members(layout, name)
    assert {member.mtime for member in paths.values()} == {1735689600}
    assert {paths[path].size for path in ("etc/hostname", "etc/hosts", "etc/resolv.conf")} == {0}
    assert {(member.uid, member.gid) for member in paths.values()} <= {(0, 0), (65532, 65532)}


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_lists_the_debian_packages_in_it(layout: Layout, name: str) -> None:
    packages = {path.rpartition("/")[2] for path in members(layout, name) if path.startswith("var/lib/dpkg/status.d/")}
    assert {"gateway": "python3.13-minimal", "llama": "llama.cpp-tools"}[name] in packages
    assert not {"debconf", "mawk"} & packages, "nothing of these is left in it"


@pytest.mark.parametrize("name", IMAGES)
def test_there_is_no_shell_to_start(engine: dict[str, str], name: str) -> None:
    done = docker("run", "--rm", *HARDENED, "--entrypoint=sh", engine[name], "-c", "true", check=False)
    assert done.returncode == 127


def test_the_gateway_runs_hardened_and_can_write_where_it_must_alone(engine: dict[str, str]) -> None:
    code = (
        "import json, os, trivet_gateway\n"
        "def writable(folder):\n"
        "    try: open(os.path.join(folder, 'probe'), 'w').close()\n"
        "    except OSError: return False\n"
        "    return True\n"
        "folders = ['/', '/opt/trivet', '/etc', '/tmp', '/var/lib/trivet']\n"
        "print(json.dumps([os.getuid(), os.getgid(), [f for f in folders if writable(f)]]))\n"
    )
    volume = ("--volume=/var/lib/trivet",)
    done = docker("run", "--rm", *HARDENED, *volume, "--entrypoint=python3", engine["gateway"], "-c", code)
    assert json.loads(done.stdout) == [65532, 65532, ["/tmp", "/var/lib/trivet"]]


def test_the_gateway_compiles_nothing_at_start(engine: dict[str, str]) -> None:
    code = (
        "import sys, importlib.util, aiohttp, asyncio, pydantic, sqlite3, ssl, trivet_gateway, uvicorn, uvloop\n"
        "sources = {n: m.__spec__ for n, m in sys.modules.items() if getattr(m, '__file__', None) and m.__spec__}\n"
        "pycs = {n: s.cached for n, s in sources.items() if s.origin.endswith('.py')}\n"
        "UNCHECKED = (1).to_bytes(4, 'little')\n"
        "print([n for n, c in pycs.items() if n != '__main__' and open(c, 'rb').read(8)[4:] != UNCHECKED], len(pycs))\n"
    )
    done = docker("run", "--rm", *HARDENED, "--entrypoint=python3", engine["gateway"], "-c", code)
    stale, _, count = done.stdout.strip().rpartition(" ")
    assert stale == "[]"
    assert int(count) > 200


def test_the_probe_of_the_gateway_fails_where_nothing_listens(engine: dict[str, str]) -> None:
    command = ("-m", "trivet_gateway.probe", "http://127.0.0.1:8080/ready")
    done = docker("run", "--rm", *HARDENED, "--entrypoint=python3", engine["gateway"], *command, check=False)
    assert done.returncode == 1


def test_llama_server_answers_its_health_check_under_hardening(engine: dict[str, str]) -> None:
    model = min((ROOT / "models").glob("*.gguf"), key=lambda path: path.stat().st_size)
    argv = ("--model", f"/models/{model.name}", "--port", "8080", "--metrics", "--offline")
    mount = f"--volume={model.parent}:/models:ro"
    container = docker("run", "--detach", *HARDENED, mount, engine["llama"], *argv).stdout.strip()
    try:
        check = ("exec", container, "curl", "-fsS", "http://127.0.0.1:8080/health")
        deadline = time.monotonic() + 60
        while (done := docker(*check, check=False)).returncode and time.monotonic() < deadline:
            time.sleep(0.2)
        assert json.loads(done.stdout) == {"status": "ok"}, docker("logs", container, check=False).stderr
    finally:
        docker("rm", "--force", "--volumes", container)


BUILD = """
import sys
from pathlib import Path
from trivet.bundle.build import build_images
store, services, *names = sys.argv[1:]
for image in build_images(names, Path(store), Path(services), lambda line: None).values():
    print(image.manifest)
"""


def build_elsewhere(folder: Path, name: str) -> str:
    """Build from a checkout in another place, under another umask and time zone; returns the manifest digest."""
    shutil.copytree(SERVICES, folder / "checkout", ignore=shutil.ignore_patterns("__pycache__"))
    for path in (folder / "checkout").rglob("*"):
        path.chmod(path.stat().st_mode & 0o700)
    environ = os.environ | {"TZ": "Pacific/Auckland", "LC_ALL": "C", "PYTHONPATH": str(ROOT), "HOME": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", BUILD, folder / ".trivet" / "store", folder / "checkout", name],
        check=True,
        capture_output=True,
        text=True,
        umask=0o077,
        cwd=folder,
        env=environ,
    )
    return done.stdout.strip()


def test_two_builds_from_the_same_packages_give_the_same_digest(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    here = build_images(["llama"], tmp_path / ".trivet" / "store", SERVICES, print)["llama"].manifest
    assert build_elsewhere(tmp_path / "other", "llama") == here


def test_two_builds_from_the_same_wheels_give_the_same_digest(layout: Layout, tmp_path: Path) -> None:
    shutil.copytree(STORE.parent / "cache", tmp_path / ".trivet" / "cache", ignore=shutil.ignore_patterns("build*"))
    assert build_elsewhere(tmp_path, "gateway") == locked(layout, "gateway").manifest


def test_a_site_builds_on_an_image_of_its_own_registry(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = layout.find(image_ref("llama"))
    assert entry is not None
    manifest = layout.manifest(entry)
    plain = manifest.layers[0]
    registry = Layout.create(tmp_path / "registry")
    config = registry.put_bytes(layout.read(manifest.config), manifest.config.media_type)
    layers = [
        registry.put_bytes(gzip.compress(b"".join(layout.stream(layer)), 1), f"{layer.media_type}+gzip")
        for layer in manifest.layers
    ]
    theirs = manifest.model_copy(update={"config": config, "layers": tuple(layers), "annotations": {}})
    base = registry.put_bytes(theirs.dump(), entry.media_type)
    shutil.copytree(SERVICES, tmp_path / "services")
    with serving_image(registry, base, "own/base") as reference:
        host = reference.partition("/")[0]
        (tmp_path / "registries.conf").write_text(f'[[registry]]\nlocation = "{host}"\ninsecure = true\n')
        monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", str(tmp_path / "registries.conf"))
        (tmp_path / "services" / "llama" / "base.toml").write_text(f'image = "{reference}"\n')
        build_images(["llama"], tmp_path / ".trivet" / "store", tmp_path / "services", print)
    own = Layout(tmp_path / ".trivet" / "store")
    own.verify()
    built = own.find(image_ref("llama"))
    assert built is not None
    assert own.manifest(built).layers[0] == plain, "decompressed, and otherwise as it was"
    assert json.loads(own.read(own.manifest(built).config))["config"]["Entrypoint"] == ["llama-server"]


def test_a_build_that_fails_names_the_cause_and_leaves_the_store_as_it_was(tmp_path: Path) -> None:
    shutil.copytree(SERVICES, tmp_path / "services")
    base = tmp_path / "services" / "llama" / "base.toml"
    base.write_text(base.read_text().replace('"curl", "llama.cpp"]', '"no-such-package-at-all"]'))
    with pytest.raises(BuildError, match="no-such-package-at-all"):
        build_images(["llama"], tmp_path / ".trivet" / "store", tmp_path / "services", print)
    store = Layout(tmp_path / ".trivet" / "store")
    assert store.index().manifests == ()
    assert list((store.root / "blobs" / "sha256").iterdir()) == []
    assert list((tmp_path / ".trivet" / "cache" / "build").iterdir()) == []
