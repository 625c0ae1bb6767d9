"""Checks of the converted embedding model against an independent forward pass."""
