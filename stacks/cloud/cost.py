"""What a cloud stack costs: said in every preview, and refused where the budget cannot pay it."""

from __future__ import annotations

import pulumi

from trivet.residency.price import Estimate, require_budget


def announce(estimated: Estimate, budget: float, *, where: str) -> None:
    """Say the price of an hour and a month, and export it.

    Raises:
        BudgetError: a month of it is more than the budget.
    """
    require_budget(estimated, budget, where=where)
    pulumi.log.info(f"{estimated.text}; budget {budget:g} {estimated.currency} a month")
    pulumi.export("hourly", None if estimated.hourly is None else estimated.hourly * estimated.count)
    pulumi.export("monthly", estimated.monthly)
