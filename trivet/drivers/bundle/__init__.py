"""Installs a bundle on a host: refuses early, changes only what differs, takes up what a killed run left."""

from trivet.drivers.bundle.half_done import HalfDoneError
from trivet.drivers.bundle.install import install
from trivet.drivers.bundle.observation import NOTHING, ContainerState, Observation, desired
from trivet.drivers.bundle.observe import look, observe
from trivet.drivers.bundle.remove import remove
from trivet.drivers.bundle.site import Site

__all__ = [
    "NOTHING",
    "ContainerState",
    "HalfDoneError",
    "Observation",
    "Site",
    "desired",
    "install",
    "look",
    "observe",
    "remove",
]
