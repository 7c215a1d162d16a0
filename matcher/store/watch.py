"""Searches under each report, numbered, and the reports that they refuted; the rules are in `domain/watch.py`."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, Select, func, insert, select

from matcher.domain.watch import Refutation, Search, Watched
from matcher.store.failures import well_formed
from matcher.store.schema import alerts, refutations, searches
from matcher.store.transaction import Transaction

_ALERTED = searches.join(alerts, searches.c.alert_id == alerts.c.alert_id)


class SqlWatch:
    """Implements `tables.Watch`."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add_search(self, report: str, case: str, alert_id: str | None) -> int | None:
        """Numbers a search; its place among the cases that count, None for a case that was searched before."""
        of_report = searches.c.report_digest == report
        of_case = select(func.count()).select_from(searches).where(of_report, searches.c.case_reference == case)
        place = None if self._transaction.number(of_case) else self._next(report, searches.c.place)
        row = {"report_digest": report, "number": self._next(report, searches.c.number), "case_reference": case}
        self._transaction.run(insert(searches), row | {"place": place, "alert_id": alert_id})
        return place

    def searches(self) -> Mapping[str, Sequence[Search]]:
        """Every search by report, in order."""
        found: dict[str, list[Search]] = defaultdict(list)
        for row in self._transaction.rows(select(searches).order_by(searches.c.report_digest, searches.c.number)):
            found[row.report_digest].append(Search(row.case_reference, row.place, row.alert_id))
        return dict(found)

    def report_of(self, alert_id: str) -> str | None:
        """The report under which an alert's search was made."""
        row = self._transaction.row(select(searches.c.report_digest).where(searches.c.alert_id == alert_id))
        return None if row is None else str(row.report_digest)

    def watched(self, report: str) -> Watched:
        """What became of the searches under a report."""
        of_report = (searches.c.report_digest == report,)
        counted = (*of_report, searches.c.place.is_not(None))
        is_open = (alerts.c.concluded_at.is_(None), alerts.c.closed_reason.is_(None))
        return Watched(
            searches=self._transaction.number(_number_of(searches, *of_report)),
            rejected=self._transaction.number(_number_of(_ALERTED, *of_report, alerts.c.rejected == 1)),
            cases=self._transaction.number(_number_of(searches, *counted)),
            false_alarms=self._transaction.number(_number_of(_ALERTED, *counted, alerts.c.rejected == 1)),
            waiting=self._transaction.number(_number_of(_ALERTED, *counted, *is_open)),
            closed=self._transaction.number(_number_of(_ALERTED, *counted, alerts.c.closed_reason.is_not(None))),
        )

    def false_alarms(self, report: str) -> Sequence[int]:
        """Places of the cases that are estimated false alarms, ascending."""
        query = select(searches.c.place).select_from(_ALERTED).where(searches.c.report_digest == report)
        query = query.where(searches.c.place.is_not(None), alerts.c.rejected == 1).order_by(searches.c.place)
        return [int(row.place) for row in self._transaction.rows(query)]

    def refute(self, refutation: Refutation) -> None:
        """Keeps a refutation.

        Raises Refused unless its counts are those of the tables and no list serves unstopped with the report.
        """
        floats = {name: repr(getattr(refutation, name)) for name in ("alpha", "spent", "lower")}
        row = {"report_digest": refutation.report, "look": refutation.look, "n": refutation.n, "k": refutation.k}
        self._transaction.run(insert(refutations), row | floats)

    def refutation(self, report: str) -> Refutation | None:
        """The refutation of a report, if there is one."""
        row = self._transaction.row(select(refutations).where(refutations.c.report_digest == report))
        return None if row is None else _refutation(row)

    def refutations(self) -> Sequence[Refutation]:
        """Every one, by report."""
        query = select(refutations).order_by(refutations.c.report_digest)
        return [_refutation(row) for row in self._transaction.rows(query)]

    def _next(self, report: str, column: Any) -> int:
        highest = func.coalesce(func.max(column), 0)
        return 1 + self._transaction.number(select(highest).where(searches.c.report_digest == report))


def _number_of(rows: Any, *conditions: Any) -> Select[Any]:
    return select(func.count()).select_from(rows).where(*conditions)


def _refutation(row: Row[Any]) -> Refutation:
    with well_formed("a refutation"):
        floats = (float(row.alpha), float(row.spent), float(row.lower))
        return Refutation(row.report_digest, row.look, row.n, row.k, *floats)
