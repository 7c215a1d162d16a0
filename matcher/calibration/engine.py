"""Whether an approximate engine decides as the exact one does: every search of the cohort through both.

1. Searches are those of the calibration: of each person's probe against the list, and, of people with mates, against
   the list with their reference added. For the latter all references join the very index that would serve, which is not
   trained anew; of the others' references none counts.
2. A decision is who is named and with which score at the report's threshold. One decision that differs, in any group,
   and the engine cannot be certified.
3. An approximate engine only leaves people out, so where nobody was to be named it cannot be wrong: `named` counts the
   searches that could have shown something. A declared group in which no search for a listed person is one of them
   has tested nothing, whatever false alarms it had.
4. No difference in n searches bounds the rate of differences (Clopper-Pearson); it does not make it zero.
5. What was compared was compared at the report's threshold; at a higher one decisions may differ that did not here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from matcher.calibration.groups import Cell, Level
from matcher.calibration.intervals import Estimate, estimate
from matcher.calibration.trials import Mask, Outcomes
from matcher.domain.engine import engine_name
from matcher.domain.search import Hit
from matcher.domain.template import Millionths
from matcher.errors import InsufficientEvidence

Answers = Sequence[tuple[Hit, ...]]
_NAMED = 5  # groups named in a sentence
DECLARED = (Level.GROUP, Level.UNDECLARED)


@dataclass(frozen=True, slots=True)
class TwoAnswers:
    """What both engines answer, search by search: without mates in the order of the plan, then with mates."""

    exact: Answers
    approximate: Answers
    exact_mated: Answers
    approximate_mated: Answers


@dataclass(frozen=True, slots=True)
class TestedEngine:
    """An approximate index over the tested list, and its answers beside the exact ones at a threshold."""

    __test__ = False  # of pytest

    factory: str
    structure: str
    answers: Callable[[Millionths], TwoAnswers] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Differing(Estimate):
    """Decisions that differ in n searches, in `named` of which the exact engine names somebody."""

    named: int | None


@dataclass(frozen=True, slots=True)
class EngineCell:
    """One cell: searches for people who are not on the list, and for people who are."""

    key: dict[str, str]
    level: Level
    non_mated: Differing
    mated: Differing

    @property
    def cell(self) -> Cell:
        """Which cell."""
        return Cell(tuple(sorted(self.key.items())), self.level)


@dataclass(frozen=True, slots=True)
class EngineTrial:
    """Both engines on the whole cohort, cell by cell, everyone first; counts are None where there is no threshold."""

    factory: str
    structure: str
    cells: tuple[EngineCell, ...]

    @property
    def obstacles(self) -> tuple[str, ...]:
        """Why this engine cannot be certified."""
        told = (_obstacle(self.factory, one) for one in self.cells)
        return tuple(text for text in told if text is not None)

    @property
    def worst_upper95(self) -> float | None:
        """The highest upper bound of the rate of differing searches for listed people, over everyone and the groups.

        Of searches in which the exact engine names somebody: no other can differ.
        """
        rates = (one.mated for one in self.cells if one.level in (Level.ALL, Level.GROUP))
        bounds = (estimate(rate.k, rate.named).upper95 for rate in rates if rate.named)
        return max((bound for bound in bounds if bound is not None), default=None)


@dataclass(frozen=True, slots=True)
class CertifiedEngine:
    """An approximate engine that was shown to decide as the exact one. Raises InsufficientEvidence otherwise."""

    trial: EngineTrial

    def __post_init__(self) -> None:
        if not self.trial.cells or self.trial.cells[0].mated.k is None:
            raise InsufficientEvidence(f"engine {self.trial.factory} was not compared with the exact one")
        if self.trial.obstacles:
            raise InsufficientEvidence(self.trial.obstacles[0])

    @property
    def name(self) -> str:
        """What a certificate binds."""
        return engine_name(self.trial.factory, self.trial.structure)


def engine_trial(
    tested: TestedEngine, tau: Millionths | None, cells: Sequence[tuple[Cell, Mask]], outcomes: Outcomes
) -> EngineTrial:
    """The counts at `tau`; `cells` say which people (people,) are in each."""
    answers = None if tau is None else tested.answers(tau)
    alone = _spread(outcomes.completed, None if answers is None else (answers.exact, answers.approximate))
    mated = _spread(outcomes.mated, None if answers is None else (answers.exact_mated, answers.approximate_mated))
    return EngineTrial(
        tested.factory,
        tested.structure,
        tuple(
            EngineCell(
                dict(cell.key),
                cell.level,
                _differing(mask & outcomes.completed, alone),
                _differing(mask & outcomes.mated, mated),
            )
            for cell, mask in cells
        ),
    )


def engine_line(trial: EngineTrial) -> str:
    """What was found of everyone, as a sentence."""
    everyone = trial.cells[0]
    if everyone.non_mated.k is None or everyone.mated.k is None:
        return f"Engine {trial.factory}: not compared with the exact one, there is no threshold."
    k, n = everyone.non_mated.k + everyone.mated.k, everyone.non_mated.n + everyone.mated.n
    named = (everyone.non_mated.named or 0) + (everyone.mated.named or 0)
    return (
        f"Engine {trial.factory}: {k:,} of {n:,} decisions differ from the exact engine's, "
        f"which names somebody in {named:,} of these searches{_where(trial)}."
    )


def _where(trial: EngineTrial) -> str:
    """In which declared groups, the first few."""
    found = [one.cell.label for one in trial.cells if one.level in DECLARED and (one.non_mated.k or one.mated.k)]
    more = f"; and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return f": {'; '.join(found[:_NAMED])}{more}" if found else ""


_Masks = tuple[Mask, Mask]


def _spread(searched: Mask, answers: tuple[Answers, Answers] | None) -> _Masks | None:
    """Which people's decisions differ, and for whom the exact engine names somebody."""
    if answers is None:
        return None
    exact, approximate = answers
    differ, named = np.zeros(searched.shape, bool), np.zeros(searched.shape, bool)
    differ[searched] = [one != other for one, other in zip(exact, approximate, strict=True)]
    named[searched] = [bool(hits) for hits in exact]
    return differ, named


def _differing(searched: Mask, found: _Masks | None) -> Differing:
    n = int(searched.sum())
    rate = estimate(None if found is None else int((searched & found[0]).sum()), n)
    named = None if found is None else int((searched & found[1]).sum())
    return Differing(rate.k, rate.n, rate.rate, rate.cp95, rate.upper95, named)


def _obstacle(factory: str, one: EngineCell) -> str | None:
    alone, mated = one.non_mated, one.mated
    if one.level is Level.INTERSECTION or alone.k is None or mated.k is None:
        return None
    if alone.k or mated.k:
        return (
            f"{one.cell.label}: engine {factory} decides otherwise than the exact one in {alone.k} of {alone.n} "
            f"searches for people who are not on the list and in {mated.k} of {mated.n} for people who are"
        )
    if one.level is Level.GROUP and not mated.named:
        return f"{one.cell.label}: engine {factory} was not tested, no search for somebody who is listed names anybody"
    return None
