"""The rules of a regime over the places that a deployment touches."""

from __future__ import annotations

from trivet.errors import ResidencyError
from trivet.spec import Settings, StackSpec


def check(spec: StackSpec, settings: Settings, *, state_backend: str) -> None:
    """Refuse a deployment that the spec's regime does not allow.

    Args:
        spec: the stack; its `residency` names the regime.
        settings: where it would run.
        state_backend: URL of the Pulumi backend; state names hosts, models and key hashes, so its place counts.

    Raises:
        ResidencyError: a place is unknown or not allowed.
    """
    if spec.residency.regime == "none":
        return
    places = {"the machine (settings: country)": settings.country}
    if spec.gateway.frontier:
        places["the frontier (gateway.frontier.country)"] = spec.gateway.frontier.country
    # A file:// backend lies on the operator's machine; where a remote one lies, its URL does not tell.
    places["Pulumi's state"] = settings.country if state_backend.startswith("file://") else None
    allowed = spec.residency.countries
    for place, country in places.items():
        if country not in allowed:
            raise ResidencyError(
                value=f"{place} is in {country or 'an unknown country'}",
                rule=f"regime {spec.residency.regime} allows {', '.join(allowed)} only, and refuses what is unknown",
                remedy=_remedy(place, country),
            )


def _remedy(place: str, country: str | None) -> str:
    if place.startswith("Pulumi") and country is None:
        return "use a file:// backend on a machine in an allowed country"
    if country is None:
        return "run `pulumi config set country CODE` with the ISO 3166-1 code of the country where the machine stands"
    return "choose a place in an allowed country, or change the regime with whoever answers for it"
