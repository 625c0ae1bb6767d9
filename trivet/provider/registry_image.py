"""`trivet:registry:Image`: an image of the store, in a registry, where a managed service pulls it from.

Credentials are found by the registry's host when they are needed, so none are in Pulumi's state. An image goes when its
repository does.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from pulumi.provider.experimental import provider as rpc

from trivet.bundle.layout import Layout
from trivet.bundle.oci import MANIFEST, Descriptor
from trivet.bundle.push_image import Repository, has_image, push_image
from trivet.drivers.aws.ecr import ecr_credentials
from trivet.errors import HostError
from trivet.provider.changes import changes
from trivet.provider.log import EngineLog
from trivet.provider.refusals import unknown
from trivet.provider.resource import Resource
from trivet.provider.values import UNKNOWN, Properties, plain_map, wrap_map

RULES: Final = {
    "repository": (re.compile(r"[a-z0-9][a-z0-9.-]*(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+"), "HOST/PATH"),
    "manifest": (re.compile(r"sha256:[0-9a-f]{64}"), "the digest of a manifest"),
    "store": (re.compile(r".+"), "the path of an OCI layout"),
}
REFERENCE: Final = "reference"


class Image:
    """Implements `trivet.provider.resource.Resource`."""

    def __init__(self, log: EngineLog) -> None:
        self._log = log

    def check(self, request: rpc.CheckRequest) -> rpc.CheckResponse:
        """See `Resource.check`."""
        given = plain_map(request.new_inputs)
        failures = unknown(given, RULES)
        for name, (rule, what) in RULES.items():
            value = given.get(name)
            if value != UNKNOWN and not (isinstance(value, str) and rule.fullmatch(value)):
                failures.append(rpc.CheckFailure(name, f"{value!r} is not {what}"))
        return rpc.CheckResponse(inputs=request.new_inputs, failures=failures)

    def diff(self, request: rpc.DiffRequest) -> rpc.DiffResponse:
        """See `Resource.diff`: where the store lies on this machine makes no difference."""
        old, new = ({name: each.get(name) for name in ("repository", "manifest")}
                    for each in (plain_map(request.old_state), plain_map(request.new_inputs)))  # fmt: skip
        found = changes(old, new)
        replaces = ["repository"] if "repository" in found else []
        for name in replaces:
            found[name] = rpc.PropertyDiff(kind=rpc.PropertyDiffKind.UPDATE_REPLACE, input_diff=False)
        return rpc.DiffResponse(changes=bool(found), replaces=replaces, diffs=sorted(found), detailed_diff=found)

    def create(self, request: rpc.CreateRequest) -> rpc.CreateResponse:
        """See `Resource.create`."""
        if request.preview:
            return rpc.CreateResponse(properties=_outputs(request.properties))
        given = plain_map(request.properties)
        self._push(request.urn, given)
        return rpc.CreateResponse(resource_id=given["repository"], properties=_outputs(request.properties))

    def update(self, request: rpc.UpdateRequest) -> rpc.UpdateResponse:
        """See `Resource.update`."""
        if not request.preview:
            self._push(request.urn, plain_map(request.news))
        return rpc.UpdateResponse(properties=_outputs(request.news))

    def read(self, request: rpc.ReadRequest) -> rpc.ReadResponse:
        """See `Resource.read`."""
        if not request.properties:
            raise HostError(
                value=f"import of {request.resource_id}",
                rule="an image is known from its state, which an import does not have",
                remedy="run `pulumi up`: what is in the registry already is not sent again",
            )
        given = plain_map(request.properties)
        manifest = Descriptor(media_type=MANIFEST, digest=given["manifest"], size=0)
        if not has_image(manifest, _repository(given)):
            return rpc.ReadResponse(resource_id="", properties={}, inputs={})
        return rpc.ReadResponse(resource_id=request.resource_id, properties=request.properties, inputs=request.inputs)

    def delete(self, request: rpc.DeleteRequest) -> None:
        """See `Resource.delete`: an older image may still run; the repository takes all of them with it."""

    def cancel(self) -> None:
        """See `Resource.cancel`: what was sent is not sent again."""

    def _push(self, urn: str, given: dict[str, Any]) -> None:
        report = self._log.of(urn)
        report(f"sending the image to {given['repository']}")
        sent = push_image(Layout(Path(given["store"])), given["manifest"], _repository(given))
        report(f"sent {sent / (1 << 20):.0f} MiB")


def resource(log: EngineLog) -> Resource:
    """The resource type."""
    return Image(log)


def _repository(given: dict[str, Any]) -> Repository:
    host, _, path = given["repository"].partition("/")
    return Repository(host, path, ecr_credentials(host))


def _outputs(properties: Properties) -> Properties:
    given = plain_map(properties)
    known = UNKNOWN not in (given["repository"], given["manifest"])
    return {
        **{name: properties[name] for name in RULES},
        **(wrap_map({REFERENCE: f"{given['repository']}@{given['manifest']}"}) if known else {}),
    }
