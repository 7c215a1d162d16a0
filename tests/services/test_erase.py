"""Erasing people: nothing of them is found in any byte of the home, nor behind any seal; what stays verifies."""

import json
import os
from pathlib import Path

import pytest

from matcher.domain.case import Verdict
from matcher.domain.erasure import CLOSED
from matcher.domain.events import Action
from matcher.domain.face import Picture
from matcher.domain.policy import Quality
from matcher.domain.records import LoadBegun
from matcher.domain.revision import Revision
from matcher.domain.watchlist import ListState, Watchlist
from matcher.errors import AnotherPersonNeeded, BadInput, IntegrityError, MissingRole, NotSearchable, Refused
from matcher.services.activate import prepare
from matcher.services.audit import verify
from matcher.services.collections import find_list
from matcher.services.erase import Erased, erase_listed
from matcher.services.outcomes import outcomes
from matcher.services.remove import remove_subjects
from matcher.services.reports import replay
from matcher.store.engine import DATABASE
from matcher.store.sealing import HomeVault
from tests.databases import RAW_REFUSED, address_of, client, rule_of
from tests.services.homes import bytes_of, copied, holding
from tests.services.pictured import Pictured
from tests.services.test_audit import edit
from tests.services.world import NOBODY, VectorPipeline, World

GONE = "S007"


@pytest.fixture
def shown(lived: Pictured, tmp_path: Path) -> Pictured:
    return copied(lived, tmp_path)


def watchlist(world: World) -> Watchlist:
    with world.place.work(write=False) as work:
        return find_list(work, "missing")


def revisions(world: World) -> list[Revision]:
    with world.place.work(write=False) as work:
        return list(work.revisions.all())


def sound(world: World) -> None:
    verify(world.place, lambda *_: None)


def erase(world: World, *subjects: str, stop: bool = False, who: str = "boss") -> Erased:
    return erase_listed(world.sessions[who], "missing", subjects or (GONE,), stop)


def without_and_signed(world: World) -> None:
    remove_subjects(world.sessions["boss"], "missing", [GONE])
    world.activate()


def sealed_of(world: World, subject: str) -> dict[str, bytes]:
    """The ciphertext of everything that is about a subject, as it lies on the disk before it is erased."""
    home, found = world.folder / "home", {}
    vault = world.sessions["boss"].vault
    with client(home) as run:
        for alert_id, candidate_id, sealed in run("SELECT alert_id, candidate_id, subject FROM candidates"):
            if sealed and vault.open(f"alert/{alert_id}/candidate/{candidate_id}", sealed).decode() == subject:
                found[f"candidate {candidate_id}"] = sealed
                ((probe, place),) = run("SELECT probe, place FROM alerts WHERE alert_id = ?", alert_id)
                found |= {f"probe {alert_id}": probe, f"place {alert_id}": place}
    for revision in revisions(world):
        if any(item.subject_id == subject for item in world.place.revisions.left(vault, revision).items):
            for kind in ("items", "templates", "screen", "pictures"):
                path = home / "sealed" / f"{revision.revision_id}-{kind}.box"
                if path.exists():
                    found[path.name] = path.read_bytes()[-64:]
    return found


def plain_of(world: World, number: int) -> dict[str, bytes]:
    row = world.templates[number].tobytes()
    return {"a row": row[:32], "the end of a row": row[-32:], "a label": b'"name","Planted'}


def opened_everything(world: World) -> bytes:
    """Whatever a person with every key of the home can open: contents, pictures, alerts and their candidates."""
    vault, parts = world.sessions["boss"].vault, []
    with world.place.work(write=False) as work:
        for revision in work.revisions.all():
            content = world.place.revisions.left(vault, revision)
            parts += [repr(content.items).encode(), content.templates.tobytes()]
        for line in [*work.alerts.lines(), *work.alerts.known_lines()]:
            alert = work.alerts.get(vault, line.alert_id)
            assert alert is not None
            parts += [alert.probe, repr(alert.candidates).encode()]
            parts.append(repr(work.vigilance.answer(vault, line.alert_id)).encode())
    for path in (world.folder / "home" / "sealed").glob("*.box"):
        parts.append(vault.read(path.stem, 0, vault.size(path.stem)))
    return b"".join(parts)


def test_nothing_of_who_was_erased_is_in_any_byte_or_behind_any_seal(shown: Pictured) -> None:
    without_and_signed(shown)
    home, before = shown.folder / "home", sealed_of(shown, GONE)
    assert len(before) == 13
    assert sorted(holding(home, before))  # they are there, and the search finds them
    assert GONE.encode() in opened_everything(shown)
    assert shown.templates[7].tobytes() in opened_everything(shown)

    if address_of(home) is None:
        (home / ".backup.db").write_bytes((home / DATABASE).read_bytes())  # as a killed backup leaves it
    with client(home) as idle:  # while somebody has it open SQLite's WAL is not removed
        idle("SELECT COUNT(*) FROM log")
        done = erase(shown)
        files = bytes_of(home)
        assert holding(home, before | plain_of(shown, 7)) == []
    assert "the server" in files or "matcher.db-wal" in files
    assert (done.subjects, done.items, done.revisions, done.alerts, done.closed) == (1, 1, 1, 3, 1)
    assert (done.cases, done.revision, done.out_of_service) == (("waiting",), None, False)
    assert done.sought.found == 0
    assert done.sought.samples > 8
    left = opened_everything(shown)
    assert GONE.encode() not in left
    assert shown.templates[7].tobytes() not in left
    assert b"S008" in left
    assert shown.templates[8].tobytes() in left
    sound(shown)


def test_the_list_goes_on_serving_where_an_approver_signed_for_the_rest_before(shown: Pictured) -> None:
    without_and_signed(shown)
    erase(shown)
    assert watchlist(shown).state(shown.clock()) is ListState.ACTIVE
    shown.hit(9, case="afterwards")
    sound(shown)


def test_whoever_serves_is_not_erased_in_passing(shown: Pictured) -> None:
    before = bytes_of(shown.folder / "home" / "sealed")
    with pytest.raises(AnotherPersonNeeded, match="matcher watchlist remove missing"):
        erase(shown)
    assert bytes_of(shown.folder / "home" / "sealed") == before
    assert watchlist(shown).state(shown.clock()) is ListState.ACTIVE
    sound(shown)


def test_erased_at_once_the_list_serves_no_more_until_it_is_calibrated(shown: Pictured) -> None:
    before = sealed_of(shown, GONE)
    done = erase(shown, stop=True)
    assert done.out_of_service
    assert done.revision is not None
    assert (done.revision.number, done.revision.subjects, done.revision.loaders) == (2, 19, ("boss",))
    assert holding(shown.folder / "home", before) == []
    assert watchlist(shown).state(shown.clock()) is ListState.ENROLLED
    with pytest.raises(NotSearchable):
        shown.submit(shown.templates[8])
    with pytest.raises(NotSearchable, match="no report for its newest revision"):
        prepare(shown.sessions["vera"], "missing")
    sound(shown)
    shown.calibrate()
    shown.activate()
    shown.submit(shown.templates[7], case="not found")
    shown.submit(shown.templates[8], case="found")
    with shown.place.work(write=False) as work:
        assert len(work.alerts.lines()) == 5  # one more than before, of S008
    sound(shown)


def test_what_waits_of_others_is_judged_as_before_and_nothing_closes_in_silence(shown: Pictured) -> None:
    done = erase(shown, stop=True)
    assert (done.closed, done.cases) == (1, ("waiting",))
    desk = shown.desk("ana")
    assert desk.closings()
    assert CLOSED in desk.closings()[0]
    page = desk.queue()
    assert page.waiting == 1
    blind = desk.claim(page.entries[0].alert_id)
    assert blind.candidates[0].references[0].data == shown.templates[8].tobytes()
    desk.release(blind.alert_id)
    shown.conclude(Verdict.SAME)
    labels = {one.case: one.label for one in outcomes(shown.place, shown.sessions["boss"], None).concluded}
    assert labels["another"] is not None
    assert labels["another"].subject_id == "S008"
    assert labels["lead"] is None
    sound(shown)


def test_the_judgements_and_outcomes_stay_without_the_person(shown: Pictured) -> None:
    def told() -> list[tuple[object, ...]]:
        found = outcomes(shown.place, shown.sessions["boss"], None).concluded
        return [(one.case, one.outcome, one.reviewers) for one in found if one.case in ("lead", "rejected")]

    before = told()
    erase(shown, stop=True)
    assert told() == before
    assert [one[0] for one in before] == ["lead", "rejected"]


def test_what_is_not_there_is_refused_and_nobody_is_erased(shown: Pictured) -> None:
    before = bytes_of(shown.folder / "home" / "sealed")
    with pytest.raises(BadInput, match="1 of the 2 subjects are not in missing"):
        erase(shown, GONE, "S999", stop=True)
    with pytest.raises(MissingRole):
        erase(shown, who="ana")
    assert bytes_of(shown.folder / "home" / "sealed") == before
    assert not any("erased" in action for action in shown.log_actions())
    sound(shown)


def test_the_receipt_says_how_much_and_not_whom(shown: Pictured) -> None:
    erase(shown, stop=True)
    receipt, finished = shown.newest(Action.LIST_ERASED), shown.newest(Action.ERASURE_FINISHED)
    assert (receipt["subjects_erased"], receipt["items_erased"], receipt["values_emptied"]) == (1, 1, 9)
    assert (receipt["alerts_closed"], receipt["out_of_service"], receipt["why"]) == (1, True, "subjects")
    assert finished["samples_sought"] > 8  # type: ignore[operator]
    assert GONE not in json.dumps(receipt) + json.dumps(finished)


def test_a_second_erasure_of_others_follows_the_first(shown: Pictured) -> None:
    erase(shown, stop=True)
    done = erase(shown, "S008", "S009")
    assert (done.subjects, done.items, done.revisions) == (2, 2, 2)
    assert b"S008" not in opened_everything(shown)
    assert watchlist(shown).latest is not None
    assert [one.left.subjects for one in revisions(shown) if one.left is not None] == [17, 17]
    sound(shown)


def test_the_last_one_can_be_erased_too(shown: Pictured) -> None:
    everybody = tuple(f"S{number:03}" for number in range(20))
    done = erase(shown, *everybody, stop=True)
    assert done.revision is None
    held = [one for one in revisions(shown) if one.collection_id == watchlist(shown).list_id]
    assert [one.left.digest for one in held if one.left is not None] == [None]
    kept = (shown.folder / "home" / "sealed").glob(f"{held[0].revision_id}-*")
    assert [path.name.partition("-")[2] for path in kept] == ["listed.box"]  # what proves who was listed (`listed.py`)
    with pytest.raises(Refused, match="serves no more"):
        shown.activate()
    sound(shown)


def test_a_report_about_what_was_erased_is_not_made_again(shown: Pictured) -> None:
    with shown.place.work(write=False) as work:
        body = work.reports.of_list(watchlist(shown).list_id)[0].body
    replay(shown.sessions["boss"], body, NOBODY)
    without_and_signed(shown)
    erase(shown)
    with pytest.raises(Refused, match="people were erased from revision 1"):
        replay(shown.sessions["boss"], body, NOBODY)


def test_whoever_kept_an_old_file_cannot_open_it_with_the_home_key(shown: Pictured) -> None:
    """Its header is overwritten before its name is gone: without the salt there is no key."""
    sealed = shown.folder / "home" / "sealed"
    held = {path.name: path for path in sealed.glob("*.box")}
    kept = shown.folder / "kept"
    kept.mkdir()
    for name, path in held.items():
        os.link(path, kept / name)
    gone = sealed_of(shown, GONE)
    erase(shown, stop=True)
    shredded = [path for path in kept.iterdir() if not path.read_bytes()[:100].strip(b"\0")]
    assert {path.name for path in shredded} == {name for name in held if name in gone}
    vault = HomeVault(b"k" * 32, kept)
    for path in shredded:
        with pytest.raises(IntegrityError, match="does not begin as it should"):
            vault.read(path.stem, 0, 1)


def test_an_interrupted_load_may_hold_them_and_begins_anew(shown: Pictured) -> None:
    vault = shown.sessions["boss"].vault
    begin = LoadBegun("r" * 26, shown.clock())
    face = VectorPipeline().faces(Picture("x", shown.templates[7].tobytes()), Quality())[0]
    with vault.load_journal("a load", begin) as journal:
        journal.add("ab" * 32, face)
        with pytest.raises(Refused, match="a load is under way"):
            erase(shown, stop=True)
    assert list((shown.folder / "home" / "sealed").glob("*.journal"))
    erase(shown, stop=True)
    assert not list((shown.folder / "home" / "sealed").glob("*.journal"))


# --- the database and the audit ---------------------------------------------------------------------------------------

WORDS = {
    "waits": "(SELECT alert_id FROM alerts WHERE concluded_at IS NULL AND closed_at IS NULL)",
    "ended": "(SELECT alert_id FROM alerts WHERE length(probe) = 0 LIMIT 1)",
}
REFUSED = {
    "out of turn": "INSERT INTO erasures VALUES (7, 'e', 'l', 'boss', '2026', NULL)",
    "by a reviewer": "INSERT INTO erasures VALUES (2, 'e', 'l', 'ana', '2026', NULL)",
    "a photograph emptied": "UPDATE alerts SET probe = x'' WHERE alert_id = {waits}",
    "a place emptied": "UPDATE alerts SET place = x'' WHERE alert_id = {waits}",
    "a candidate emptied": "UPDATE candidates SET subject = x'' WHERE alert_id = {waits}",
    "a score with it": "UPDATE candidates SET subject = x'', score = 1 WHERE alert_id = {ended}",
    "something put in its place": "UPDATE alerts SET probe = x'01' WHERE alert_id = {ended}",
    "somebody put in their place": "UPDATE candidates SET subject = x'01' WHERE alert_id = {ended}",
    "what waits": "INSERT INTO erased_parts VALUES ({waits}, 'probe', 'd', 1)",
    "what serves": "INSERT INTO remains SELECT serving_id, 1, NULL, 0, 0, 0 FROM watchlists",
    "forgotten": "DELETE FROM erasures",
    "unfinished": "UPDATE erasures SET finished_at = NULL",
    "a part forgotten": "DELETE FROM erased_parts",
    "a part of another digest": "UPDATE erased_parts SET digest = 'x'",
    "more left than was": "UPDATE remains SET subjects = 20",
    "what is left forgotten": "DELETE FROM remains",
    "serving again": "UPDATE watchlists SET serving_id = (SELECT revision_id FROM remains), "
    "certificate_digest = (SELECT certificates.digest FROM certificates JOIN remains USING (revision_id) LIMIT 1)",
}
FOUND = {
    "a photograph emptied": "UPDATE alerts SET probe = x'' WHERE alert_id = {waits}",
    "a part of another digest": "UPDATE erased_parts SET digest = 'x' WHERE part = 'probe'",
    "less left than was": "UPDATE remains SET digest = NULL",
    "another eraser": "UPDATE erasures SET erased_by = 'ana'",
    "an erasure more": "INSERT INTO erasures VALUES (2, 'e', 'l', 'boss', '2026', '2026')",
    "an erased alert waits again": "UPDATE alerts SET closed_at = NULL, closed_reason = NULL WHERE length(probe) = 0",
}


def test_the_database_refuses_what_no_erasure_does(shown: Pictured) -> None:
    without_and_signed(shown)
    erase(shown)
    with client(shown.folder / "home") as run:
        for what, statement in REFUSED.items():
            with pytest.raises(RAW_REFUSED) as refused:
                assert run(statement.format(**WORDS)) is None, what
            assert rule_of(refused.value), what
    sound(shown)


def test_the_audit_finds_what_was_altered_about_an_erasure(shown: Pictured, tmp_path: Path) -> None:
    without_and_signed(shown)
    erase(shown)
    shown.store.close()
    for number, (what, statement) in enumerate(FOUND.items()):
        altered = copied(shown, tmp_path / str(number))
        edit(altered.folder / "home", statement.format(**WORDS))
        found = None
        try:
            sound(altered)
        except IntegrityError as error:
            found = error
        assert found is not None, what
