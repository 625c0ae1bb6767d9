"""A tool that fails says what to do; one that works leaves its messages in the log."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from trivet.bundle.tools import keyring, require_space, require_tools, run
from trivet.errors import BuildError


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_output_goes_to_its_file_and_messages_to_the_log(tmp_path: Path) -> None:
    code = "import sys; print(sys.stdin.read()); print('note', file=sys.stderr)"
    run(python(code), log=tmp_path / "log", environ={}, output=tmp_path / "out", input_text="text")
    assert (tmp_path / "out").read_text() == "text\n"
    assert (tmp_path / "log").read_text() == "note\n"


def test_messages_of_all_steps_stay_in_the_log(tmp_path: Path) -> None:
    for word in ("one", "two"):
        run(python(f"print('{word}')"), log=tmp_path / "log", environ={})
    assert (tmp_path / "log").read_text() == "one\ntwo\n"


def test_a_tool_runs_under_the_same_umask_zone_and_language_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    code = "import os; print(oct(os.umask(0)), os.environ['TZ'], os.environ['LC_ALL'], os.environ['EXTRA'])"
    run(python(code), log=tmp_path / "log", environ={"EXTRA": "1"})
    assert (tmp_path / "log").read_text() == "0o22 UTC C.UTF-8 1\n"


def test_a_failure_gives_the_last_messages_and_the_log(tmp_path: Path) -> None:
    code = "import sys; [print(n) for n in range(9)]; sys.exit(3)"
    with pytest.raises(BuildError) as caught:
        run(python(code), log=tmp_path / "log", environ={})
    assert caught.value.value == "exit status 3: 6 / 7 / 8"
    assert caught.value.remedy == f"the whole of it is in {tmp_path / 'log'}"


def test_the_cause_is_told_from_what_follows_it(tmp_path: Path) -> None:
    code = "import sys; [print(t) for t in ('I: start', 'E: no such package', 'I: tidying', 'I: done')]; sys.exit(1)"
    with pytest.raises(BuildError, match="exit status 1: E: no such package\n"):
        run(python(code), log=tmp_path / "log", environ={})


def test_a_full_disk_is_told_from_other_failures(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="the disk has room"):
        run(["cp", sys.executable, "/dev/full"], log=tmp_path / "log", environ={})


def test_a_missing_tool_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "buildah").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    require_tools("buildah")
    with pytest.raises(BuildError, match="not installed: mmdebstrap\n"):
        require_tools("buildah", "mmdebstrap")


def test_missing_archive_keys_are_named_with_their_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    key = tmp_path / "debian-archive-keyring.pgp"
    monkeypatch.setattr("trivet.bundle.tools.KEYRINGS", (tmp_path / "debian-archive-keyring.gpg", key))
    with pytest.raises(BuildError, match="apt-get install debian-archive-keyring"):
        keyring()
    key.touch()
    assert keyring() == key


def test_room_on_the_disk_is_checked(tmp_path: Path) -> None:
    require_space(tmp_path, 0)
    with pytest.raises(BuildError, match="GiB free"):
        require_space(tmp_path, 10**6)
