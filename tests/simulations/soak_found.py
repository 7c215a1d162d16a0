"""What a soak came to: notes of the terminals against tables, log and the index of one machine.

1. An alert that was acknowledged is in the database once, under its case, with the candidates, scores and ranks that
   one machine finds; one that was not acknowledged (its terminal was killed in between) is whole too, or not there.
2. A search that was acknowledged is in the log, in its place among those of its case. At most one more of the case is.
3. A judgement that was acknowledged is in the table as it was said; so is the end of a review.
4. Nobody is a lead without the newest *same* of two different people, and nobody on whom the two disagree.
5. When the reviewers are left alone, every claim of a killed one returns: only what they disagree on is left.
6. A search that was not answered ended with exit code 5; no terminal ended by itself or went silent.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from matcher.cli.exit_codes import ExitCode
from matcher.domain.case import Verdict
from matcher.domain.events import Action, LogEntry
from matcher.domain.records import AlertRecord, SignedJudgement
from matcher.kernels import normalise
from matcher.services.audit import verify
from matcher.services.outcomes import outcomes
from matcher.services.search import OpenedList, open_list
from matcher.services.workplace import Workplace, sign_in
from matcher.store.unit_of_work import Store
from tests.services.world import DIM, PASSPHRASE
from tests.simulations.eight_workers import Step, _beside

Notes = Mapping[str, Sequence[dict[str, Any]]]
Candidates = list[tuple[str, int, int]]


@dataclass(frozen=True)
class Found:
    """Counts of one run. What must be nothing comes last."""

    minutes: float
    killed: dict[str, int]
    searches: int
    alerts: int
    exit_5: int
    exit_5_opening: int
    longest_search_s: float
    longest_exit_5_s: float
    judgements: int
    leads: int
    disputed: int
    claims_returned: int
    entries: int
    searches_lost: int
    alerts_lost: int
    alerts_doubled: int
    wrong_answers: int
    judgements_lost: int
    reviews_lost: int
    leads_without_two: int
    acted_beside_a_claim: int
    stuck: int
    other_ends: tuple[str, ...]

    @property
    def whole(self) -> bool:
        bad = (self.searches_lost, self.alerts_lost, self.alerts_doubled, self.wrong_answers, self.judgements_lost)
        return not any((*bad, self.reviews_lost, self.leads_without_two, self.acted_beside_a_claim, self.stuck)) and (
            not self.other_ends
        )


@dataclass(frozen=True)
class Stored:
    """What the database holds."""

    entries: list[LogEntry]
    alerts: list[AlertRecord]
    judgements: dict[str, list[SignedJudgement]]
    finished: set[tuple[str, str]]
    leads: list[tuple[str, str]]


def judged(
    opened: Callable[[], tuple[Workplace, Store]],
    notes: Notes,
    ended: tuple[float, Mapping[str, Any]],
    steps: Sequence[Step],
    silence: float,
) -> Found:
    """Raises IntegrityError where the log does not verify."""
    place, store = opened()
    verified = verify(place, lambda *_: None)
    boss = sign_in(place, "boss", PASSPHRASE)
    one_machine = open_list(boss, "missing")
    stored = _stored(place, boss.vault)
    found = outcomes(place, None, None)
    store.close()
    every = [note for some in notes.values() for note in some]
    answered = [note for note in every if "probe" in note]
    five = [note for note in every if note.get("exit") == ExitCode.NOT_ACTIVE]
    other = [f"exit {note['exit']}: {note['said']}" for note in every if note.get("exit", 5) != ExitCode.NOT_ACTIVE]
    beside, returned = _beside(steps)
    disputed = {one.alert_id for one in found.disputed}
    minutes, facts = ended
    return Found(
        minutes=minutes,
        killed=facts["killed"],
        searches=len(answered),
        alerts=sum(note["alerts"] for note in answered),
        exit_5=sum(note["took"] is not None for note in five),
        exit_5_opening=sum(note["took"] is None for note in five),
        longest_search_s=_longest(answered),
        longest_exit_5_s=_longest(five),
        judgements=sum("judged" in note for note in every),
        leads=len(stored.leads),
        disputed=len(disputed),
        claims_returned=returned,
        entries=verified.entries,
        searches_lost=_searches_lost(answered, stored),
        alerts_lost=_alerts_lost(answered, stored),
        alerts_doubled=len(stored.alerts) - len({one.probe for one in stored.alerts}),
        wrong_answers=_wrong(answered, stored, one_machine),
        judgements_lost=_judgements_lost(notes, stored),
        reviews_lost=sum("finished" in one and (one["alert"], who) not in stored.finished for who, one in _by(notes)),
        leads_without_two=_without_two(stored, disputed),
        acted_beside_a_claim=beside,
        stuck=(0 if facts["drained"] else found.waiting - len(disputed)) + _silent(notes, silence),
        other_ends=tuple(sorted(set(other))) + tuple(facts["died"]),
    )


def _stored(place: Workplace, vault: Any) -> Stored:
    with place.work(write=False) as work:
        ids = [line.alert_id for line in work.alerts.lines()]
        read = [work.alerts.get(vault, one) for one in ids]
        return Stored(
            entries=list(work.log.entries()),
            alerts=[alert for alert in read if alert is not None],
            judgements={one: list(work.alerts.judgements(one)) for one in ids},
            finished={(one, p.reviewer) for one in ids for p in work.alerts.progress(one) if p.finished_at is not None},
            leads=[(lead.alert_id, lead.candidate_id) for lead in work.alerts.leads()],
        )


def _by(notes: Notes) -> list[tuple[str, dict[str, Any]]]:
    return [(who, note) for who, some in notes.items() for note in some]


def _longest(notes: Sequence[Mapping[str, Any]]) -> float:
    return round(max((note["took"] for note in notes if note["took"] is not None), default=0.0), 2)


def _logged(stored: Stored) -> dict[str, list[int]]:
    """How many candidates each search of a case had, in order."""
    logged: dict[str, list[int]] = defaultdict(list)
    for entry in stored.entries:
        if entry.action == Action.SEARCHED:
            details = json.loads(entry.details)
            logged[details["case"]].append(int(details["candidates"]))
    return logged


def _searches_lost(answered: Sequence[Mapping[str, Any]], stored: Stored) -> int:
    """Acknowledged searches that the log lacks, and searches of the log that nobody made."""
    noted, logged = Counter(note["case"] for note in answered), _logged(stored)
    missing = sum(max(0, count - len(logged[case])) for case, count in noted.items())
    return missing + sum(max(0, len(found) - noted[case] - 1) for case, found in logged.items())


def _alerts_lost(answered: Sequence[Mapping[str, Any]], stored: Stored) -> int:
    held = {(one.case, one.probe.hex()) for one in stored.alerts}
    return sum(note["alerts"] != ((note["case"], note["probe"]) in held) for note in answered)


def _wrong(answered: Sequence[Mapping[str, Any]], stored: Stored, opened: OpenedList) -> int:
    """Answers that are not those of one machine: of what was acknowledged, of what was logged, of every alert."""
    found = {note["probe"]: _one_machine(opened, bytes.fromhex(note["probe"])) for note in answered}
    wrong: int = sum(note["alerts"] != bool(found[note["probe"]]) for note in answered)
    logged = _logged(stored)
    for case in {note["case"] for note in answered}:
        ours = [len(found[note["probe"]]) for note in answered if note["case"] == case]
        wrong += sum(one != other for one, other in zip(ours, logged[case], strict=False))
    for alert in stored.alerts:
        held = [(one.subject_id, one.score, one.rank) for one in alert.candidates]
        wrong += held != _one_machine(opened, alert.probe)
    return wrong


def _one_machine(opened: OpenedList, probe: bytes) -> Candidates:
    template = normalise(np.frombuffer(probe, np.float32).reshape(1, DIM))
    (hits,) = opened.index.at_or_above(template, opened.certificate.threshold).hits
    return [(opened.subjects[hit.subject], hit.score, rank) for rank, hit in enumerate(hits, start=1)]


def _judgements_lost(notes: Notes, stored: Stored) -> int:
    held = Counter(
        (alert, one.reviewer, one.judgement.candidate_id, one.judgement.verdict.value, one.judgement.seconds)
        for alert, some in stored.judgements.items()
        for one in some
    )
    return sum(held[note["alert"], who, *note["judged"]] != 1 for who, note in _by(notes) if "judged" in note)


def _without_two(stored: Stored, disputed: set[str]) -> int:
    """Leads, and conclusions that name one, without two people whose newest judgement is *same*."""
    alone = 0
    for alert, candidate in stored.leads:
        newest = {
            one.reviewer: one.judgement.verdict
            for one in stored.judgements[alert]
            if one.judgement.candidate_id == candidate
        }
        alone += alert in disputed or sum(verdict is Verdict.SAME for verdict in newest.values()) < 2
    leads = {alert for alert, _ in stored.leads}
    for entry in stored.entries:
        if entry.action == Action.CONCLUDED:
            details = json.loads(entry.details)
            people = set(details["reviewers"].split(","))
            alone += bool(details["leads"]) and (len(people) < 2 or details["alert"] not in leads)
    return alone


def _silent(notes: Notes, most: float) -> int:
    """Submitters who were silent for too long, whatever was killed meanwhile."""
    silent = 0
    for some in notes.values():
        if any("case" in note for note in some):
            times = [note["at"] for note in some]
            silent += any(after - before > most for before, after in pairwise(times))
    return silent
