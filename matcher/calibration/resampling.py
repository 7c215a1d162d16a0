"""Intervals of the likelihood ratio over people drawn with replacement.

1. A person is drawn with both scores. Lines are fitted anew to every draw, on at most 128 columns of scores; Cllr
   weighs the cross-fitted answers anew.
2. 95 % percentile intervals; the caps are not drawn anew.
3. A draw without anybody of a class (2 in a thousand million where 20 people have one) counts the people as they are.
4. Draws come from the raw words of PCG64, whose stream NumPy promises to keep.
5. A hundred draws at a time, the same hundred whatever the number of threads, so that threads change no digit.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from matcher.calibration.logistic import Values
from matcher.calibration.proper_scores import costs
from matcher.calibration.scored import CellPeople, Columns, Places, Scored
from matcher.kernels.choice import Span
from matcher.kernels.threads import in_parallel, processors, spans

COLUMNS = 128
ENDS = (0.025, 0.975)
_DRAWS_AT_ONCE = 100  # times 3,300 people: 3 MB of counts


@dataclass(frozen=True, slots=True)
class Resampling:
    """How many draws of the people, and the seed of their numbers (below 2 ** 64)."""

    replicates: int
    seed: int


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """Cross-fitted log10 LR of each person's two scores, (people,) each."""

    mated: Values
    nonmated: Values


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """Ends of the intervals: of the least line at each z (2, z), and of Cllr in each cell not too small (2, cells)."""

    log10: Values
    cllr: Values


def drawn(scored: Scored, answers: Answers, z: Values, resampling: Resampling) -> Drawn:
    """The intervals at `z`."""
    columns = scored.binned(COLUMNS)
    bits = Answers(costs(answers.mated, True), costs(answers.nonmated, False))
    batches = spans(-(-resampling.replicates // _DRAWS_AT_ONCE), processors())
    parts = in_parallel(partial(_batches, scored, (columns, z), bits, resampling), batches)
    least, cllrs = zip(*(part for some in parts for part in some), strict=True)
    return Drawn(_ends(np.concatenate(least)), _ends(np.concatenate(cllrs)))


def _batches(
    scored: Scored, at: tuple[Columns, Values], bits: Answers, resampling: Resampling, batches: Span
) -> list[tuple[Values, Values]]:
    """Of each batch of draws the least line at each z (draws, z), and Cllr in each large cell (draws, cells)."""
    columns, z = at
    large = [cell for cell in scored.cells if not cell.few]
    found = []
    for counts in draws(len(scored.maxima), resampling, batches):
        weighed = _usable(counts, scored.everyone)
        least = np.minimum.reduce([line.at(z) for line in scored.lines(columns, weighed)])
        found.append((least, _cllrs(large, bits, weighed)))
    return found


def _usable(counts: Values, everyone: CellPeople) -> Values:
    """Rule 3."""
    mated, nonmated = (counts[:, who].any(axis=1, keepdims=True) for who in (everyone.mated, everyone.nonmated))
    return np.where(mated & nonmated, counts, 1.0)


def _cllrs(cells: Sequence[CellPeople], bits: Answers, counts: Values) -> Values:
    """(weightings, cells)."""
    columns = (_mean(counts, cell.mated, bits.mated) + _mean(counts, cell.nonmated, bits.nonmated) for cell in cells)
    return np.stack([column / 2 for column in columns], axis=1)


def _mean(counts: Values, who: Places, values: Values) -> Values:
    own, drawn_here = values[who], counts[:, who]
    people = drawn_here.sum(axis=1)
    return np.asarray(np.where(people > 0, drawn_here @ own / np.maximum(people, 1), own.mean()))


def draws(people: int, resampling: Resampling, batches: Span) -> Iterator[Values]:
    """How often each person is drawn, (draws, people), for each of these batches of a hundred draws."""
    first, end = (batch * _DRAWS_AT_ONCE for batch in batches)
    words = np.random.PCG64(resampling.seed).advance(first * people)
    for start in range(first, min(end, resampling.replicates), _DRAWS_AT_ONCE):
        rows = min(_DRAWS_AT_ONCE, resampling.replicates - start)
        # the high 32 bits times `people`, shifted back: a place below `people` (bias below people / 2 ** 32)
        places = (words.random_raw(rows * people) >> np.uint64(32)) * np.uint64(people) >> np.uint64(32)
        row = np.repeat(np.arange(rows, dtype=np.int64) * people, people)
        counts = np.bincount(row + places.astype(np.int64), minlength=rows * people)
        yield counts.reshape(rows, people).astype(np.float64)


def _ends(values: Values) -> Values:
    return np.asarray(np.quantile(values, ENDS, axis=0, method="inverted_cdf"))
