"""Trivet: describe an LLM inference stack once; put exactly that stack on-premises, on a rented GPU or in a cloud."""

__version__ = "0.1.0"
