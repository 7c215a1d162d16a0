"""One operation on the database, whole or not at all; and the store that begins them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, Engine

from matcher.domain import tables
from matcher.domain.ids import Clock
from matcher.domain.people import Seat
from matcher.store.alerts import SqlAlerts
from matcher.store.checkpoints import SqlCheckpoints
from matcher.store.cohorts import SqlCohorts
from matcher.store.database import (
    begin,
    begin_alone,
    bring_up,
    check_schema,
    create_database,
    describe,
    discard_database,
    is_sqlite,
    open_database,
    scrub,
    version_in,
)
from matcher.store.erasures import SqlErasures
from matcher.store.failures import translated
from matcher.store.lists import SqlLists
from matcher.store.log import SqlLog
from matcher.store.reports import SqlReports
from matcher.store.revisions import SqlRevisions
from matcher.store.transaction import Transaction
from matcher.store.users import SqlHome, SqlUsers
from matcher.store.vigilance import SqlVigilance
from matcher.store.watch import SqlWatch


class SqlUnitOfWork:
    """Implements `tables.UnitOfWork`. Entering begins a transaction; leaving without `commit` undoes all of it."""

    home: tables.HomeTable
    users: tables.Users
    lists: tables.Lists
    cohorts: tables.Cohorts
    revisions: tables.RevisionTable
    reports: tables.Reports
    alerts: tables.Alerts
    watch: tables.Watch
    vigilance: tables.Vigilance
    erasures: tables.Erasures
    log: tables.Log
    checkpoints: tables.Checkpoints
    notary: tables.Notary | None = None

    def __init__(self, engine: Engine, seat: Seat, clock: Clock, begun: Callable[[Engine], Connection]) -> None:
        self._engine = engine
        self._seat = seat
        self._clock = clock
        self._begin = begun
        self._transaction: Transaction | None = None

    def __enter__(self) -> Self:
        if self._transaction is not None:
            raise RuntimeError("a unit of work is entered once")
        with translated():
            transaction = Transaction(self._begin(self._engine))
        self._transaction = transaction
        self.home = SqlHome(transaction)
        self.users = SqlUsers(transaction)
        self.lists = SqlLists(transaction)
        self.cohorts = SqlCohorts(transaction)
        self.revisions = SqlRevisions(transaction)
        self.reports = SqlReports(transaction)
        self.alerts = SqlAlerts(transaction)
        self.watch = SqlWatch(transaction)
        self.vigilance = SqlVigilance(transaction)
        self.erasures = SqlErasures(transaction)
        self.log = SqlLog(transaction, self._seat, self._clock)
        self.checkpoints = SqlCheckpoints(transaction)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._begun().end()

    def commit(self) -> None:
        """Makes everything durable. Nothing more can be done in this unit."""
        begun = self._begun()
        note = self.notary.before_commit(self) if self.notary is not None and self.log.written else None
        begun.commit()
        if self.notary is not None and note is not None:
            self.notary.after_commit(note)

    def scrub(self) -> None:
        """Ends this unit, and rewrites the database's files so that nothing is in them that was deleted.

        Raises StorageFailed while somebody else reads or writes.
        """
        self._begun().end()
        with translated():
            scrub(self._engine)

    def check_schema(self) -> None:
        """Raises IntegrityError when a table, constraint or trigger is missing, was changed or was added."""
        check_schema(self._engine, self._begun())

    def version(self) -> int:
        """The version of the tables."""
        return self._begun().directly(version_in)

    def bring_up(self) -> int:
        """Brings the tables to this program's version; which they were of. Raises Refused, IntegrityError."""
        return self._begun().directly(bring_up)

    def _begun(self) -> Transaction:
        if self._transaction is None:
            raise RuntimeError("a unit of work is used inside `with`")
        return self._transaction


@dataclass(frozen=True, slots=True)
class Store:
    """An opened database; its `unit_of_work` is a `tables.UnitsOfWork`."""

    engine: Engine
    seat: Seat
    clock: Clock
    notary: tables.Notary | None = None

    def unit_of_work(self, write: bool = True) -> SqlUnitOfWork:
        """A new unit of work, not yet begun. One that will not write takes no lock and sees one unchanging state."""
        return self._unit(partial(begin, write=write))

    @contextmanager
    def upgrading(self) -> Iterator[tuple[int, SqlUnitOfWork]]:
        """A unit that has the tables alone and brought them to this program's version, and which they were of.

        Raises Refused where no step leads up, IntegrityError for rules that somebody changed, StorageFailed.
        """
        with self._unit(begin_alone) as work:
            yield work.bring_up(), work

    @property
    def in_folder(self) -> bool:
        """Whether the database is a file of the home."""
        return is_sqlite(self.engine)

    def describe(self) -> str:
        """The database's engine and version. Raises StorageFailed."""
        return describe(self.engine)

    def discard(self) -> None:
        """Takes away the tables of a home that was never finished, where they are not in its folder."""
        discard_database(self.engine)

    def close(self) -> None:
        """Lets go of the database."""
        self.engine.dispose()

    def _unit(self, begun: Callable[[Engine], Connection]) -> SqlUnitOfWork:
        work = SqlUnitOfWork(self.engine, self.seat, self.clock, begun)
        work.notary = self.notary
        return work


def create_store(home: Path, seat: Seat, clock: Clock, address: str | None = None) -> Store:
    """A new database in the folder of a home, or at an address. Raises Refused when there is one."""
    return Store(create_database(home, address), seat, clock)


def open_store(home: Path, seat: Seat, clock: Clock, address: str | None = None, older: bool = False) -> Store:
    """The database of a home; `older`: also one that `upgrading` brings up.

    Raises Refused when there is none or it is another version's, IntegrityError.
    """
    return Store(open_database(home, address, older), seat, clock)
