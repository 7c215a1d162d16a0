"""Calibration reports and policies, each under the sha256 of its bytes."""

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row, insert, select

from matcher.domain.ids import utc_text, utc_time
from matcher.domain.records import StoredReport
from matcher.errors import IntegrityError, Refused
from matcher.store.failures import well_formed
from matcher.store.schema import policies, reports
from matcher.store.transaction import Transaction

if TYPE_CHECKING:
    from matcher.domain.policy import Policy


_PLAIN = ("digest", "list_id", "revision_id", "cohort_revision_id", "policy_digest", "made_by", "body")


class SqlReports:
    """Implements `tables.Reports`."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def add(self, report: StoredReport, policy: "Policy") -> None:
        """Adds a report and its policy; what is there already stays. Raises IntegrityError when a digest is wrong."""
        _check(report.digest, report.body, "a report")
        _check(report.policy_digest, policy.canonical(), "the policy of a report")
        if self._transaction.row(select(policies.c.digest).where(policies.c.digest == report.policy_digest)) is None:
            self._transaction.run(insert(policies), {"digest": report.policy_digest, "body": policy.canonical()})
        if self._transaction.row(select(reports.c.digest).where(reports.c.digest == report.digest)) is None:
            row = {name: getattr(report, name) for name in _PLAIN}
            changed = {"certified": int(report.certified), "made_at": utc_text(report.made_at)}
            self._transaction.run(insert(reports), row | changed)

    def get(self, digest: str) -> StoredReport | None:
        """The report of that digest. Raises IntegrityError when its bytes have another one."""
        row = self._transaction.row(select(reports).where(reports.c.digest == digest))
        return None if row is None else _report(row)

    def of_list(self, list_id: str) -> Sequence[StoredReport]:
        """Every report about a list, oldest first."""
        query = select(reports).where(reports.c.list_id == list_id).order_by(reports.c.made_at, reports.c.digest)
        return [_report(row) for row in self._transaction.rows(query)]

    def policy(self, digest: str) -> "Policy":
        """The policy of that digest. Raises Refused when there is none, IntegrityError when it was altered."""
        from matcher.domain.policy import policy_from_canonical

        row = self._transaction.row(select(policies.c.body).where(policies.c.digest == digest))
        if row is None:
            raise Refused("no report of this home was made under that policy")
        _check(digest, row.body, "a policy")
        with well_formed("a policy"):
            return policy_from_canonical(row.body)


def _report(row: Row[Any]) -> StoredReport:
    _check(row.digest, row.body, "a report")
    with well_formed("a report"):
        plain = {name: getattr(row, name) for name in _PLAIN}
        return StoredReport(**plain, certified=bool(row.certified), made_at=utc_time(row.made_at))


def _check(digest: str, body: bytes, what: str) -> None:
    if hashlib.sha256(body).hexdigest() != digest:
        raise IntegrityError(f"{what} does not have the digest it is kept under: do not use it")
