import math
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.calibration.logistic import Values
from matcher.calibration.proper_scores import Block, cllr, min_cllr, pooled, reliability

V6_SCORES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.8, 0.9]
V6_LABELS = [0, 0, 1, 0, 0, 1, 1, 0, 1, 1]
V8_P = [0.1, 0.1, 0.3, 0.3, 0.3, 0.7, 0.7, 0.9, 0.9, 0.9]
V8_Y = [0, 0, 0, 1, 0, 1, 0, 1, 1, 1]


def classes(values: list[float], labels: list[int]) -> tuple[Values, Values]:
    by = [np.array([v for v, label in zip(values, labels, strict=True) if label == one]) for one in (1, 0)]
    return by[0], by[1]


def test_v6_pooled_shares_and_the_least_cllr() -> None:
    mated, nonmated = classes(V6_SCORES, V6_LABELS)
    blocks = pooled(mated, nonmated)
    shares = [block.mated / (block.mated + block.nonmated) for block in blocks]
    assert shares == pytest.approx([0.0, 1 / 3, 0.75, 1.0], abs=1e-9)
    assert [(block.low, block.high) for block in blocks] == [(0.1, 0.2), (0.3, 0.5), (0.6, 0.8), (0.9, 0.9)]
    ratios = [math.log(block.mated / block.nonmated) for block in blocks[1:-1]]  # five of each class
    assert ratios == pytest.approx([-0.6931471805599454, 1.0986122886681098], abs=1e-9)
    assert min_cllr(mated, nonmated) == pytest.approx(0.6, abs=1e-9)


def test_v6_with_one_misleading_person_at_each_end() -> None:
    mated, nonmated = classes([-math.inf, *V6_SCORES, math.inf], [1, *V6_LABELS, 0])
    blocks = pooled(mated, nonmated)
    assert math.log10(blocks[0].mated / blocks[0].nonmated) == pytest.approx(-0.3010299956639812, abs=1e-9)
    assert math.log10(blocks[-1].mated / blocks[-1].nonmated) == pytest.approx(0.3010299956639812, abs=1e-9)


def test_v7_cllr() -> None:
    mated, nonmated = np.log10([9, 3, 1 / 3]), np.log10([1 / 9, 1 / 3, 3])
    assert cllr(mated, nonmated) == pytest.approx(0.8556801975746313, abs=1e-9)
    assert min_cllr(mated.round(12), nonmated.round(12)) == pytest.approx(0.6666666666666666, abs=1e-9)
    assert cllr(np.zeros(3), np.zeros(7)) == pytest.approx(1.0, abs=1e-9)
    assert cllr(np.array([-math.inf, 1.0]), nonmated) == math.inf


def test_v8_corp() -> None:
    found = reliability(*classes(V8_P, V8_Y))
    assert found.brier == pytest.approx(0.13, abs=1e-9)
    assert found.miscalibration == pytest.approx(0.013333333333333308, abs=1e-9)
    assert found.discrimination == pytest.approx(0.13333333333333333, abs=1e-9)
    assert found.uncertainty == pytest.approx(0.25, abs=1e-9)
    assert [step.observed for step in found.steps] == pytest.approx([0, 1 / 3, 0.5, 1], abs=1e-9)
    assert found.brier == pytest.approx(found.miscalibration - found.discrimination + found.uncertainty, abs=1e-12)


def test_classes_weigh_one_half_whatever_their_numbers() -> None:
    few, many = np.array([0.2, 0.9]), np.array([0.1, 0.4, 0.9])
    twice = np.repeat(many, 50)
    assert cllr(few, many) == pytest.approx(cllr(few, twice), abs=1e-12)
    assert min_cllr(few, many) == pytest.approx(min_cllr(few, twice), abs=1e-12)
    assert reliability(few, many).brier == pytest.approx(reliability(few, twice).brier, abs=1e-12)


def test_one_value_for_all_is_one_block_and_says_nothing() -> None:
    same = np.full(4, 0.5)
    assert pooled(same, same) == (Block(0.5, 0.5, 4, 4),)
    assert min_cllr(same, same) == pytest.approx(1.0, abs=1e-12)


drawn = st.lists(st.integers(0, 6), min_size=1, max_size=6)


@given(drawn, drawn)
def test_no_rising_map_has_a_lower_cllr(mates: list[int], others: list[int]) -> None:
    mated, nonmated = np.array(mates), np.array(others)
    least = min_cllr(mated, nonmated)
    assert -1e-12 <= least <= 1 + 1e-12
    ladder = (-1.0, -0.3, 0.0, 0.4, 1.2)
    for low, middle, high in product(ladder, repeat=3):
        if low <= middle <= high:
            steps = np.array([low, low, low, middle, middle, high, high])
            assert cllr(steps[mated], steps[nonmated]) >= least - 1e-12


@given(drawn, drawn)
def test_blocks_rise_and_hold_everybody(mates: list[int], others: list[int]) -> None:
    blocks = pooled(np.array(mates), np.array(others))
    assert sum(block.mated for block in blocks) == len(mates)
    assert sum(block.nonmated for block in blocks) == len(others)
    for below, above in pairwise(blocks):
        assert below.high < above.low
        assert below.mated * above.nonmated < above.mated * below.nonmated
