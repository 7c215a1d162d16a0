"""Load, calibrate, activate, and everything that must be refused on the way."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from matcher.calibration.verdict import Status
from matcher.domain.face import Face, Picture
from matcher.domain.people import Role
from matcher.domain.policy import Policy, Quality
from matcher.domain.rejection import Reason, Rejected
from matcher.domain.revision import Item
from matcher.domain.watchlist import ListState
from matcher.errors import (
    AnotherPersonNeeded,
    BadInput,
    InsufficientEvidence,
    IntegrityError,
    MissingRole,
    NotSearchable,
    Refused,
    WrongPassphrase,
)
from matcher.services.activate import activate, prepare, prepare_renewal, renew
from matcher.services.audit import verify
from matcher.services.calibrate import Question, Shipped, calibrate_list
from matcher.services.collections import find_list, suspend_list
from matcher.services.load import load_list
from matcher.services.people import add_user, set_suspended
from matcher.services.search import open_list
from matcher.services.sources import EmbeddingSource, PictureSource
from matcher.services.workplace import sign_in
from matcher.store.transaction import Transaction
from tests.databases import raw
from tests.services.homes import bytes_of
from tests.services.world import MODEL, NOBODY, PASSPHRASE, PILOT, Row, VectorPipeline, World, vectors


def state(world: World) -> ListState:
    with world.place.work(write=False) as work:
        return find_list(work, "missing").state(world.clock())


def test_the_whole_life(world: World) -> None:
    world.create()
    assert state(world) is ListState.DRAFT
    world.load()
    assert state(world) is ListState.ENROLLED
    world.cohort()
    report = world.calibrate()
    assert report.verdict.status.value == "CERTIFIED"
    assert state(world) is ListState.CALIBRATED
    world.activate()
    assert state(world) is ListState.ACTIVE
    assert verify(world.place, lambda *_: None).certificates == 1


def test_search_is_refused_at_every_step_before_activation(world: World) -> None:
    probe = world.templates[0]
    world.create()
    with pytest.raises(NotSearchable, match="draft"):
        world.submit(probe)
    world.load()
    with pytest.raises(NotSearchable, match="enrolled"):
        world.submit(probe)
    world.cohort()
    world.calibrate()
    with pytest.raises(NotSearchable, match="calibrated"):
        world.submit(probe)
    world.activate()
    assert world.submit(probe)[0].alerts == 1
    assert world.log_actions().count("refused") == 3


def test_the_loader_cannot_approve_even_with_the_role(world: World) -> None:
    world.create()
    world.load()
    world.cohort()
    world.calibrate()
    with pytest.raises(AnotherPersonNeeded):
        world.activate("boss")
    with pytest.raises(MissingRole):
        world.activate("ana")
    assert state(world) is ListState.CALIBRATED
    assert world.log_actions()[-2:] == ["refused", "refused"]


def test_an_uncertified_report_cannot_be_signed(world: World) -> None:
    world.create()
    world.load()
    world.cohort()
    assert world.calibrate(Policy()).verdict.status.value == "INSUFFICIENT"
    with pytest.raises(InsufficientEvidence):
        prepare(world.sessions["vera"], "missing")
    assert world.calibrate(PILOT, threshold=-900_000).verdict.status.value == "REFUTED"
    with pytest.raises(Refused):
        prepare(world.sessions["vera"], "missing")


def test_the_typed_number_must_be_the_reports(world: World) -> None:
    world.create()
    world.load()
    world.cohort()
    world.calibrate()
    prepared = prepare(world.sessions["vera"], "missing")
    with pytest.raises(Refused, match="is not how many"):
        activate(world.sessions["vera"], prepared, prepared.number + 1, prepared.missed_group)
    assert state(world) is ListState.CALIBRATED


def test_a_changed_list_needs_a_new_report_while_the_old_revision_serves(active: World) -> None:
    rows = [Row("S900")]
    source = EmbeddingSource(rows, vectors(1, seed=9), MODEL)
    load_list(active.sessions["boss"], "missing", source, False, lambda *_: None)
    with pytest.raises(NotSearchable):
        prepare(active.sessions["vera"], "missing")
    assert state(active) is ListState.ACTIVE
    assert active.submit(active.templates[0])[0].alerts == 1


def test_a_lease_lapses_and_is_renewed_by_signing_again(world: World) -> None:
    active = world
    active.create(expires=date(2028, 1, 1))
    active.load()
    active.cohort()
    active.calibrate()
    active.activate()
    active.clock.now += timedelta(hours=25)
    assert state(active) is ListState.LAPSED
    with pytest.raises(NotSearchable, match="lapsed"):
        active.submit(active.templates[0])
    prepared = prepare_renewal(active.sessions["vera"], "missing")
    renew(active.sessions["vera"], prepared, prepared.number, None)
    assert active.submit(active.templates[0])[0].alerts == 1
    active.clock.now += timedelta(days=90)
    with pytest.raises(NotSearchable, match="90 days"):
        prepare_renewal(active.sessions["vera"], "missing")


def test_the_threshold_can_be_raised_and_never_lowered(active: World) -> None:
    session = active.sessions["vera"]
    tau = prepare_renewal(session, "missing").threshold
    for not_higher in (tau, tau - 100):
        with pytest.raises(Refused, match="only raise"):
            prepare_renewal(session, "missing", not_higher)
    prepared = prepare_renewal(session, "missing", 999_000)
    with pytest.raises(Refused, match="more than half"):
        renew(session, prepared, prepared.number, None)
    certificate = renew(session, prepared, prepared.number, prepared.missed_group)
    assert certificate.threshold == 999_000
    between = active.templates[0] + 0.2 * vectors(1, seed=5)[0]
    assert active.submit(between)[0].alerts == 0
    assert active.submit(active.templates[0])[0].alerts == 1


def test_a_clock_that_goes_back_suspends_the_list(active: World) -> None:
    active.clock.now -= timedelta(minutes=6)
    with pytest.raises(NotSearchable, match="clock"):
        active.submit(active.templates[0])
    assert state(active) is ListState.SUSPENDED


def test_anybody_can_stop_a_list_and_an_approver_starts_it_again(active: World) -> None:
    active.submit(active.templates[0])
    suspend_list(active.sessions["ana"], "missing", "wrong pictures")
    with pytest.raises(NotSearchable, match="suspended"):
        active.submit(active.templates[0])
    assert active.desk("ben").queue().entries == ()
    active.activate()
    assert state(active) is ListState.ACTIVE


def test_search_refuses_whatever_the_certificate_was_not_signed_for(active: World) -> None:
    from matcher.services.search import search

    opened = open_list(active.sessions["boss"], "missing")
    probe, now = active.templates[:1], active.clock()
    assert search(opened.certificate, opened, probe, MODEL, now).hits[0]
    for binding in (
        replace(opened.binding, list_digest="0" * 64),
        replace(opened.binding, policy_digest="0" * 64),
        replace(opened.binding, threshold=0),
    ):
        with pytest.raises(IntegrityError):
            search(opened.certificate, replace(opened, binding=binding), probe, MODEL, now)
    with pytest.raises(IntegrityError, match="model"):
        search(opened.certificate, opened, probe, replace(MODEL, preprocessing="p2"), now)


def test_attempts_are_counted_and_the_same_inputs_are_the_same_attempt(world: World) -> None:
    world.create()
    world.load()
    world.cohort()
    assert world.calibrate(Policy()).attempt.j == 1
    assert world.calibrate(Policy()).attempt.j == 1
    assert world.calibrate(PILOT).attempt.j == 2
    assert world.calibrate(PILOT).attempt.j == 2


def test_people_on_the_list_cannot_be_tested_on_and_shipped_people_certify_nothing_else(world: World) -> None:
    world.create()
    world.load()
    world.cohort()
    with world.place.work(write=False) as work:
        cohort = work.cohorts.named("staff")
    assert cohort is not None
    assert cohort.latest is not None
    items: tuple[Item, ...] = world.place.revisions.read(world.sessions["boss"].vault, cohort.latest).items
    shipped = Shipped(frozenset({items[0].digest}), frozenset())
    with pytest.raises(Refused, match="do not exist"):
        calibrate_list(world.sessions["boss"], Question("missing", "staff", PILOT), shipped)
    both = EmbeddingSource([Row("C0001")], vectors(1, seed=8), MODEL)
    load_list(world.sessions["boss"], "missing", both, False, lambda *_: None)
    with pytest.raises(BadInput):
        calibrate_list(world.sessions["boss"], Question("missing", "staff", PILOT), NOBODY)


def test_loading_nothing_usable_stores_nothing(world: World) -> None:
    from matcher.domain.rejection import Reason, Rejected

    world.create()
    before = sorted((world.folder / "home" / "sealed").iterdir())
    rows = [Row("S1", Path("a.jpg")), Row("S2", Path("b.jpg"))]
    source = PictureSource(rows, lambda path: Rejected(path.name, Reason.UNREADABLE), VectorPipeline(), PILOT.quality)
    with pytest.raises(BadInput, match="no usable picture"):
        load_list(world.sessions["boss"], "missing", source, False, lambda *_: None)
    assert sorted((world.folder / "home" / "sealed").iterdir()) == before
    assert state(world) is ListState.DRAFT


def test_an_interrupted_load_stores_nothing(world: World) -> None:
    from matcher.domain.face import Picture

    world.create()
    template = world.templates[0].tobytes()
    rows = [Row(f"S{i}", Path(f"{i}.jpg")) for i in range(5)]

    def read(path: Path) -> Picture:
        if path.name == "3.jpg":
            raise KeyboardInterrupt
        return Picture(path.name, template)

    with pytest.raises(KeyboardInterrupt):
        load_list(
            world.sessions["boss"],
            "missing",
            PictureSource(rows, read, VectorPipeline(), PILOT.quality),
            False,
            lambda *_: None,
        )
    assert list((world.folder / "home" / "sealed").iterdir()) == []
    assert state(world) is ListState.DRAFT
    verify(world.place, lambda *_: None)


def test_what_a_killed_load_left_is_swept_after_an_hour(world: World) -> None:
    world.create()
    world.load()
    sealed = world.folder / "home" / "sealed"
    kept = set(sealed.iterdir())
    left = [sealed / "aaaaaaaaaaaaaaaaaaaaaaaaaa-pictures.box", sealed / ".x.1234.part"]
    for path in left:
        path.write_bytes(b"left behind")
    world.clock.now = datetime.now(UTC)
    world.load(count=19, fresh=True)
    assert all(path.exists() for path in left)
    world.clock.now += timedelta(minutes=61)
    world.load(count=18, fresh=True)
    assert not any(path.exists() for path in left)
    assert kept <= set(sealed.iterdir())


def test_loading_the_same_again_changes_nothing_and_order_does_not_matter(world: World) -> None:
    world.create()
    world.load()
    rows = [Row(f"S{i:03}", labels=(("name", f"Planted Name {i}"), ("note", "a note"))) for i in reversed(range(20))]
    source = EmbeddingSource(rows, np.ascontiguousarray(world.templates[::-1]), MODEL)
    again = load_list(world.sessions["boss"], "missing", source, True, lambda *_: None)
    assert not again.changed
    assert again.revision.number == 1


def test_templates_of_two_models_never_meet(world: World) -> None:
    world.create()
    world.load()
    other = EmbeddingSource([Row("S1")], vectors(1, seed=4), replace(MODEL, embedder="other@2"))
    with pytest.raises(Refused, match="another model"):
        load_list(world.sessions["boss"], "missing", other, False, lambda *_: None)


def test_people(world: World) -> None:
    with pytest.raises(WrongPassphrase):
        sign_in(world.place, "ana", "wrong passphrase")
    with pytest.raises(Refused, match="no user"):
        sign_in(world.place, "nobody", PASSPHRASE)
    with pytest.raises(MissingRole):
        add_user(world.place, world.sessions["ana"], "eve", frozenset({*world.sessions["ana"].user.roles}), PASSPHRASE)
    with pytest.raises(Refused, match="only an admin"):
        add_user(world.place, None, "eve", frozenset({*world.sessions["ana"].user.roles}), PASSPHRASE)
    set_suspended(world.sessions["boss"], "ana", suspended=True)
    with pytest.raises(Refused, match="suspended"):
        sign_in(world.place, "ana", PASSPHRASE)
    with pytest.raises(MissingRole, match="home key"):
        _ = world.sessions["audrey"].vault


def test_planted_names_and_identifiers_lie_nowhere_in_clear(active: World) -> None:
    active.submit(active.templates[3])
    active.store.close()
    found = b"".join(bytes_of(active.folder / "home").values())
    assert b"missing" in found  # the list's own name is public: the scan reads what is there
    for planted in (b"Planted Name", b"S003", b"a note", active.templates[3].tobytes()):
        assert planted not in found


def test_a_subject_without_any_usable_picture_does_not_spoil_the_list(world: World) -> None:
    from matcher.domain.face import Picture
    from matcher.domain.rejection import Reason, Rejected

    world.create()

    def load(*names: str) -> int:
        def read(path: Path) -> Picture | Rejected:
            if path.name == "bad.jpg":
                return Rejected(path.name, Reason.UNREADABLE)
            return Picture(path.name, world.templates[int(path.stem)].tobytes())

        rows = [Row(f"S-{name}", Path(name)) for name in names]
        source = PictureSource(rows, read, VectorPipeline(), PILOT.quality)
        return load_list(world.sessions["boss"], "missing", source, False, lambda *_: None).revision.subjects

    assert load("1.jpg", "bad.jpg") == 1
    assert load("2.jpg") == 2


def test_a_declared_column_that_is_left_out_is_named_everywhere_and_is_another_attempt(world: World) -> None:
    world.create()
    world.load()
    base = vectors(120, seed=2)
    rows = [
        Row(f"C{i:03}", attributes=(("group", "a" if i % 2 else "b"), ("site", "x" if i % 3 else "y")))
        for i in range(120)
    ]
    from matcher.domain.cohort import CohortTerms
    from matcher.services.collections import create_cohort
    from matcher.services.load import load_cohort

    create_cohort(world.sessions["boss"], "staff", CohortTerms("volunteers", "consent", date(2027, 1, 31)))
    load_cohort(world.sessions["boss"], "staff", EmbeddingSource(rows, base, MODEL), False, lambda *_: None)

    def ask(*columns: str) -> Question:
        return Question("missing", "staff", PILOT, None, columns)

    report = calibrate_list(world.sessions["boss"], ask("group"), NOBODY)
    assert report.verdict.status.value == "CERTIFIED"
    assert "NOT TESTED: column site (left out)" in report.verdict.sentence
    assert {"site": "left out"} in report.verdict.not_tested
    assert "site left out" in prepare(world.sessions["vera"], "missing").consequence
    with pytest.raises(BadInput, match="no column nosuch"):
        calibrate_list(world.sessions["boss"], ask("nosuch"), NOBODY)


def test_other_columns_are_another_attempt(world: World) -> None:
    world.create()
    world.load()
    world.cohort()
    session = world.sessions["boss"]
    assert calibrate_list(session, Question("missing", "staff", Policy()), NOBODY).attempt.j == 1
    assert calibrate_list(session, Question("missing", "staff", Policy(), None, ("group",)), NOBODY).attempt.j == 1
    assert calibrate_list(session, Question("missing", "staff", Policy(), None, ()), NOBODY).attempt.j == 2


@pytest.mark.parametrize("word", ["purpose", "owner", "legal_basis"])
def test_terms_cannot_steer_a_terminal(word: str) -> None:
    from matcher.domain.watchlist import ListTerms

    given = {"purpose": "p", "legal_basis": "l", "owner": "o"}
    for text in ("a\x1b[2K", "a\nb", "a\u202eb", "x" * 501):
        with pytest.raises(BadInput):
            ListTerms(expires=date(2027, 1, 1), searches_per_day=1, **(given | {word: text}))


def test_the_account_is_the_kernels_word(monkeypatch: pytest.MonkeyPatch) -> None:
    import os
    import pwd

    from matcher.bootstrap import _seat

    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody-else")
    assert _seat().account == pwd.getpwuid(os.getuid()).pw_name


def test_everybody_who_loaded_a_part_is_a_loader(world: World) -> None:
    world.create()
    both = world.sessions["boss"]
    add_user(world.place, both, "olga", frozenset({Role.ADMIN, Role.APPROVER}), PASSPHRASE)
    world.sessions["olga"] = sign_in(world.place, "olga", PASSPHRASE)
    world.load(count=18, who="olga")
    world.load(count=20, who="boss")
    world.cohort()
    world.calibrate()
    with pytest.raises(AnotherPersonNeeded, match="part of it"):
        prepare(world.sessions["olga"], "missing")
    world.load(count=20, who="boss", fresh=True)
    world.calibrate()
    world.activate("olga")
    assert state(world) is ListState.ACTIVE


def test_ctrl_c_in_the_commit_keeps_what_was_committed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.create()
    commit = Transaction.commit

    def commit_then_ctrl_c(self: Transaction) -> None:
        commit(self)
        raise KeyboardInterrupt

    monkeypatch.setattr(Transaction, "commit", commit_then_ctrl_c)
    with pytest.raises(KeyboardInterrupt):
        world.load()
    monkeypatch.undo()
    assert state(world) is ListState.ENROLLED
    world.load(count=20)  # opens the revision that was committed
    verify(world.place, lambda *_: None)


def test_pictures_held_to_other_limits_do_not_certify(world: World) -> None:
    world.create()
    world.cohort()
    faces = {f"S{i:03}": template.tobytes() for i, template in enumerate(world.templates)}
    rows = [Row(name, image=Path(name), name=name) for name in faces]
    for quality, status in ((Quality(min_sharpness=1), Status.INSUFFICIENT), (PILOT.quality, Status.CERTIFIED)):
        source = PictureSource(rows, lambda path: Picture(path.name, faces[path.name]), VectorPipeline(), quality)
        load_list(world.sessions["boss"], "missing", source, True, lambda *_: None)
        report = world.calibrate()
        assert report.verdict.status is status
        assert any("other quality limits" in reason for reason in report.verdict.reasons) is (status != "CERTIFIED")


def test_refused_attempts_are_in_the_log(active: World) -> None:
    for attempt in (
        lambda: sign_in(active.place, "ana", "wrong passphrase"),
        lambda: active.calibrate(Policy()) and prepare(active.sessions["vera"], "missing"),
    ):
        before = active.log_actions().count("refused")
        with pytest.raises((Refused, InsufficientEvidence)):
            attempt()
        assert active.log_actions().count("refused") == before + 1


def test_somebody_elses_keys_do_not_sign_in(active: World) -> None:
    raw(
        active.folder / "home",
        "UPDATE users SET keys = (SELECT keys FROM users WHERE name = 'ana') WHERE name = 'ben'",
    )
    with pytest.raises(IntegrityError, match="another person's"):
        sign_in(active.place, "ben", PASSPHRASE)
    with pytest.raises(IntegrityError, match="wrapped keys of ben"):
        verify(active.place, lambda *_: None)


def test_a_suspended_persons_open_session_changes_nothing(active: World) -> None:
    vera = active.sessions["vera"]
    prepared = prepare(vera, "missing")
    set_suspended(active.sessions["boss"], "vera", True)
    with pytest.raises(Refused, match="suspended"):
        activate(vera, prepared, prepared.number, prepared.missed_group)
    with pytest.raises(Refused, match="suspended"):
        suspend_list(vera, "missing", "spite")
    assert state(active) is ListState.ACTIVE


def test_a_raised_threshold_does_not_come_down_with_the_old_report(active: World) -> None:
    vera = active.sessions["vera"]
    raised = prepare_renewal(vera, "missing", 999_000)
    renew(vera, raised, raised.number, raised.missed_group)
    with pytest.raises(Refused, match="was raised"):
        prepare(vera, "missing")
    again = prepare_renewal(vera, "missing")
    assert renew(vera, again, again.number, again.missed_group).threshold == 999_000


def test_stricter_limits_take_nothing_out(world: World) -> None:
    world.create()
    faces = {f"S{i:03}": template.tobytes() for i, template in enumerate(world.templates)}
    rows = [Row(name, image=Path(name), name=name) for name in faces]
    picky = replace_face_with(Rejected("S000", Reason.TOO_DARK))
    for pipeline in (VectorPipeline(), picky):
        source = PictureSource(rows, lambda path: Picture(path.name, faces[path.name]), pipeline, PILOT.quality)
        result = load_list(world.sessions["boss"], "missing", source, False, lambda *_: None)
    assert (result.added, result.revision.templates) == (0, len(faces))


def replace_face_with(rejected: Rejected) -> VectorPipeline:
    """A pipeline that takes every face but the first."""

    class Picky(VectorPipeline):
        def faces(self, picture: Picture, quality: Quality) -> list[Face | Rejected]:
            return [rejected] if picture.name == rejected.source else super().faces(picture, quality)

    return Picky()


def test_a_picture_that_comes_later_takes_the_place_of_its_absence(world: World) -> None:
    world.create()
    faces = {f"S{i:03}": template.tobytes() for i, template in enumerate(world.templates)}
    rows = [Row(name, image=Path(name), name=name) for name in faces]
    for missing in ("S003", ""):

        def read(path: Path, missing: str = missing) -> Picture | Rejected:
            absent = Rejected(path.name, Reason.MISSING_FILE)
            return absent if path.name == missing else Picture(path.name, faces[path.name])

        source = PictureSource(rows, read, VectorPipeline(), PILOT.quality)
        result = load_list(world.sessions["boss"], "missing", source, False, lambda *_: None)
        assert result.revision.rejected == bool(missing)
