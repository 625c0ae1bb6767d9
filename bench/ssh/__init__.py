"""Transfers to a host over SSH, beside what people use for them."""
