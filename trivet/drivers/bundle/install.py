"""Brings a host to what an installation says: the same steps install, update, repair, and go on after a killed run."""

from __future__ import annotations

import json

from trivet.bundle.archive import docker_archive
from trivet.bundle.layout import Layout
from trivet.bundle.oci import Descriptor
from trivet.drivers.bundle import ledger, supervision
from trivet.drivers.bundle.announce import announced
from trivet.drivers.bundle.half_done import HalfDoneError
from trivet.drivers.bundle.observation import Observation, config_text, labelled, running_config
from trivet.drivers.bundle.observe import look, ours
from trivet.drivers.bundle.preflight import Ready, preflight
from trivet.drivers.bundle.repair import in_the_way
from trivet.drivers.bundle.site import Site
from trivet.drivers.bundle.trial import Trial, try_out
from trivet.drivers.engine import containers, images
from trivet.drivers.engine.containers import Container
from trivet.errors import EngineError, HostError, TrivetError
from trivet.render import Image, paths
from trivet.render.compose import CONFIG, GATEWAY, compose_file


def install(site: Site, frontier_key: str | None) -> Observation:
    """Install, update or repair, and wait until every container is healthy.

    An update that does not become ready is taken back: what ran before runs again.

    Raises:
        TrivetError: refused; nothing was changed.
        HalfDoneError: refused on the way, or taken back.
    """
    with site.locked():
        ready = preflight(site)
        try:
            return _carry_out(site, ready, frontier_key)
        except HalfDoneError:
            raise
        except EngineError as exc:
            raise HalfDoneError(exc, _last_words(site)) from exc
        except TrivetError as exc:
            raise HalfDoneError(exc, []) from exc


def _carry_out(site: Site, ready: Ready, frontier_key: str | None) -> Observation:
    installation, host = site.installation, site.host
    lies_there = _config_on_host(site)
    ledger.note(site, _references(site))
    _load_images(site, ready)
    _place_models(site, ready)
    if installation.shares_keys:
        site.keys.hold()
    keys = {name: given or site.keys.ensure(name) for name, given in installation.keys.items()}
    if frontier_key is not None:
        _write_secret(site, frontier_key)
    text = config_text(installation.gateway, keys)
    config = running_config(json.loads(text), (frontier_key or "").encode())
    services = labelled(installation.services, config)
    compose = compose_file(installation.project, services, installation.networks, installation.volumes).encode()
    trial = Trial(host, installation.root)
    kind = trial.begin(compose)
    with announced(trial, ready.containers.get(GATEWAY), kind, site.report):
        _clear(site, ready, config, text, lies_there=lies_there)

        def up(file: str) -> None:
            ready.compose.up(site.path(file), wait_seconds=installation.wait_seconds, report=site.report)

        try_out(trial, kind, up, last_words=lambda: _last_words(site), report=site.report)
    # A gateway that ran on as it was learns of its new identity only now that all that it names is there.
    host.write(site.path(paths.CONFIG_FILE), text)
    if kind != "same":
        trial.keep(compose)
    supervision.place(site)
    needed = trial.needs()
    ledger.drop(site, keep=needed.images)
    _remove_old_models(site, needed.files)
    if paths.FRONTIER_KEY_FILE not in needed.files and frontier_key is None:
        host.remove(site.path(paths.FRONTIER_KEY_FILE))
    return look(site)


def _clear(site: Site, ready: Ready, config: str, text: bytes, *, lies_there: str) -> None:
    """Remove what is in Compose's way; write the configuration of a gateway that will be started."""
    obstacles = in_the_way(ready.containers, site.installation)
    gateway = ready.containers.get(GATEWAY)
    if gateway is None or gateway.labels.get(CONFIG) != config:
        site.host.write(site.path(paths.CONFIG_FILE), text)
    elif lies_there != config:
        site.host.write(site.path(paths.CONFIG_FILE), text)
        obstacles.append(gateway)  # somebody edited its file; whether it has read that, nobody knows
    containers.remove(site.docker, [container.id for container in obstacles])


def _references(site: Site) -> list[str]:
    return [image.reference for image in site.installation.images.values()]


def _load_images(site: Site, ready: Ready) -> None:
    for image in ready.images.values():
        site.report(f"loading {image.reference}")
        there = images.layers_there(site.docker, _layers(ready.store, image)) if ready.knows_layers else 0
        archive = docker_archive(ready.store, image.manifest, image.reference, without=there)
        images.load(site.docker, image, archive, site.report)


def _layers(store: Layout, image: Image) -> list[str]:
    """Digests of the layers' content, as the engine names them, the lowest first."""
    config = store.read(store.manifest(store.entry(image.manifest)).config)
    layers: list[str] = json.loads(config)["rootfs"]["diff_ids"]
    return layers


def _place_models(site: Site, ready: Ready) -> None:
    for file in ready.files:
        site.report(f"placing {file.path}")
        source = ready.store.path(Descriptor(media_type="", digest=file.digest, size=file.size))
        site.host.put(source, site.path(paths.model_file(file.digest)), digest=file.digest, size=file.size)


def _remove_old_models(site: Site, needed: frozenset[str]) -> None:
    for name in site.host.listdir(site.path(paths.MODEL_DIRECTORY)):
        if f"{paths.MODEL_DIRECTORY}/{name}" not in needed:
            site.host.remove(site.path(f"{paths.MODEL_DIRECTORY}/{name}"))


def _write_secret(site: Site, frontier_key: str) -> None:
    # The directory keeps everybody else out; the gateway's user, unknown to the host, has to read the file.
    path = site.path(paths.FRONTIER_KEY_FILE)
    site.host.write(path, frontier_key.encode(), mode=0o444, directory_mode=0o700)


def _config_on_host(site: Site) -> str:
    """Digest of what the files on the host tell a gateway that starts now; empty where they tell nothing."""
    data = site.host.read(site.path(paths.CONFIG_FILE))
    secret = site.host.read(site.path(paths.FRONTIER_KEY_FILE)) or b""
    try:
        config = json.loads(data) if data else {}
        # Without a frontier the key that lies there is another generation's.
        return running_config(config, secret if config.get("frontier") else b"") if config else ""
    except (ValueError, AttributeError):
        return ""


def _last_words(site: Site) -> list[str]:
    """What the containers say that are not well; nothing where the engine is what is not well."""
    try:
        ill = {service: each for service, each in ours(site).items() if not each.is_well and each.state != "created"}
        return [_obituary(site, service, each) for service, each in ill.items()]
    except HostError:
        return []


def _obituary(site: Site, service: str, container: Container) -> str:
    words = containers.last_words(site.docker, container) or "(none)"
    state = f"{container.state} (exit code {container.exit_code}, health {container.health})"
    return f"{service} is {state}. Its last words:\n{words}"
