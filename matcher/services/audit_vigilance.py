"""Vigilance played again: items, results and suspensions are the log's, and follow from what was said.

1. The items and their sealed answers are those that searches logged.
2. A result is what its reviewer's signed judgements say, given the mate that the log names.
3. A suspension follows from the results and the policy, and none that does is missing. Restorings are those of the log.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from matcher.calibration.vigilance import fallen
from matcher.domain.case import Verdict
from matcher.domain.events import Action, LogEntry
from matcher.domain.ids import utc_text
from matcher.domain.tables import UnitOfWork
from matcher.domain.vigilance import Result, Right, said_of
from matcher.errors import IntegrityError
from matcher.services.vigilance import floors_of, since_restored


@dataclass(slots=True)
class VigilanceFacts:
    """What the log knows: digests of answers by item, and by reviewer results and changes of the right to judge."""

    answers: dict[str, str] = field(default_factory=dict)
    results: dict[str, list[tuple[str, str | None, str, str]]] = field(default_factory=lambda: defaultdict(list))
    rights: dict[str, list[tuple[bool, str | None, str, int]]] = field(default_factory=lambda: defaultdict(list))

    def play(self, entry: LogEntry, details: dict[str, Any]) -> None:
        """Plays a result, a suspension or a restoring."""
        if entry.action == Action.KNOWN_JUDGED:
            made = (details["alert"], details["mate"], details["said"], details["at"])
            self.results[entry.actor].append(made)
            return
        taken = entry.action == Action.REVIEWER_SUSPENDED
        by = None if taken else entry.actor
        self.rights[details["reviewer"]].append((taken, by, details["reason"], details["results"]))


def check_vigilance(work: UnitOfWork, facts: VigilanceFacts) -> None:
    """Raises IntegrityError naming the first thing that is wrong."""
    _same(dict(work.vigilance.items()), facts.answers, "known-answer items")
    names = {user.name for user in work.users.all()} | set(facts.results) | set(facts.rights)
    for name in sorted(names):
        results, rights = work.vigilance.results(name), work.vigilance.rights(name)
        tables = [(one.alert_id, one.mate, one.said.value, utc_text(one.judged_at)) for one in results]
        _same(tables, facts.results.get(name, []), f"known-answer results of {name}")
        changes = [(one.suspended, one.by, one.reason, one.results) for one in rights]
        _same(changes, facts.rights.get(name, []), f"right to judge of {name}")
        for one in results:
            _check_result(work, one)
        _check_floors(work, list(results), list(rights))


def _check_result(work: UnitOfWork, result: Result) -> None:
    verdicts: dict[str, Verdict] = {}
    for signed in work.alerts.judgements(result.alert_id):
        if signed.reviewer == result.reviewer:
            verdicts[signed.judgement.candidate_id] = signed.judgement.verdict
    line = work.alerts.line(result.alert_id)
    whole = line is not None and set(verdicts) == set(line.candidate_ids)
    if not whole or said_of(result.mate, verdicts) is not result.said:
        raise IntegrityError(f"a known-answer result of {result.reviewer} does not follow from what they said")


def _check_floors(work: UnitOfWork, results: list[Result], rights: list[Right]) -> None:
    """Every suspension where it is due, and nowhere else."""
    due, played = [], []
    for result in results:
        played = [right for right in rights if right.results < result.number]
        if played and played[-1].suspended:
            continue  # an alert that was judged before its reviewer was suspended
        line = work.alerts.line(result.alert_id)
        if line is None:
            raise IntegrityError("a known-answer item is missing: restore a backup")
        fall = fallen(results[since_restored(played) : result.number], floors_of(work, line.policy_digest))
        if fall is not None:
            due.append((result.number, fall.reason))
    if due != [(one.results, one.reason) for one in rights if one.suspended]:
        raise IntegrityError("the suspensions from judging do not follow from the known-answer results in the log")


def _same(table: object, log: object, what: str) -> None:
    if table != log:
        raise IntegrityError(f"the {what}: the tables say something else than the log; the tables were altered")
