"""The stack's configuration as Pulumi hands it to the program."""

from __future__ import annotations

import pulumi
from pulumi.runtime import config


def plain_config() -> dict[str, str]:
    """This project's keys and values, without the namespace and without secrets."""
    everything = {**config.get_config_env(), **config.CONFIG.get()}
    secret = set(config.get_config_secret_keys_env())
    prefix = f"{pulumi.get_project()}:"
    return {
        key.removeprefix(prefix): value
        for key, value in everything.items()
        if key.startswith(prefix) and key not in secret and not config.is_config_secret(key)
    }
