"""`trivet verify`: exit codes, what goes where, and a key that is nowhere."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from tests.fakes.conforming_gateway import KEYS
from tests.unit.conformance.conftest import CHANGES, Served
from tests.unit.examples import merge, raw_spec
from trivet.cli import main

CHECK = ["--only", "identity", "api"]


@pytest.fixture
def project(tmp_path: Path, served: Served, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: a project, and the keys of its teams."""
    (tmp_path / "inference.yaml").write_text(json.dumps(merge(raw_spec(), CHANGES)))
    (tmp_path / "inference.lock").write_text(served.gateway.lock.dump())
    for name, key in KEYS.items():
        (tmp_path / f"{name}.key").write_text(key)
        (tmp_path / f"{name}.key").chmod(0o600)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def verify(served: Served, *more: str, key: str = "default.key") -> int:
    return main(["verify", "--url", f"{served.url}/v1", "--key-file", key, *more])


@pytest.mark.usefixtures("project")
def test_a_green_stack_exits_with_0_and_compares_with_the_project_here(
    served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify(served, *CHECK) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0] == f"ok      identity.spec             {served.gateway.spec.digest[:19]}"
    assert out.splitlines()[-1].startswith("conforms: 12 passed, 0 failed, 0 not applicable")
    assert err == ""


@pytest.mark.usefixtures("project")
def test_a_failed_check_exits_with_1(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    served.gateway.reset("other-lock")
    assert verify(served, *CHECK) == 1
    assert "FAIL    identity.lock" in capsys.readouterr().out


@pytest.mark.usefixtures("project")
def test_a_stack_that_cannot_be_examined_exits_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--url", "http://127.0.0.1:1", "--key-file", "default.key"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "remedy: check the URL" in err


@pytest.mark.usefixtures("project")
def test_json_is_all_that_is_printed(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(served, *CHECK, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["ok"]
    assert [finding["result"] for finding in report["findings"]] == ["pass"] * 12


def test_a_spec_of_another_stack_fails_its_check(
    served: Served, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = merge(raw_spec(), {"name": "other"})
    (project / "other.yaml").write_text(json.dumps(other))
    assert verify(served, "--spec", "other.yaml", "--only", "identity.spec") == 1
    assert "FAIL    identity.spec" in capsys.readouterr().out


def test_without_a_project_only_the_lock_that_was_named_is_compared(
    served: Served, project: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    key, lock = str(project / "default.key"), str(project / "inference.lock")
    assert verify(served, "--lock", lock, "--only", "identity", key=key) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "n/a     identity.spec" in lines[0]
    assert f"ok      identity.lock             {served.gateway.lock.digest[:19]}" in lines


@pytest.mark.usefixtures("project")
def test_a_lock_that_is_not_there_is_an_error(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(served, "--lock", "no.lock") == 2
    assert "no.lock" in capsys.readouterr().err


def test_a_key_that_others_may_read_is_refused_before_it_is_sent(
    served: Served, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "default.key").chmod(0o644)
    assert verify(served) == 2
    assert "chmod 600 default.key" in capsys.readouterr().err
    assert served.gateway.teams["default"].rows == 0


@pytest.mark.usefixtures("project")
def test_the_quota_key_is_used_for_quotas(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(served, "--quota-key-file", "conformance.key", "--only", "quotas") == 0
    assert "10 of 15 requests admitted" in capsys.readouterr().out


@pytest.mark.usefixtures("project")
def test_no_key_is_ever_printed(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    served.gateway.reset("key-in-errors")
    verify(served, "--quota-key-file", "conformance.key", "--only", "input", "audit")
    verify(served, "--only", "input", "--json")
    out, err = capsys.readouterr()
    assert not any(key in out + err for key in KEYS.values())


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "1e9", "soon"])
def test_a_time_out_is_a_bounded_number(served: Served, seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        verify(served, f"--timeout={seconds}")
    assert caught.value.code == 2
    assert "more than 0 and at most 3600 seconds" in capsys.readouterr().err


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("environment", "coloured"),
    [({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
)
def test_a_terminal_gets_colour_unless_it_does_not_want_it(
    served: Served, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], coloured: bool
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdout", terminal)
    assert verify(served, "--only", "identity.place") == 0
    assert ("\x1b[" in terminal.getvalue()) == coloured


@pytest.mark.usefixtures("project")
def test_of_several_urls_each_is_examined_under_its_name_and_one_that_fails_fails_all(
    served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    both = ["--url", f"{served.url}", *CHECK]
    assert verify(served, *both) == 0
    out = capsys.readouterr().out
    assert [line for line in out.splitlines() if line.startswith("http")] == [f"{served.url}/v1", served.url]
    assert out.count("conforms: 12 passed") == 2
    served.gateway.reset("other-lock")
    assert verify(served, *both) == 1
    with pytest.raises(SystemExit):
        main(["verify", "--key-file", "default.key"])
