"""What a search answers: subjects at or above the threshold, and the certificate of the work that was done."""

from dataclasses import dataclass

from matcher.domain.template import Millionths


@dataclass(frozen=True, slots=True)
class Hit:
    """A subject at or above the threshold: its number and its best canonical score in millionths."""

    subject: int
    score: Millionths


@dataclass(frozen=True, slots=True)
class Work:
    """What was done: `rows` screened for each query, `survivors` scored canonically, on which path and threads."""

    rows: int
    survivors: int
    path: str
    threads: int


@dataclass(frozen=True, slots=True)
class SearchAnswer:
    """The hits of each query, best first (ties by subject number), and the work for all of them."""

    hits: tuple[tuple[Hit, ...], ...]
    work: Work
