"""When a server hangs: each rule alone, and what holds for any sequence of looks."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from trivet.supervise.vigil import Look, Terms, Verdict, Vigil

TERMS = Terms(look=5, patience=15, step=300, longest=3600, effort=0.1, gap=20)
START = 60.0
FRESH = Vigil(TERMS, START)
COUNTED = {"llamacpp:n_decode_total": 1.0}


def look(at: float, run: str = "a", *, used: float = 0.0, decoded: float | None = 1.0, answered: bool = False) -> Look:
    counters = None if decoded is None else {"llamacpp:n_decode_total": decoded}
    return Look(at, run, answered=answered, counters=counters, used=used)


def verdicts(looks: Iterable[Look], vigil: Vigil = FRESH) -> list[Verdict]:
    said = []
    for each in looks:
        vigil = vigil.step(each)
        said.append(vigil.verdict)
    return said


def proven(at: float = 0.0) -> Vigil:
    """A server that has just answered."""
    return FRESH.step(look(at)).step(look(at + 1, answered=True))


def test_a_server_that_answers_its_canary_is_well() -> None:
    assert verdicts(look(at, answered=True) for at in range(5, 100, 5))[1:] == ["well"] * 18


def test_one_that_gives_no_sign_for_the_patience_hangs_and_not_before() -> None:
    assert verdicts([look(6), look(11), look(15.9), look(16)], proven()) == ["well", "well", "well", "hung"]


def test_one_whose_counters_move_needs_no_canary() -> None:
    assert set(verdicts((look(at, decoded=at) for at in range(5, 900, 5)), proven())) == {"well"}


def test_one_whose_counters_cannot_be_read_for_a_while_has_moved_all_the_same() -> None:
    looks = [look(6, decoded=None), look(11, decoded=None), look(15, decoded=2), look(29, decoded=2), look(30)]
    assert verdicts(looks, proven()) == ["well"] * 4 + ["hung"]


def test_one_that_works_on_a_long_step_is_well_until_the_bound_of_a_step() -> None:
    looks = [look(at, used=at * 0.5, decoded=None) for at in range(6, 306, 5)]
    assert verdicts(looks, proven()) == ["well"] * 59 + ["hung"]


def test_one_that_only_answers_health_checks_uses_too_little_to_be_at_work() -> None:
    looks = [look(at, used=at * 0.05, decoded=None) for at in range(6, 22, 5)]
    assert verdicts(looks, proven())[-1] == "hung"


def test_one_that_refuses_lives_but_not_for_ever() -> None:
    looks = [Look(at, "a", refused=True) for at in range(6, 306, 5)]
    assert verdicts(looks, proven()) == ["well"] * 59 + ["hung"]


def test_one_that_starts_has_its_time() -> None:
    looks = [look(at, decoded=None) for at in range(0, 61, 5)]
    assert verdicts(looks) == ["starting"] * 12 + ["hung"]


def test_each_start_in_vain_doubles_the_time_of_the_next_up_to_a_bound() -> None:
    vigil, taken, at = FRESH, [], 0.0
    for run in range(9):
        began = at
        while (vigil := vigil.step(look(at, f"{run}", decoded=None))).verdict != "hung":
            at += 5
        taken.append(at - began)
    assert taken == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]


def test_after_an_answer_a_start_has_its_own_time_again() -> None:
    vain = FRESH
    for at in range(0, 61, 5):
        vain = vain.step(look(at))
    again = vain.step(look(65, "b"))
    assert (again.verdict, again.allowance) == ("starting", 2 * START)
    again = again.step(look(70, "b", answered=True))
    assert (again.verdict, again.allowance) == ("well", START)


def test_one_that_does_not_run_is_the_engine_s_matter() -> None:
    assert verdicts([Look(6, ""), Look(600, ""), look(605, "b")], proven()) == ["down", "down", "starting"]


def test_what_was_before_the_machine_slept_does_not_count() -> None:
    assert verdicts([look(6), look(6 + 3600), look(6 + 3605)], proven()) == ["well", "well", "well"]


GAPS = st.floats(1.0, 7.0)


@given(st.lists(st.tuples(GAPS, st.sampled_from(["answer", "decode", "work", "none"])), max_size=200))
def test_one_that_gives_a_sign_within_the_patience_and_progress_within_a_step_is_never_restarted(
    steps: list[tuple[float, str]],
) -> None:
    vigil, at, used, decoded, sign, progress = proven(), 1.0, 0.0, 1.0, 1.0, 1.0
    for gap, wish in steps:
        at += gap
        what = wish
        if at + 7 - progress >= TERMS.step:  # the next look would be too late
            what = "decode"
        elif wish == "none" and at + 7 - sign >= TERMS.patience:
            what = "work"
        decoded += what == "decode"
        used += gap if what == "work" else 0.0
        sign = at if what != "none" else sign
        progress = at if what in {"answer", "decode"} else progress
        vigil = vigil.step(look(at, used=used, decoded=decoded, answered=what == "answer"))
        assert vigil.verdict == "well"


@given(st.lists(GAPS, min_size=25, max_size=30), st.booleans())
def test_one_that_stops_is_found_within_the_patience_and_one_look(gaps: list[float], readable: bool) -> None:
    vigil, at = proven(), 1.0
    for gap in gaps:
        at += gap
        vigil = vigil.step(look(at, decoded=1.0 if readable else None))
        if vigil.verdict == "hung":
            break
    assert vigil.verdict == "hung"
    assert TERMS.patience <= at - 1.0 <= TERMS.patience + 7.0


@given(st.integers(1, 6), st.floats(10, 600))
def test_one_that_never_answers_is_restarted_ever_more_seldom(hours: int, start: float) -> None:
    vigil, at, runs = Vigil(TERMS, start), 0.0, 0
    while at < hours * 3600:
        vigil = vigil.step(look(at, f"{runs}", decoded=None))
        runs += vigil.verdict == "hung"
        at += 5
    assert runs <= 10 + hours
