"""The cross-group map in text: false matches (FMR) between people of every two groups of a column.

1. On the diagonal people of one group are compared with each other, below it people of two groups; scores are
   symmetric, so above it there is nothing.
2. A cell has its rate and k/n; how dark its shade is says how many times everyone's rate it is. A shade is what was
   seen and no evidence: that is in the report's sentences about groups against each other.
3. A cell with fewer than FEWEST people on a side is `few`, without numbers; one without a comparison is undefined, and
   why stands below.
4. What is wider or longer than a screen is cut into blocks that each have their heads and say which rows and columns
   they are. Rows and columns have numbers, so a label that is cut cannot be taken for another.
"""

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from matcher.calibration.comparisons import ComparisonRates, MatchRate
from matcher.calibration.groups import FEWEST
from matcher.report.console import folded, line_of, width_of
from matcher.report.wording import share
from matcher.review.safe_text import safe_display

SHADES = ((1.0, "░"), (2.0, "▒"), (5.0, "▓"))
DARKEST, NO_SHADE = "█", " "
ROWS = 6  # with two lines each and two of heads they stand between head and signature of a screen of 24 rows
MOST_LABEL, GAP = 18, 2
_KINDS = "{0}{0} up to it, {1}{1} up to 2 times, {2}{2} up to 5 times, {3}{3} more; no shade: none".format(
    *(dark for _, dark in SHADES), DARKEST
)


@dataclass(frozen=True, slots=True)
class CrossMap:
    """One column: its labels, the rate of each (row, column) of them, row >= column, and everyone's rate."""

    column: str
    labels: tuple[str, ...]
    rates: Mapping[tuple[int, int], MatchRate] = field(repr=False)
    everyone: float | None


def cross_maps(rates: ComparisonRates) -> tuple[CrossMap, ...]:
    """One map a column, in order of their names."""
    everyone = next(rate.rate for rate in rates.fmr if rate.column is None)
    return tuple(
        _map(column, [rate for rate in rates.fmr if rate.column == column], everyone)
        for column in sorted({rate.column for rate in rates.fmr if rate.column is not None})
    )


def map_lines(found: CrossMap, width: int) -> tuple[str, ...]:
    """The map in lines of at most `width` (>= 60) cells."""
    title = f"who is taken for whom, by {safe_display(found.column, 40)} (FMR)"
    blocks = (line for block in _blocks(found, width) for line in _block(found, block))
    below = itertools.chain(_legend(found), _reasons(found))
    return (*folded(title, width), *blocks, *(line for text in below for line in folded(text, width)))


def shade(rate: float, everyone: float) -> str:
    """The character for a rate, against everyone's."""
    if rate == 0:
        return NO_SHADE
    return next((dark for times, dark in SHADES if rate <= times * everyone), DARKEST)


@dataclass(frozen=True, slots=True)
class _Block:
    """Rows and columns that stand together, and the cells that a label and a column take."""

    rows: range
    columns: range
    label: int
    cell: int
    whole: bool


def _map(column: str, rates: list[MatchRate], everyone: float | None) -> CrossMap:
    labels = tuple(sorted({label for rate in rates for label in rate.labels}))
    places = {label: place for place, label in enumerate(labels)}
    by_place = {}
    for rate in rates:
        low, high = sorted(places[label] for label in rate.labels)
        by_place[high, low] = rate
    return CrossMap(column, labels, by_place, everyone)


def _blocks(found: CrossMap, width: int) -> Iterator[_Block]:
    many = len(found.labels)
    label = min(MOST_LABEL, max(width_of(_head(found, place)) for place in range(many)))
    cell = max(width_of(text) for rate in found.rates.values() for text in _cell(rate, found.everyone))
    across = _even(many, max(1, (width - label) // (cell + GAP)))
    down = _even(many, ROWS)
    for left in range(0, many, across):
        for top in range(left, many, down):
            rows, columns = range(top, min(top + down, many)), range(left, min(left + across, many))
            yield _Block(rows, columns, label, cell, many <= min(across, down))


def _even(many: int, most: int) -> int:
    """How many to a block, at most so many, so that no block is much smaller than the others."""
    return math.ceil(many / math.ceil(many / most))


def _block(found: CrossMap, block: _Block) -> Iterator[str]:
    many, gap = len(found.labels), " " * GAP
    if not block.whole:
        yield from [""] if (block.rows[0], block.columns[0]) != (0, 0) else []
        yield f"{_span('row', block.rows)} of {many}, {_span('column', block.columns)} of {many}"
    heads = (line_of(_head(found, place), block.cell) for place in block.columns)
    yield gap.join([" " * block.label, *heads]).rstrip()
    for row in block.rows:
        cells = [_cell(found.rates[row, column], found.everyone) for column in block.columns if column <= row]
        for name, texts in zip((_head(found, row), ""), zip(*cells, strict=True), strict=True):
            if any((name, *texts)):
                yield gap.join([line_of(name, block.label), *(line_of(text, block.cell) for text in texts)]).rstrip()


def _cell(rate: MatchRate, everyone: float | None) -> tuple[str, str]:
    if rate.rate is None or everyone is None:
        return "undefined", ""
    if min(rate.people) < FEWEST:
        return "few", ""
    return f"{shade(rate.rate, everyone) * 2} {share(rate.rate)}", f"   {rate.k:,}/{rate.n:,}"


def _legend(found: CrossMap) -> Iterator[str]:
    yield f"against everyone's {share(found.everyone)}: {_KINDS}. What was seen, not what is shown to differ."
    if any(_cell(rate, found.everyone)[0] == "few" for rate in found.rates.values()):
        yield f"few: fewer than {FEWEST} people on a side, not shown."


def _reasons(found: CrossMap) -> Iterator[str]:
    said = ("; ".join(rate.reasons) for rate in found.rates.values() if rate.rate is None)
    yield from dict.fromkeys(f"undefined: {reasons}." for reasons in said)


def _head(found: CrossMap, place: int) -> str:
    return f"{place + 1} {found.labels[place]}"


def _span(what: str, places: range) -> str:
    first, last = places[0] + 1, places[-1] + 1
    return f"{what} {first}" if first == last else f"{what}s {first}-{last}"
