"""The log played again: what the tables must say if nobody wrote to them but this program."""

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from matcher.domain.events import FIRST_REFUSALS, Action, LogEntry, Refusal
from matcher.errors import IntegrityError
from matcher.services.audit_erasure import ErasureFacts
from matcher.services.audit_vigilance import VigilanceFacts
from matcher.services.audit_watch import WatchFacts

Details = dict[str, Any]
LOAD_FACTS = ("model", "loaders", "quality", "touchstone", "digest", "subjects", "templates", "rejected_in_all")
NO_RECORD = hashlib.sha256(b"").hexdigest()  # what is left of the wrapped keys of somebody who was removed


@dataclass(slots=True)
class PersonFacts:
    """A user as the log knows them."""

    roles: str
    key: str
    record: str
    suspended: bool = False


@dataclass(slots=True)
class CollectionFacts:
    """A list or cohort as the log knows it; `loads` holds, by number, who and what was loaded."""

    terms: str
    created: tuple[str, str]  # by whom, when
    loads: dict[int, tuple[str | int, ...]] = field(default_factory=dict)
    report: str | None = None
    certificate: str | None = None
    certificates: set[str] = field(default_factory=set)
    derived: set[tuple[str, str]] = field(default_factory=set)  # digest of a list, and of the tested one it is part of
    stopped: tuple[str, str] | None = None  # by whom, why
    refuted: bool = False  # stopped by the count of rejections, which no other stop replaces
    retired: bool = False

    def digests(self) -> set[str | int]:
        """Of everything it ever held."""
        return {load[LOAD_FACTS.index("digest") + 1] for load in self.loads.values()}


@dataclass(slots=True)
class AlertFacts:
    """An alert as the log knows it."""

    list_name: str
    fingerprint: str
    judgements: list[tuple[str, str, str]] = field(default_factory=list)  # reviewer, candidate, digest
    corrections: list[tuple[str, str, str]] = field(default_factory=list)
    steps: set[tuple[str, str]] = field(default_factory=set)  # reviewer, step
    seats: dict[str, set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))
    leads: set[str] = field(default_factory=set)
    rejected: bool | None = None
    closed: bool = False


@dataclass(slots=True)
class Replay:
    """Everything the log says of the home, its people, lists, cohorts, searches and alerts."""

    people: dict[str, PersonFacts] = field(default_factory=dict)
    lists: dict[str, CollectionFacts] = field(default_factory=dict)
    cohorts: dict[str, CollectionFacts] = field(default_factory=dict)
    alerts: dict[str, AlertFacts] = field(default_factory=dict)
    reports: set[str] = field(default_factory=set)
    cases: dict[tuple[str, str], int] = field(default_factory=dict)  # list, case: searches
    signed: dict[str, str] = field(default_factory=dict)  # certificate: report
    watch: WatchFacts = field(default_factory=WatchFacts)
    vigilance: VigilanceFacts = field(default_factory=VigilanceFacts)
    erasures: ErasureFacts = field(default_factory=ErasureFacts)
    home: Details = field(default_factory=dict)
    backups: dict[str, int] = field(default_factory=dict)  # the entry that each was begun with
    refusals: dict[Refusal, int] = field(default_factory=dict)  # how many the log told of last

    def take(self, entry: LogEntry) -> None:
        """Plays one entry. Raises IntegrityError for one that lacks what its kind tells, or names what never was."""
        try:
            self._play(entry, json.loads(entry.details))
        except KeyError as error:
            raise IntegrityError(f"log entry {entry.sequence} lacks {error}, or tells of it before it was") from None

    def _play(self, entry: LogEntry, details: Details) -> None:
        kind = entry.action.partition(".")[0]
        if entry.action == Action.HOME_CREATED:
            self.home = details
        elif kind == "home":
            self._copied(entry, details)
        elif kind == "user":
            self._person(entry, details)
        elif kind in ("list", "cohort"):
            self._collection(entry, details)
        elif kind == "alert":
            self._alert(entry, details)
        elif kind in ("known", "reviewer"):
            self.vigilance.play(entry, details)
        elif kind == "erasure":
            self.erasures.play(entry, details)
        elif entry.action == Action.REFUSED:
            refusal = Refusal(entry.actor, details["attempt"], details["subject"], details["refusal"])
            times = details["times"]
            _require(entry, refusal.due(times) and times in _after(self.refusals.get(refusal)), "a refusal out of turn")
            self.refusals[refusal] = times

    def _copied(self, entry: LogEntry, details: Details) -> None:
        """A backup, or the restore of one: what went on after the backup is not in this log, and it says where."""
        if entry.action == Action.HOME_BACKED_UP:
            self.backups[details["backup"]] = entry.sequence
        elif entry.action == Action.HOME_RESTORED:
            _require(entry, self.backups.get(details["backup"]) == details["made_at"], "a backup that nobody made")
            _require(entry, details["goes_on_from"] == entry.previous, "another log than this one")
        elif entry.action == Action.HOME_ROTATED:
            self.erasures.play(entry, details)
            self.home = self.home | {"recovery_sealed": details["recovery_sealed"]}
        else:
            raise IntegrityError(f"log entry {entry.sequence} is of a kind unknown here: use the release that wrote it")

    def _person(self, entry: LogEntry, details: Details) -> None:
        if entry.action == Action.USER_RECOVERED:
            self.home = self.home | {"recovery": hashlib.sha256(bytes.fromhex(details["recovery_key"])).hexdigest()}
            self.home.pop("recovery_sealed", None)  # this entry does not tell it
        if entry.action in (Action.USER_ADDED, Action.USER_RECOVERED):
            _require(entry, details["user"] not in self.people, "somebody who was there already")
            self.people[details["user"]] = PersonFacts(details["roles"], details["key"], details["record"])
            return
        found = self.people[details["user"]]
        _require(entry, found.record != NO_RECORD, "somebody who was removed before")
        if entry.action in (Action.USER_PASSPHRASE, Action.USER_REWRAPPED):
            found.record = details["record"]
        elif entry.action == Action.USER_REMOVED:
            found.suspended, found.record = True, NO_RECORD
        elif entry.action in (Action.USER_SUSPENDED, Action.USER_RESTORED):
            found.suspended = entry.action == Action.USER_SUSPENDED
        else:
            raise IntegrityError(f"log entry {entry.sequence} is of a kind unknown here: use the release that wrote it")

    def _collection(self, entry: LogEntry, details: Details) -> None:
        action = entry.action
        if action == Action.LIST_CREATED:
            self.lists[details["list"]] = CollectionFacts(details["terms"], (entry.actor, details["created_at"]))
        elif action == Action.COHORT_CREATED:
            self.cohorts[details["cohort"]] = CollectionFacts(details["terms"], (entry.actor, details["created_at"]))
        elif action in (Action.LIST_LOADED, Action.COHORT_LOADED, Action.LIST_REDUCED):
            found = (self.cohorts if action == Action.COHORT_LOADED else self.lists)[details["name"]]
            if action == Action.LIST_REDUCED:
                _check_reduced(entry, details, found)
            found.loads[details["revision"]] = (entry.actor, *(details[name] for name in LOAD_FACTS))
            found.report = None
        elif action in (Action.LIST_ERASED, Action.COHORT_ERASED):
            self._erase(entry, details, (self.lists if action == Action.LIST_ERASED else self.cohorts)[details["name"]])
        elif action == Action.SEARCHED:
            self.cases[details["list"], details["case"]] = details["search_of_case"]
            self.watch.search(self.signed[details["certificate"]], details["case"], details["place"], details["alert"])
            if details["alert"] is not None:
                self.alerts[details["alert"]] = AlertFacts(details["list"], details["fingerprint"])
            if "known" in details:
                self.alerts[details["known"]] = AlertFacts(details["list"], details["known_fingerprint"])
                self.vigilance.answers[details["known"]] = details["known_answer"]
        elif action == Action.CALIBRATED:
            self.reports.add(details["report"])
            self.lists[details["list"]].report = details["report"]
        else:
            self._state(entry, details)

    def _state(self, entry: LogEntry, details: Details) -> None:
        found = self.lists[details["list"]]
        if entry.action in (Action.ACTIVATED, Action.RAISED, Action.RENEWED, Action.DERIVED):
            self.signed[details["certificate"]] = details["report"]
            found.certificate, found.stopped, found.refuted = details["certificate"], None, False
            found.certificates.add(details["certificate"])
            if entry.action == Action.DERIVED:
                _check_derived(entry, details, found)
                found.derived.add((details["list_digest"], details["tested_list"]))
        elif entry.action in (Action.LIST_SUSPENDED, Action.LIST_RETIRED, Action.LIST_REFUTED):
            self._stop(entry, details, found)
        elif entry.action == Action.INNOCENTS_COUNTED:
            self._check_innocents(entry, details, found)
        elif entry.action == Action.REHEARSED:
            _require(entry, details["list_digest"] in found.digests(), "a rehearsal of what the list never held")
        else:
            raise IntegrityError(f"log entry {entry.sequence} is of a kind unknown here: use the release that wrote it")

    def _stop(self, entry: LogEntry, details: Details, found: CollectionFacts) -> None:
        if entry.action == Action.LIST_REFUTED:
            refutation = self.watch.refute(details)
            if not details["suspends"]:
                return
            found.stopped, found.refuted = (entry.actor, refutation.reason), True
        elif entry.action == Action.LIST_SUSPENDED and not found.refuted:
            found.stopped = (entry.actor, details["reason"])
        found.retired = found.retired or entry.action == Action.LIST_RETIRED
        for alert in self.alerts.values():
            alert.closed = alert.closed or (alert.list_name == details["list"] and alert.rejected is None)

    def _erase(self, entry: LogEntry, details: Details, found: CollectionFacts) -> None:
        self.erasures.play(entry, details)
        if "revision" in details:
            _check_reduced(entry, details, found)
            found.loads[details["revision"]] = (entry.actor, *(details[name] for name in LOAD_FACTS))
            found.report = None
        if details["out_of_service"]:
            found.certificate, found.refuted = None, False
        for alert in filter(None, details["closed"].split(",")):
            self.alerts[alert].closed = True

    def _check_innocents(self, entry: LogEntry, details: Details, found: CollectionFacts) -> None:
        cohort = self.cohorts.get(details["cohort"])
        known = cohort is not None and details["cohort_digest"] in cohort.digests()
        _require(entry, known and details["list_digest"] in found.digests(), "a count of what was never loaded")
        _require(entry, details["report"] in self.reports, "a count under a report that nobody made")
        _require(entry, details["certificate"] in {None, *found.certificates}, "a count under no known certificate")
        _require(entry, 0 <= details["k"] <= details["n"] <= details["people"], "a count that is none")

    def _alert(self, entry: LogEntry, details: Details) -> None:
        found = self.alerts[details["alert"]]
        if entry.action == Action.JUDGED:
            found.judgements.append((entry.actor, details["candidate"], details["digest"]))
        elif entry.action == Action.CORRECTED:
            found.corrections.append((entry.actor, details["candidate"], details["digest"]))
        elif entry.action == Action.UNSEALED:
            found.leads.add(details["candidate"])
        elif entry.action == Action.CONCLUDED:
            found.rejected = not details["leads"] and not details["inconclusive"]
            if found.rejected:
                self.watch.rejected.add(details["alert"])
        elif entry.action in (Action.DISCLOSED, Action.RECUSED, Action.FINISHED):
            found.steps.add((entry.actor, entry.action.partition(".")[2]))
        found.seats[entry.actor].add((entry.account, entry.terminal))


def _after(last: int | None) -> tuple[int, ...]:
    """What may be told next of a kind of refusal: the next that is due, or the first of another day."""
    if last is None:
        return (1,)
    return (1, last + 1 if last < FIRST_REFUSALS else 2 * last)


def _check_reduced(entry: LogEntry, details: Details, found: CollectionFacts) -> None:
    """A removal follows the newest revision, and leaves less of it, of the same kind."""
    newest = found.loads.get(max(found.loads, default=0))
    follows = newest is not None and newest[LOAD_FACTS.index("digest") + 1] == details["reduced_from"]
    after = tuple(details[name] for name in LOAD_FACTS)
    _require(entry, follows and newest is not None and _smaller(after, newest[1:]), "a removal that removes nothing")


def _check_derived(entry: LogEntry, details: Details, found: CollectionFacts) -> None:
    """A derived certificate is for less than was tested, of the same kind. Only a key shows that it is a part of it."""
    by_digest = {load[LOAD_FACTS.index("digest") + 1]: load[1:] for load in found.loads.values()}
    part, whole = by_digest.get(details["list_digest"]), by_digest.get(details["tested_list"])
    smaller = part is not None and whole is not None and _smaller(part, whole)
    _require(entry, smaller, "a derived certificate for more than was tested")


def _smaller(part: tuple[str | int, ...], whole: tuple[str | int, ...]) -> bool:
    one, other = (dict(zip(LOAD_FACTS, facts, strict=True)) for facts in (part, whole))
    counts = ("subjects", "templates", "rejected_in_all")
    fewer = all(int(one[name]) <= int(other[name]) for name in counts)
    items = [int(facts["templates"]) + int(facts["rejected_in_all"]) for facts in (one, other)]
    return (
        fewer and items[0] < items[1] and all(one[name] == other[name] for name in ("model", "quality", "touchstone"))
    )


def _require(entry: LogEntry, holds: bool, otherwise: str) -> None:
    if not holds:
        raise IntegrityError(f"log entry {entry.sequence} tells of {otherwise}: it was not written by this program")
