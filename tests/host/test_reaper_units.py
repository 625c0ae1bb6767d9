"""The reaper's units on a host with systemd: without a fault, and run as nobody."""

from __future__ import annotations

import re

from tools.lab.workstation import Workstation
from trivet.render.reaper import reaper_files

# Ends well if it is nobody and may write nowhere. Within a container no credential is mounted for a unit, whichever.
PROGRAM = """#!/bin/sh
test "$(id -u)" != 0 && test "${LAMBDA_API_KEY_FILE##*/}" = lambda-key && ! touch /etc/trivet/written 2>/dev/null
"""


def test_the_printed_units_are_sound_and_run(workstation: Workstation) -> None:
    text = reaper_files("systemd", program="/usr/local/bin/trivet-stub", image=None)
    units = dict(re.findall(r"^# (/etc/systemd/system/\S+)\n(.*?)(?=^# /etc|\Z)", text, re.MULTILINE | re.DOTALL))
    assert len(units) == 3
    files = {**units, "/usr/local/bin/trivet-stub": PROGRAM, "/etc/trivet/lambda.key": "canary\n"}
    try:
        workstation.sh("mkdir -p /etc/trivet")
        for path, content in files.items():
            workstation.sh(f"cat >{path} <<'END_OF_FILE'\n{content}\nEND_OF_FILE")
        workstation.sh("chmod 755 /usr/local/bin/trivet-stub; chmod 600 /etc/trivet/lambda.key")
        assert workstation.sh(f"systemd-analyze verify {' '.join(units)} 2>&1") == ""
        workstation.sh("systemctl daemon-reload && systemctl start trivet-reap.service")
        workstation.sh("systemctl start trivet-reap.timer && systemctl is-active trivet-reap.timer")
    finally:
        workstation.sh("systemctl stop trivet-reap.timer; rm -f " + " ".join(files))
        workstation.sh("systemctl daemon-reload")
