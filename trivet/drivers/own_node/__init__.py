"""Machines of your own, over SSH, lent for a time: with the same lease, watchdog and reaper as a rented node."""

from trivet.drivers.own_node.compute import OwnNodes
from trivet.drivers.own_node.machine import Machine

__all__ = ["Machine", "OwnNodes"]
