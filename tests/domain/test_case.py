"""The quorum rule, sentence by sentence (`matcher/domain/case.py`)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.domain.case import (
    Component,
    Correction,
    Finding,
    Judgement,
    Outcome,
    ReviewFile,
    Verdict,
    conclude,
    independent,
    reviewers_needed,
)
from matcher.errors import Refused

S, U, D = Verdict.SAME, Verdict.UNDECIDED, Verdict.DIFFERENT


def review(name: str, verdicts: dict[str, Verdict], *corrections: Correction, finished: bool = True) -> ReviewFile:
    return ReviewFile(name, name, f"tty-{name}", tuple(verdicts.items()), corrections, finished)


def outcome_of(*verdicts: Verdict) -> Outcome:
    files = [review(f"r{place}", {"c": verdict}) for place, verdict in enumerate(verdicts)]
    return dict(conclude(["c"], files, 2))["c"]


@pytest.mark.parametrize(
    ("verdicts", "outcome"),
    [
        ((), Outcome.PENDING),
        ((S,), Outcome.PENDING),
        ((D,), Outcome.PENDING),
        ((S, S), Outcome.LEAD),
        ((D, D), Outcome.NOT_A_LEAD),
        ((S, D), Outcome.THIRD_NEEDED),
        ((U, U), Outcome.THIRD_NEEDED),
        ((S, U), Outcome.THIRD_NEEDED),
        ((D, U), Outcome.THIRD_NEEDED),
        ((S, D, S), Outcome.LEAD),
        ((S, D, D), Outcome.NOT_A_LEAD),
        ((S, D, U), Outcome.INCONCLUSIVE),
        ((U, U, S), Outcome.INCONCLUSIVE),
    ],
)
def test_quorum(verdicts: tuple[Verdict, ...], outcome: Outcome) -> None:
    assert outcome_of(*verdicts) is outcome


def test_an_unfinished_file_does_not_count() -> None:
    files = [review("a", {"c": S}), review("b", {"c": S}, finished=False)]
    assert dict(conclude(["c"], files, 2))["c"] is Outcome.PENDING


def test_withdrawn_support_is_not_support() -> None:
    files = [review("a", {"c": S}), review("b", {"c": S}, Correction("c", D, "other ears"))]
    assert dict(conclude(["c"], files, 2))["c"] is Outcome.THIRD_NEEDED


def test_a_change_towards_same_never_counts_and_calls_a_third() -> None:
    changed = review("b", {"c": D}, Correction("c", S, "the score is high"))
    files = [review("a", {"c": S}), changed]
    assert dict(conclude(["c"], files, 2))["c"] is Outcome.THIRD_NEEDED
    files = [review("a", {"c": D}), changed]
    assert dict(conclude(["c"], files, 2))["c"] is Outcome.THIRD_NEEDED
    files = [review("a", {"c": S}), changed, review("z", {"c": D})]
    assert dict(conclude(["c"], files, 2))["c"] is Outcome.NOT_A_LEAD


def test_at_most_one_candidate_of_an_alert_becomes_a_lead() -> None:
    both = {"c": S, "d": S}
    files = [review("a", both), review("b", both)]
    assert {outcome for _, outcome in conclude(["c", "d"], files, 2)} == {Outcome.THIRD_NEEDED}
    files.append(review("z", both))
    assert {outcome for _, outcome in conclude(["c", "d"], files, 2)} == {Outcome.INCONCLUSIVE}


@given(st.lists(st.lists(st.sampled_from(list(Verdict)), min_size=3, max_size=3), max_size=5))
def test_never_two_leads_and_never_a_lead_on_fewer_than_two_same(rows: list[list[Verdict]]) -> None:
    names = ["c", "d", "e"]
    files = [review(f"r{i}", dict(zip(names, row, strict=True))) for i, row in enumerate(rows)]
    outcomes = dict(conclude(names, files, 2))
    leads = [name for name, outcome in outcomes.items() if outcome is Outcome.LEAD]
    assert len(leads) <= 1
    for name in leads:
        assert sum(dict(file.verdicts)[name] is S for file in files[:3]) >= 2
    assert reviewers_needed(tuple(outcomes.items()), 2) in (2, 3)


def test_same_needs_the_whole_checklist_and_a_face_large_enough() -> None:
    whole = tuple((component, Finding.AGREE) for component in Component)
    Judgement("c", S, whole, "half block", 64, 3.0).check(64)
    with pytest.raises(Refused, match="63 pixels"):
        Judgement("c", S, whole, "half block", 63, 3.0).check(64)
    with pytest.raises(Refused, match="every component"):
        Judgement("c", S, whole[1:], "half block", 64, 3.0).check(64)
    Judgement("c", D, (), "half block", 10, 3.0).check(64)


def test_reviewers_who_share_an_account_or_terminal_are_not_independent() -> None:
    a, b = review("a", {}), review("b", {})
    assert independent([a, b])
    assert not independent([a, ReviewFile("b", "a", "tty-b", (), (), True)])
    assert not independent([a, ReviewFile("b", "b", "tty-a", (), (), True)])
    assert independent([ReviewFile("a", "a", "", (), (), True), ReviewFile("b", "b", "", (), (), True)])
