"""Watches a stack on its host. Rules without I/O (`vigil`); `watch` alone acts.

These modules also run on the host itself, as they are: they import nothing but Python 3.10's standard library.
"""
