"""Reviewers' figures: values made by hand, and what must hold for any."""

from datetime import UTC, datetime
from fractions import Fraction
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from matcher.calibration.sequential import spent_at
from matcher.calibration.vigilance import Agreement, Floors, agreement_of, fallen, skill_of
from matcher.domain.case import Outcome, ReviewFile, Verdict
from matcher.domain.vigilance import Result, said_of, unconcluded

SAME, UNSURE, OTHER = Verdict.SAME, Verdict.UNDECIDED, Verdict.DIFFERENT
FLOORS = Floors(0.7, 0.1, 8)
NOW = datetime(2026, 11, 23, tzinfo=UTC)
VERDICTS = st.sampled_from(Verdict)


def results(mated: list[Verdict], others: list[Verdict]) -> list[Result]:
    said = [("M", one) for one in mated] + [(None, one) for one in others]
    return [Result("ana", at, f"a{at}", mate, verdict, NOW) for at, (mate, verdict) in enumerate(said, start=1)]


def test_hits_false_confirms_and_their_exact_intervals() -> None:
    found = skill_of(results([SAME] * 8 + [UNSURE, OTHER], [OTHER] * 9 + [UNSURE] + [SAME] * 0))
    assert (found.hits.k, found.hits.n, found.hits.rate, found.undecided_mated) == (8, 10, 0.8, 1)
    assert found.hits.cp95 == pytest.approx((0.4439045, 0.9747893), abs=1e-6)  # Clopper-Pearson tables
    assert (found.false_confirms.k, found.false_confirms.n, found.undecided_nonmated) == (0, 10, 1)
    assert found.false_confirms.cp95 == pytest.approx((0.0, 0.3084971), abs=1e-6)


def test_d_prime_and_criterion_by_hand() -> None:
    found = skill_of(results([SAME] * 8 + [OTHER] * 2, [SAME] + [OTHER] * 9))
    z = NormalDist().inv_cdf
    hit, false = z(8.5 / 11), z(1.5 / 11)  # 0.7479 and -1.0968
    assert found.d_prime == pytest.approx(hit - false)
    assert found.d_prime == pytest.approx(1.8447, abs=1e-4)
    assert found.criterion == pytest.approx(0.1745, abs=1e-4)
    assert found.reason is None


def test_perfect_and_hopeless_are_finite_and_one_kind_is_undefined() -> None:
    perfect = skill_of(results([SAME] * 4, [OTHER] * 4))
    assert perfect.d_prime == pytest.approx(2 * NormalDist().inv_cdf(0.9))
    assert perfect.criterion == 0
    for only in (results([SAME], []), results([], [OTHER]), []):
        found = skill_of(only)
        assert (found.d_prime, found.criterion) == (None, None)
        assert found.reason is not None
        assert "both kinds" in found.reason


@given(st.lists(VERDICTS, min_size=1, max_size=40), st.lists(VERDICTS, min_size=1, max_size=40))
def test_a_bolder_reviewer_has_a_lower_criterion_and_a_mirrored_one_the_opposite(
    mated: list[Verdict], others: list[Verdict]
) -> None:
    found = skill_of(results(mated, others))
    bolder = skill_of(results([SAME] * len(mated), [SAME] * len(others)))
    assert found.d_prime is not None
    assert found.criterion is not None
    assert bolder.criterion is not None
    assert bolder.criterion <= found.criterion
    flip = {SAME: OTHER, OTHER: SAME, UNSURE: SAME}
    turned = skill_of(results([flip[one] for one in others], [flip[one] for one in mated]))
    if UNSURE not in mated + others:  # answers turned round on items turned round: as good, and as bold in reverse
        assert turned.d_prime == pytest.approx(found.d_prime)
        assert turned.criterion == pytest.approx(-found.criterion)


def pairs(both: int, first: int, second: int, neither: int) -> list[tuple[bool, bool]]:
    cells = ((True, True), both), ((True, False), first), ((False, True), second), ((False, False), neither)
    return [pair for pair, count in cells for _ in range(count)]


def test_kappa_and_pabak_by_hand() -> None:
    # p_o = 35/50; by chance 25/50 * 30/50 + 25/50 * 20/50 = 1/2; kappa = (0.7 - 0.5) / (1 - 0.5)
    assert agreement_of(pairs(20, 5, 10, 15)) == Agreement(50, 35, 0.4, 0.4, None)
    # rare answers: 90 of 100 alike, by chance 0.05 * 0.05 + 0.95 * 0.95 = 0.905, so kappa is below zero
    rare = agreement_of(pairs(0, 5, 5, 90))
    assert rare.kappa == pytest.approx((0.9 - 0.905) / (1 - 0.905))
    assert rare.pabak == 0.8


def test_agreement_is_undefined_with_its_reason() -> None:
    nobody = agreement_of([])
    assert (nobody.kappa, nobody.pabak) == (None, None)
    assert nobody.reason is not None
    for one in (pairs(7, 0, 0, 0), pairs(0, 0, 0, 7)):
        found = agreement_of(one)
        assert (found.kappa, found.pabak) == (None, 1.0)
        assert found.reason is not None


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_agreement_does_not_depend_on_who_comes_first(said: list[tuple[bool, bool]]) -> None:
    found = agreement_of(said)
    assert found == agreement_of([(other, one) for one, other in said])
    assert found.pabak is not None
    assert -1 <= found.pabak <= 1
    if found.kappa is not None:
        n = len(said)
        by_chance = sum(
            Fraction(sum(one == value for one, _ in said), n) * Fraction(sum(one == value for _, one in said), n)
            for value in (True, False)
        )
        observed = Fraction(sum(one == other for one, other in said), n)
        assert found.kappa == pytest.approx(float((observed - by_chance) / (1 - by_chance)))


def test_three_items_suspend_nobody() -> None:
    for count in range(8):
        assert fallen(results([OTHER] * count, []), FLOORS) is None
        assert fallen(results([], [SAME] * count), FLOORS) is None


def test_eight_wrong_of_eight_do_and_the_reason_has_the_numbers() -> None:
    missed = fallen(results([OTHER] * 8, []), FLOORS)
    assert missed is not None
    assert "8 of the first 8 mated known-answer items not confirmed" in missed.reason
    assert "at most 30 % are allowed" in missed.reason
    confirmed = fallen(results([SAME] * 8, [SAME] * 8), FLOORS)
    assert confirmed is not None
    assert (confirmed.look.k, confirmed.look.n, confirmed.floor) == (8, 8, 0.1)


def test_the_bound_decides_and_not_the_rate() -> None:
    # 4 of 8 missed is a hit rate of 50 %, below 70 %, and no evidence of it: P(4 or more of 8 at 30 %) = 19 %
    assert fallen(results([SAME] * 4 + [OTHER] * 4, []), FLOORS) is None


@given(st.integers(0, 32), st.sampled_from([8, 16, 32]))
def test_a_look_is_exact(wrong: int, n: int) -> None:
    wrong = min(wrong, n)
    said = [OTHER] * wrong + [SAME] * (n - wrong)
    number = n.bit_length() - 1
    expected = wrong > 0 and binom.sf(wrong - 1, n, 0.3) < spent_at(0.025, number)
    assert (fallen(results(said, []), FLOORS) is not None) == expected


def test_who_keeps_to_a_floor_is_hardly_ever_suspended() -> None:
    """The chance of ever falling, exactly, for somebody whose miss rate is the most that is allowed."""
    alive = {0: 1.0}  # by misses so far
    fell = 0.0
    for n in range(1, 129):
        step = [(k + one, chance * p) for k, chance in alive.items() for one, p in ((1, 0.3), (0, 0.7))]
        alive = {}
        for k, chance in step:
            alive[k] = alive.get(k, 0.0) + chance
        if n >= 8 and not n & (n - 1):
            out = [k for k in alive if fallen(results([OTHER] * k + [SAME] * (n - k), []), FLOORS) is not None]
            fell += sum(alive.pop(k) for k in out)
    assert 0.001 < fell <= 0.025


@given(st.dictionaries(st.sampled_from("ABCD"), VERDICTS, min_size=1))
def test_what_an_item_counts_as(verdicts: dict[str, Verdict]) -> None:
    nobody = said_of(None, verdicts)
    assert (nobody is SAME) == (SAME in verdicts.values())
    assert (nobody is OTHER) == (set(verdicts.values()) == {OTHER})
    for mate, own in verdicts.items():
        said = said_of(mate, verdicts)
        assert (said is SAME) == ([one for one, verdict in verdicts.items() if verdict is SAME] == [mate])
        if said is UNSURE:
            assert own is UNSURE


def test_an_item_ends_with_as_many_reviewers_as_an_alert_and_is_never_concluded() -> None:
    files = [ReviewFile(name, name, "", (("A", SAME),), (), True) for name in ("ana", "ben", "cleo")]
    assert unconcluded(["A"], files[:1], 2) == (("A", Outcome.PENDING),)
    for done in (files[:2], files):
        assert unconcluded(["A"], done, 2) == (("A", Outcome.INCONCLUSIVE),)
