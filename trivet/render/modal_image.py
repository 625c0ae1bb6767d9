"""The one image of a Modal container, put together from the stack's images by digest."""

from __future__ import annotations

from collections.abc import Iterable

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

    def dockerfile(self, lock: Lock, registry: str) -> tuple[str, ...]:
        """Its Dockerfile, line by line."""
        others = sorted({GATEWAY, *self._traits} - {self.base})

        def source(image: str) -> str:
            return f"{registry}/image/{image}@{lock.images[image].manifest}"

        return (
            *(f"FROM {source(image)} AS {image}" for image in others),
            f"FROM {source(self.base)}",
            *(line for image in others for line in self._copies(image)),
            *(() if self.base == GATEWAY else (f"ENV PYTHONPATH={ROOTS}/{GATEWAY}{CODE}",)),
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

    def _copies(self, image: str) -> Iterable[str]:
        yield f"COPY --from={image} / {ROOTS}/{image}"
        for directory in self._traits[image].private if image in self._traits else ():
            yield f"COPY --from={image} {directory} {directory}"
