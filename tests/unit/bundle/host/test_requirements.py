"""A lock's lines are chosen for the Python that will run them, not for ours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivet.bundle.host.requirements import requirements_for
from trivet.errors import BuildError

LOCK = """\
annotated-types==0.8.0 \\
    --hash=sha256:aa
    # via pydantic
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:bb
numpy==2.4.6 ; python_full_version < '3.12' \\
    --hash=sha256:cc \\
    --hash=sha256:dd
numpy==2.5.5 ; python_full_version >= '3.12' \\
    --hash=sha256:ee
"""


@pytest.mark.parametrize(
    ("python", "numpy"),
    [("3.11", "numpy==2.4.6 --hash=sha256:cc --hash=sha256:dd"), ("3.13", "numpy==2.5.5 --hash=sha256:ee")],
)
def test_markers_are_those_of_the_hosts_python_on_linux(python: str, numpy: str) -> None:
    assert requirements_for(LOCK, python, "lock").splitlines() == ["annotated-types==0.8.0 --hash=sha256:aa", numpy]


@pytest.mark.parametrize(
    "line", ["numpy==2.5.5", "numpy>=2 --hash=sha256:aa", "https://example.org/a.whl --hash=sha256:aa"]
)
def test_a_line_that_is_not_pinned_by_hash_is_refused(line: str) -> None:
    with pytest.raises(BuildError, match="pins one version"):
        requirements_for(f"{line}\n", "3.13", "lock")


@given(st.lists(st.sampled_from(LOCK.replace("\\\n", " ").splitlines()), max_size=9), st.sampled_from(["3.11", "3.13"]))
def test_the_chosen_lines_keep_their_order_and_are_chosen_alone(lines: list[str], python: str) -> None:
    alone = "".join(requirements_for(line, python, "lock") for line in lines)
    assert requirements_for("\n".join(lines), python, "lock") == alone
