"""Approximate engines: tested beside the exact one, and opened only where they were.

1. To be tested, an engine is built from the revision that the report is about; people with mates are searched for in
   the same index, to which the references of all of them are added.
2. To be searched, it is built again from the sealed rows, after these were authenticated; what was built must be of the
   structure that was certified, or the certificate does not pass.
"""

from collections.abc import Sequence

import numpy as np

from matcher.calibration.engine import Answers, TestedEngine, TwoAnswers
from matcher.calibration.trials import TrialPlan, TrialScores
from matcher.domain.engine import EXACT, Factory, factory_from
from matcher.domain.ports import ApproximateEngine, Index, RowReader
from matcher.domain.revision import Screen
from matcher.domain.search import Hit
from matcher.domain.template import Floats, Millionths
from matcher.errors import Refused
from matcher.services.integrity import SearchedList
from matcher.services.workplace import Workplace

PROBES_AT_ONCE = 64


def opened_index(place: Workplace, engine: str, screen: Screen, rows: RowReader) -> Index:
    """The index of a sealed revision, by the engine of this name, which its report certifies. Raises Refused."""
    if engine == EXACT:
        return place.open_index(screen, rows)
    return _approximate(place).opened(factory_from(engine.partition(" ")[0]), screen, rows)


def tested_engine(
    place: Workplace, factory: Factory, searched: SearchedList, people: Floats, trials: tuple[TrialPlan, TrialScores]
) -> TestedEngine:
    """The engine over the tested list; `people` (n, d) are the templates of the cohort. Raises Refused, BadInput."""
    content, digest = searched.content, searched.digest
    made = _approximate(place).build(factory, content.templates, searched.owner, digest)
    plan, scores = trials
    references = people[np.array([reference for _, reference in plan.mated_rows()], dtype=np.int64)]
    first = len(searched.subjects)
    numbers = np.arange(first, first + len(references), dtype=np.int32)
    joined = made.joined(references, numbers) if len(references) else made

    def answers(tau: Millionths) -> TwoAnswers:
        alone = people[np.array(plan.probe_rows(), dtype=np.int64)]
        mated = people[np.array([probe for probe, _ in plan.mated_rows()], dtype=np.int64)]
        listed = _answers(searched.index, mated, tau)
        return TwoAnswers(
            _answers(searched.index, alone, tau),
            _answers(made, alone, tau),
            [_with_mate(*one, tau) for one in zip(listed, numbers.tolist(), scores.mates.tolist(), strict=True)],
            [
                tuple(hit for hit in hits if hit.subject < first or hit.subject == number)
                for hits, number in zip(_answers(joined, mated, tau), numbers.tolist(), strict=True)
            ],
        )

    return TestedEngine(factory.text, made.structure, answers)


def _approximate(place: Workplace) -> ApproximateEngine:
    if place.approximate is None:
        raise Refused("this place has no approximate engine: search with the exact one")
    return place.approximate


def _answers(index: Index, probes: Floats, tau: Millionths) -> Answers:
    starts = range(0, len(probes), PROBES_AT_ONCE)
    return [hits for at in starts for hits in index.at_or_above(probes[at : at + PROBES_AT_ONCE], tau).hits]


def _with_mate(hits: Sequence[Hit], number: int, score: Millionths, tau: Millionths) -> tuple[Hit, ...]:
    """The exact answer of the list with one person added."""
    every = [*hits, Hit(number, score)] if score >= tau else [*hits]
    return tuple(sorted(every, key=lambda hit: (-hit.score, hit.subject)))
