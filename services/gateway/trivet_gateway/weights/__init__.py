"""Weights of one model from a registry: what a pod does before its server starts.

The registry was filled by `trivet bundle push`; a model is a ModelPack artifact there (https://github.com/modelpack/model-spec).
Nothing is believed but a digest: the manifest's, which the deployment names, and each file's, which the manifest names.
"""

from __future__ import annotations


class WeightsError(Exception):
    """Weights cannot be had, or are not what they should be: what was met, what must hold, what to do."""

    def __init__(self, value: str, rule: str, remedy: str) -> None:
        super().__init__(f"{value}\n  rule:   {rule}\n  remedy: {remedy}")
