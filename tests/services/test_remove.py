"""Removing people from a list that serves: what a derived certificate is for, and everything it is not for."""

import json
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from matcher.domain.certificate import Certificate, CertificateTerms
from matcher.domain.cohort import CohortTerms
from matcher.domain.events import Action, Detail, event
from matcher.domain.people import Role
from matcher.domain.reduction import Reduction
from matcher.domain.revision import Revision
from matcher.domain.watchlist import Watchlist
from matcher.errors import AnotherPersonNeeded, BadInput, IntegrityError, MissingRole, NotSearchable, Refused
from matcher.services.activate import prepare, prepare_renewal, renew
from matcher.services.audit import verify
from matcher.services.audit_replay import CollectionFacts, Replay
from matcher.services.calibrate import Question, calibrate_list
from matcher.services.collections import create_cohort, find_list, suspend_list
from matcher.services.innocents import count_innocents
from matcher.services.list_lines import list_facts
from matcher.services.load import load_cohort, load_list
from matcher.services.people import add_user
from matcher.services.remove import Removal, remove_subjects
from matcher.services.sources import EmbeddingSource
from matcher.services.words import no_candidate
from matcher.services.workplace import sign_in
from matcher.store.transaction import Transaction
from tests.services.test_audit import edit
from tests.services.world import MODEL, NOBODY, PASSPHRASE, PILOT, Row, World, vectors


def remove(world: World, *subjects: str, who: str = "boss") -> Removal:
    return remove_subjects(world.sessions[who], "missing", subjects)


def watchlist(world: World) -> Watchlist:
    with world.place.work(write=False) as work:
        return find_list(work, "missing")


def add(world: World, subject: str = "S900", seed: int = 9) -> None:
    source = EmbeddingSource([Row(subject)], vectors(1, seed=seed), MODEL)
    load_list(world.sessions["boss"], "missing", source, False, lambda *_: None)


def served(world: World) -> tuple[Revision, Certificate]:
    return watchlist(world).require_active(world.clock())


def test_the_old_revision_serves_until_an_approver_signs_for_the_smaller_one(active: World) -> None:
    tested, before = served(active)
    removal = remove(active, "S003", "S007")
    assert (removal.subjects, removal.items, removal.derivable) == (2, 2, True)
    assert (removal.revision.number, removal.revision.subjects, removal.revision.templates) == (2, 18, 18)
    assert served(active) == (tested, before)
    assert active.submit(active.templates[3])[0].alerts == 1
    verify(active.place, lambda *_: None)

    active.activate()
    revision, certificate = served(active)
    assert revision == removal.revision
    assert certificate.terms.derived_from == tested.digest
    assert certificate.terms.previous == before.digest()
    assert (certificate.threshold, certificate.terms.subjects) == (before.threshold, 18)
    assert active.submit(active.templates[3])[0].alerts == 0
    assert active.submit(active.templates[4])[0].alerts == 1
    assert verify(active.place, lambda *_: None).certificates == 1
    assert active.log_actions()[-3] == "list.derived"


def test_what_is_signed_says_that_a_larger_list_was_tested(active: World) -> None:
    plain = prepare_renewal(active.sessions["vera"], "missing").consequence
    remove(active, "S003")
    said = prepare(active.sessions["vera"], "missing").consequence
    assert plain in said
    assert "1 of the 20 people on the list that was tested were removed since" in said
    assert "misses were measured on the larger list" in said
    assert "larger list" not in no_candidate(active.place, "missing")
    active.activate()
    assert "measured on the larger list" in no_candidate(active.place, "missing")
    assert list_facts(active.place, "missing")[0]["derived_from"] == served(active)[1].terms.derived_from


def test_false_alarms_only_fall(active: World) -> None:
    people = vectors(200, seed=11)
    create_cohort(active.sessions["boss"], "others", CohortTerms("others", "consent", date(2027, 1, 31)))
    rows = [Row(f"O{i:03}", attributes=(("g", "a"),)) for i in range(200)]
    load_cohort(active.sessions["boss"], "others", EmbeddingSource(rows, people, MODEL), False, lambda *_: None)

    def flagged() -> int:
        return count_innocents(active.sessions["boss"], "missing", "others", NOBODY).everyone.flagged.k or 0

    counts = [flagged()]
    for number in range(0, 18, 3):
        remove(active, *(f"S{one:03}" for one in range(number, number + 3)))
        active.activate()
        counts.append(flagged())
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] < counts[0]
    assert served(active)[1].terms.derived_from == served(active)[1].terms.tested_list
    verify(active.place, lambda *_: None)


def test_one_removal_after_another_is_still_about_what_was_tested(active: World) -> None:
    tested, _ = served(active)
    remove(active, "S001")
    active.activate()
    remove(active, "S002")
    remove(active, "S003")
    active.activate()
    assert served(active)[0].subjects == 17
    assert served(active)[1].terms.derived_from == tested.digest
    assert "3 of the 20" in served(active)[1].terms.consequence
    verify(active.place, lambda *_: None)


def test_additions_and_changed_references_need_a_calibration(active: World) -> None:
    add(active)
    removal = remove(active, "S003")
    assert not removal.derivable
    with pytest.raises(NotSearchable, match="additions and changed references need a new calibration"):
        prepare(active.sessions["vera"], "missing")
    assert active.submit(active.templates[3])[0].alerts == 1
    removal = remove(active, "S900")  # what was added is taken out again: the rest is a part of what serves
    assert removal.derivable
    active.activate()
    assert served(active)[0].subjects == 19


def test_a_changed_reference_under_a_known_name_needs_one_too(active: World) -> None:
    remove(active, "S003")
    add(active, "S003", seed=12)
    with pytest.raises(NotSearchable, match="need a new calibration"):
        prepare(active.sessions["vera"], "missing")


def test_a_smaller_manifest_is_a_removal_as_well(active: World) -> None:
    active.load(count=15, fresh=True)
    active.activate()
    assert served(active)[0].subjects == 15
    assert served(active)[1].terms.derived_from
    verify(active.place, lambda *_: None)


def test_the_same_list_loaded_again_is_no_removal(active: World) -> None:
    boss = active.sessions["boss"]
    add_user(active.place, boss, "olga", frozenset({Role.ADMIN}), PASSPHRASE)
    active.sessions["olga"] = sign_in(active.place, "olga", PASSPHRASE)
    active.load(who="olga", fresh=True)
    with pytest.raises(NotSearchable, match="need a new calibration"):
        prepare(active.sessions["vera"], "missing")


def test_what_cannot_be_removed(active: World) -> None:
    sealed = sorted((active.folder / "home" / "sealed").iterdir())
    everybody = [f"S{number:03}" for number in range(20)]
    with pytest.raises(BadInput, match="1 of the 2 subjects are not on the list"):
        remove(active, "S003", "S999")
    with pytest.raises(Refused, match="retire the list"):
        remove(active, *everybody)
    with pytest.raises(MissingRole):
        remove(active, "S003", who="vera")
    with pytest.raises(BadInput, match="no list"):
        remove_subjects(active.sessions["boss"], "nothing", ["S003"])
    assert sorted((active.folder / "home" / "sealed").iterdir()) == sealed
    assert watchlist(active).latest == served(active)[0]


def test_an_empty_list_holds_nobody_to_remove(world: World) -> None:
    world.create()
    with pytest.raises(BadInput, match="is empty"):
        remove(world, "S003")


def test_nothing_is_derived_without_a_certificate(world: World) -> None:
    world.create()
    world.load()
    world.cohort()
    world.calibrate()
    assert not remove(world, "S003").derivable
    with pytest.raises(NotSearchable, match="test it first"):
        world.activate()


def test_who_removed_cannot_approve(active: World) -> None:
    boss = active.sessions["boss"]
    add_user(active.place, boss, "olga", frozenset({Role.ADMIN, Role.APPROVER}), PASSPHRASE)
    active.sessions["olga"] = sign_in(active.place, "olga", PASSPHRASE)
    assert remove(active, "S003", who="olga").revision.loaders == ("boss", "olga")
    with pytest.raises(AnotherPersonNeeded):
        active.activate("olga")
    with pytest.raises(MissingRole):
        active.activate("ana")
    active.activate()


def test_a_raised_threshold_stays_raised(active: World) -> None:
    vera = active.sessions["vera"]
    raised = prepare_renewal(vera, "missing", 999_000)
    renew(vera, raised, raised.number, raised.missed_group)
    remove(active, "S003")
    active.activate()
    assert served(active)[1].threshold == 999_000
    verify(active.place, lambda *_: None)


def test_a_derived_certificate_is_renewed_raised_and_lifted_from_suspension(active: World) -> None:
    vera = active.sessions["vera"]
    tested, _ = served(active)
    remove(active, "S003")
    active.activate()
    again = prepare_renewal(vera, "missing")
    assert "larger list" in again.consequence
    renew(vera, again, again.number, again.missed_group)
    higher = prepare_renewal(vera, "missing", 999_000)
    renew(vera, higher, higher.number, higher.missed_group)
    suspend_list(active.sessions["ana"], "missing", "wrong pictures")
    with pytest.raises(NotSearchable, match="suspended"):
        active.submit(active.templates[4])
    active.activate()
    revision, certificate = served(active)
    assert (revision.subjects, certificate.threshold) == (19, 999_000)
    assert certificate.terms.derived_from == tested.digest
    verify(active.place, lambda *_: None)


def test_a_lapsed_list_is_derived_and_an_old_report_is_not(world: World) -> None:
    world.create(expires=date(2028, 1, 1))
    world.load()
    world.cohort()
    world.calibrate()
    world.activate()
    world.clock.now += timedelta(hours=25)
    remove(world, "S003")
    world.activate()
    assert world.submit(world.templates[4])[0].alerts == 1
    remove(world, "S004")
    world.clock.now += timedelta(days=90)
    with pytest.raises(NotSearchable, match="90 days"):
        prepare(world.sessions["vera"], "missing")


def test_what_refutes_a_lower_threshold_says_nothing_of_the_one_that_serves(active: World) -> None:
    assert active.calibrate(PILOT, threshold=-900_000).verdict.status.value == "REFUTED"
    remove(active, "S003")
    assert prepare(active.sessions["vera"], "missing").threshold == served(active)[1].threshold


def test_a_report_that_refutes_what_serves_is_not_undone_by_removing_somebody(active: World) -> None:
    refuted = active.calibrate(PILOT, threshold=-900_000)
    body = replace(refuted, threshold=replace(refuted.threshold, tau=1_000_000))
    with active.place.work() as work:
        stored = work.reports.of_list(watchlist(active).list_id)[-1]
        work.reports.add(replace(stored, digest=body.digest(), body=body.canonical()), PILOT)
        work.commit()
    remove(active, "S003")
    with pytest.raises(Refused, match="refutes list missing at threshold 1"):
        prepare(active.sessions["vera"], "missing")


def test_a_new_calibration_of_the_rest_is_no_derived_certificate(active: World) -> None:
    remove(active, "S003")
    report = calibrate_list(active.sessions["boss"], Question("missing", "staff", PILOT), NOBODY)
    active.activate()
    certificate = served(active)[1]
    assert certificate.terms.derived_from == ""
    assert certificate.terms.binding.report_digest == report.digest()


def test_the_log_has_counts_and_digests_and_nobody(active: World) -> None:
    tested, _ = served(active)
    removal = remove(active, "S003", "S003")
    found = active.newest(Action.LIST_REDUCED)
    assert found["subjects_removed"] == 1
    assert (found["reduced_from"], found["digest"]) == (tested.digest, removal.revision.digest)
    assert "S003" not in json.dumps(found)
    active.activate()
    found = active.newest(Action.DERIVED)
    assert (found["tested_list"], found["list_digest"]) == (tested.digest, removal.revision.digest)
    active.store.close()
    assert b"S003" not in b"".join(path.read_bytes() for path in (active.folder / "home").rglob("*") if path.is_file())


def test_ctrl_c_before_the_commit_leaves_nothing(active: World, monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = sorted((active.folder / "home" / "sealed").iterdir())

    def ctrl_c(self: Transaction) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Transaction, "commit", ctrl_c)
    with pytest.raises(KeyboardInterrupt):
        remove(active, "S003")
    monkeypatch.undo()
    assert sorted((active.folder / "home" / "sealed").iterdir()) == sealed
    verify(active.place, lambda *_: None)


def test_ctrl_c_after_the_commit_keeps_it(active: World, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = Transaction.commit

    def commit_then_ctrl_c(self: Transaction) -> None:
        commit(self)
        raise KeyboardInterrupt

    monkeypatch.setattr(Transaction, "commit", commit_then_ctrl_c)
    with pytest.raises(KeyboardInterrupt):
        remove(active, "S003")
    monkeypatch.undo()
    active.activate()
    assert active.submit(active.templates[4])[0].alerts == 1


# --- what tampering looks like ----------------------------------------------------------------------------------------


def forged(world: World, part: Revision, derived_from: str, logged: Action | None) -> Certificate:
    """An approver's own program signs for `part` under the report that serves, past every check of the services."""
    _, before = served(world)
    vera = world.sessions["vera"]
    terms: CertificateTerms = replace(
        before.terms,
        revision_id=part.revision_id,
        binding=replace(before.terms.binding, list_digest=part.digest),
        previous=before.digest(),
        derived_from=derived_from,
    )
    certificate = Certificate(terms, vera.who.sign(terms.signed_bytes()), vera.user.public_key)
    facts: dict[str, Detail] = {
        "list": "missing",
        "certificate": certificate.digest(),
        "report": before.terms.binding.report_digest,
        "list_digest": part.digest,
        "tested_list": derived_from or part.digest,
    }
    with world.place.work() as work:
        work.lists.save(watchlist(world).activated(part, certificate, world.clock()))
        if logged is not None:
            work.log.append(event(logged, "vera", **facts))
        work.commit()
    return certificate


def test_a_certificate_for_more_than_was_tested_is_found(active: World) -> None:
    tested, _ = served(active)
    add(active)
    larger = watchlist(active).latest
    assert larger is not None
    forged(active, larger, tested.digest, Action.DERIVED)
    with pytest.raises(IntegrityError, match="more than was tested"):
        verify(active.place, lambda *_: None)


@pytest.mark.parametrize(("derive", "logged"), [(True, Action.ACTIVATED), (False, Action.ACTIVATED), (True, None)])
def test_a_certificate_that_nobody_derived_is_found(active: World, derive: bool, logged: Action | None) -> None:
    tested, _ = served(active)
    part = remove(active, "S003").revision
    forged(active, part, tested.digest if derive else "", logged)
    with pytest.raises(IntegrityError):
        verify(active.place, lambda *_: None)


def test_a_search_refuses_a_certificate_whose_report_is_about_another_list(active: World) -> None:
    part = remove(active, "S003").revision
    forged(active, part, "", Action.ACTIVATED)
    with pytest.raises(IntegrityError, match="report about another list"):
        active.submit(active.templates[4])
    with pytest.raises(IntegrityError, match="something else"):
        count_innocents(active.sessions["boss"], "missing", "staff", NOBODY)


def test_a_removal_that_never_was_is_found(active: World) -> None:
    remove(active, "S003")
    true = active.newest(Action.LIST_REDUCED)
    following: dict[str, Detail] = {"revision": 3, "reduced_from": true["digest"], "templates": 18, "subjects": 18}
    active.plays(Action.LIST_REDUCED, **(true | following))
    changes: tuple[dict[str, Detail], ...] = (
        {"reduced_from": "0" * 64},
        {"templates": 19},
        {"templates": 17, "rejected_in_all": 1},
        {"subjects": 25},
        {"model": "other"},
        {"quality": "other"},
    )
    for change in changes:
        with pytest.raises(IntegrityError, match="removes nothing"):
            active.plays(Action.LIST_REDUCED, **(true | following | change))


EDITS = {
    "the smaller revision's count": "UPDATE revisions SET templates = 20 WHERE number = 2 AND templates = 19",
    "the smaller revision's digest": "UPDATE revisions SET digest = 'x' WHERE number = 2 AND templates = 19",
    "what serves": "UPDATE watchlists SET serving_id = (SELECT revision_id FROM revisions WHERE templates = 20)",
    "the entry of the removal": "DELETE FROM log WHERE action = 'list.reduced'",
    "the entry of the activation": "DELETE FROM log WHERE action = 'list.derived'",
    "what was removed, in the log": "UPDATE log SET details = replace(details, '\"subjects_removed\":1', "
    "'\"subjects_removed\":2') WHERE action = 'list.reduced'",
    "what was tested, in the certificate": "UPDATE certificates SET terms = replace(terms, 'derived_from', 'derived') ",
}


@pytest.mark.parametrize("what", EDITS)
def test_every_edit_is_found(active: World, what: str) -> None:
    remove(active, "S003")
    active.activate()
    verify(active.place, lambda *_: None)
    active.store.close()
    edit(active.folder / "home", EDITS[what])
    with pytest.raises(IntegrityError):
        verify(active.place, lambda *_: None)


def test_an_entry_of_an_unknown_kind_is_not_passed_over(active: World) -> None:
    with active.place.work(write=False) as work:
        newest = list(work.log.entries())[-1]
    replay = Replay(lists={"missing": CollectionFacts("", ("", ""))})
    with pytest.raises(IntegrityError, match="unknown here"):
        replay.take(replace(newest, action="list.of_a_later_release", details='{"list":"missing"}'))


def test_a_reduction_is_the_only_way(active: World) -> None:
    """Nobody builds one from words: contents that are no part of each other are refused by the type itself."""
    whole, _ = served(active)
    part = remove(active, "S003").revision
    vault = active.sessions["vera"].vault
    contents = [active.place.revisions.read(vault, one) for one in (whole, part)]
    assert Reduction(whole, part, (contents[0], contents[1])).subjects_removed == 1
    with pytest.raises(IntegrityError):
        Reduction(whole, part, (contents[0], contents[0]))
    with pytest.raises(NotSearchable):
        Reduction(part, whole, (contents[1], contents[0]))
    prepared = prepare(active.sessions["vera"], "missing")
    with pytest.raises(IntegrityError, match="another revision"):
        replace(prepared, reduction=None)
    with pytest.raises(IntegrityError, match="another revision"):
        replace(prepared, previous=None)
    with pytest.raises(IntegrityError, match="another revision"):
        replace(prepared, revision=replace(part, digest="0" * 64))
    assert np.array_equal(contents[1].templates, np.delete(contents[0].templates, 3, axis=0))
