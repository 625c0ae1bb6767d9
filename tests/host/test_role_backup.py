"""The role `backup`: what is saved can be restored, and what cannot be is noticed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.host.conftest import SetUp
from tests.host.playing import inside, play
from tests.unit.gateway.test_audit_chain import entry
from tools.lab.engine import docker
from trivet.drivers.ansible import Outcome
from trivet.errors import EngineError, HostError
from trivet_gateway.audit.store import Store
from trivet_gateway.audit.verify import verify

PASSWORD = "canary-battery-staple"
REPOSITORY = "/srv/backup"
VOLUME = "/var/lib/docker/volumes/trivet-lab_audit/_data"
SETTINGS = {
    "backup_password": PASSWORD,
    "backup_repository": REPOSITORY,
    "backup_paths": ["/etc/trivet", "/srv/trivet"],
    "backup_calendar": "02:30",
}
ROWS = 50
PAGE = 4096  # bytes, SQLite's own default


@pytest.fixture(scope="module")
def played(set_up: SetUp) -> Iterator[Outcome]:
    yield play(set_up.target, "backup", **SETTINGS)
    set_up.host.sh(
        "systemctl disable --now trivet-backup.timer 2>/dev/null; rm -rf /etc/restic /srv/* /var/lib/trivet-backup"
        f" {VOLUME} /etc/systemd/system/trivet-backup.* && systemctl daemon-reload && systemctl reset-failed"
    )


@pytest.fixture
def audit(set_up: SetUp, tmp_path: Path) -> Path:
    """A stack's audit on the host, with its last rows in the write-ahead log; the same here."""
    store = Store(tmp_path / "audit.sqlite")
    for number in range(1, ROWS + 1):
        store.append([entry(number)])
    set_up.host.sh(f"rm -rf {VOLUME}; mkdir -p {VOLUME} /srv/trivet/lab/etc /srv/trivet/lab/models")
    set_up.host.sh("echo settings >/srv/trivet/lab/etc/gateway.json; echo weights >/srv/trivet/lab/models/w")
    docker("cp", f"{tmp_path}/.", f"{set_up.host.name}:{VOLUME}")
    store.close()
    return tmp_path / "audit.sqlite"


@pytest.mark.usefixtures("played")
def test_backup_wipe_restore_and_the_audit_holds(set_up: SetUp, audit: Path, tmp_path: Path) -> None:
    set_up.host.sh("systemctl start trivet-backup.service")
    set_up.host.sh(f"rm -rf {VOLUME} /srv/trivet; /usr/local/lib/trivet/backup restore /srv/restored")
    restored = set_up.host.sh("find /srv/restored -name audit.sqlite")
    docker("cp", f"{set_up.host.name}:{restored}", str(tmp_path / "restored.sqlite"))
    report = verify(tmp_path / "restored.sqlite", expect=[verify(audit).head])
    assert (report.rows, report.broken) == (ROWS, None)
    assert set_up.host.sh("cat /srv/restored/srv/trivet/lab/etc/gateway.json") == "settings"
    assert set_up.host.sh("ls /srv/restored/srv/trivet/lab") == "etc", "weights come from the bundle"
    with pytest.raises(EngineError, match="is not empty"):
        set_up.host.sh("/usr/local/lib/trivet/backup restore /srv/restored")
    set_up.host.sh("rm -rf /srv/restored")


@pytest.mark.usefixtures("played")
def test_a_damaged_audit_fails_the_backup_and_so_does_a_damaged_repository(set_up: SetUp, audit: Path) -> None:
    set_up.host.sh("systemctl start trivet-backup.service")
    damaged = bytearray(audit.read_bytes())
    damaged[PAGE : 2 * PAGE] = bytes(PAGE)
    audit.write_bytes(damaged)
    set_up.host.sh(f"rm -f {VOLUME}/*")
    docker("cp", str(audit), f"{set_up.host.name}:{VOLUME}/audit.sqlite")
    with pytest.raises(EngineError):
        set_up.host.sh("systemctl start trivet-backup.service")
    set_up.host.sh(f"rm {VOLUME}/audit.sqlite; systemctl start trivet-backup.service")
    set_up.host.sh(f"rm $(find {REPOSITORY}/data -type f | head -1)")
    with pytest.raises(EngineError):
        set_up.host.sh("systemctl start trivet-backup.service")
    set_up.host.sh(f"rm -rf {REPOSITORY}")
    play(set_up.target, "backup", **SETTINGS)


@pytest.mark.usefixtures("played")
def test_it_runs_every_night_and_only_root_can_read_it(set_up: SetUp) -> None:
    host = inside(set_up.host)
    assert host.service("trivet-backup.timer").is_enabled
    assert host.service("trivet-backup.timer").is_running
    assert "02:30:00" in host.check_output("systemctl show --property=TimersCalendar trivet-backup.timer")
    assert host.file("/etc/restic/trivet.password").mode == 0o600
    assert host.file("/usr/local/lib/trivet/backup").mode == 0o700
    places = "/etc /var /srv /usr/local /root /tmp"
    found = set_up.host.sh(f"grep -rl {PASSWORD} {places} || :")
    assert found.split() == ["/etc/restic/trivet.password"]


def test_a_second_run_changes_nothing_and_drift_is_named(set_up: SetUp, played: Outcome) -> None:
    assert PASSWORD not in repr(played)
    assert play(set_up.target, "backup", check=True, **SETTINGS).changes == {}
    set_up.host.sh("systemctl disable --now trivet-backup.timer 2>/dev/null; echo other >/etc/restic/trivet.password")
    drift = play(set_up.target, "backup", check=True, **{**SETTINGS, "backup_repository": "/srv/other"}).changes
    assert "backup: Have the units run, now and after a boot (trivet-backup.timer)" in drift
    assert drift["backup: Have the password that opens the backups"] == ""
    assert PASSWORD not in repr(drift)
    play(set_up.target, "backup", **SETTINGS)
    assert play(set_up.target, "backup", check=True, **SETTINGS).changes == {}


@pytest.mark.usefixtures("played")
def test_another_password_than_the_repository_s_and_a_calendar_of_no_sense_are_refused(set_up: SetUp) -> None:
    with pytest.raises(HostError, match="backupPassword"):
        play(set_up.target, "backup", **{**SETTINGS, "backup_password": "another"})
    play(set_up.target, "backup", **SETTINGS)
    with pytest.raises(HostError, match="calendar"):
        play(set_up.target, "backup", **{**SETTINGS, "backup_calendar": "nightly"})
