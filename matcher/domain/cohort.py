"""A cohort: consenting people who are known not to be on the list, on whom a list is tested."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from matcher.domain.revision import Revision
from matcher.domain.words import check_line


@dataclass(frozen=True, slots=True)
class CohortTerms:
    """What must be said before a cohort may be collected."""

    source: str
    legal_basis: str
    expires: date
    consent_ref: str = ""
    label_method: str = ""
    captured: str = ""
    uses: tuple[str, ...] = ("test",)

    def __post_init__(self) -> None:
        for name in ("source", "legal_basis", "consent_ref", "label_method", "captured"):
            check_line(f"--{name.replace('_', '-')}", getattr(self, name))


@dataclass(frozen=True, slots=True)
class Cohort:
    """A named cohort and its newest revision."""

    cohort_id: str
    name: str
    terms: CohortTerms
    created_by: str
    created_at: datetime
    latest: Revision | None = None

    def expired(self, now: datetime) -> bool:
        """True after the end (UTC) of its last day."""
        return now > end_of(self.terms.expires)


def end_of(day: date) -> datetime:
    """The last moment of a day in UTC."""
    return datetime.combine(day, time.max, tzinfo=UTC)
