"""A deployment that does not fit is refused before it begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.engine_host import Answer, EngineHost
from trivet.drivers.disk import RESERVE, Filesystem, Need, parse, require_space
from trivet.errors import HostError

HEAD = "Filesystem     1024-blocks  Used Available Capacity Mounted on\n"
MIB = 1 << 20


def host(free_kib: int) -> EngineHost:
    return EngineHost(answers={("df",): Answer(f"{HEAD}/dev/sda1 100 1 {free_kib} 1% /srv/my data\n")})


def test_the_row_of_df_is_read_with_spaces_in_the_mount_point() -> None:
    assert parse(f"{HEAD}/dev/sda1 100 1 42 1% /srv/my data\n") == Filesystem("/srv/my data", 42 * 1024)


def test_what_fits_beside_the_reserve_is_allowed(tmp_path: Path) -> None:
    require_space(host((RESERVE + 10 * MIB) // 1024), [Need(str(tmp_path), 10 * MIB, "models")])


def test_needs_on_one_file_system_add_up(tmp_path: Path) -> None:
    needs = [Need(str(tmp_path), 10 * MIB, "images"), Need(str(tmp_path), 10 * MIB, "models")]
    with pytest.raises(HostError, match=r"84 MiB are needed for images and models") as caught:
        require_space(host((RESERVE + 19 * MIB) // 1024), needs)
    assert "83 MiB free" in str(caught.value)
    assert "nothing was changed" in caught.value.remedy


def test_a_place_that_does_not_exist_yet_is_judged_by_what_is_above_it(tmp_path: Path) -> None:
    engine = host(10**9)
    require_space(engine, [Need(str(tmp_path / "a" / "b"), 1, "models")])
    assert engine.ran == [("df", "-Pk", str(tmp_path))]


def test_nothing_to_write_needs_no_question() -> None:
    engine = host(0)
    require_space(engine, [Need("/", 0, "images")])
    assert engine.ran == []


def test_a_disk_that_cannot_be_asked_is_an_error(tmp_path: Path) -> None:
    engine = EngineHost(answers={("df",): Answer(stderr="df: input/output error", code=1)})
    with pytest.raises(HostError, match="input/output error"):
        require_space(engine, [Need(str(tmp_path), 1, "models")])
