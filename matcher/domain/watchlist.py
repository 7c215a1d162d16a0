"""The watchlist: every rule of the life of a list.

1. A list has a purpose, a legal basis, an owner, an expiry date and expected searches per day, or it cannot be created.
2. Its state is a pure function of what is stored and the time: draft, enrolled, calibrated, active, lapsed, suspended,
   expired, retired. Nobody sets a state.
3. The active revision serves until its successor is activated, so loading does not take a list down.
4. Only an active list can be searched (`require_active`), only with the certificate it hands out.
5. A retired or expired list cannot be loaded, calibrated or activated. A suspended one is activated again to lift that.
6. A list whose report was refuted in service is suspended, and only another report lifts that.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from matcher.domain.certificate import Certificate
from matcher.domain.cohort import end_of
from matcher.domain.confidence import Prior
from matcher.domain.revision import Revision
from matcher.domain.watch import Refutation
from matcher.domain.words import check_line
from matcher.errors import BadInput, NotSearchable, Refused


class ListState(StrEnum):
    """Where a list is in its life."""

    DRAFT = "draft"
    ENROLLED = "enrolled"
    CALIBRATED = "calibrated"
    ACTIVE = "active"
    LAPSED = "lapsed"
    SUSPENDED = "suspended"
    EXPIRED = "expired"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class ListTerms:
    """What must be said before a list may exist. Raises BadInput when something is missing or impossible."""

    purpose: str
    legal_basis: str
    owner: str
    expires: date
    searches_per_day: int
    prior: str | None = None
    prior_source: str | None = None

    def __post_init__(self) -> None:
        for name in ("purpose", "legal_basis", "owner"):
            if not getattr(self, name).strip():
                raise BadInput(f"a list needs a {name.replace('_', ' ')}: give --{name.replace('_', '-')}")
        for name in ("purpose", "legal_basis", "owner", "prior_source"):
            check_line(f"--{name.replace('_', '-')}", getattr(self, name) or "")
        if self.searches_per_day < 1:
            raise BadInput("searches per day must be at least 1")
        if (self.prior is None) != (self.prior_source is None):
            raise BadInput("a prior needs its source and a source its prior: give both or neither")
        if self.prior is not None and not _probability(self.prior):
            raise BadInput("a prior is a probability above 0 and below 1, such as 0.001")

    @property
    def declared_prior(self) -> Prior | None:
        """The prior as a number, with its source."""
        if self.prior is None or self.prior_source is None:
            return None
        return Prior(float(self.prior), self.prior_source)


def _probability(text: str) -> bool:
    try:
        return 0 < float(text) < 1
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Suspension:
    """Who stopped a list, when and why. Where its report was refuted, `by` is whose act completed the count."""

    by: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Watchlist:
    """A list: its terms, its newest revision and report, and the revision and certificate that serve."""

    list_id: str
    name: str
    terms: ListTerms
    created_by: str
    created_at: datetime
    latest: Revision | None = None
    latest_report: str | None = None  # digest of the newest report made for exactly `latest`
    latest_certified: bool = False  # whether that report certifies it
    serving: Revision | None = None
    certificate: Certificate | None = None
    suspension: Suspension | None = None
    refutation: Refutation | None = None  # of the report that serves
    retired_at: datetime | None = None

    def state(self, now: datetime) -> ListState:
        """The state at a moment (UTC)."""
        if self.retired_at is not None:
            return ListState.RETIRED
        if now > end_of(self.terms.expires):
            return ListState.EXPIRED
        if self.suspension is not None:
            return ListState.SUSPENDED
        if self.certificate is not None:
            return ListState.LAPSED if now >= self.certificate.ends_at else ListState.ACTIVE
        if self.latest is None:
            return ListState.DRAFT
        return ListState.ENROLLED if self.latest_report is None else ListState.CALIBRATED

    def require_active(self, now: datetime) -> tuple[Revision, Certificate]:
        """The revision that serves and its certificate. Raises NotSearchable saying what is missing."""
        state = self.state(now)
        if state is ListState.ACTIVE and self.serving is not None and self.certificate is not None:
            return self.serving, self.certificate
        because = f" ({self.suspension.reason})" if state is ListState.SUSPENDED and self.suspension else ""
        raise NotSearchable(f"list {self.name} is {state.value}{because}: {self.next_step(now)}")

    def next_step(self, now: datetime) -> str:
        """What comes next, as the end of a sentence."""
        state = self.state(now)
        if state is ListState.CALIBRATED and not self.latest_certified:
            return f"its newest report does not certify it, and says what would: matcher report show {self.name}"
        if state is ListState.ACTIVE and self.serving is not None and not self.serving.model.pictures_seen:
            return "it holds embeddings made elsewhere, with which no photograph can be compared"
        if state is ListState.SUSPENDED and self.refutation is not None:
            return NEXT_STEP[ListState.CALIBRATED if self._has_another_report() else ListState.ENROLLED]
        return NEXT_STEP[state]

    @property
    def stopped(self) -> str:
        """By whom or what a list was stopped, and why; empty for one that is not."""
        if self.suspension is None:
            return ""
        who = self.suspension.by if self.refutation is None else "the count of rejections"
        return f"by {who}: {self.suspension.reason}"

    def require_open(self, now: datetime) -> None:
        """Raises Refused when the list's life is over."""
        state = self.state(now)
        if state in (ListState.RETIRED, ListState.EXPIRED):
            raise Refused(f"list {self.name} is {state.value}: create a new list with its own purpose and expiry")

    def loaded(self, revision: Revision, now: datetime) -> "Watchlist":
        """With a new revision; whatever serves goes on serving."""
        self.require_open(now)
        return replace(self, latest=revision, latest_report=None, latest_certified=False)

    def calibrated(self, report_digest: str, certified: bool, now: datetime) -> "Watchlist":
        """With a report for its newest revision."""
        self.require_open(now)
        if self.latest is None:
            raise Refused(f"list {self.name} is empty: load it first (matcher watchlist load)")
        return replace(self, latest_report=report_digest, latest_certified=certified)

    def activated(self, revision: Revision, certificate: Certificate, now: datetime) -> "Watchlist":
        """With a certificate that serves `revision`; lifts a suspension."""
        self.require_open(now)
        if certificate.terms.list_id != self.list_id or certificate.terms.revision_id != revision.revision_id:
            raise Refused("the certificate was signed for another list or revision")
        if self.refutation is not None and certificate.terms.binding.report_digest == self.refutation.report:
            raise Refused(f"the report of list {self.name} was refuted in service: {NEXT_STEP[ListState.ENROLLED]}")
        certificate.check(certificate.terms.binding, now)
        return replace(self, serving=revision, certificate=certificate, suspension=None, refutation=None)

    def suspended(self, by: str, reason: str, now: datetime) -> "Watchlist":
        """Stopped, at once and for everyone. A refutation stays the reason where there is one."""
        self.require_open(now)
        return self if self.refutation is not None else replace(self, suspension=Suspension(by, now, reason))

    def refuted(self, refutation: Refutation, by: str, now: datetime) -> "Watchlist":
        """Stopped, if the report that serves is the refuted one, whatever the state; `by` completed the count.

        Raises ValueError for a look that does not exceed what was certified.
        """
        if not refutation.lower > refutation.alpha:
            raise ValueError("a look within what was certified refutes nothing")
        if self.certificate is None or self.certificate.terms.binding.report_digest != refutation.report:
            return self
        return replace(self, suspension=Suspension(by, now, refutation.reason), refutation=refutation)

    def retired(self, now: datetime) -> "Watchlist":
        """Ended for good; data stays until it is erased."""
        self.require_open(now)
        return replace(self, retired_at=now)

    def unserved(self) -> "Watchlist":
        """Without what served: somebody was erased from it, so it is not what was certified. Alerts go on waiting."""
        return replace(self, serving=None, certificate=None, refutation=None)

    def _has_another_report(self) -> bool:
        known = None if self.refutation is None else self.refutation.report
        return self.latest_certified and self.latest_report not in (None, known)


NEXT_STEP = {
    ListState.DRAFT: "load it (matcher watchlist load), calibrate it and have an approver activate it",
    ListState.ENROLLED: "test it on people who are not on it (matcher calibrate), then have an approver activate it",
    ListState.CALIBRATED: "an approver who loaded none of it must activate it (matcher watchlist activate)",
    ListState.ACTIVE: "photographs can be submitted (matcher submit)",
    ListState.LAPSED: "an approver must renew it (matcher watchlist renew)",
    ListState.SUSPENDED: "an approver must activate it again (matcher watchlist activate)",
    ListState.EXPIRED: "its last day is over; create a new list",
    ListState.RETIRED: "its life is over; create a new list",
}
