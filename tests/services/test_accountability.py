"""The account of a period: what it counts, what its public form leaves out, and that nobody is in it."""

import json
from dataclasses import asdict, fields
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.calibration.accountability import Account, ListAccount, Reviews, public_form
from matcher.domain.case import Correction, Verdict
from matcher.errors import BadInput, MissingRole
from matcher.report.accountability import accountability_html, accountability_json
from matcher.services.accountability import account_of
from matcher.services.collections import suspend_list
from matcher.services.erase import erase_listed
from tests.services.homes import copied
from tests.services.world import World

FIRST, LAST = date(2026, 11, 23), date(2026, 11, 24)
OUTCOMES = ("leads", "rejected", "inconclusive", "closed", "waiting")


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Three searches on the first day and one on the next: a lead, a rejected alert with a correction, one closed."""
    made = World(tmp_path_factory.mktemp("lived")).active()
    made.submit(made.templates[7], case="2026/1")
    made.conclude(Verdict.SAME)
    made.submit(made.templates[8], case="2026/2")
    alert = made.judge("ana", Verdict.SAME)
    candidate = made.desk("ana").disclose(alert).candidates[0].candidate_id
    made.desk("ana").correct(alert, Correction(candidate, Verdict.UNDECIDED, "other ears"))
    made.desk("ana").finish(alert)
    made.submit(-made.templates[9], case="2026/3")
    made.clock.now += timedelta(hours=20)
    made.submit(made.templates[10], case="2026/4")
    suspend_list(made.sessions["ana"], "missing", "wrong pictures")
    return made


@pytest.fixture
def home(lived: World, tmp_path: Path) -> World:
    return copied(lived, tmp_path)


def account(world: World, first: date = FIRST, last: date = LAST, public: bool = False) -> Account:
    return account_of(world.sessions["audrey"], first, last, public)


def of_list(found: Account) -> ListAccount:
    (one,) = found.lists
    return one


def test_it_counts_what_the_log_says_of_the_period(home: World) -> None:
    both = of_list(account(home)).reviews
    assert both == Reviews(searches=4, alerts=3, leads=1, closed=2, judgements=3, corrections=1)
    first = of_list(account(home, last=FIRST)).reviews
    assert (first.searches, first.alerts, first.closed) == (3, 2, 1)
    second = of_list(account(home, first=LAST)).reviews
    assert (second.searches, second.alerts, second.judgements) == (1, 1, 0)
    assert of_list(account(home, date(2026, 1, 1), date(2026, 1, 2))).reviews == Reviews()


def test_it_says_who_answers_for_what_and_how_often_it_is_wrong(home: World) -> None:
    found = of_list(account(home))
    assert (found.purpose, found.legal_basis, found.owner, found.state) == ("find", "consent", "unit", "suspended")
    assert (found.version, found.threshold is not None, found.report is not None) == (1, True, True)
    assert found.policy is not None
    assert (found.policy.reviewers_required, found.policy.probe_days) == (2, None)
    rates = {one.group: one for one in found.groups}
    assert {one.people for one in rates.values()} == {200, 400}
    assert all(one.fpir_upper95 is not None and one.searches > 0 for one in rates.values())
    assert [one.what for one in found.happened] == [
        "list.created", "list.loaded", "list.calibrated", "list.activated", "list.suspended"
    ]  # fmt: skip
    assert (found.happened[-1].by, found.happened[-1].detail) == ("ana", "wrong pictures")


def test_before_any_activation_rates_and_rules_are_undefined(home: World) -> None:
    found = of_list(account(home, date(2026, 11, 1), date(2026, 11, 22)))
    assert (found.version, found.policy, found.report, found.groups) == (None, None, None, ())
    page = accountability_html(account(home, date(2026, 11, 1), date(2026, 11, 22)))
    assert "Undefined: it was never activated." in page


def test_nobody_is_in_it_and_the_page_asks_nobody_for_anything(home: World) -> None:
    for public in (False, True):
        found = account(home, public=public)
        page, data = accountability_html(found), accountability_json(found)
        for told in (page, data):
            assert "S007" not in told
            assert "Planted" not in told
            assert 'lead"' not in told.replace('"leads"', "")  # no case reference
        assert json.loads(data) == json.loads(json.dumps(asdict(found)))
        assert "<script" not in page
        assert "http" not in page.replace("http-equiv", "")
        assert page == accountability_html(account(home, public=public))


def test_the_public_form_names_no_staff_and_no_small_count(home: World) -> None:
    found = of_list(account(home, public=True))
    assert found.reviews.searches is None  # four
    assert {"searches", "leads", "rejected", "waiting"} <= set(found.reviews.withheld)
    told = accountability_html(account(home, public=True))
    assert "wrong pictures" not in told
    assert "vera" not in told
    assert "fewer than 10" in told


@given(st.lists(st.integers(0, 40), min_size=5, max_size=5), st.integers(0, 30))
def test_no_small_count_follows_from_what_is_shown(outcomes: list[int], others: int) -> None:
    counts = dict(zip(OUTCOMES, outcomes, strict=True))
    whole = Reviews(searches=sum(outcomes) + others, alerts=sum(outcomes), judgements=others, **counts)
    blank = ListAccount("l", "active", 1, "d", "m", "p", "b", "o", "e", None, None, None, (), 0, whole, ())
    shown = public_form(blank).reviews
    for one in fields(Reviews):
        if one.name != "withheld":
            true, told = getattr(whole, one.name), getattr(shown, one.name)
            assert told in (None, true)
            assert not (0 < true < 10) or told is None
            assert (told is None) == (one.name in shown.withheld)
    hidden = [name for name in OUTCOMES if getattr(shown, name) is None]
    assert hidden == [] or len(hidden) == len(OUTCOMES)  # one alone would follow from the sum
    if hidden:
        assert shown.alerts is None or shown.alerts >= 10


def test_who_may_read_it_and_which_periods_are_none(home: World) -> None:
    for who in ("ana", "vera"):
        with pytest.raises(MissingRole):
            account_of(home.sessions[who], FIRST, LAST, True)
    with pytest.raises(BadInput, match="is before"):
        account(home, LAST, FIRST)


def test_an_erasure_is_in_the_account_and_the_erased_are_not(home: World) -> None:
    before = of_list(account(home)).reviews
    erase_listed(home.sessions["boss"], "missing", ["S007"], stop=True)
    found = of_list(account(home))
    assert found.reviews == before
    assert (found.happened[-1].what, found.happened[-1].detail) == ("list.erased", "1 subjects, subjects")
