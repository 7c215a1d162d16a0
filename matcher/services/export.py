"""What an auditor takes away without any key: the log with its proofs, checkpoints, certificates, signed judgements.

1. For admins and auditors who are not reviewers too (`log_view.py`): the whole log tells alerts from known-answer
   items. The export is itself an entry, and a checkpoint of everything up to that entry is in it.
2. `uses.jsonl` records each use as Art. 12(3) of Regulation (EU) 2024/1689 (AI Act) asks for it: (a) start and end, (b)
   the reference database, (c) the input data that led to a match, (d) the natural persons who verified the result
   (Art. 14(5)). The input is told by digest and reference: no entry of the log, and nothing here, holds a face, a
   template, an identifier or a name of a listed person.
3. What an entry of an older release does not tell is null and says why beside it.
4. The public form counts uses by list, month and result and nothing else; only months that are over, each use in
   exactly one cell, no totals. A cell of 1 to 9 uses is null: it could be about somebody whom a reader knows.
5. Two passes over the log, entry by entry; the tree takes 64 bytes an entry.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, TextIO

from matcher.domain.checkpoint import Note, parse_note, verifier_key
from matcher.domain.events import Action, LogEntry, event
from matcher.domain.ids import utc_text
from matcher.domain.merkle import Tree
from matcher.domain.people import Role
from matcher.domain.tables import UnitOfWork
from matcher.errors import IntegrityError, Refused
from matcher.services.log_view import sees_all
from matcher.services.notary import LogNotary
from matcher.services.review_files import signed_bytes
from matcher.services.workplace import Session, refusals_logged

FORMAT = "watchlist-matcher/audit-export/v1"
FEWEST = 10  # uses in a cell of the public form
OLDER = "the release that logged this search did not record when it began"
HOW_SUPPRESSED = "null stands for 1 to 9 uses: they could be about somebody whom a reader knows"
_STEPS = frozenset({Action.JUDGED, Action.CORRECTED, Action.DISCLOSED, Action.FINISHED, Action.RECUSED})

Open = Callable[[str], AbstractContextManager[TextIO]]


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: entries of the log, uses, certificates, judgements; the checkpoint over all of it."""

    entries: int
    uses: int
    certificates: int
    judgements: int
    note: Note


@dataclass(slots=True)
class _Reviews:
    """What later entries say of each alert."""

    steps: dict[str, list[dict[str, str]]] = field(default_factory=lambda: defaultdict(list))
    results: dict[str, str] = field(default_factory=dict)

    def take(self, entry: LogEntry, details: dict[str, Any]) -> None:
        if entry.action in _STEPS:
            step = {"person": entry.actor, "step": entry.action.partition(".")[2], "time": utc_text(entry.time)}
            self.steps[details["alert"]].append(step)
        elif entry.action == Action.CONCLUDED:
            lead = "lead, two reviewers agree" if details["leads"] else "inconclusive"
            self.results[details["alert"]] = lead if details["leads"] or details["inconclusive"] else "not a lead"


def export_log(session: Session, notary: LogNotary, open_file: Open) -> Exported:
    """Writes the whole export. Raises MissingRole, Refused, IntegrityError."""
    note = _begin(session, notary, "audit")
    size = note.checkpoint.size
    with session.place.work(write=False) as work:
        tree, reviews = Tree(), _Reviews()
        with open_file("log.jsonl") as file:
            for entry in work.log.entries(limit=size):
                tree.append(bytes.fromhex(entry.hash))
                reviews.take(entry, json.loads(entry.details))
                file.write(_line(_entry(entry)))
        if tree.root() != note.checkpoint.root:
            raise IntegrityError("the log is not what its newest checkpoint is of: run `matcher audit verify`")
        _checkpoints(work, open_file, tree, note)
        with open_file("uses.jsonl") as file:
            uses = sum(_write(file, use) for use in _uses(work, size, reviews, tree))
        certificates = _certificates(work, open_file)
        judgements = _judgements(work, open_file)
    return Exported(size, uses, certificates, judgements, note)


def export_public(session: Session, notary: LogNotary, open_file: Open) -> Exported:
    """Writes the public form. Raises MissingRole, Refused, IntegrityError."""
    note = _begin(session, notary, "public")
    this_month = utc_text(session.place.clock())[:7]
    cells: Counter[tuple[str, str, str]] = Counter()
    with session.place.work(write=False) as work:
        reviews = _Reviews()
        for entry in work.log.entries(limit=note.checkpoint.size):
            reviews.take(entry, json.loads(entry.details))
        for entry in _searches(work, note.checkpoint.size):
            month = utc_text(entry.time)[:7]
            if month < this_month:
                details = json.loads(entry.details)
                cells[details["list"], month, _result(details, reviews)] += 1
    rows = [
        {"list": one, "month": month, "result": result, "uses": count if count >= FEWEST else None}
        for (one, month, result), count in sorted(cells.items())
    ]
    facts = {"format": FORMAT, "form": "public", "checkpoint": note.text(), "cells": rows, "suppressed": HOW_SUPPRESSED}
    with open_file("public.json") as file:
        file.write(json.dumps(facts, indent=2) + "\n")
    return Exported(note.checkpoint.size, sum(cells.values()), 0, 0, note)


def _begin(session: Session, notary: LogNotary, form: str) -> Note:
    """Rule 1."""
    with refusals_logged(session, "audit.export", form):
        session.user.require(Role.ADMIN, Role.AUDITOR)
        if not sees_all(session.user):
            raise Refused("who may judge does not read the whole log: ask an auditor who is no reviewer")
    with session.place.work() as work:
        work.log.append(event(Action.LOG_EXPORTED, session.user.name, form=form))
        work.commit()
    return notary.checkpoint(session.place.work)


def _entry(entry: LogEntry) -> dict[str, Any]:
    names = ("sequence", "actor", "account", "terminal", "action", "details", "previous", "hash")
    return {name: getattr(entry, name) for name in names} | {"time": utc_text(entry.time)}


def _checkpoints(work: UnitOfWork, open_file: Open, tree: Tree, last: Note) -> None:
    """Every signed checkpoint, with the proof that the last one's tree begins with its own."""
    with open_file("checkpoints.jsonl") as file:
        for kept in work.checkpoints.all():
            if kept.size > tree.size:
                return
            note = parse_note(kept.note, "a checkpoint of the home")
            proof = [step.hex() for step in tree.consistency(note.checkpoint.size)]
            file.write(_line({"note": note.text(), "consistency_proof": proof}))
    key = last.signatures[0]
    with open_file("export.json") as file:
        named = {verifier_key(key[0], kept.log_key) for kept in work.checkpoints.all()}
        facts = {"format": FORMAT, "form": "audit", "checkpoint": last.text(), "log_keys": sorted(named)}
        file.write(json.dumps(facts, indent=2) + "\n")


def _searches(work: UnitOfWork, size: int) -> Iterator[LogEntry]:
    return (entry for entry in work.log.entries(limit=size) if entry.action == Action.SEARCHED)


def _uses(work: UnitOfWork, size: int, reviews: _Reviews, tree: Tree) -> Iterator[dict[str, Any]]:
    for entry in _searches(work, size):
        details = json.loads(entry.details)
        alert = details["alert"]
        began = details.get("began")
        matched = None
        if alert is not None:
            matched = {"alert": alert, "sha256": details["fingerprint"], "candidates": details["candidates"]}
        yield {
            "art_12_3_a": {"start": began, "end": utc_text(entry.time), "why_no_start": None if began else OLDER},
            "art_12_3_b": {name: details[name] for name in ("list", "list_digest", "certificate")},
            "art_12_3_c": matched,
            "art_12_3_d": [] if alert is None else reviews.steps[alert],
            "submitted_by": entry.actor,
            "case": details["case"],
            "reason": details["reason"],
            "result": _result(details, reviews),
            "entry": entry.sequence,
            "inclusion_proof": [step.hex() for step in tree.inclusion(entry.sequence - 1)],
        }


def _result(details: dict[str, Any], reviews: _Reviews) -> str:
    if details["alert"] is None:
        return "no candidate"
    return reviews.results.get(details["alert"], "not concluded")


def _certificates(work: UnitOfWork, open_file: Open) -> int:
    count, reports = 0, set()
    with open_file("certificates.jsonl") as file:
        for one in work.lists.certificates():
            digest = one.terms.binding.report_digest
            stored = work.reports.get(digest)
            if stored is None:
                raise IntegrityError("the report behind a certificate is missing: restore a backup")
            facts = {"digest": one.digest(), "signed": one.terms.signed_bytes().decode(), "key": one.approver_key.hex()}
            count += _write(file, facts | {"signature": one.signature.hex(), "report": digest})
            if digest not in reports:
                reports.add(digest)
                with open_file(f"report-{digest}.json") as body:
                    body.write(stored.body.decode())
    return count


def _judgements(work: UnitOfWork, open_file: Open) -> int:
    count = 0
    with open_file("judgements.jsonl") as file:
        for line in [*work.alerts.lines(), *work.alerts.known_lines()]:
            for one in work.alerts.judgements(line.alert_id):
                message = signed_bytes(one.alert_id, one.reviewer, one.judgement, utc_text(one.made_at))
                facts = {"alert": one.alert_id, "reviewer": one.reviewer, "signed": message.decode()}
                digest = hashlib.sha256(message).hexdigest()
                count += _write(file, facts | {"signature": one.signature.hex(), "digest": digest})
    return count


def _write(file: TextIO, facts: dict[str, Any]) -> int:
    file.write(_line(facts))
    return 1


def _line(facts: dict[str, Any]) -> str:
    return json.dumps(facts, sort_keys=True, separators=(",", ":")) + "\n"
