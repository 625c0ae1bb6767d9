"""When a rented machine ends. Rules without I/O; `guard` alone acts.

These modules also run on the node itself, as they are: they import nothing but Python 3.10's standard library.
"""
