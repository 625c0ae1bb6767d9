"""The stack spec, the settings and the lock: pure data and its rules."""

from trivet.spec.load import load_spec, parse_spec
from trivet.spec.lock import Lock, LockedArtifact, LockedFile, LockedImage, LockedModel, load_lock, parse_lock
from trivet.spec.modal import ModalSettings
from trivet.spec.residency import AssetKind, Residency, Transfer
from trivet.spec.settings import Settings, parse_settings
from trivet.spec.stack import StackSpec

__all__ = [
    "AssetKind",
    "Lock",
    "LockedArtifact",
    "LockedFile",
    "LockedImage",
    "LockedModel",
    "ModalSettings",
    "Residency",
    "Settings",
    "StackSpec",
    "Transfer",
    "load_lock",
    "load_spec",
    "parse_lock",
    "parse_settings",
    "parse_spec",
]
