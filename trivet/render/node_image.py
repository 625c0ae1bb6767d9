"""The one image of a container that holds the whole stack, put together from the stack's images by digest."""

from __future__ import annotations

from dataclasses import dataclass

from trivet.errors import SpecError
from trivet.render.compose import GATEWAY
from trivet.render.runtime import Traits
from trivet.spec import Lock, StackSpec
from trivet.spec.runtime import RuntimeName

ROOTS = "/srv"
LIBRARIES = "/usr/lib/x86_64-linux-gnu"  # Modal runs linux/amd64 only
PACKAGES = "/usr/local/lib/python3.13/dist-packages"
CODE = "/opt/trivet"
PYTHON = "/usr/bin/python3"
# What the place's own Python finds our code by; empty stands for unset, which its own start-up needs.
PLACE = ("ENV PYTHONSAFEPATH=", "USER root", "ENTRYPOINT []")


@dataclass(frozen=True)
class Copy:
    """A directory of one image, and where it lies in the container."""

    image: str
    source: str
    target: str


class NodeImage:
    """The image: one of the stack's as the root, the others below /srv.

    The root is the GPU runtime's, for compilers and driver libraries are found at fixed paths only; else the gateway's.
    """

    def __init__(self, spec: StackSpec, traits: dict[RuntimeName, Traits]) -> None:
        used = {model.runtime for model in spec.models}
        self._traits = {spec.runtimes[name].image: traits[name] for name in sorted(used)}
        with_gpu = [image for image, each in self._traits.items() if each.gpu]
        if len(with_gpu) > 1:
            raise SpecError(
                where="runtimes",
                value=", ".join(with_gpu),
                rule="one container holds one image that uses GPUs",
                remedy="serve all GPU models with one runtime",
            )
        self.base = with_gpu[0] if with_gpu else GATEWAY

    @property
    def copies(self) -> tuple[Copy, ...]:
        """What the root takes from the other images."""
        others = sorted({GATEWAY, *self._traits} - {self.base})
        return tuple(
            Copy(image, source, target)
            for image in others
            for source, target in (("/", f"{ROOTS}/{image}"), *((each, each) for each in self._private(image)))
        )

    @property
    def environment(self) -> dict[str, str]:
        """Variables of the container beyond those of the root's image."""
        return {} if self.base == GATEWAY else {"PYTHONPATH": f"{ROOTS}/{GATEWAY}{CODE}"}

    def dockerfile(self, lock: Lock, registry: str) -> tuple[str, ...]:
        """Its Dockerfile for Modal, line by line."""

        def source(image: str) -> str:
            return f"{registry}/image/{image}@{lock.images[image].manifest}"

        return (
            *(f"FROM {source(image)} AS {image}" for image in sorted({copy.image for copy in self.copies})),
            f"FROM {source(self.base)}",
            *(f"COPY --from={copy.image} {copy.source} {copy.target}" for copy in self.copies),
            *(f"ENV {name}={value}" for name, value in self.environment.items()),
            *PLACE,
        )

    def program(self, image: str) -> tuple[str, ...]:
        """The words that start a runtime's server, before its arguments."""
        name, *rest = self._traits[image].entrypoint
        if image == self.base:
            return (name, *rest)
        root = f"{ROOTS}/{image}"
        loader = (f"{root}{LIBRARIES}/ld-linux-x86-64.so.2", "--library-path", f"{root}{LIBRARIES}")
        return (*loader, f"{root}/usr/bin/{name}", *rest)

    @property
    def gateway_environment(self) -> dict[str, str]:
        """Variables of the gateway: the packages of its own image, whatever else is installed."""
        if self.base == GATEWAY:
            return {"PYTHONSAFEPATH": "1"}
        return {"PYTHONPATH": f"{ROOTS}/{GATEWAY}{PACKAGES}:{ROOTS}/{GATEWAY}{CODE}", "PYTHONSAFEPATH": "1"}

    def _private(self, image: str) -> tuple[str, ...]:
        return self._traits[image].private if image in self._traits else ()
