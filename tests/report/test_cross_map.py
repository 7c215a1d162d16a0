"""The cross-group map: every pair once, small groups without numbers, blocks that say what they are."""

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from matcher.calibration.comparisons import ComparisonRates, MatchRate
from matcher.report.cross_map import DARKEST, NO_SHADE, ROWS, cross_maps, map_lines, shade


def rate(labels: tuple[str, str], k: int, n: int, people: tuple[int, int] = (50, 50)) -> MatchRate:
    reasons = () if n else (f"{labels[0]}: nobody with a template",)
    return MatchRate(
        "region", labels, people, people, k, n, k / n if n else None, None, None, None, None, 25, None, reasons
    )


def rates(names: list[str], counts: dict[tuple[str, str], tuple[int, int]] | None = None) -> ComparisonRates:
    everyone = MatchRate(
        None, ("all", "all"), (99, 99), (99, 99), 20, 20_000, 0.001, None, None, None, None, 49, None, ()
    )
    cells = [
        rate((one, other), *(counts or {}).get((one, other), (1, 2_500)))
        for at, other in enumerate(names)
        for one in names[: at + 1]
    ]
    return ComparisonRates(700_000, (everyone, *cells), (), 0, "")


def lines(found: ComparisonRates, width: int = 80) -> list[str]:
    (one,) = cross_maps(found)
    return list(map_lines(one, width))


def test_a_small_map_is_one_block_with_rates_counts_and_shades() -> None:
    counts = {("a", "a"): (1, 2_500), ("a", "b"): (0, 2_500), ("b", "b"): (30, 2_500)}
    shown = lines(rates(["a", "b"], counts))
    assert "region" in shown[0]
    assert shown[1].split() == ["1", "a", "2", "b"]
    assert shown[2].split() == ["1", "a", "░░", "0.04", "%"]
    assert shown[3].split() == ["1/2,500"]
    assert shown[4].split() == ["2", "b", "0", "%", "██", "1.2", "%"]
    assert shown[5].split() == ["0/2,500", "30/2,500"]
    assert "against everyone's 0.1 %" in " ".join(shown[6:])
    assert not any(line.startswith("row") for line in shown)


@pytest.mark.parametrize(
    ("rate_seen", "character"),
    [(0.0, NO_SHADE), (0.001, "░"), (0.0011, "▒"), (0.002, "▒"), (0.005, "▓"), (0.0051, "█")],
)
def test_a_shade_is_a_multiple_of_everyones_rate(rate_seen: float, character: str) -> None:
    assert shade(rate_seen, 0.001) == character


@given(st.floats(0, 1), st.floats(0, 1), st.floats(1e-6, 1))
def test_more_is_never_lighter(one: float, other: float, everyone: float) -> None:
    order = NO_SHADE + "░▒▓" + DARKEST
    low, high = sorted((one, other))
    assert order.index(shade(low, everyone)) <= order.index(shade(high, everyone))


def test_few_people_have_no_numbers_and_nobody_has_a_reason() -> None:
    found = rates(["a", "b"], {("a", "a"): (7, 123)})
    everyone, among, across, other = found.fmr
    small = rate(among.labels, 7, 123, (9, 9))
    empty = rate(("b", "b"), 0, 0, (0, 0))
    shown = lines(ComparisonRates(found.tau, (everyone, small, across, empty), (), 0, ""))
    assert shown[2].split() == ["1", "a", "few"]
    assert not any("7/123" in line for line in shown)
    assert shown[3].split() == ["2", "b", "░░", "0.04", "%", "undefined"]
    assert any("few: fewer than 10 people" in line for line in shown)
    assert shown[-1] == "undefined: b: nobody with a template."
    assert rate(other.labels, 7, 123, (10, 10)).people == (10, 10)
    assert "" not in shown
    at_ten = lines(
        ComparisonRates(found.tau, (everyone, rate(among.labels, 7, 123, (10, 10)), across, other), (), 0, "")
    )
    assert any("7/123" in line for line in at_ten)


@settings(max_examples=60)
@given(st.integers(1, 23), st.integers(60, 200))
def test_every_pair_is_shown_once_whatever_the_width(groups: int, width: int) -> None:
    names = [f"group{at:02d}" for at in range(groups)]
    pairs = [(names[one], names[other]) for other in range(groups) for one in range(other + 1)]
    counts = {pair: (at + 1, 100_000) for at, pair in enumerate(pairs)}
    shown = lines(rates(names, counts), width)
    assert max(cell_len(line) for line in shown) <= width
    told = [int(k.replace(",", "")) for line in shown for k in re.findall(r"([\d,]+)/100,000", line)]
    assert sorted(told) == list(range(1, len(pairs) + 1))


def test_many_groups_are_cut_into_blocks_that_say_what_they_are_and_fit_a_screen() -> None:
    names = [f"region{at:02d}" for at in range(14)]
    shown = lines(rates(names), 75)
    headings = [place for place, line in enumerate(shown) if line.startswith("row")]
    assert shown[headings[0]] == "rows 1-5 of 14, columns 1-5 of 14"
    assert shown[headings[-1]] == "rows 11-14 of 14, columns 11-14 of 14"
    for start, end in itertools.pairwise(headings):
        assert end - start <= 3 + 2 * ROWS
        columns = re.search(r"columns? (\d+)-(\d+)", shown[start])
        assert columns is not None
        assert shown[start + 1].split()[::2] == [str(at) for at in range(int(columns[1]), int(columns[2]) + 1)]


def test_labels_are_cut_and_harmless_and_still_tell_apart() -> None:
    evil = ["a very long region that does not end \x1b[2J", "a very long region that does not end \u202e[red]"]
    shown = lines(rates(evil), 70)
    assert max(cell_len(line) for line in shown) <= 70
    assert not any(character in line for line in shown for character in "\x1b\u202e\n")
    assert [line.split()[0] for line in (shown[2], shown[4])] == ["1", "2"]
    assert "\N{HORIZONTAL ELLIPSIS}" in shown[1]


def test_wide_letters_keep_columns_straight() -> None:
    shown = lines(rates(["山田", "b"]), 70)
    first, second = (cell_len(line[: re.search(r"[░▒▓█]", line).start()]) for line in (shown[2], shown[4]))  # type: ignore[union-attr]
    assert first == second


def test_nobody_taken_for_another_has_no_shade() -> None:
    found = rates(["a"], {("a", "a"): (0, 2_500)})
    nothing = MatchRate(None, ("all", "all"), (99, 99), (99, 99), 0, 20_000, 0.0, None, None, None, None, 49, None, ())
    shown = lines(ComparisonRates(found.tau, (nothing, *found.fmr[1:]), (), 0, ""))
    assert shown[2].split() == ["1", "a", "0", "%"]
    assert cross_maps(ComparisonRates(found.tau, (nothing,), (), 0, "")) == ()
