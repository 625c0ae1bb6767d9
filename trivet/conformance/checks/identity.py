"""Identity: what runs there is what the spec and the lock say, byte for byte."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from trivet.conformance.breach import BreachError, InapplicableError, require
from trivet.conformance.check import Check
from trivet.conformance.examination import Examination
from trivet.conformance.routes import IDENTITY
from trivet.conformance.said import SaidQuota
from trivet.spec import Lock
from trivet.spec.gateway import Quota
from trivet.spec.settings import TIERS

DEPLOY = "run `pulumi up`, or check that the URL, the spec and the lock belong to one stack"
SHOWN = 19


def _spec(examination: Examination) -> str:
    spec = examination.target.spec
    if spec is None:
        raise InapplicableError("no spec was given to compare with (--spec)")
    said = examination.access.identity().spec_digest
    require(said == spec.digest, f"the stack runs spec {said}; the one given is {spec.digest}")
    return _short(said)


def _lock(examination: Examination) -> str:
    lock = _given_lock(examination)
    said = examination.access.identity().lock_digest
    require(said == lock.digest, f"the stack runs lock {said}; the one given is {lock.digest}")
    return _short(said)


def _images(examination: Examination) -> str:
    lock, spec = _given_lock(examination), examination.target.spec
    names = set(spec.images) if spec else set(lock.images)
    locked = {name: image.manifest for name, image in lock.images.items() if name in names}
    return _same("image", examination.access.identity().images, locked)


def _models(examination: Examination) -> str:
    locked = {name: model.manifest for name, model in _given_lock(examination).models.items()}
    return _same("model", examination.access.identity().models, locked)


def _place(examination: Examination) -> str:
    said = examination.access.identity()
    require(said.tier in TIERS, f"tier {said.tier!r} is none of {', '.join(TIERS)}")
    return f"tier {said.tier}, region {said.region}"


def _team(examination: Examination) -> str:
    caller, team = examination.access.caller, examination.access.team
    if team is None:
        raise InapplicableError("no spec was given to compare with (--spec)")
    require(caller.key in {key.name for key in team.keys}, f"team {team.name} has no key named {caller.key}")
    said, meant = _terms(caller.quota, caller.data_classes), _terms(team.quota, team.data_classes)
    for term, value in meant.items():
        require(said[term] == value, f"team {team.name}: {term}: {said[term]}; the spec says {value}")
    return f"team {team.name}, " + ", ".join(f"{term} {value}" for term, value in said.items())


def _given_lock(examination: Examination) -> Lock:
    if examination.target.lock is None:
        raise InapplicableError("no lock was given to compare with (--lock)")
    return examination.target.lock


def _same(kind: str, said: Mapping[str, str], locked: Mapping[str, str]) -> str:
    for name in sorted(said.keys() | locked.keys()):
        if name not in locked:
            raise BreachError(f"the stack runs {kind} {name}, which is not locked")
        if name not in said:
            raise BreachError(f"{kind} {name} is locked; the stack does not name it")
        require(said[name] == locked[name], f"{kind} {name} is {said[name]}; locked is {locked[name]}")
    return f"{len(said)} {kind}{'' if len(said) == 1 else 's'}"


def _terms(quota: Quota | SaidQuota, data_classes: Iterable[str]) -> dict[str, str]:
    return {
        "requests a minute": str(quota.requests_per_minute),
        "tokens a minute": str(quota.tokens_per_minute),
        "at a time": str(quota.concurrency),
        "data classes": "/".join(sorted(data_classes)),
    }


def _short(digest: str) -> str:
    return digest[:SHOWN]


CHECKS = (
    Check("identity.spec", f"{IDENTITY} names the digest of the spec.", DEPLOY, _spec),
    Check("identity.lock", f"{IDENTITY} names the digest of the lock.", DEPLOY, _lock),
    Check("identity.images", f"{IDENTITY} names every image by the digest in the lock, and no other.", DEPLOY, _images),
    Check("identity.models", f"{IDENTITY} names every model by the digest in the lock, and no other.", DEPLOY, _models),
    Check("identity.place", "The stack says its tier and its region.", "check the stack's settings", _place),
    Check("identity.team", "The key's team has the quota and the data classes of the spec.", DEPLOY, _team),
)
