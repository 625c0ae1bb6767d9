"""`trivet bundle` and `trivet keys`, from the command line to the disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.bundle.bundles import HOST, IMAGES, seed, tree
from tests.unit.examples import ROOT
from trivet.bundle import keys
from trivet.bundle.layout import Layout
from trivet.cli import main
from trivet.spec import Lock, load_spec
from trivet.spec.digest import json_digest

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def cheap_derivation(monkeypatch: pytest.MonkeyPatch) -> None:
    """A passphrase costs half a second and 128 MiB on purpose; not here."""
    monkeypatch.setattr(keys, "OPSLIMIT", 1 << 15)
    monkeypatch.setattr(keys, "MEMLIMIT", 1 << 20)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The repository's own spec, with a lock and a small store that fit it."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "inference.yaml").write_text((ROOT / "inference.yaml").read_text())
    spec = load_spec(root / "inference.yaml")
    models = {model.name: {f"{model.name}.gguf": model.name.encode() * 900} for model in spec.models}
    made = seed(root / ".trivet" / "store", images=dict.fromkeys(spec.images, IMAGES["llama"]), models=models)
    lock: Lock = made.contents.lock.model_copy(update={"inputs": json_digest(spec.lock_inputs)})
    (root / "inference.lock").write_text(lock.dump())
    return root


@pytest.fixture
def key(tmp_path: Path, capsys: Capture) -> list[str]:
    """Arguments that sign with a new key."""
    passphrase = tmp_path / "passphrase"
    passphrase.touch(0o600)
    passphrase.write_text("correct horse\n")
    assert main(["keys", "new", str(tmp_path / "officer"), "--passphrase-file", str(passphrase)]) == 0
    assert "RW" in capsys.readouterr().out
    return ["--key", str(tmp_path / "officer.key"), "--passphrase-file", str(passphrase)]


def run(capsys: Capture, *argv: object) -> dict[str, Any]:
    """One verb that succeeds, as JSON."""
    code = main([str(each) for each in (*argv, "--json")])
    out = capsys.readouterr()
    assert code == 0, out.err
    answer: dict[str, Any] = json.loads(out.out)
    assert answer.pop("ok") is True
    return answer


def test_a_bundle_travels_from_project_to_project(
    project: Path, key: list[str], tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    pub = tmp_path / "officer.pub"
    made = run(
        capsys, "bundle", "create", "--project", project, "--out", tmp_path / "b", "--expires", "2999-01-01", *key
    )
    found = run(capsys, "bundle", "verify", tmp_path / "b", "--key", pub, "--evidence", tmp_path / "evidence.json")
    assert found["index"] == made["index"]
    assert found["signers"] == made["signers"]
    assert found["annotations"]["org.opencontainers.image.created"] == "2026-01-01T00:00:00Z"
    assert len(json.loads((tmp_path / "evidence.json").read_bytes())["digests"]) == found["blobs"]

    split = run(capsys, "bundle", "split", tmp_path / "b", "--out", tmp_path / "parts", "--size", "2M", *key)
    parts = sorted((tmp_path / "parts").iterdir())
    assert [part.name for part in parts] == [part["name"] for part in split["parts"]]
    assert run(capsys, "bundle", "verify", parts[0], "--key", pub)["of"] == len(parts)
    run(capsys, "bundle", "join", *parts, "--out", tmp_path / "joined", "--key", pub)
    assert tree(tmp_path / "joined") == tree(tmp_path / "b")

    installed = run(capsys, "bundle", "install", tmp_path / "joined", "--into", tmp_path / "host", "--key", pub)
    assert installed["index"] == made["index"]
    Layout(tmp_path / "host" / ".trivet" / "store").verify()
    assert main(["check", "--project", str(tmp_path / "host")]) == 0


@pytest.mark.parametrize("verb", ["create", "install", "split", "join", "push", "sign"])
def test_a_dry_run_of_every_verb_that_writes_writes_nothing(
    project: Path, key: list[str], tmp_path: Path, capsys: Capture, verb: str
) -> None:
    bundle, parts = tmp_path / "b", tmp_path / "parts"
    run(capsys, "bundle", "create", "--project", project, "--out", bundle, *key)
    run(capsys, "bundle", "split", bundle, "--out", parts, "--size", "2M", *key)
    pub = tmp_path / "officer.pub"
    arguments = {
        "create": ["--project", project, "--out", tmp_path / "new", *key],
        "install": [bundle, "--into", tmp_path / "new", "--key", pub],
        "split": [bundle, "--out", tmp_path / "new", "--size", "dvd", *key],
        "join": [*parts.iterdir(), "--out", tmp_path / "new", "--key", pub],
        "push": [bundle, "--to", "https://registry.invalid/x", "--key", pub],
        "sign": [bundle, *key, "--pub", pub],
    }[verb]
    before = tree(tmp_path)
    assert run(capsys, "bundle", verb, *arguments, "--dry-run")
    assert tree(tmp_path) == before


def test_an_update_is_made_compared_and_looked_into(
    project: Path, key: list[str], tmp_path: Path, capsys: Capture
) -> None:
    run(capsys, "bundle", "create", "--project", project, "--out", tmp_path / "b", *key)
    with (project / "inference.yaml").open("a") as file:
        file.write("# changed\n")
    run(capsys, "bundle", "create", "--project", project, "--out", tmp_path / "d", "--since", tmp_path / "b", *key)
    run(capsys, "bundle", "create", "--project", project, "--out", tmp_path / "n", *key)
    assert run(capsys, "bundle", "diff", tmp_path / "b", tmp_path / "n")["changed"] == [
        "sbom/stack-trivet",
        "stack/trivet",
    ]
    looked = run(capsys, "bundle", "inspect", tmp_path / "d")
    assert looked["base"] == run(capsys, "bundle", "inspect", tmp_path / "b")["digest"]
    pub = tmp_path / "officer.pub"
    assert run(capsys, "bundle", "verify", tmp_path / "d", "--key", pub)["complete"] is False
    assert run(capsys, "bundle", "verify", tmp_path / "d", "--key", pub, "--base", tmp_path / "b")["complete"] is True


def test_people_get_lines(project: Path, key: list[str], tmp_path: Path, capsys: Capture) -> None:
    bundle, pub = str(tmp_path / "b"), str(tmp_path / "officer.pub")
    assert main(["bundle", "create", "--project", str(project), "--out", bundle, *key]) == 0
    assert main(["bundle", "verify", bundle, "--key", pub]) == 0
    assert main(["bundle", "inspect", bundle]) == 0
    assert main(["bundle", "diff", bundle, bundle]) == 0
    assert main(["bundle", "install", bundle, "--into", str(tmp_path / "host"), "--allow-unsigned"]) == 0
    out = capsys.readouterr().out
    for part in ("signed   ", "verified ", "image/gateway", "an update moves 0 blobs", "by nobody", "evidence "):
        assert part in out


def test_an_error_is_json_too_and_the_exit_code_says_so(tmp_path: Path, capsys: Capture) -> None:
    assert main(["bundle", "verify", str(tmp_path / "nothing"), "--allow-unsigned", "--json"]) == 2
    out = capsys.readouterr()
    error = json.loads(out.out)["error"]
    assert (error["kind"], error["where"]) == ("MissingFileError", str(tmp_path / "nothing"))
    assert "error: " in out.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no pinned key"),
        (["--key", "RWx", "--allow-unsigned"], "contradicting"),
        (["--key", "RWx", "--trust", "trust.json"], "contradicting"),
        (["--key", "RWx"], "56 characters"),
        (["--key", "nothing.pub"], "No such file"),
    ],
)
def test_nobody_is_believed_by_accident(
    project: Path, tmp_path: Path, capsys: Capture, arguments: list[str], message: str
) -> None:
    run(capsys, "bundle", "create", "--project", project, "--out", tmp_path / "b")
    assert main(["bundle", "verify", str(tmp_path / "b"), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_an_unsigned_bundle_is_made_with_a_word_of_warning(project: Path, tmp_path: Path, capsys: Capture) -> None:
    assert main(["bundle", "create", "--project", str(project), "--out", str(tmp_path / "b")]) == 0
    assert "every host refuses it" in capsys.readouterr().out


def test_keys_are_rotated_and_the_new_ones_accepted(
    project: Path, key: list[str], tmp_path: Path, capsys: Capture
) -> None:
    passphrase = key[2:]
    trust = tmp_path / "host" / "trust.json"
    run(capsys, "keys", "trust", "--key", tmp_path / "officer.pub", "--out", trust.parent)
    run(
        capsys, "keys", "rotate", tmp_path / "next", "--trust", trust, *key,
        "--retire", tmp_path / "officer.pub", "--out", tmp_path / "handover",
    )  # fmt: skip
    next_key = ["--key", str(tmp_path / "next.key"), *passphrase]
    run(capsys, "bundle", "create", "--project", project, "--out", tmp_path / "b", *next_key)
    assert main(["bundle", "verify", str(tmp_path / "b"), "--trust", str(trust)]) == 2
    before = trust.read_bytes()
    run(capsys, "keys", "accept", tmp_path / "handover", "--trust", trust, "--dry-run")
    assert trust.read_bytes() == before
    assert run(capsys, "keys", "accept", tmp_path / "handover", "--trust", trust)["version"] == 2
    run(capsys, "bundle", "verify", tmp_path / "b", "--trust", trust)


def test_a_rotation_by_two_needs_both(key: list[str], tmp_path: Path, capsys: Capture) -> None:
    passphrase = key[2:]
    trust = tmp_path / "trust.json"
    run(capsys, "keys", "new", tmp_path / "second", *passphrase)
    run(
        capsys, "keys", "trust", "--key", tmp_path / "officer.pub", "--key", tmp_path / "second.pub",
        "--threshold", 2, "--out", tmp_path,
    )  # fmt: skip
    run(capsys, "keys", "rotate", tmp_path / "third", "--trust", trust, *key, "--out", tmp_path / "handover")
    assert main(["keys", "accept", str(tmp_path / "handover"), "--trust", str(trust)]) == 2
    run(capsys, "keys", "sign", tmp_path / "handover", "--key", tmp_path / "second.key", *passphrase)
    assert run(capsys, "keys", "accept", tmp_path / "handover", "--trust", trust)["version"] == 2


def test_a_key_that_is_not_in_the_list_cannot_retire(key: list[str], tmp_path: Path, capsys: Capture) -> None:
    run(capsys, "keys", "new", tmp_path / "other", *key[2:])
    run(capsys, "keys", "trust", "--key", tmp_path / "officer.pub", "--out", tmp_path)
    argv = ["keys", "rotate", str(tmp_path / "next"), "--trust", str(tmp_path / "trust.json"), *key]
    argv += ["--retire", str(tmp_path / "other.pub"), "--out", str(tmp_path / "handover")]
    assert main(argv) == 2
    assert "a key that retires is in" in capsys.readouterr().err
    assert not (tmp_path / "next.key").exists()


def test_a_bill_of_materials_is_printed_by_name(project: Path, tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "b"
    run(capsys, "bundle", "create", "--project", project, "--out", out)
    bill = run(capsys, "bundle", "inspect", out, "--sbom", "image/llama")["sbom"]
    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["name"] == "llama"
    assert main(["bundle", "inspect", str(out), "--sbom", "image/other"]) == 2
    assert "image/llama" in capsys.readouterr().err


def test_an_inspection_of_everything_fits_eighty_columns(tmp_path: Path, capsys: Capture) -> None:
    bundle = seed(tmp_path / "store", artifacts=HOST).bundle(tmp_path / "b")
    assert main(["bundle", "inspect", str(bundle)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("  sbom/debian-bookworm-signature ") for line in lines)
    assert max(map(len, lines)) <= 80
