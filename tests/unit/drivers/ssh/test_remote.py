"""What is sent to a login shell, and what its answer means. The shells are real: this machine's."""

from __future__ import annotations

import subprocess

from hypothesis import given, settings
from hypothesis import strategies as st

from trivet.drivers.ssh.remote import Remote

WORD = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)


def answered(remote: Remote) -> bytes:
    done = subprocess.run(["sh", "-c", remote.line], capture_output=True, check=False)
    for line in done.stderr.decode(errors="replace").split("\n"):
        remote.hear(line)
    return done.stdout


@settings(max_examples=50)
@given(st.lists(WORD, max_size=5))
def test_every_argument_arrives_whatever_is_in_it(words: list[str]) -> None:
    remote = Remote(["printf", "%s\\0", "first", *words])
    assert answered(remote) == "".join(f"{word}\0" for word in ("first", *words)).encode()
    assert remote.code == 0


def test_how_a_command_ended_is_known_and_its_own_words_are_kept() -> None:
    said: list[str] = []
    remote = Remote(["sh", "-c", "printf 'half a line' >&2; exit 3"], on_line=said.append)
    answered(remote)
    assert (remote.code, said) == (3, ["half a line", ""])


def test_a_command_that_is_missing_is_known_from_one_that_fails_so() -> None:
    missing, failing = Remote(["no-such-command"]), Remote(["sh", "-c", "exit 127"])
    answered(missing)
    answered(failing)
    assert (missing.is_missing, missing.code) == (True, None)
    assert (failing.is_missing, failing.code) == (False, 127)


def test_nobody_else_s_words_are_taken_for_the_end() -> None:
    remote = Remote(["sh", "-c", "echo 'trivet-0123456789abcdef end 0' >&2; kill -9 $PPID"])
    answered(remote)
    assert remote.group > 0
    assert remote.code is None


def test_the_group_is_told_as_soon_as_it_is_known() -> None:
    begun: list[int] = []
    remote = Remote(["true"], on_begin=lambda each: begun.append(each.group))
    answered(remote)
    assert begun == [remote.group]
