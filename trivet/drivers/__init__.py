"""Drivers: they talk to the outside (hosts, engines) and know nothing of Pulumi."""
