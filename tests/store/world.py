"""A home with four people, a list that serves, a cohort and an alert: what the tests of the database start from."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from matcher.domain.case import Component, Finding, Judgement, Verdict
from matcher.domain.certificate import Binding, Certificate, CertificateTerms
from matcher.domain.cohort import Cohort, CohortTerms
from matcher.domain.face import FacePlace
from matcher.domain.ids import utc_text
from matcher.domain.people import Role, Seat, SignedIn, User
from matcher.domain.policy import Policy
from matcher.domain.records import AlertRecord, CandidateRecord, SignedJudgement, StoredReport
from matcher.domain.revision import Revision
from matcher.domain.template import ModelIdentity
from matcher.domain.watchlist import ListTerms, Watchlist
from matcher.store.sealing import HomeVault
from matcher.store.unit_of_work import SqlUnitOfWork, Store, create_store, open_store
from tests.databases import address_of, dumped, raw, without_rules

NOON = datetime(2030, 5, 4, 12, 0, 0, 123456, tzinfo=UTC)
SEAT = Seat("osuser", "/dev/pts/7")
MODEL = ModelIdentity("sface@" + "a" * 64, "unseen", "unseen", "v1", 128)
POLICY = Policy()
BODY = b'{"report":"of a test"}'
REPORT = hashlib.sha256(BODY).hexdigest()
TERMS = ListTerms("find missing people", "act 7", "desk 4", date(2031, 1, 2), 40, "0.001", "last year")
PLACE = FacePlace((1.5, 2.25, 30.0, 40.125), ((0.1, 0.2), (3.0, 4.0), (5.0, 6.0), (7.0, 8.0), (9.0, 1 / 3)))
ROLES = {"ada": Role.ADMIN, "ben": Role.APPROVER, "cai": Role.REVIEWER, "dee": Role.REVIEWER, "eli": Role.REVIEWER}
ROLES |= {"fay": Role.REVIEWER}
KEYS = {name: Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"k")) for name in ROLES}
VAULT = HomeVault(bytes(range(32)), Path("/nonexistent"))
SAME, OTHER, UNSURE = Verdict.SAME, Verdict.DIFFERENT, Verdict.UNDECIDED


@dataclass
class Watch:
    """A clock that stands until it is moved."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **units: float) -> datetime:
        self.now += timedelta(**units)
        return self.now


@dataclass
class World:
    """A folder with a database, and two ways in: units of work and raw SQL."""

    home: Path
    watch: Watch = field(default_factory=Watch)

    @contextmanager
    def store(self) -> Iterator[Store]:
        opened = open_store(self.home, SEAT, self.watch, address_of(self.home))
        try:
            yield opened
        finally:
            opened.close()

    @contextmanager
    def work(self, write: bool = True) -> Iterator[SqlUnitOfWork]:
        """A unit of work that commits at the end, unless something went wrong."""
        with self.store() as store, store.unit_of_work(write) as work:
            yield work
            if write:
                work.commit()

    def raw(self, *statements: str) -> list[Any]:
        """SQL past the program, with every safety of the connection off; rows of the last statement."""
        return raw(self.home, *statements)

    def altered(self, *statements: str) -> None:
        """The same with every rule and reference out of force."""
        without_rules(self.home, *statements)

    def files(self) -> bytes:
        """Every byte of every file of the home; on a server every column that holds bytes."""
        if address_of(self.home) is not None:
            return dumped(self.home)
        return b"".join(path.read_bytes() for path in sorted(self.home.iterdir()))


def empty_world(home: Path) -> World:
    world = World(home)
    create_store(home, SEAT, world.watch, address_of(home)).close()
    return world


def alerted_world(home: Path) -> World:
    """A home with people, an active list and one waiting alert."""
    world = empty_world(home)
    with world.work() as work:
        add_people(work)
        activate(work)
        work.alerts.add(VAULT, alert())
    return world


def user(name: str) -> User:
    return User(name, frozenset({ROLES[name]}), KEYS[name].public_key().public_bytes_raw(), NOON)


def signed_in(name: str, seat: Seat = SEAT) -> SignedIn:
    return SignedIn(user(name), seat, KEYS[name].sign)


def revision(revision_id: str = "r1", collection: str = "list1", number: int = 1) -> Revision:
    digest = hashlib.sha256(revision_id.encode()).hexdigest()
    return Revision(revision_id, collection, number, digest, MODEL, 10, 12, 1, "ada", NOON, ("ada",), "unseen")


def watchlist(name: str = "missing", list_id: str = "list1") -> Watchlist:
    return Watchlist(list_id, name, TERMS, "ada", NOON)


def cohort() -> Cohort:
    return Cohort(
        "cohort1", "staff", CohortTerms("staff", "consent", date(2031, 1, 2), uses=("test", "x")), "ada", NOON
    )


def report(digest: str = REPORT, body: bytes = BODY) -> StoredReport:
    return StoredReport(digest, "list1", "r1", "c1", POLICY.digest(), True, "ada", NOON, body)


def certificate(change: Callable[[CertificateTerms], CertificateTerms] = lambda terms: terms) -> Certificate:
    terms = CertificateTerms(
        list_id="list1",
        revision_id="r1",
        binding=Binding(revision().digest, MODEL.text(), "c" * 64, POLICY.digest(), REPORT, 400_000),
        tier="certified",
        alpha="0.001",
        subjects=10,
        consequence="up to 1 false alarm a day",
        consequence_number=1,
        loaders=("ada",),
        approver="ben",
        issued_at=utc_text(NOON),
        lease_until=utc_text(NOON + timedelta(days=30)),
        report_made_at=utc_text(NOON),
        previous="",
    )
    terms = change(terms)
    key = KEYS[terms.approver]
    return Certificate(terms, key.sign(terms.signed_bytes()), key.public_key().public_bytes_raw())


def alert(alert_id: str = "alert1", candidates: tuple[str, ...] = ("AAAA", "BBBB")) -> AlertRecord:
    found = tuple(
        CandidateRecord(name, f"subject-of-{name}", 500_000 - rank, rank)
        for rank, name in enumerate(candidates, start=1)
    )
    return AlertRecord(
        alert_id=alert_id,
        list_id="list1",
        revision_id="r1",
        certificate_digest=certificate().digest(),
        report_digest=REPORT,
        policy_digest=POLICY.digest(),
        threshold=400_000,
        case="case/7",
        reason="seen at the station",
        searches_of_case=1,
        submitted_by="ada",
        submitted_at=NOON,
        probe=b"\xff\xd8 bytes of a photograph of Planted Name",
        place=PLACE,
        candidates=found,
    )


def judgement(reviewer: str, verdict: Verdict, candidate: str = "AAAA", alert_id: str = "alert1") -> SignedJudgement:
    checklist = tuple((component, Finding.AGREE) for component in Component)
    said = Judgement(candidate, verdict, checklist, "kitty", 96, 12.345)
    return SignedJudgement(alert_id, reviewer, "osuser", "/dev/pts/7", NOON, said, b"s" * 64)


def add_people(work: SqlUnitOfWork) -> None:
    for name in ROLES:
        work.users.add(user(name), f"wrapped keys of {name}".encode())


def activate(work: SqlUnitOfWork) -> Watchlist:
    """A list with a revision, a report, a certificate and a cohort."""
    work.lists.add(watchlist())
    work.cohorts.add(cohort())
    work.revisions.add(revision())
    work.revisions.add(revision("c1", "cohort1"))
    work.cohorts.save(replace(cohort(), latest=revision("c1", "cohort1")))
    work.reports.add(report(), POLICY)
    serving = (
        watchlist().loaded(revision(), NOON).calibrated(REPORT, True, NOON).activated(revision(), certificate(), NOON)
    )
    work.lists.save(serving)
    return serving
