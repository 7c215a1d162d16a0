"""Watchlists, assembled whole: terms, revisions, certificate, suspension and refutation."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Row, insert, select, update

from matcher.domain.certificate import Certificate
from matcher.domain.ids import utc_text, utc_time
from matcher.domain.watchlist import ListTerms, Suspension, Watchlist
from matcher.errors import BadInput, IntegrityError
from matcher.store.certificates import SqlCertificates
from matcher.store.failures import well_formed
from matcher.store.revisions import SqlRevisions
from matcher.store.schema import reports, watchlists
from matcher.store.transaction import Transaction
from matcher.store.watch import SqlWatch

_TERMS = ("purpose", "legal_basis", "owner", "searches_per_day", "prior", "prior_source")


class SqlLists:
    """Implements `tables.Lists`."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._revisions = SqlRevisions(transaction)
        self._certificates = SqlCertificates(transaction)
        self._watch = SqlWatch(transaction)

    def add(self, watchlist: Watchlist) -> None:
        """Adds a list. Raises BadInput for a taken name."""
        fixed = {name: getattr(watchlist.terms, name) for name in _TERMS} | {
            "list_id": watchlist.list_id,
            "name": watchlist.name,
            "expires": watchlist.terms.expires.isoformat(),
            "created_by": watchlist.created_by,
            "created_at": utc_text(watchlist.created_at),
        }
        self._transaction.run(insert(watchlists), fixed | self._changing(watchlist))

    def named(self, name: str) -> Watchlist | None:
        """The list of that name."""
        return self._where(watchlists.c.name == name)

    def by_id(self, list_id: str) -> Watchlist | None:
        """The list of that id."""
        return self._where(watchlists.c.list_id == list_id)

    def all(self) -> Sequence[Watchlist]:
        """Every list, by name."""
        return [self._watchlist(row) for row in self._transaction.rows(select(watchlists).order_by(watchlists.c.name))]

    def certificates(self) -> Iterator[Certificate]:
        """Every certificate that was ever signed, the oldest first. Raises IntegrityError."""
        return self._certificates.all()

    def save(self, watchlist: Watchlist) -> None:
        """Stores latest, latest_report, serving, certificate, suspension and retired_at; keeps a new certificate.

        A refutation is kept by `SqlWatch.refute`, after the list was stopped for it.

        Raises BadInput for a list that was never added, Refused for a certificate that is not for what serves.
        """
        changed = self._changing(watchlist)
        statement = update(watchlists).where(watchlists.c.list_id == watchlist.list_id)
        if self._transaction.run(statement, changed) != 1:
            raise BadInput(f"there is no list {watchlist.name}: see matcher watchlist list")

    def _changing(self, watchlist: Watchlist) -> dict[str, str | None]:
        stop = watchlist.suspension
        certificate = watchlist.certificate
        return {
            "latest_id": None if watchlist.latest is None else watchlist.latest.revision_id,
            "latest_report": watchlist.latest_report,
            "serving_id": None if watchlist.serving is None else watchlist.serving.revision_id,
            "certificate_digest": None if certificate is None else self._certificates.keep(certificate),
            "suspended_by": None if stop is None else stop.by,
            "suspended_at": None if stop is None else utc_text(stop.at),
            "suspension_reason": None if stop is None else stop.reason,
            "retired_at": None if watchlist.retired_at is None else utc_text(watchlist.retired_at),
        }

    def _where(self, condition: ColumnElement[bool]) -> Watchlist | None:
        row = self._transaction.row(select(watchlists).where(condition))
        return None if row is None else self._watchlist(row)

    def _watchlist(self, row: Row[Any]) -> Watchlist:
        certificate = self._certificate(row)
        refuted = None if certificate is None else self._watch.refutation(certificate.terms.binding.report_digest)
        with well_formed("a list"):
            return Watchlist(
                list_id=row.list_id,
                name=row.name,
                terms=ListTerms(
                    expires=date.fromisoformat(row.expires), **{name: getattr(row, name) for name in _TERMS}
                ),
                created_by=row.created_by,
                created_at=utc_time(row.created_at),
                latest=self._revisions.named(row.latest_id),
                latest_report=row.latest_report,
                latest_certified=self._certified(row.latest_report),
                serving=self._revisions.named(row.serving_id),
                certificate=certificate,
                suspension=_suspension(row),
                refutation=refuted,
                retired_at=None if row.retired_at is None else utc_time(row.retired_at),
            )

    def _certified(self, report: str | None) -> bool:
        row = (
            None
            if report is None
            else self._transaction.row(select(reports.c.certified).where(reports.c.digest == report))
        )
        return row is not None and bool(row.certified)

    def _certificate(self, row: Row[Any]) -> Certificate | None:
        if row.certificate_digest is None:
            return None
        certificate = self._certificates.get(row.certificate_digest)
        if (certificate.terms.list_id, certificate.terms.revision_id) != (row.list_id, row.serving_id):
            raise IntegrityError(f"the certificate of list {row.name} is for something else: do not search")
        return certificate


def _suspension(row: Row[Any]) -> Suspension | None:
    if row.suspended_at is None:
        return None
    return Suspension(row.suspended_by, utc_time(row.suspended_at), row.suspension_reason)
