"""What an app is seen to be, in the same shape as what it ought to be: drift is the difference."""

from __future__ import annotations

from collections.abc import Mapping

from trivet.drivers.bundle.observation import NEW, config_text
from trivet.drivers.bundle.units import ABSENT
from trivet.render.modal import Autoscaler, ModalApp
from trivet.spec.base import Frozen
from trivet.spec.digest import json_digest, sha256_digest

__all__ = ["ABSENT", "NEW", "AppState", "definition", "desired"]

# Where things lie at the operator's, and what is done at the end or instead: no part of what is deployed.
OPERATOR = {"store", "key_directory", "retain", "may_pass", "cents_per_hour", "budget_cents", "multiplier"}


class AppState(Frozen):
    """The app: what was deployed (`definition`), where it runs and is routed, how it scales, which models lie there.

    `regions` and `routing_region` are Modal's own answer; ABSENT where it names none.
    """

    definition: str
    regions: tuple[str, ...]
    routing_region: str
    autoscaler: Autoscaler
    models: dict[str, str]
    keys: dict[str, str]


def desired(app: ModalApp, keys: Mapping[str, str | None], frontier_key: str | None) -> AppState:
    """What `observe` finds when all is well; `keys` that do not exist yet have no hash, nor has what holds them."""
    known = {name: sha256 for name, sha256 in keys.items() if sha256}
    return AppState(
        definition=definition(app, config_text(app.gateway, known), frontier_key) if len(known) == len(keys) else NEW,
        regions=(app.region,),
        routing_region=app.routing_region or ABSENT,
        autoscaler=app.autoscaler,
        models={name: model.manifest for name, model in app.models.items()},
        keys={name: sha256 or NEW for name, sha256 in keys.items()},
    )


def definition(app: ModalApp, config: bytes, frontier_key: str | None) -> str:
    """Identity of a deployment, as the app carries it in a tag."""
    data = app.model_dump(mode="json", by_alias=True, exclude={*OPERATOR, "autoscaler", "gateway"})
    secret = sha256_digest((frontier_key or "").encode())
    return json_digest({**data, "config": sha256_digest(config), "secret": secret}).removeprefix("sha256:")[:32]
