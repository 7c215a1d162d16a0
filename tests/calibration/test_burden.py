import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.calibration.burden import burden_table, share_right
from matcher.calibration.intervals import estimate, upper_bound
from matcher.errors import BadInput


def test_the_table() -> None:
    found = burden_table(estimate(0, 299), estimate(10, 100), 200, prior=0.02, fnir_reason=None)
    assert found.fpir_upper95 == estimate(0, 299).upper95
    assert found.fnir_upper95 == estimate(10, 100).upper95
    assert found.false_alarms_a_day == pytest.approx(200 * 0.0099691, abs=1e-3)
    assert [(line.prior, line.declared) for line in found.shares] == [
        (0.02, True),
        (0.01, False),
        (0.001, False),
        (0.0001, False),
    ]
    hit, alarm = 1 - upper_bound(10, 100), upper_bound(0, 299)
    for line in found.shares:
        expected = line.prior * hit / (line.prior * hit + (1 - line.prior) * alarm)
        assert line.share == pytest.approx(expected, abs=1e-9)
    assert found.reason is None


def test_by_hand_at_one_in_a_thousand() -> None:
    # Of 1,000,000 searches 1,000 are mated, 900 of them found; of 999,000 others 9,990 are raised.
    assert share_right(0.001, 0.01, 0.1) == pytest.approx(900 / (900 + 9990), abs=1e-9)


def test_a_declared_prior_is_not_listed_twice_and_none_is_made_up() -> None:
    rates = estimate(1, 100), estimate(1, 100)
    listed = [line.declared for line in burden_table(*rates, 5, prior=0.01, fnir_reason=None).shares]
    assert listed == [True, False, False]
    assert not any(line.declared for line in burden_table(*rates, 5, prior=None, fnir_reason=None).shares)


def test_unknown_misses_leave_the_false_alarms() -> None:
    found = burden_table(estimate(1, 100), None, 50, prior=None, fnir_reason="nobody here has two pictures")
    assert {line.share for line in found.shares} == {None}
    assert found.reason == "FNIR is unknown: nobody here has two pictures"
    assert found.false_alarms_a_day is not None
    empty = burden_table(estimate(1, 100), estimate(0, 0), 50, prior=None, fnir_reason=None)
    assert empty.reason == "FNIR is unknown: no mated search"


def test_unknown_false_alarms_leave_nothing() -> None:
    found = burden_table(estimate(None, 100), estimate(1, 9), 50, prior=None, fnir_reason=None)
    assert (found.false_alarms_a_day, {line.share for line in found.shares}) == (None, {None})
    assert found.reason == "FPIR is unknown: no completed search or no threshold"


def test_nobody_is_ever_raised() -> None:
    assert share_right(0.01, 0.0, 1.0) is None


def test_everybody_is_missed() -> None:
    found = burden_table(estimate(1, 100), estimate(9, 9), 50, prior=None, fnir_reason=None)
    assert {line.share for line in found.shares} == {0}


@pytest.mark.parametrize("prior", [0.0, 1.0, -0.1])
def test_an_impossible_prior_is_refused(prior: float) -> None:
    with pytest.raises(BadInput):
        burden_table(estimate(1, 100), estimate(1, 9), 50, prior=prior, fnir_reason=None)


def test_the_result_is_json_as_it_stands() -> None:
    found = burden_table(estimate(1, 100), None, 50, prior=0.5, fnir_reason=None)
    assert json.loads(json.dumps(dataclasses.asdict(found), allow_nan=False))["shares"][0]["prior"] == 0.5


@given(st.floats(1e-6, 0.999), st.floats(1e-6, 1), st.floats(0, 0.99))
def test_a_rarer_person_and_more_false_alarms_never_make_leads_better(prior: float, fpir: float, fnir: float) -> None:
    share = share_right(prior, fpir, fnir)
    assert share is not None
    for worse in (share_right(prior / 2, fpir, fnir), share_right(prior, min(1, 2 * fpir), fnir)):
        assert worse is not None
        assert worse <= share
