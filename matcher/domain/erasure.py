"""Erasure: what leaves a home for good, and what stays without the person.

1. Erased are a subject's references, templates, labels and pictures in every revision of the collection, and of every
   alert they are a candidate of: the sealed subject, and the probe with its place, unless another candidate is a lead.
2. What stays says nothing of who it was: counts, digests, scores, judgements, outcomes, handles of reports, the log.
   Of an emptied value stays sha256 of what was sealed, so that the log can still be held against the tables.
3. An alert that waits is never emptied in silence: it is closed first, with `CLOSED` for a reason, and counted.
4. A revision of which something is left goes on showing that to reviewers; it cannot be searched, calibrated, replayed
   or derived from any more. Whoever is in what serves takes the list out of service (`Watchlist.unserved`).
5. An erasure is begun by one transaction and finished by exchanging files. Whoever opens the home next finishes it.
6. A rotation of the home key is an erasure of the home itself: what was sealed under the old key goes, and what it is
   exchanged for is the same under another key. Of a value sealed anew stays sha256 of what it was and is.
"""

from dataclasses import dataclass
from datetime import datetime

CLOSED = "what it shows was erased"
PROBE, PLACE, ANSWER = "probe", "place", "answer"


@dataclass(frozen=True, slots=True)
class Erasure:
    """One erasure, of a list's or a cohort's people or of an old home key's seals (`collection_id`: the home's).

    Without `finished_at` its files are still to be exchanged.
    """

    number: int
    erasure_id: str
    collection_id: str
    by: str
    at: datetime
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """A candidate whose sealed subject is still there: of a search, or of a known-answer item (`person`: its probe's).

    `open`: the alert waits. `lead`: this candidate is one.
    """

    alert_id: str
    candidate_id: str
    subject_id: str
    open: bool
    lead: bool
    person: str | None = None


@dataclass(frozen=True, slots=True)
class Sought:
    """How many bytes of how many files of the home were searched for what was erased, for how many samples of it."""

    files: int
    size: int
    samples: int
    found: int


def part_of(candidate_id: str) -> str:
    """What the erased subject of a candidate is called."""
    return f"candidate/{candidate_id}"
