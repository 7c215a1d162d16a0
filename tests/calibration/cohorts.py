"""Small cohorts for the tests: people with made-up scores, and the calibration of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from matcher.calibration.adjudication import adjudicate, persons_of
from matcher.calibration.at_threshold import CohortTemplates
from matcher.calibration.calibrate import CalibrationInputs, CohortFacts, ListFacts, PolicyFacts, calibrate
from matcher.calibration.pairs import FoundPairs
from matcher.calibration.report import Report
from matcher.calibration.resolutions import Resolutions, Ruling
from matcher.calibration.trials import CohortItem, CohortMember, TrialScores, plan_trials
from matcher.domain.rejection import Reason
from matcher.domain.revision import Pairs

COHORT = "c0" * 32
MODEL = "embedder@aa|unseen|unseen|r0|128"


@dataclass(frozen=True)
class Sample:
    """One sample: digest, best score against the list (None: rejected for `reason`), score with its person's others."""

    digest: str
    maximum: int | None
    mate: int = 900_000
    session: str | None = None
    reason: Reason = Reason.NO_FACE


@dataclass(frozen=True)
class Somebody:
    subject: str
    labels: Pairs
    samples: tuple[Sample, ...]


def people(maxima: Sequence[int], prefix: str = "p", mates: int | None = None, **labels: str) -> list[Somebody]:
    """One person per maximum, with these labels; with a second sample at this mate score where one is given."""
    pairs = tuple(sorted(labels.items()))
    made = []
    for number, maximum in enumerate(maxima):
        name = f"{prefix}{number}"
        second = () if mates is None else (Sample(f"{name}-2", maximum, mates),)
        made.append(Somebody(name, pairs, (Sample(f"{name}-1", maximum, 0 if mates is None else mates), *second)))
    return made


def report_of(
    cohort: Sequence[Somebody],
    *,
    alpha: float = 0.05,
    delta: float = 0.05,
    columns: tuple[str, ...] = ("gender",),
    tau: int | None = None,
    attempt: int = 1,
    searches: int = 1,
    required: tuple[tuple[str, tuple[str, ...]], ...] = (),
    shipped: bool = False,
    model: str = MODEL,
    same_quality: bool = True,
    replicates: int = 40,
    listed: tuple[int, ...] = (),
    pairs: Sequence[tuple[int, int, int]] = (),
    ruled: Mapping[tuple[str, str], Ruling] | None = None,
    templates: CohortTemplates | None = None,
) -> Report:
    """The report of a cohort whose template rows are numbered in the order they are written down.

    `pairs` are (number, number, score) of people in the order of their subject ids, whose handles are their numbers.
    """
    rows: list[Sample] = []
    members = []
    for person in cohort:
        items = []
        for sample in person.samples:
            usable = sample.maximum is not None
            reason = None if usable else sample.reason
            items.append(CohortItem(sample.digest, len(rows) if usable else None, sample.session, reason))
            rows += [sample] if usable else []
        members.append(CohortMember(person.subject, tuple(items), person.labels))
    plan = plan_trials(COHORT, members, frozenset())
    handles = [f"{place:012x}" for place in range(len(members))]
    persons = persons_of(COHORT, members, plan, handles)
    maxima = np.array([rows[row].maximum for row in plan.probe_rows()], dtype=np.int32)
    mates = np.array([min(rows[a].mate, rows[b].mate) for a, b in plan.mated_rows()], dtype=np.int32)
    found = FoundPairs(*np.array(pairs, dtype=np.int32).reshape(-1, 3).T)
    trials = adjudicate(persons, plan, TrialScores(maxima, mates), found, Resolutions(ruled or {}))
    return calibrate(
        CalibrationInputs(
            list=ListFacts("harbour", "11" * 32, max(100, len(listed)), searches),
            cohort=CohortFacts("volunteers", "the harbour office", COHORT, same_quality, shipped),
            policy=PolicyFacts("22" * 32, alpha, delta, required),
            model=model,
            columns=columns,
            tau=tau,
            attempt=attempt,
            plan=trials.plan,
            scores=trials.scores,
            adjudication=trials.record,
            listed_maxima=listed,
            replicates=replicates,
            permutations=99,
            templates=templates,
        )
    )
