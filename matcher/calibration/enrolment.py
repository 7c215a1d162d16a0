"""Failures to enrol (FTE, ISO/IEC 19795-1): people of whom no picture became a template, by declared group.

1. The unit is the person: somebody with one good picture among ten bad ones is enrolled.
2. A person belongs to every (column, label) that any of their items declares. Columns with more than 50 labels declare
   no groups (a birthday, a file number) and are left out.
3. A limit that rejects the pictures of one group more often shows here before it shows anywhere else: whoever is not
   enrolled is not missed by any search, and not found by any either.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from matcher.calibration.intervals import Estimate, estimate
from matcher.domain.revision import Item, Pairs

MOST_LABELS = 50
EVERYBODY = ("", "")
FailuresToEnrol = Mapping[tuple[str, str], Estimate]


def failures_to_enrol(items: Iterable[Item]) -> FailuresToEnrol:
    """How many of n people are without a template for each (column, label); everybody is `EVERYBODY`."""
    declared: dict[str, set[tuple[str, str]]] = defaultdict(set)
    enrolled: set[str] = set()
    for item in items:
        declared[item.subject_id].update(item.attributes)
        if item.row is not None:
            enrolled.add(item.subject_id)
    found = failures([tuple(sorted(pairs)) for pairs in declared.values()], [who not in enrolled for who in declared])
    labels: dict[str, int] = defaultdict(int)
    for column, _ in found:
        labels[column] += 1
    return {pair: rate for pair, rate in found.items() if labels[pair[0]] <= MOST_LABELS}


def failures(labels: Sequence[Pairs], failed: Sequence[bool]) -> Mapping[tuple[str, str], Estimate]:
    """How many of everybody, and of each declared group, failed; labels and failure of each person."""
    counts: dict[tuple[str, str], tuple[int, int]] = {EVERYBODY: (0, 0)}
    for pairs, lost in zip(labels, failed, strict=True):
        for pair in (EVERYBODY, *pairs):
            k, n = counts.get(pair, (0, 0))
            counts[pair] = k + lost, n + 1
    return {pair: estimate(k, n) for pair, (k, n) in sorted(counts.items())}
