from collections import Counter
from itertools import permutations

import numpy as np
import pytest

from matcher.calibration.permutation import KINDS, in_canonical_order, permutation_seed, permuted_errors
from matcher.errors import BadInput

SEED = 228249492983868
ALARMS = [0, 0, 1, 1, 2, 2, 1, 1]
MISSES = [1, 1, 1, 1, 1, 1, 1, 1]
# (kind, group) of eight people in two groups: kinds are 3 * false alarm + miss (0 not tested, 1 right, 2 wrong).
PEOPLE = [(8, 0), (7, 0), (4, 0), (4, 1), (4, 1), (5, 1), (6, 0), (3, 1)]


def table_of(people: list[tuple[int, int]], groups: int) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    table = np.zeros((KINDS, groups), dtype=np.int64)
    for kind, group in people:
        table[kind, group] += 1
    return table


def every_permutation(people: list[tuple[int, int]], groups: int) -> Counter[tuple[int, ...]]:
    """The slow twin: labels moved between people tested alike in every way there is, errors counted by hand."""
    both = [person for person in people if person[0] in (4, 5, 7, 8)]
    alarms_only = [person for person in people if person[0] in (3, 6)]
    seen: Counter[tuple[int, ...]] = Counter()
    for first in permutations([group for _, group in both]):
        for second in permutations([group for _, group in alarms_only]):
            counts = [0] * (2 * groups)
            for (kind, _), group in zip(both + alarms_only, first + second, strict=True):
                counts[group] += kind // 3 == 2
                counts[groups + group] += kind % 3 == 2
            seen[tuple(counts)] += 1
    return seen


def test_drawn_as_often_as_all_permutations_give_them() -> None:
    drawn = 60_000
    alarms, misses = permuted_errors(table_of(PEOPLE, 2), drawn, 7)
    found = Counter(map(tuple, np.vstack((alarms, misses)).T.tolist()))
    exact = every_permutation(PEOPLE, 2)
    assert set(found) == set(exact)
    for counts, times in exact.items():
        share = times / exact.total()
        assert abs(found[counts] / drawn - share) < 5 * (share * (1 - share) / drawn) ** 0.5


def test_totals_stay_and_nobody_gets_more_than_was_searched() -> None:
    chance = np.random.default_rng(3)
    table = chance.integers(0, 9, (KINDS, 6))
    alarms, misses = permuted_errors(table, 500, 1)
    assert (alarms.sum(axis=0) == table[6:].sum()).all()
    assert (misses.sum(axis=0) == table[[2, 5, 8]].sum()).all()
    assert (alarms >= 0).all()
    assert (alarms <= table[3:].sum(axis=0)[:, None]).all()
    assert (misses <= table[[1, 2, 4, 5, 7, 8]].sum(axis=0)[:, None]).all()


def test_a_false_alarm_and_a_miss_of_one_person_move_together() -> None:
    together = table_of([(8, 0), *[(4, 0)] * 3, *[(4, 1)] * 4], 2)
    alarms, misses = permuted_errors(together, 400, 5)
    assert (alarms == misses).all()
    assert 0 < alarms[0].sum() < 400
    apart = table_of([(7, 0), (5, 1), *[(4, 0)] * 3, *[(4, 1)] * 3], 2)
    alarms, misses = permuted_errors(apart, 400, 5)
    assert not (alarms == misses).all()


def test_labels_move_only_between_people_tested_alike() -> None:
    # One mated person in group 0, who is missed: nobody else has a mate to give the miss to.
    table = table_of([(5, 0), *[(3, 1)] * 9], 2)
    _, misses = permuted_errors(table, 200, 1)
    assert (misses == [[1], [0]]).all()


def test_the_stream_is_fixed() -> None:
    # Kept numbers: a report made today must replay under another NumPy.
    alarms, misses = permuted_errors(table_of(PEOPLE, 2), 8, permutation_seed("list", "cohort", "gender"))
    assert permutation_seed("list", "cohort", "gender") == SEED
    assert alarms[0].tolist() == ALARMS
    assert misses[0].tolist() == MISSES


def test_seeds_are_told_apart_and_fit_every_json_reader() -> None:
    seeds = {permutation_seed("a", "bc"), permutation_seed("ab", "c"), permutation_seed("a", "bc", "")}
    assert len(seeds) == 3
    assert all(0 <= seed < 2**53 for seed in seeds)


def test_groups_in_canonical_order_do_not_remember_their_names() -> None:
    table = np.random.default_rng(1).integers(0, 3, (KINDS, 7))
    mixed = table[:, [3, 1, 6, 0, 2, 5, 4]]
    assert (in_canonical_order(table) == in_canonical_order(mixed)).all()
    assert sorted(map(tuple, in_canonical_order(table).T.tolist())) == sorted(map(tuple, table.T.tolist()))


@pytest.mark.parametrize(("times", "seed"), [(0, 1), (5, -1)])
def test_impossible_requests_are_refused(times: int, seed: int) -> None:
    with pytest.raises(BadInput):
        permuted_errors(table_of(PEOPLE, 2), times, seed)
