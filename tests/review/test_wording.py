"""The words of the outcome screens."""

from datetime import UTC, datetime, timedelta

import pytest

from matcher.domain.case import Outcome, Verdict
from matcher.domain.confidence import StripChart
from matcher.domain.desk import DisclosedCandidate
from matcher.review import wording
from tests.fakes.review_office import SAID


def test_every_outcome_has_words_and_none_says_match() -> None:
    assert set(wording.OUTCOMES) == set(Outcome)
    assert wording.OUTCOMES[Outcome.LEAD] == "lead, two reviewers agree; not an identification"
    assert not any("match" in words or "confirmed" in words for words in wording.OUTCOMES.values())


def test_a_score_is_never_a_percentage() -> None:
    found = DisclosedCandidate("k1", Verdict.SAME, 734_512, 702_000, SAID, 1, 1, False)
    assert wording.score_line(found) == "0.7345, threshold 0.7020"
    assert wording.others_line(found) == "no other candidate on the list reaches the threshold"


@pytest.mark.parametrize(("others", "words"), [(1, "1 other candidate reaches"), (2, "2 other candidates reach")])
def test_others(others: int, words: str) -> None:
    found = DisclosedCandidate("k1", Verdict.SAME, 734_512, 702_000, SAID, 1, others + 1, False)
    assert words in wording.others_line(found)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (True, "look-alikes of this person are on the list"),
        (None, "nobody looked whether look-alikes of this person are on the list"),
        (False, ""),
    ],
)
def test_look_alikes_are_told_without_a_name(found: bool | None, words: str) -> None:
    candidate = DisclosedCandidate("k1", Verdict.SAME, 734_512, 702_000, "", 1, 1, found)
    assert wording.look_alikes_line(candidate) == words


@pytest.mark.parametrize(("minutes", "words"), [(-5, "0 min"), (59, "59 min"), (65, "1 h 05 min"), (3000, "2 d 2 h")])
def test_age(minutes: int, words: str) -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    assert wording.age(now - timedelta(minutes=minutes), now) == words


def test_the_strip_chart_stands_on_one_scale_and_shows_a_single_person() -> None:
    rows = dict(wording.strip_rows(StripChart(0, 3, 2, (0, 0, 1, 8), (200, 1, 0, 0))))
    assert rows == {"not on list": "█▁  ", "mates": "  ▁█", "this score": "  ▲"}


def test_without_mates_there_is_no_row_of_them() -> None:
    assert [title for title, _ in wording.strip_rows(StripChart(0, 1, 0, (0, 0), (1, 0)))] == [
        "not on list",
        "this score",
    ]


@pytest.mark.parametrize(
    ("truth", "own", "told"),
    [
        ("the same person", Verdict.SAME, "right"),
        ("the same person", Verdict.DIFFERENT, "wrong"),
        ("another person", Verdict.DIFFERENT, "right"),
        ("another person", Verdict.SAME, "wrong"),
        ("another person", Verdict.UNDECIDED, "you left it open"),
    ],
)
def test_the_truth_of_a_known_answer_item(truth: str, own: Verdict, told: str) -> None:
    found = DisclosedCandidate("k1", own, 734_512, 702_000, SAID, 1, 1, None, truth)
    assert wording.truth_line(found) == f"known-answer item: {truth} ({told})"
    assert wording.score_line(found) == "0.7345"


def test_an_alert_of_a_search_has_no_truth_to_tell() -> None:
    assert wording.truth_line(DisclosedCandidate("k1", Verdict.SAME, 734_512, 702_000, SAID, 1, 1, None)) == ""
