"""Measurements side by side with a peer or a limit. `python -m bench.<topic>`; never part of the tests."""
