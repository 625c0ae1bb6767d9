"""Gets a stack its one node: the one that it has, or a new one."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from trivet.drivers.compute import ComputeProvider, Door, Offer, Order
from trivet.drivers.host import Report
from trivet.drivers.rented.bill import Budget, month_to_date, require_budget
from trivet.drivers.rented.ledger import Launch, Ledger
from trivet.drivers.rented.seen import POLL_SECONDS, SETTLE_SECONDS, await_listed, end_and_close, nodes_of
from trivet.drivers.rented.sweep import sweep
from trivet.errors import AmbiguousError, CapacityError, CloudError
from trivet.idle.charter import Charter, node_name
from trivet.idle.node import Node

NOT_CARRIED_OUT = frozenset({"http/429", "unreachable"})


@dataclass(frozen=True)
class Choice:
    """What may be rented.

    Attributes:
        kinds: of machine, the most wanted first.
        regions: the most wanted first; a better kind counts for more than a better region.
        ttl: seconds from the launch until the node ends, whatever the traffic.
    """

    kinds: tuple[str, ...]
    regions: tuple[str, ...]
    ttl: int
    budget: Budget


@dataclass(frozen=True)
class Wish:
    """The node that a stack wants.

    Attributes:
        max_ttl: seconds beyond which no hold reaches.
        label: of what is made beside it; stands for `public_key`.
        user_data: cloud-init for a node that lives by a charter.
    """

    stack: str
    choice: Choice
    max_ttl: int
    label: str
    public_key: str
    doors: tuple[Door, ...]
    user_data: Callable[[Charter], str]


def choose(choice: Choice, offers: Sequence[Offer]) -> list[Offer]:
    """What the provider has of what is wanted, in order of preference.

    Raises:
        CapacityError: nothing.
    """
    there = {(offer.kind, offer.region): offer for offer in offers}
    found = [there[kind, region] for kind in choice.kinds for region in choice.regions if (kind, region) in there]
    if not found:
        elsewhere = sorted({offer.region for offer in offers if offer.kind in choice.kinds})
        raise CapacityError(
            code="no-offer",
            value=f"{' or '.join(choice.kinds)} in {' or '.join(choice.regions)}: none to be had now"
            + (f"; there are some in {', '.join(elsewhere)}" if elsewhere else ""),
            rule="the provider has a machine of a listed type in a listed region",
            remedy="list more lambda.instanceTypes or lambda.otherRegions in the stack's settings, or try again later",
        )
    return found


def affordable(choice: Choice, ledger: Ledger, offers: Sequence[Offer], now: float) -> list[Offer]:
    """The choices; refused if even one of them could exceed the budget, for any of them may be taken.

    Raises:
        BudgetError: one could.
        CapacityError: there is none.
    """
    chosen = choose(choice, offers)
    spent = month_to_date(ledger.launches(), now)
    for offer in chosen:
        require_budget(choice.budget, offer, choice.ttl, spent)
    return chosen


def acquire(provider: ComputeProvider, ledger: Ledger, wish: Wish, report: Report) -> Launch:
    """The stack's one node, active and with an address: taken over where there is one, launched where there is none.

    Raises:
        BudgetError: it could cost too much; nothing was launched.
        CapacityError: there is none to be had; nothing was launched.
        AmbiguousError: a launch was not answered for, and no node of it is to be found.
        CloudError: the provider refuses, or the node does not come up; it was ended.
    """
    sweep(provider, ledger)
    launch = settle(provider, ledger, wish.stack, report)
    if launch is None:
        launch = _order(provider, ledger, wish, report)
    return _await_active(provider, ledger, launch, report)


def settle(provider: ComputeProvider, ledger: Ledger, stack: str, report: Report) -> Launch | None:
    """Bring the ledger and the provider to agree on at most one node of the stack, and return its launch."""
    kept: Launch | None = None
    for launch in reversed(ledger.open(stack)):
        in_doubt = launch.node_id is None
        if in_doubt:
            report(f"looking for what came of launch {launch.launch_id}")
        found = await_listed(provider, launch) if in_doubt else nodes_of(launch, provider.nodes())
        living = [
            node for node in found if node.phase in {"booting", "active"} and not _overdue(provider, launch, node)
        ]
        if living and kept is None:
            kept = ledger.note(launch, state="launched", node_id=living[0].id)
            spare = [node for node in found if node != living[0]]
            provider.end([node.id for node in spare if node.phase != "ending"])
        else:
            end_and_close(provider, ledger, launch, found, "superseded" if living else "gone")
    return kept


def _overdue(provider: ComputeProvider, launch: Launch, node: Node) -> bool:
    now, charter = provider.clock.now(), launch.charter
    return now >= charter.deadline(node.name) or (node.phase == "booting" and now >= charter.active_by)


def _order(provider: ComputeProvider, ledger: Ledger, wish: Wish, report: Report) -> Launch:
    last: CloudError | None = None
    for offer in affordable(wish.choice, ledger, provider.offers(), provider.clock.now()):
        launch = ledger.save(_intent(provider, wish, offer))
        report(f"launching {offer.kind} in {offer.region} at {offer.cents_per_hour / 100:.2f} $/h")
        try:
            node_id = provider.launch(_ordered(wish, offer, launch.charter))
            return ledger.note(launch, state="launched", node_id=node_id)
        except AmbiguousError as exc:
            return _find(provider, ledger, launch, exc, report)
        except CloudError as exc:
            ledger.note(launch, state="closed", why=f"refused: {exc.code}")
            if not isinstance(exc, CapacityError) and exc.code not in NOT_CARRIED_OUT:
                raise
            last = exc
    assert last is not None, "there is at least one choice"  # noqa: S101  # for the type checker: `choose` raises else
    raise last


def _find(provider: ComputeProvider, ledger: Ledger, launch: Launch, lost: AmbiguousError, report: Report) -> Launch:
    report(f"the answer was lost: looking for what came of launch {launch.launch_id}")
    found = await_listed(provider, launch)
    if not found:
        ledger.note(launch, state="closed", why="given up: its answer was lost, and no node of it was listed")
        raise lost
    return ledger.note(launch, state="launched", node_id=found[0].id)


def _await_active(provider: ComputeProvider, ledger: Ledger, launch: Launch, report: Report) -> Launch:
    said = ""
    for node in _watched(provider, launch):
        if node.phase == "active" and node.address:
            # Who did not see it boot does not know for how long it has been active: see `bill.cost`.
            active_at = launch.active_at or (int(provider.clock.now()) if said == "booting" else None)
            return ledger.note(launch, active_at=active_at)
        if node.phase != said:
            said = node.phase
            report(f"{node.id} is {said}")
        if node.phase in {"unhealthy", "ending"} or _overdue(provider, launch, node):
            end_and_close(provider, ledger, launch, [node], f"{node.phase} instead of active")
            break
        provider.clock.sleep(POLL_SECONDS)
    else:
        end_and_close(provider, ledger, launch, [], "gone before it was active")
    raise CloudError(
        code="not-active",
        where=f"{provider.name}: {launch.node_id}",
        value=f"{said or 'gone'}, {provider.clock.now() - launch.launched_at:.0f} s after its launch",
        rule="a node becomes active in time; one that does not is ended",
        remedy="run the same command again: it launches another one",
    )


def _watched(provider: ComputeProvider, launch: Launch) -> Iterator[Node]:
    """The launch's node, again and again, as long as it is there; a provider may take a while to list it."""
    while True:
        node = provider.node(launch.node_id or "")
        if node and node.bills:
            yield node
        elif node or provider.clock.now() >= launch.launched_at + SETTLE_SECONDS:
            return
        else:
            provider.clock.sleep(POLL_SECONDS)


def _intent(provider: ComputeProvider, wish: Wish, offer: Offer) -> Launch:
    now = int(provider.clock.now())
    return Launch(
        launch_id=secrets.token_hex(8),
        stack=wish.stack,
        provider=provider.name,
        label=wish.label,
        kind=offer.kind,
        region=offer.region,
        cents_per_hour=offer.cents_per_hour,
        launched_at=now,
        expires_at=now + wish.choice.ttl,
        ends_by=now + wish.max_ttl,
    )


def _ordered(wish: Wish, offer: Offer, charter: Charter) -> Order:
    return Order(
        offer=offer,
        name=node_name(wish.stack),
        label=wish.label,
        public_key=wish.public_key,
        doors=wish.doors,
        user_data=wish.user_data(charter),
        tags=charter.tags(),
    )
