"""The checks, one theme a file."""
