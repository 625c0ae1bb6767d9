"""The units of an installation on its host: only what differs is touched. The files are real, systemd is scripted."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.fakes.engine_host import Answer, EngineHost
from tests.unit.drivers.installations import site
from trivet.drivers.bundle import Site, supervision
from trivet.drivers.bundle.units import ABSENT, promised
from trivet.errors import HostError
from trivet.render import paths

STACK, WATCHDOG = "trivet-unit.service", "trivet-unit.watchdog.service"


@dataclass
class Systemd:
    """What systemd says of each unit, by name; what it was told."""

    host: EngineHost
    units: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.host.answers |= {
            ("systemctl",): Answer(),
            ("systemctl", "show"): lambda: Answer("\n".join(self.shown(name) for name in (STACK, WATCHDOG))),
            ("systemctl", "reenable"): lambda: self.all(UnitFileState="enabled"),
            ("systemctl", "start", STACK): lambda: self.all(ActiveState="active"),
            ("systemctl", "start", WATCHDOG): lambda: self.all(ActiveState="active"),
            ("sha256sum",): self.digests,
        }

    def shown(self, name: str) -> str:
        usual = {"ActiveState": "inactive", "UnitFileState": "", "DropInPaths": ""}
        return "".join(f"{key}={value}\n" for key, value in {"Id": name, **usual, **self.units.get(name, {})}.items())

    def all(self, **said: str) -> Answer:
        for name in (STACK, WATCHDOG):
            self.units[name] = {**self.units.get(name, {}), **said}
        return Answer()

    def digests(self) -> Answer:
        found = [Path(word) for word in self.host.ran[-1][2:] if Path(word).exists()]
        return Answer("".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path}\n" for path in found))

    @property
    def told(self) -> list[str]:
        """Everything but questions."""
        words = [words[1:] for words in self.host.ran if words[0] == "systemctl" and words[1] != "show"]
        self.host.ran.clear()
        return [" ".join(each) for each in words]


@pytest.fixture
def systemd() -> Systemd:
    return Systemd(EngineHost())


@pytest.fixture
def where(tmp_path: Path, systemd: Systemd, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setattr(supervision, "UNIT_DIRECTORY", str(tmp_path / "units"))
    made = site(tmp_path, systemd.host)
    return Site(made.installation.model_copy(update={"supervised": True}), made.host, made.report)


def test_units_are_installed_enabled_and_started_and_then_are_as_promised(where: Site, systemd: Systemd) -> None:
    supervision.place(where)
    assert systemd.told == [
        "daemon-reload",
        f"reenable {STACK} {WATCHDOG}",
        f"start {STACK}",
        f"start {WATCHDOG}",
    ]
    assert supervision.look(where) == promised(where.installation)


def test_the_second_time_nothing_is_told(where: Site, systemd: Systemd) -> None:
    supervision.place(where)
    assert systemd.told != []
    supervision.place(where)
    assert systemd.told == []


def test_a_unit_that_somebody_edited_is_seen_and_set_right(where: Site, systemd: Systemd, tmp_path: Path) -> None:
    supervision.place(where)
    override = tmp_path / "units" / f"{STACK}.d" / "override.conf"
    override.parent.mkdir()
    override.write_text("[Service]\nRestart=no\n")
    (tmp_path / "units" / WATCHDOG).write_text("[Service]\n")
    everybody = "/etc/systemd/system/service.d/all.conf"  # nobody's business of ours
    systemd.units[STACK]["DropInPaths"] = f"{override} {everybody}"
    seen = supervision.look(where).units
    assert seen[STACK].overrides == [str(override)]
    assert seen[WATCHDOG].file != promised(where.installation).units[WATCHDOG].file
    assert systemd.told != []
    supervision.place(where)
    assert systemd.told == ["daemon-reload", f"restart {WATCHDOG}"]
    assert not override.exists()


@pytest.mark.parametrize(
    ("unit", "said", "told"),
    [
        (STACK, {"UnitFileState": "disabled"}, [f"reenable {STACK} {WATCHDOG}"]),
        (WATCHDOG, {"ActiveState": "failed"}, [f"start {WATCHDOG}"]),
        (STACK, {"ActiveState": "inactive"}, [f"start {STACK}"]),
    ],
)
def test_one_that_was_stopped_or_disabled_is_seen_and_set_right(
    where: Site, systemd: Systemd, unit: str, said: dict[str, str], told: list[str]
) -> None:
    supervision.place(where)
    systemd.units[unit] |= said
    assert systemd.told != []
    assert supervision.look(where) != promised(where.installation)
    supervision.place(where)
    assert systemd.told == told
    assert supervision.look(where) == promised(where.installation)


def test_another_program_of_the_watchdog_is_seen_and_replaced(where: Site, systemd: Systemd) -> None:
    supervision.place(where)
    where.host.write(where.path(paths.WATCHDOG_FILE), b"")
    assert supervision.look(where).program != promised(where.installation).program
    assert systemd.told != []
    supervision.place(where)
    assert systemd.told == [f"restart {WATCHDOG}"]


def test_what_is_not_to_be_supervised_any_more_has_no_units(where: Site, systemd: Systemd, tmp_path: Path) -> None:
    supervision.place(where)
    without = Site(where.installation.model_copy(update={"supervised": False}), where.host, where.report)
    assert supervision.look(without) != promised(without.installation)
    assert systemd.told != []
    supervision.place(without)
    assert systemd.told[0] == f"disable {STACK} {WATCHDOG}"
    assert list((tmp_path / "units").iterdir()) == []
    assert supervision.look(without) == promised(without.installation)
    assert promised(without.installation).program == ABSENT


def test_a_host_without_systemd_is_refused(where: Site, systemd: Systemd) -> None:
    systemd.host.answers["sh",] = Answer("systemd\npython3\n")
    with pytest.raises(HostError, match=r"(?s)systemd, python3.*supervise false"):
        supervision.require_capable(where)
    systemd.host.answers["sh",] = Answer()
    supervision.require_capable(where)
