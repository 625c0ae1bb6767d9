"""The bundle beside what the machine can do (`cp`, OpenSSL) and beside its peers, and what it withstands."""

from bench.bundle.run import main

__all__ = ["main"]
