"""Residency: may this stack have this place? Pure rules; unknown is refused."""

from trivet.residency.checker import check

__all__ = ["check"]
