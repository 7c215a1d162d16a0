"""Counting innocents: published numbers, peers, and what must not matter."""

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, fisher_exact

from matcher.calibration.groups import Level
from matcher.calibration.innocents import FlaggedGroup, flagged_groups
from matcher.calibration.trials import CohortItem, PersonTrial, TrialPlan
from matcher.domain.revision import Pairs
from matcher.domain.template import Scores
from matcher.errors import BadInput

TAU = 700_000


def counted(people: list[tuple[Pairs, int | None]], alpha: float = 0.05, tau: int = TAU) -> dict[str, FlaggedGroup]:
    """The cells, by label, of people with these labels and best scores (None: no template)."""
    rows = iter(range(len(people)))
    trials = tuple(
        PersonTrial(labels, CohortItem(f"d{number}", None if score is None else next(rows)), None)
        for number, (labels, score) in enumerate(people)
    )
    maxima = np.array([score for _, score in people if score is not None], np.int32)
    return {group.cell.label: group for group in flagged_groups(TrialPlan(trials), maxima, tau, alpha)}


def some(flagged: int, of: int, **labels: str) -> list[tuple[Pairs, int | None]]:
    pairs = tuple(sorted(labels.items()))
    return [(pairs, TAU if number < flagged else TAU - 100) for number in range(of)]


def test_congress_in_2018() -> None:
    """28 of 535 members flagged; 11 of 107 people of colour, 17 of 428 others (ACLU of Northern California, 2018)."""
    found = counted([*some(11, 107, colour="yes"), *some(17, 428, colour="no")])
    everyone, colour, others = found["everyone"], found["colour yes"], found["colour no"]
    assert (everyone.flagged.k, everyone.flagged.n) == (28, 535)
    assert everyone.flagged.rate == pytest.approx(0.052, abs=5e-4)
    assert everyone.wilson95 == pytest.approx((0.0365, 0.0746), abs=5e-5)
    assert everyone.fisher is None
    assert everyone.fisher_reason == "everyone has no rest"
    assert colour.fisher is not None
    assert others.fisher is not None
    assert (colour.fisher.rest_k, colour.fisher.rest_n) == (17, 428)
    assert colour.fisher.p == pytest.approx(0.014, abs=5e-4)
    assert colour.fisher.p == others.fisher.p
    # one column of two groups asks one question, so there is nothing to adjust for
    assert colour.fisher.holm == colour.fisher.p
    assert everyone.flagged.cp95 == pytest.approx(tuple(binomtest(28, 535).proportion_ci(0.95, "exact")), abs=1e-9)


def test_nobody_searched_is_undefined() -> None:
    found = counted([((("g", "a"),), None), ((("g", "b"),), TAU)])
    assert (found["g a"].flagged.rate, found["g a"].wilson95, found["g a"].flagged.n) == (None, None, 0)
    assert (found["g a"].fta.k, found["g a"].n_people) == (1, 1)
    assert found["g b"].fisher is None
    assert found["g b"].fisher_reason == "nobody was searched in this group, or nobody outside it"
    assert (found["everyone"].flagged.k, found["everyone"].flagged.n, found["everyone"].fta.k) == (1, 1, 1)


def test_groups_that_are_not_each_others_rest_are_adjusted_even_with_equal_counts() -> None:
    found = counted([*some(5, 40, g="a"), *some(5, 40, g="b"), *some(0, 40, g="c")])
    one, none = found["g a"].fisher, found["g c"].fisher
    assert one is not None
    assert none is not None
    assert none.p == pytest.approx(fisher_exact(np.array([[0, 40], [10, 70]])).pvalue, abs=1e-9)
    assert none.holm == pytest.approx(3 * none.p, abs=1e-9)
    assert one.holm >= one.p


def test_two_way_cells_and_people_who_declare_nothing() -> None:
    people = [*some(1, 10, g="a", site="x"), *some(0, 10, g="b", site="y"), *some(2, 5, site="x")]
    found = counted(people)
    assert found["g a, site x"].level is Level.INTERSECTION
    assert (found["g a, site x"].flagged.k, found["g a, site x"].flagged.n) == (1, 10)
    assert found["g a, site y"].flagged.rate is None
    assert (found["g undeclared"].level, found["g undeclared"].flagged.k) == (Level.UNDECLARED, 2)
    for label in ("g a, site x", "g undeclared"):
        assert found[label].fisher is None
        assert found[label].fisher_reason


def test_a_rate_surely_above_what_was_certified_is_said() -> None:
    assert counted(some(20, 100))["everyone"].above_alpha
    assert not counted(some(5, 100))["everyone"].above_alpha
    assert not counted(some(20, 100), alpha=0.2)["everyone"].above_alpha


def test_scores_that_do_not_fit_are_refused() -> None:
    plan = TrialPlan((PersonTrial((), CohortItem("d", 0), None),))
    wrong: list[Scores] = [np.empty(0, np.int32), np.array([2_000_000], np.int32)]
    for maxima in wrong:
        with pytest.raises(BadInput):
            flagged_groups(plan, maxima, TAU, 0.05)


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.one_of(st.none(), st.integers(-1000, 1000))), min_size=1),
    st.integers(-1000, 1000),
    st.randoms(use_true_random=False),
)
def test_order_does_not_matter_and_raising_the_threshold_flags_nobody_more(
    drawn: list[tuple[str, int | None]], tau: int, random: Random
) -> None:
    people: list[tuple[Pairs, int | None]] = [((("g", label),), score) for label, score in drawn]
    found = counted(people, tau=tau)
    shuffled = people[:]
    random.shuffle(shuffled)
    assert counted(shuffled, tau=tau) == found
    higher = counted(people, tau=tau + 100)
    for label, group in found.items():
        assert group.flagged.k is not None
        assert (higher[label].flagged.k or 0) <= group.flagged.k
        assert higher[label].flagged.n == group.flagged.n
    groups = [group for group in found.values() if group.level is Level.GROUP]
    assert sum(group.flagged.k or 0 for group in groups) == found["everyone"].flagged.k
