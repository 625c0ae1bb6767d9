"""A broker: holds the account's key, and ends a node when that node itself asks, and no other.

Whatever it is sent, it can do three things: tell a node how it stands, end that node, and end a node that it once heard
of and hears of no more. Two of them are what the node would do with the account's key; none can prolong a life.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from trivet.drivers.compute import ComputeProvider
from trivet.drivers.rented.ledger import Ledger
from trivet.drivers.rented.seen import launched_by
from trivet.drivers.rented.sweep import Sweep, sweep
from trivet.errors import CloudError
from trivet.idle.node import Node
from trivet.idle.sealed import ForgedError, launch_of, lease_secret, seal, unseal

FRESH_SECONDS = 120  # between what a message says that the time is, and what it is
SILENCE_SECONDS = 30 * 60
LISTED_SECONDS = 10.0  # a list of nodes so old will do: the provider allows one request a second
MINUTE = 60.0
STALE, NO_SUCH_NODE = "stale", "no such node"
A_MINUTE = 20  # messages of one node; it sends two, and eight while it ends


@dataclass(frozen=True)
class Line:
    """What was asked, and what came of it; `outcome` is `done`, or why not."""

    at: int
    peer: str
    launch: str
    verb: str
    node: str
    outcome: str


class Broker:
    """For the nodes of one account. Safe to be called from several threads."""

    def __init__(
        self,
        provider: ComputeProvider,
        key: str,
        audit: Callable[[dict[str, Any]], None],
        *,
        silence: float = SILENCE_SECONDS,
    ) -> None:
        self._provider = provider
        self._key = key
        self._audit = audit
        self._silence = silence
        self._guard = threading.Lock()
        # Its own time from now on: a wall clock that is set back must make no node's messages stale.
        self._ahead = provider.clock.now() - provider.clock.monotonic()
        self._begun = self._time()
        self._nonces: deque[tuple[float, str]] = deque()
        self._asked: dict[str, deque[float]] = {}
        self._listed: tuple[float, list[Node]] = (float("-inf"), [])
        self._forged_at = float("-inf")
        self._turned_away_at = float("-inf")

    def answer(self, sealed: bytes, peer: str) -> bytes:
        """Answer a message.

        Raises:
            ForgedError: no node of the account says that.
        """
        with self._guard:
            launch_id, secret, message = self._opened(sealed, peer)
            verb, now = str(message.get("verb"))[:8], self._time()
            refused = self._refused(launch_id, message)
            node: Node | None = None
            if not refused:
                try:
                    node = self._node_of(launch_id)
                    refused = self._carry_out(verb, node)
                except CloudError as exc:
                    refused = f"the provider: {exc.code}"
            self._note(peer, launch_id, verb, node.id if node else "", refused or "done")
            said = {"name": node.name, "phase": node.phase} if node and not refused else {"refused": refused}
            return seal(secret, "broker", launch_id, {"at": now, "nonce": message.get("nonce"), **said})

    def turned_away(self) -> None:
        """Know that the door kept a peer out: it may have been any node, so none counts as silent for a while."""
        self._turned_away_at = self._provider.clock.monotonic()

    def sweep(self, ledger: Ledger) -> Sweep:
        """What a reaper does; and the end of nodes that fell silent (a dead man's switch).

        Raises:
            CloudError: the account's nodes cannot be listed.
        """
        with self._guard:
            swept = sweep(self._provider, ledger)
            for each in swept.verdicts:
                if each.action == "end" and each.charter:
                    outcome = swept.failures.get(each.node.id, f"done: {each.why}")
                    self._note("", each.charter.launch_id, "end", each.node.id, outcome)
            now = self._provider.clock.monotonic()
            for launch_id, heard in list(self._asked.items()):
                if now - max(heard[-1], self._turned_away_at) >= self._silence:
                    self._end_silent(launch_id)
            return swept

    def _time(self) -> int:
        return int(self._provider.clock.monotonic() + self._ahead)

    def _opened(self, sealed: bytes, peer: str) -> tuple[str, str, dict[str, Any]]:
        try:
            launch_id = launch_of(sealed)
            secret = lease_secret(self._key, launch_id)
            return launch_id, secret, unseal(secret, "node", sealed)
        except ForgedError as exc:
            now = self._provider.clock.now()
            if now - self._forged_at >= 1:  # nobody fills the log by knocking
                self._forged_at = now
                self._note(peer, "", "", "", f"forged: {exc}")
            raise

    def _refused(self, launch_id: str, message: dict[str, Any]) -> str:
        """Why a message that is the node's own is not heeded all the same; empty where it is."""
        at, nonce, now = message.get("at"), message.get("nonce"), self._provider.clock.monotonic()
        if not isinstance(at, int) or abs(at - self._time()) > FRESH_SECONDS or at < self._begun:
            return STALE  # one from before we began may have been heeded before: we do not remember
        while self._nonces and now - self._nonces[0][0] > 2 * FRESH_SECONDS:
            self._nonces.popleft()
        if not isinstance(nonce, str) or any(nonce == seen for _, seen in self._nonces):
            return "replayed"
        asked = self._asked.setdefault(launch_id, deque(maxlen=A_MINUTE))
        if len(asked) == A_MINUTE and now - asked[0] < MINUTE:
            return "too often"
        self._nonces.append((now, nonce))
        asked.append(now)
        return ""

    def _carry_out(self, verb: str, node: Node | None) -> str:
        if node is None:
            return NO_SUCH_NODE
        if verb == "end":
            self._provider.end([node.id])
            return ""
        return "" if verb == "look" else "no such verb"

    def _node_of(self, launch_id: str) -> Node | None:
        listed_at, nodes = self._listed
        if self._provider.clock.monotonic() - listed_at >= LISTED_SECONDS:
            nodes = self._provider.nodes()
            self._listed = self._provider.clock.monotonic(), nodes
        return next(iter(launched_by(launch_id, nodes)), None)

    def _end_silent(self, launch_id: str) -> None:
        """End a node that was heard of and is no more; who is gone already is forgotten."""
        nodes = launched_by(launch_id, self._provider.nodes())
        for node in nodes:
            outcome = f"done: silent for {self._silence:.0f} s"
            try:
                self._provider.end([node.id])
            except CloudError as exc:
                outcome = f"the provider: {exc.code}"  # the next sweep tries again
            self._note("", launch_id, "end", node.id, outcome)
        if not nodes:
            del self._asked[launch_id]

    def _note(self, peer: str, launch_id: str, verb: str, node_id: str, outcome: str) -> None:
        self._audit(asdict(Line(int(self._provider.clock.now()), peer, launch_id, verb, node_id, outcome)))
