"""FMR and FNMR on comparisons: counts by hand, the vectors, what is undefined, and what must not matter."""

import dataclasses
import json
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher import kernels
from matcher.calibration import comparisons as module
from matcher.calibration.comparisons import MatchRate, comparison_rates, match_rates
from matcher.calibration.pair_cells import Comparisons, cells_of, compared, partitions
from matcher.calibration.trials import Outcomes
from matcher.domain.revision import Pairs
from matcher.domain.template import Floats, Scores
from matcher.errors import BadInput

SEEDS = st.integers(0, 2**32)
NAMES = ("blue", "green", "red")


def found_of(templates: Sequence[int], reaching: dict[tuple[int, int], int], tau: int = 500_000) -> Comparisons:
    pairs = sorted(reaching)
    first, second = (np.array([pair[side] for pair in pairs], np.int64) for side in (0, 1))
    return Comparisons(
        tau, np.array(templates, np.int64), first, second, np.array([reaching[pair] for pair in pairs], np.int64)
    )


def rates(found: Comparisons, labels: Sequence[str], seed: int = 7) -> dict[tuple[str, str], MatchRate]:
    """Of everyone under ("all", "all"), and of one column."""
    parts = partitions([(("group", label),) if label else () for label in labels], ["group"])
    return {rate.labels: rate for rate in match_rates(found, parts, seed)}


def cohort(seed: int, people: int) -> tuple[Floats, Scores, list[str]]:
    """Unit rows in four dimensions, so that many comparisons reach; up to three templates a person, some without."""
    rng = np.random.default_rng(seed)
    owner = np.repeat(np.arange(people), rng.integers(0, 4, people)).astype(np.int32)
    rows = kernels.normalise(rng.standard_normal((len(owner), 4)).astype(np.float32))
    return rows, owner, rng.choice(NAMES, people).tolist()


def test_v11_one_person_who_matches_everybody() -> None:
    everyone = rates(found_of([1] * 5, {(0, j): 1 for j in range(1, 5)}), [""] * 5)["all", "all"]
    assert (everyone.k, everyone.n, everyone.rate) == (4, 10, 0.4)
    assert everyone.n_eff == pytest.approx(5.0, abs=1e-9)
    assert everyone.wilson95 == pytest.approx((0.11762077423264783, 0.769275718723987), abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.integers(2, 9), st.integers(-200_000, 900_000))
def test_counts_and_variance_are_those_of_every_comparison_one_by_one(seed: int, people: int, tau: int) -> None:
    rows, owner, labels = cohort(seed, people)
    found = compared(rows, owner, people, tau)
    scores = kernels.canonical_scores(rows, rows)
    for part in partitions([(("group", label),) for label in labels], ["group"]):
        names = ["all"] * people if part.column is None else labels
        for cell in cells_of(found, part):
            made = [
                (int(owner[i]), int(owner[j]), bool(scores[i, j] >= tau))
                for i, j in combinations(range(len(rows)), 2)
                if owner[i] != owner[j] and tuple(sorted((names[owner[i]], names[owner[j]]))) == cell.labels
            ]
            assert (cell.sums.k, cell.sums.n) == (sum(hit for _, _, hit in made), len(made))
            if made:
                assert cell.sums.variance == variance_by_hand(made)


def variance_by_hand(made: list[tuple[int, int, bool]]) -> Fraction:
    """The double sum over pairs of comparisons that share a person, as the paper writes it."""
    rate = Fraction(sum(hit for _, _, hit in made), len(made))
    total = Fraction(0)
    for a, b, one in made:
        for c, d, other in made:
            if {a, b} & {c, d}:
                total += (one - rate) * (other - rate)
    return total / len(made) ** 2


@pytest.mark.parametrize("path", ["none", "all"])
def test_where_all_comparisons_agree_only_the_guaranteed_bound_is_left(path: str) -> None:
    pairs = dict.fromkeys(combinations(range(40), 2), 1) if path == "all" else {}
    everyone = rates(found_of([1] * 40, pairs), [""] * 40)["all", "all"]
    assert (everyone.n_eff, everyone.wilson95, everyone.bootstrap95) == (None, None, None)
    assert everyone.upper95 == pytest.approx(1.0 if path == "all" else 0.1391083406682651, abs=1e-9)  # V12
    assert everyone.reasons == (
        f"{path} of the comparisons reach the threshold: only the guaranteed bound can be given",
    )


def test_a_single_pair_one_person_and_an_empty_group() -> None:
    found = rates(found_of([1, 1, 1, 0], {(0, 1): 1}), ["red", "red", "green", "blue"])
    single = found["red", "red"]
    assert (single.k, single.n, single.rate, single.upper95) == (1, 1, 1.0, 1.0)
    assert (single.wilson95, single.bootstrap95) == (None, None)
    alone = found["green", "green"]
    assert (alone.people, alone.n, alone.rate, alone.person_rate, alone.upper95) == ((1, 1), 0, None, None, None)
    assert alone.reasons == ("green: one person with a template has nobody to be compared with",)
    empty = found["blue", "blue"]
    assert (empty.people, empty.n, empty.rate, empty.upper95) == ((0, 0), 0, None, None)
    assert empty.reasons == ("blue: nobody with a template",)
    assert found["blue", "red"].reasons == ("blue: nobody with a template",)
    none = found["green", "red"]
    assert (none.k, none.n, none.rate, none.independent) == (0, 2, 0.0, 1)
    assert none.upper95 == pytest.approx(0.95)


def test_nobody_at_all_is_undefined() -> None:
    everyone = rates(found_of([], {}), [])["all", "all"]
    assert (everyone.n, everyone.rate, everyone.upper95) == (0, None, None)


def test_few_people_are_not_resampled_and_many_pairs_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    seven = rates(found_of([1] * 7, {(0, 1): 1}), [""] * 7)["all", "all"]
    assert seven.wilson95 is not None
    assert seven.bootstrap95 is None
    assert seven.reasons == ("bootstrap: fewer than 8 people have fewer different resamples than are drawn",)
    eight = found_of([1] * 8, {(0, 1): 1, (2, 3): 1})
    assert rates(eight, [""] * 8)["all", "all"].bootstrap95 is not None
    monkeypatch.setattr(module, "MOST_PAIRS", 1)
    limited = rates(eight, [""] * 8)["all", "all"]
    assert limited.bootstrap95 is None
    assert limited.reasons == ("bootstrap: not made for more than 1 pairs of people",)


def test_the_variance_is_never_below_the_binomial_one() -> None:
    # Every person is in exactly one error, so the plug-in is negative: that is chance, not evidence.
    found = found_of([1] * 8, {(0, 1): 1, (2, 3): 1, (4, 5): 1, (6, 7): 1})
    (cell,) = cells_of(found, partitions([()] * 8, [])[0])
    assert cell.sums.variance < 0
    assert cell.sums.n_eff == 28


def test_a_person_without_a_label_is_undeclared_and_counted() -> None:
    found = rates(found_of([2, 1, 1], {(0, 1): 2, (1, 2): 1}), ["red", "", "red"])
    assert (found["red", "undeclared"].k, found["red", "undeclared"].n) == (3, 3)
    assert sum(rate.n for labels, rate in found.items() if labels != ("all", "all")) == found["all", "all"].n == 5


# --- what must not matter ---------------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.integers(2, 40), st.integers(0, 900_000))
def test_the_order_of_rows_changes_nothing(seed: int, people: int, tau: int) -> None:
    rows, owner, labels = cohort(seed, people)
    order = np.random.default_rng(seed).permutation(len(rows))
    moved = compared(rows[order], owner[order], people, tau)
    assert rates(moved, labels) == rates(compared(rows, owner, people, tau), labels)


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.integers(2, 40), st.integers(0, 900_000))
def test_the_order_of_people_changes_nothing_but_the_draws(seed: int, people: int, tau: int) -> None:
    rows, owner, labels = cohort(seed, people)
    number = np.random.default_rng(seed).permutation(people).astype(np.int32)
    renamed = [labels[person] for person in np.argsort(number)]
    moved = rates(compared(rows, number[owner], people, tau), renamed)
    for cell, rate in rates(compared(rows, owner, people, tau), labels).items():
        assert dataclasses.replace(moved[cell], bootstrap95=None) == dataclasses.replace(rate, bootstrap95=None)


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.integers(2, 40), st.lists(st.integers(-1_000_000, 1_000_000), min_size=2, max_size=2))
def test_raising_the_threshold_never_raises_a_rate(seed: int, people: int, taus: list[int]) -> None:
    rows, owner, labels = cohort(seed, people)
    low, high = (rates(compared(rows, owner, people, tau), labels) for tau in sorted(taus))
    for cell, rate in high.items():
        assert rate.n == low[cell].n
        for name in ("rate", "person_rate", "upper95"):
            at_low, at_high = getattr(low[cell], name), getattr(rate, name)
            assert (at_low is None) == (at_high is None) == (rate.n == 0)
            assert at_high is None or at_high <= at_low


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.integers(2, 40), st.permutations(NAMES))
def test_relabelling_groups_permutes_the_result(seed: int, people: int, others: list[str]) -> None:
    rows, owner, labels = cohort(seed, people)
    found = compared(rows, owner, people, 300_000)
    other = dict(zip((*NAMES, "all"), (*others, "all"), strict=True))
    relabelled = rates(found, [other[label] for label in labels])
    for (one, two), rate in rates(found, labels).items():
        moved = relabelled[tuple(sorted((other[one], other[two])))]  # type: ignore[index]
        swap = other[one] > other[two]
        named = ("labels", "people", "templates", "reasons")
        assert {k: v for k, v in dataclasses.asdict(moved).items() if k not in named} == {
            k: v for k, v in dataclasses.asdict(rate).items() if k not in named
        }
        assert moved.people == (rate.people[::-1] if swap else rate.people)
        assert moved.templates == (rate.templates[::-1] if swap else rate.templates)


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(2, 40), st.integers(2, 4))
def test_duplicating_images_never_narrows_the_guaranteed_bound(seed: int, people: int, times: int) -> None:
    rows, owner, labels = cohort(seed, people)
    chosen = np.random.default_rng(seed).random(len(rows)) < 0.5
    found = compared(rows, owner, people, 300_000)
    again = compared(np.concatenate([rows, rows[chosen]]), np.concatenate([owner, owner[chosen]]), people, 300_000)
    assert rates(again, labels) == rates(found, labels)
    # And where the copies could not be told: every number of templates and of comparisons grows, the bound stays.
    copies = np.where(np.random.default_rng(seed).random(people) < 0.5, times, 1)
    grown = Comparisons(
        found.tau,
        found.templates * copies,
        found.first,
        found.second,
        found.reaching * copies[found.first] * copies[found.second],
    )
    assert {cell: rate.upper95 for cell, rate in rates(grown, labels).items()} == {
        cell: rate.upper95 for cell, rate in rates(found, labels).items()
    }


def test_the_seed_moves_the_bootstrap_only() -> None:
    rows, owner, labels = cohort(3, 60)
    found = compared(rows, owner, 60, 500_000)
    one, other = rates(found, labels, 1)["all", "all"], rates(found, labels, 2)["all", "all"]
    assert one == rates(found, labels, 1)["all", "all"]
    assert one.bootstrap95 != other.bootstrap95
    assert dataclasses.replace(one, bootstrap95=None) == dataclasses.replace(other, bootstrap95=None)


# --- mated comparisons, and the whole ---------------------------------------------------------------------------------


def outcomes_of(mates: Sequence[int | None], same_session: Sequence[bool]) -> Outcomes:
    mated = np.array([mate is not None for mate in mates], bool)
    scores = np.array([0 if mate is None else mate for mate in mates], np.int32)
    return Outcomes(mated, scores, mated, mated, scores, np.array(same_session, bool))


def test_fnmr_counts_one_mated_comparison_a_person() -> None:
    found = found_of([2, 2, 1, 2], {(0, 1): 1})
    outcomes = outcomes_of([500_000, 499_999, None, 900_000], [True, False, True, False])
    labels: list[Pairs] = [(("group", name),) for name in ("red", "red", "blue", "green")]
    whole = comparison_rates(found, outcomes, labels, ["group"], 5)
    by_label = {rate.label: rate for rate in whole.fnmr}
    assert (by_label["all"].fnmr.k, by_label["all"].fnmr.n, by_label["all"].same_session) == (1, 3, 1)
    assert (by_label["red"].fnmr.k, by_label["red"].fnmr.n) == (1, 2)
    assert by_label["red"].fnmr.cp95 == pytest.approx((0.0125791170934, 0.9874208829066), abs=1e-9)
    assert (by_label["blue"].people, by_label["blue"].fnmr.n, by_label["blue"].fnmr.rate) == (1, 0, None)
    assert by_label["blue"].reason == "blue: nobody has two samples with templates"
    assert by_label["green"].reason is None
    assert [rate.column for rate in whole.fmr] == [None, *["group"] * 6]
    text = json.dumps(dataclasses.asdict(whole), allow_nan=False, sort_keys=True)
    assert json.loads(text)["seed"] == "0" * 31 + "5"
    with pytest.raises(BadInput, match="4, 3 and 4 people"):
        comparison_rates(found, outcomes, labels[:3], ["group"], 5)


@pytest.mark.parametrize(
    ("templates", "reaching", "message"),
    [
        ([1, -1], {}, "below 0"),
        ([1, 1], {(0, 2): 1}, "not in the cohort"),
        ([1, 1], {(-1, 1): 1}, "not in the cohort"),
        ([1, 1], {(1, 1): 1}, "in order, each once"),
        ([1, 1], {(0, 1): 2}, "than were made"),
        ([1, 1], {(0, 1): 0}, "or none"),
        ([0, 1], {(0, 1): 1}, "than were made"),
    ],
)
def test_impossible_comparisons_are_refused(
    templates: list[int], reaching: dict[tuple[int, int], int], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        found_of(templates, reaching)


def test_a_template_of_nobody_is_refused() -> None:
    rows, owner = np.eye(2, 4, dtype=np.float32), np.arange(2, dtype=np.int32)
    with pytest.raises(BadInput, match="not in the cohort"):
        compared(rows, owner, 1, 0)
