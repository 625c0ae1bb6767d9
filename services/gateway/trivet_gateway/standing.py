"""The identity of what is deployed, as the configuration file says it now.

A deployment that changes nothing for the gateway itself, a model's argument say, leaves it running and replaces its
file. Only `identity` is taken over from there. A file that differs in anything else belongs to a gateway that has yet
to start, and so does its identity.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from trivet_gateway.config import GatewayConfig, Identity, load_config

LOG: Final = logging.getLogger(__name__)
Stamp = tuple[int, int]


class Standing:
    """What the gateway is; `source` is the file that its configuration was read from."""

    def __init__(self, config: GatewayConfig, source: Path | None) -> None:
        self._config = config
        self._source = source
        self._seen: Stamp | None = None

    def identity(self) -> Identity:
        """The identity by now."""
        if self._source is not None:
            self._look(self._source)
        return self._config.identity

    def _look(self, source: Path) -> None:
        try:
            found = source.stat()
            stamp = (found.st_ino, found.st_mtime_ns)
            if stamp == self._seen:
                return
            config = load_config(source)
        except (OSError, ValidationError) as error:
            LOG.warning("%s: %s; the identity stays what it was", source, error)
            return
        self._seen = stamp
        if config.model_copy(update={"identity": self._config.identity}) == self._config:
            self._config = config
