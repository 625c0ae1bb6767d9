"""A key comes from a file that nobody else can read, or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from trivet.conformance import Target, read_key
from trivet.errors import ConformanceError

KEY = "tvt_0123456789-0123456789_0123456789-0123456789"


def key_file(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("text", [KEY, f"{KEY}\n", f"  {KEY}\r\n"])
@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_private_file_gives_its_key(tmp_path: Path, text: str, mode: int) -> None:
    assert read_key(key_file(tmp_path / "key", text, mode)) == KEY


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o601])
def test_a_file_that_others_may_read_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    path = key_file(tmp_path / "key", KEY, mode)
    with pytest.raises(ConformanceError, match=f"chmod 600 {path}") as caught:
        read_key(path)
    assert caught.value.value == f"mode {mode:04o}"
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "\n", "short", f"{KEY}\n{KEY}", f"{KEY} {KEY}", "k" * 5000, "schlüssel-schlüssel-schlüssel"]
)
def test_a_file_that_holds_no_key_is_refused_and_not_repeated(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConformanceError, match="one key") as caught:
        read_key(key_file(tmp_path / "key", text))
    assert not text.strip() or text not in str(caught.value)


def test_a_missing_file_names_the_output_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(ConformanceError, match="pulumi stack output keyFile"):
        read_key(tmp_path / "key")


def test_a_directory_and_a_pipe_are_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(ConformanceError, match="regular file"):
            read_key(path)


def test_a_target_does_not_show_its_keys() -> None:
    assert KEY not in repr(Target("http://h/v1", KEY, quota_key=KEY))
