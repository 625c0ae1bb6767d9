"""Which containers must go before Compose can do its part."""

from __future__ import annotations

from collections.abc import Mapping

from trivet.drivers.bundle.observation import desired_containers
from trivet.drivers.bundle.observe import image_digest
from trivet.drivers.engine.containers import CONFIG_HASH, Container
from trivet.render import Installation
from trivet.render.compose import DEFINITION

LEFT_TO_COMPOSE = frozenset({"running", "created", "exited"})


def in_the_way(found: Mapping[str, Container], installation: Installation) -> list[Container]:
    """Containers that Compose would take for right, or could not replace.

    It goes by the labels of a container alone: it neither sees that one was started from another image, nor minds that
    one is ill; and one that it did not make itself occupies the name.
    """
    wanted = desired_containers(installation)

    def is_in_the_way(service: str, container: Container) -> bool:
        want = wanted.get(service)
        if want is None or CONFIG_HASH not in container.labels:
            return True
        if container.labels.get(DEFINITION) != want.definition:
            return False  # Compose sees that, and stops it in good order
        foreign = image_digest(container.image, installation.images) != want.image
        return foreign or container.state not in LEFT_TO_COMPOSE or container.health == "unhealthy"

    return [container for service, container in found.items() if is_in_the_way(service, container)]
