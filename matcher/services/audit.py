"""Verifying the log, and that the tables say what the log says. Needs no key to faces or names.

1. The rules of the database are in place; the hash chain holds from the first entry to the head, and every signed
   checkpoint, of the home or from elsewhere, is of this log (`audit_tree.py`).
2. The home, people, terms, revisions, reports, states, counts of searches, alerts, judgements, steps and leads are the
   log's, no more, no fewer; the sealed containers of every revision are there.
3. Every certificate in force: its approver's signature and key, its report recomputed from the non-mated maxima, and
   that it is for the list that the report tested, or for less of it by a logged derivation.
4. Every judgement and correction: its reviewer's signature, over exactly what the table holds.
5. Every search under every report and what became of it, every refutation, and that none is missing (`audit_watch.py`).
6. Every known-answer item, result and suspension from judging (`audit_vigilance.py`).
7. Every erasure and rotation of the home key, what it left, emptied and sealed anew (`audit_erasure.py`).
8. Every refused attempt that was due to be logged, and that none of a kind is missing.
9. That a restore goes on from the entry that it names, in the log of the home of that backup.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence

from matcher.calibration.certified import CertifiedReport
from matcher.domain.certificate import Certificate
from matcher.domain.checkpoint import Note
from matcher.domain.cohort import Cohort
from matcher.domain.events import FIRST_REFUSALS, LogEntry, Verified
from matcher.domain.ids import utc_text
from matcher.domain.records import AlertLine, SignedCorrection, SignedJudgement
from matcher.domain.revision import Revision
from matcher.domain.tables import UnitOfWork
from matcher.domain.watchlist import Watchlist
from matcher.errors import IntegrityError
from matcher.services.audit_erasure import check_erasures
from matcher.services.audit_replay import AlertFacts, CollectionFacts, Replay
from matcher.services.audit_tree import TreeCheck
from matcher.services.audit_vigilance import check_vigilance
from matcher.services.audit_watch import check_watch
from matcher.services.collections import terms_digest
from matcher.services.unsealing import verify_words
from matcher.services.workplace import Workplace


def verify(place: Workplace, progress: Callable[[int, int], None], anchors: Sequence[Note] = ()) -> Verified:
    """Checks everything above. Raises IntegrityError naming the first thing that is wrong, and what `progress` raises.

    `anchors` are checkpoints that were kept outside the machine.
    The tables are compared after the last entry; a log of a million entries is read once.
    """
    with place.work(write=False) as work:
        work.check_schema()
        replay, last = Replay(), work.log.head().sequence
        tree = TreeCheck(work, anchors)

        def take(entry: LogEntry) -> None:
            tree.take(entry)
            replay.take(entry)
            progress(entry.sequence, last)

        head = work.log.verify(take)
        tree.finish()
        _home(work, replay)
        keys = _people(work, replay)
        revisions = work.revisions.all()
        _sealed(place, revisions)
        lists = work.lists.all()
        for one in lists:
            _list(one, _known(replay.lists, one.name, "list"), revisions)
        cohorts = work.cohorts.all()
        for cohort in cohorts:
            _cohort(cohort, _known(replay.cohorts, cohort.name, "cohort"), revisions)
        _same({one.name for one in lists}, set(replay.lists), "lists")
        _same({one.name for one in cohorts}, set(replay.cohorts), "cohorts")
        names = {one.list_id: one.name for one in lists}
        _same({(names.get(one), case): n for (one, case), n in work.alerts.cases().items()}, replay.cases, "searches")
        certificates = sum(_certificate(work, one, keys, replay) for one in lists)
        judgements = _alerts(work, replay, keys, names)
        searches = check_watch(work, replay.watch)
        check_vigilance(work, replay.vigilance)
        check_erasures(work, replay.erasures)
        _refusals(work, replay)
    return Verified(
        head.sequence,
        head.hash,
        certificates,
        judgements,
        len(revisions),
        searches,
        len(replay.watch.refutations),
        tree.checked,
        len(tree.log_keys),
        len(anchors),
        max((one.checkpoint.size for one in anchors), default=0),
    )


def _home(work: UnitOfWork, replay: Replay) -> None:
    found = work.home.get()
    facts = {"demo": found.demo, "home": found.home_id, "recovery": hashlib.sha256(found.recovery_public).hexdigest()}
    if "recovery_sealed" in replay.home:
        facts |= {"recovery_sealed": hashlib.sha256(found.recovery_sealed or b"").hexdigest()}
    _same(facts, replay.home, "facts of the home")


def _refusals(work: UnitOfWork, replay: Replay) -> None:
    """Of each kind the log told what was due, and no more has happened since than is not due yet."""
    tables = {kind: times for kind, (_, times) in work.log.refusals().items()}
    _same(set(tables), set(replay.refusals), "kinds of refusals")
    for kind, told in replay.refusals.items():
        due = told + 1 if told < FIRST_REFUSALS else 2 * told
        _same(told <= tables[kind] < due, True, f"count of refusals of {kind.actor}")


def _sealed(place: Workplace, revisions: Sequence[Revision]) -> None:
    """What is in a container only a key shows; that it is there anybody can see."""
    for one in revisions:
        if not place.revisions.present(one):
            raise IntegrityError(
                f"what was loaded by {one.loaded_by} at {utc_text(one.loaded_at)} is missing from the home: "
                "restore a backup"
            )


def _people(work: UnitOfWork, replay: Replay) -> dict[str, bytes]:
    users = {user.name: user for user in work.users.all()}
    _same(set(users), set(replay.people), "people")
    for name, facts in replay.people.items():
        user = users[name]
        _same(",".join(sorted(user.roles)), facts.roles, f"roles of {name}")
        _same(user.public_key.hex(), facts.key, f"key of {name}")
        _same(user.suspended, facts.suspended, f"suspension of {name}")
        _same(hashlib.sha256(work.users.keys(name)).hexdigest(), facts.record, f"wrapped keys of {name}")
    return {name: user.public_key for name, user in users.items()}


def _list(found: Watchlist, facts: CollectionFacts, revisions: Sequence[Revision]) -> None:
    where = f"list {found.name}"
    _same(terms_digest(found.terms), facts.terms, f"terms of {where}")
    _same((found.created_by, utc_text(found.created_at)), facts.created, f"maker of {where}")
    _revisions([one for one in revisions if one.collection_id == found.list_id], facts, where)
    _same(None if found.latest is None else found.latest.number, max(facts.loads, default=None), f"revision of {where}")
    _same(found.latest_report, facts.report, f"report of {where}")
    _same(
        None if found.certificate is None else found.certificate.digest(), facts.certificate, f"certificate of {where}"
    )
    stop = found.suspension
    _same(None if stop is None else (stop.by, stop.reason), facts.stopped, f"suspension of {where}")
    _same(found.refutation is not None, facts.refuted, f"refutation of {where}")
    _same(found.retired_at is not None, facts.retired, f"retirement of {where}")


def _cohort(found: Cohort, facts: CollectionFacts, revisions: Sequence[Revision]) -> None:
    where = f"cohort {found.name}"
    _same(terms_digest(found.terms), facts.terms, f"terms of {where}")
    _same((found.created_by, utc_text(found.created_at)), facts.created, f"maker of {where}")
    _same(None if found.latest is None else found.latest.number, max(facts.loads, default=None), f"revision of {where}")
    _revisions([one for one in revisions if one.collection_id == found.cohort_id], facts, where)


def _revisions(found: Sequence[Revision], facts: CollectionFacts, where: str) -> None:
    tables = {
        one.number: (
            one.loaded_by,
            one.model.text(),
            ",".join(one.loaders),
            one.quality,
            one.touchstone_digest,
            one.digest,
            one.subjects,
            one.templates,
            one.rejected,
        )
        for one in found
    }
    _same(tables, facts.loads, f"revisions of {where}")


def _certificate(work: UnitOfWork, watchlist: Watchlist, keys: Mapping[str, bytes], replay: Replay) -> int:
    certificate = watchlist.certificate
    if certificate is None:
        return 0
    where = f"the certificate of list {watchlist.name}"
    _same(certificate.approver_key, keys.get(certificate.terms.approver), f"key under {where}")
    stored = work.reports.get(certificate.terms.binding.report_digest)
    if stored is None:
        raise IntegrityError(f"the report behind {where} is missing")
    certified = CertifiedReport.parse(stored.body)
    _same(stored.certified, True, f"verdict behind {where}")
    if certified.digest not in replay.reports or certified.tau > certificate.threshold:
        raise IntegrityError(f"{where} does not rest on a logged report at its threshold")
    _certified_list(work, certificate, certified, replay.lists[watchlist.name])
    policy = work.reports.policy(certificate.terms.binding.policy_digest)
    _same(policy.digest(), certificate.terms.binding.policy_digest, f"policy under {where}")
    return 1


def _certified_list(
    work: UnitOfWork, certificate: Certificate, certified: CertifiedReport, facts: CollectionFacts
) -> None:
    """A certificate is for the list that its report tested, or for what a logged derivation left of it."""
    terms = certificate.terms
    revision = work.revisions.get(terms.revision_id)
    _same(None if revision is None else revision.digest, terms.binding.list_digest, "list under a certificate")
    _same(certified.binding.list, terms.tested_list, "list that the report of a certificate tested")
    _same(certified.engine_name, terms.binding.engine, "engine that the report of a certificate tested")
    if certified.engine is not None:
        _same(certificate.threshold, certified.tau, "threshold at which the engine of a certificate was tested")
    if terms.derived_from and (terms.binding.list_digest, terms.derived_from) not in facts.derived:
        raise IntegrityError("a certificate was derived for another list than was tested, and nobody logged why")


def _alerts(work: UnitOfWork, replay: Replay, keys: Mapping[str, bytes], names: Mapping[str, str]) -> int:
    lines = {line.alert_id: line for line in [*work.alerts.lines(), *work.alerts.known_lines()]}
    _same(set(lines), set(replay.alerts), "alerts")
    leads = {(lead.alert_id, lead.candidate_id) for lead in work.alerts.leads()}
    logged = {(alert, candidate) for alert, facts in replay.alerts.items() for candidate in facts.leads}
    _same(leads, logged, "leads")
    return sum(_alert(work, line, replay.alerts[alert], keys, names) for alert, line in lines.items())


def _alert(
    work: UnitOfWork, line: AlertLine, facts: AlertFacts, keys: Mapping[str, bytes], names: Mapping[str, str]
) -> int:
    where = f"alert {line.alert_id}"
    _same(names.get(line.list_id), facts.list_name, f"list of {where}")
    _same(work.alerts.fingerprint(line.alert_id), facts.fingerprint, f"content of {where}")
    _same(line.concluded_at is not None, facts.rejected is not None, f"conclusion of {where}")
    _same(line.rejected, facts.rejected, f"result of {where}")
    _same(line.closed_reason is not None, facts.closed, f"closing of {where}")
    judgements = work.alerts.judgements(line.alert_id)
    corrections = work.alerts.corrections(line.alert_id)
    _same([_signed(one, keys) for one in judgements], facts.judgements, f"judgements of {where}")
    _same([_signed(one, keys) for one in corrections], facts.corrections, f"corrections of {where}")
    steps = set()
    for step in work.alerts.progress(line.alert_id):
        times = {"disclosed": step.disclosed_at, "finished": step.finished_at, "recused": step.recused_at}
        steps |= {(step.reviewer, name) for name, moment in times.items() if moment is not None}
        if (step.account, step.terminal) not in facts.seats[step.reviewer]:
            raise IntegrityError(f"{where}: {step.reviewer} never sat where the tables say: the tables were altered")
    _same(steps, facts.steps, f"steps of {where}")
    return len(judgements)


def _signed(one: SignedJudgement | SignedCorrection, keys: Mapping[str, bytes]) -> tuple[str, str, str]:
    if one.reviewer not in keys:
        raise IntegrityError(f"alert {one.alert_id} holds words of {one.reviewer}, who is not in this home")
    what = one.judgement if isinstance(one, SignedJudgement) else one.correction
    message = verify_words(one, keys[one.reviewer])
    return one.reviewer, what.candidate_id, hashlib.sha256(message).hexdigest()


def _known(logged: Mapping[str, CollectionFacts], name: str, kind: str) -> CollectionFacts:
    if name not in logged:
        raise IntegrityError(f"{kind} {name} was never logged: the tables were altered")
    return logged[name]


def _same(table: object, log: object, what: str) -> None:
    if table != log:
        raise IntegrityError(f"the {what}: the tables say something else than the log; the tables were altered")
