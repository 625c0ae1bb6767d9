"""Compose resources into a tier. Imported by `__main__.py` and tests only."""
