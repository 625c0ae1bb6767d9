"""Guards for whole organisations: the cloud's own policy engine refuses what the regime does. Rendered purely.

A guard sees one act at a time and knows nothing of the spec's transfers: what only a transfer opens stays shut. Where a
cloud's engine cannot tell a lawful copy from an unlawful one, the guard refuses both.
"""

from trivet.residency.guards.render import CLOUDS, render_guard

__all__ = ["CLOUDS", "render_guard"]
