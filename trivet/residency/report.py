"""What a check found: one finding an asset, and always how far the CLOUD Act reaches."""

from __future__ import annotations

from datetime import date
from typing import Literal

from trivet.errors import ResidencyError
from trivet.residency.asset import Asset
from trivet.spec.base import Country, Frozen

Verdict = Literal["allowed", "transfer", "refused"]


class Finding(Frozen):
    """The verdict on one asset, and the provision that it rests on."""

    asset: Asset
    verdict: Verdict
    countries: tuple[Country, ...]
    article: str
    because: str
    remedy: str = ""


class Reach(Frozen):
    """Whether 18 USC 2713 (CLOUD Act) reaches an operator: data within or outside of the United States.

    `reached` is None where nobody has said who the operator's parent is.
    """

    operator: str
    parent: Country | None
    reached: bool | None


class Report(Frozen):
    """A checked deployment."""

    regime: str
    title: str
    mode: str
    today: date
    findings: tuple[Finding, ...]
    cloud_act: tuple[Reach, ...]

    @property
    def refused(self) -> tuple[Finding, ...]:
        """What the regime does not allow."""
        return tuple(finding for finding in self.findings if finding.verdict == "refused")

    @property
    def lawful(self) -> bool:
        """Nothing is refused."""
        return not self.refused

    def require_lawful(self) -> None:
        """Refuse the deployment for its first violation; how many more there are is said.

        Raises:
            ResidencyError: an asset's place is unknown or not allowed.
        """
        if self.lawful:
            return
        first, *more = self.refused
        raise ResidencyError(
            where=f"{first.asset.kind} ({first.asset.name})",
            value=first.because + (f" (and {len(more)} more)" if more else ""),
            rule=f"{first.article}: regime {self.regime} refuses what it does not allow, and what it does not know",
            remedy=first.remedy + ("; `trivet residency check` lists all" if more else ""),
        )
