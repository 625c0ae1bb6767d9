"""Plays the roles of `ansible/` on a host: ansible-runner and ansible-core, as programs of their own."""

from trivet.drivers.ansible.events import Outcome, TaskEvent
from trivet.drivers.ansible.play import Play, Player, TaskFailedError
from trivet.drivers.ansible.roles import roles_digest
from trivet.drivers.ansible.witness import Witness

__all__ = ["Outcome", "Play", "Player", "TaskEvent", "TaskFailedError", "Witness", "roles_digest"]
