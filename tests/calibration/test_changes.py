"""Two reports, field by field and group by group."""

from dataclasses import replace

import pytest

from matcher.calibration.changes import ABSENT, Difference, changes, differences
from matcher.calibration.report import Report, parse_report
from matcher.errors import BadInput
from tests.calibration.cohorts import people, report_of
from tests.calibration.test_certified import changed, group


def report(women: int = 60, alarms: int = 0, label: str = "m", **options: int) -> Report:
    women_ = people([200_000] * women + [400_000] * alarms, "w", 900_000, gender="f")
    return report_of([*women_, *people([210_000] * 60, "m", 900_000, gender=label)], searches=1, **options)  # type: ignore[arg-type]


def test_equal_reports_do_not_differ() -> None:
    assert differences(report(), report()) == ()
    change = changes(report(), report())
    assert (change.facts, change.groups) == ((), ())


def test_every_field_that_differs_is_named() -> None:
    old = report()
    body = changed(
        old,
        lambda plain: (
            group(plain, gender="f")["fpir"].update(k=3),
            group(plain, gender="f").update(fnir=None),
            plain["attempt"].update(j=2),
            plain["non_mated_maxima"]["all"].__setitem__(7, 1),
            plain["verdict"]["reasons"].append("none"),
        ),
    )
    found = {one.path: one for one in differences(old, parse_report(body))}
    assert found["groups[gender f].fpir.k"] == Difference("groups[gender f].fpir.k", 0, 3)
    assert found["groups[gender f].fnir"].new is None
    assert found["attempt.j"] == Difference("attempt.j", 1, 2)
    assert found["non_mated_maxima.all"].old == "120 numbers, number 8: 200000"
    assert found["non_mated_maxima.all"].new == "120 numbers, number 8: 1"
    assert found["verdict.reasons[0]"] == Difference("verdict.reasons[0]", ABSENT, "none")
    assert len(found) == 5


def test_what_changed_and_for_whom() -> None:
    change = changes(report(), report(women=58, alarms=9, tau=300_000))
    facts = {one.path: (one.old, one.new) for one in change.facts}
    assert facts["verdict"] == ("CERTIFIED", "REFUTED")
    assert facts["threshold"] == (210_100, 300_000)
    assert facts["group_that_set_the_threshold"][1] is None
    assert [group.group for group in change.groups] == ["everyone", "gender f"]
    women = {one.path: (one.old, one.new) for one in change.groups[1].fields}
    assert women["k"] == (0, 9)
    assert women["n"] == (60, 67)
    assert women["status"] == ("CERTIFIED", "REFUTED")
    assert "gating" not in women


def test_groups_come_and_go() -> None:
    change = changes(report(), report(label="x"))
    assert [(group.group, group.change) for group in change.groups] == [("gender m", "removed"), ("gender x", "added")]
    gone, come = change.groups
    assert {one.new for one in gone.fields} == {ABSENT}
    assert {one.old for one in come.fields} == {ABSENT}


def test_an_undefined_rate_is_not_zero() -> None:
    lone = report_of(people([200_000] * 60, "w", gender="f") + people([210_000] * 60, "m", gender="m"), searches=1)
    women = {one.path: (one.old, one.new) for one in changes(report(), lone).groups[1].fields}
    assert women["fnir"] == (0.0, None)


def test_reports_of_two_lists_are_not_compared() -> None:
    other = replace(report(), list=replace(report().list, name="elsewhere"))
    with pytest.raises(BadInput, match="compare one list"):
        changes(report(), other)
