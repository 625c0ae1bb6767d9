"""What a host is: parsers of what its tools print (pure), and the collector that runs them."""

from trivet.drivers.facts.collect import collect
from trivet.drivers.facts.facts import Facts

__all__ = ["Facts", "collect"]
