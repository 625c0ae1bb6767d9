"""A bundle with everything that one can hold, made twice in different conditions, is the same to the byte."""

from __future__ import annotations

from pathlib import Path

from bench.bundle import reproduce
from bench.bundle.project import MIB, make_project
from trivet.bundle.keys import new_key

PASSPHRASE = "for this run alone"


def test_a_bundle_with_host_contents_chart_and_gitops_trees_is_made_twice_to_the_same_bytes(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)  # another user makes the second one
    project = make_project(tmp_path / "project", {"llama": [2 * MIB, MIB]}, {"trivet-small": [3 * MIB]}, host=True)
    new_key(tmp_path / "officer", lambda _: PASSPHRASE)
    passphrase = tmp_path / "passphrase"
    passphrase.touch(0o600)
    passphrase.write_text(f"{PASSPHRASE}\n")
    keys = {"secret": tmp_path / "officer.key", "passphrase": passphrase}
    found = reproduce.run(project, tmp_path / "scratch", keys)
    assert [form for form, _, _ in found] == ["bundle", "bundle.tar"]
    assert all(one == two for _, one, two in found), found
