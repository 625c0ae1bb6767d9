"""A machine of your own, and what its lease looks like on it."""

from __future__ import annotations

import shlex
from typing import Annotated

from pydantic import Field

from trivet.idle.node import Phase
from trivet.render.cloud_init import ARMED_FILE
from trivet.render.installation import project_name
from trivet.render.supervision import stack_unit, watchdog_unit
from trivet.spec.base import Frozen, Name
from trivet.spec.ssh import SshTarget

END = """\
#!/bin/sh
# Made by Trivet: ends the lease of this machine, which is its owner's again. Again after a failure does no harm.
set -eu
test -e {lease} || exit 0
# They would start the stack again: at once, or when the machine boots.
timeout 10 systemctl disable --now {watchdog} 2>/dev/null || :
timeout 5 systemctl disable --now --no-block {stack} 2>/dev/null || :
containers=$(timeout 20 docker ps --quiet --filter label=com.docker.compose.project={project}) || containers=
test -z "$containers" || timeout 60 docker stop --time 35 $containers >/dev/null || echo 'the stack does not stop' >&2
{command}
rm -f {lease} {armed}
systemctl disable --now --no-block trivet-guard.service || :
"""


class Machine(Frozen):
    """A machine that may be lent. Prices are what its owner reckons; nobody bills them."""

    name: Name
    target: SshTarget
    region: str
    cents_per_hour: Annotated[int, Field(ge=0)] = 0
    end: Annotated[
        tuple[str, ...],
        Field(strict=False, description="Run as root when the stack is stopped: `systemctl --no-block poweroff`."),
    ] = ()
    off_when_ended: Annotated[
        bool, Field(description="`end` takes its power away: who cannot be reached is ended, not out of order.")
    ] = False
    state: Annotated[str, Field(pattern=r"^/[A-Za-z0-9_./-]+$", description="Directory on it for the lease.")] = (
        "/var/lib/trivet-lease"
    )

    @property
    def lease_file(self) -> str:
        """Where its lease lies while it is lent."""
        return f"{self.state}/lease.json"

    @property
    def end_program(self) -> str:
        """What ends the lease: run by the machine's watchdog, and by us."""
        return f"{self.state}/end"

    def end_text(self, stack: str) -> str:
        """The program that ends a lease of `stack`."""
        project = project_name(stack)
        return END.format(
            lease=self.lease_file,
            project=project,
            stack=stack_unit(project),
            watchdog=watchdog_unit(project),
            command=shlex.join(self.end) or ":",
            armed=ARMED_FILE,
        )


class Lease(Frozen):
    """What a machine is lent for, as it lies there: the tags and name that a provider would keep."""

    name: str
    tags: dict[str, str]
    phase: Phase
