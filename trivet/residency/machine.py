"""Which machine of a cloud's region takes the stack: by the tables, and refused where none does."""

from __future__ import annotations

from datetime import date

from trivet.errors import SpecError
from trivet.residency.fit import misfit, needs_of
from trivet.residency.tables import Instance, Tables, is_stale
from trivet.spec import StackSpec


def choose_machine(
    spec: StackSpec, provider: str, region: str, tables: Tables, *, today: date, wanted: str | None = None
) -> str:
    """The instance type: the one that is wanted if it fits, or else the cheapest of the region that does.

    A stack that needs no GPU runs on whatever is wanted: the tables list machines with GPUs only.

    Raises:
        SpecError: nothing fits, or not what is wanted; or the tables are too old to tell.
    """
    needs = needs_of(spec)
    where = f"{provider} {region}"
    if not needs.memory_mib:
        if wanted is None:
            raise SpecError(
                where=where,
                value="no machine is named",
                rule="the stack needs no GPU, and the tables list machines with GPUs only",
                remedy=f"run `pulumi config set --path {provider}.machine TYPE`, with enough cores and memory",
            )
        return wanted
    offer = tables.providers[provider].offer(region)
    offered = offer.instances if offer else {}
    fitting = {name: each for name, each in offered.items() if misfit(needs, tables.gpus[each.gpu], each.count) is None}
    if not fitting or (wanted and wanted not in fitting):
        raise SpecError(
            where=where,
            value=_misfit(spec, wanted, offered, tables),
            rule=f"the machine takes the models: {needs}",
            remedy=(
                f"of this region fit: {', '.join(sorted(fitting, key=lambda name: _price(fitting[name])))}"
                if fitting
                else "`trivet choose` lists every place that takes this stack"
            ),
        )
    if offer and is_stale(offer.seen, today, spec.residency.max_age_days):
        raise SpecError(
            where=where,
            value=f"machines last seen on offer on {offer.seen}",
            rule=f"the tables are at most {spec.residency.max_age_days} days old",
            remedy=f"look again, and date trivet/residency/data/providers/{provider}.yaml anew",
        )
    return wanted or min(fitting, key=lambda name: (_price(fitting[name]), name))


def _misfit(spec: StackSpec, wanted: str | None, offered: dict[str, Instance], tables: Tables) -> str:
    if not offered:
        return "the tables know of no GPU there"
    if wanted is None:
        return f"none of {', '.join(offered)}"
    if wanted not in offered:
        return f"{wanted}: the tables do not list it there"
    instance = offered[wanted]
    return f"{wanted} ({instance.gpu}): {misfit(needs_of(spec), tables.gpus[instance.gpu], instance.count)}"


def _price(instance: Instance) -> float:
    return instance.price if instance.price is not None else float("inf")
