"""A made-up cohort and list to calibrate: people with two templates each, and one label in each of two columns.

1. A person is a direction; a template is that direction and noise, more for some people than for others, so that some
   mates score below a threshold.
2. All people lean towards the direction of their label in the first column, those of the last label most, so that
   groups differ in their false alarms as they do in cohorts of faces.
3. Labels are dealt in turn, so that every two-way cell has about as many people as any other.
"""

from dataclasses import dataclass
from hashlib import sha256

import numpy as np
import numpy.typing as npt

from matcher import kernels
from matcher.calibration.trials import CohortItem, CohortMember
from matcher.domain.revision import Pairs
from matcher.domain.template import Floats, Scores

COLUMNS = ("region", "site")
LISTED = 10
SAMPLES = 2  # templates a person
DIGEST = sha256(b"made-up cohort").hexdigest()
_LEAN = 0.25  # at most, of a direction of its own
_NOISE = (0.4, 1.4)


@dataclass(frozen=True, slots=True, eq=False)
class MadeUp:
    """Unit float32 `rows` (people * 2, d), two of a person one after the other, int32 `owner` of each; the list's rows.

    `first` and `second` are the numbers of each person's labels, `members` the people as a cohort has them.
    """

    rows: Floats
    owner: Scores
    listed: Floats
    first: Scores
    second: Scores
    members: tuple[CohortMember, ...]

    @property
    def people(self) -> int:
        """How many."""
        return len(self.members)

    @property
    def labels(self) -> tuple[Pairs, ...]:
        """The labels of each person."""
        return tuple(member.labels for member in self.members)

    @property
    def label_numbers(self) -> npt.NDArray[np.int64]:
        """The numbers of each person's labels, (2, people)."""
        return np.stack([self.first, self.second]).astype(np.int64)


def made_up(people: int, groups: int, d: int, seed: int) -> MadeUp:
    """A cohort of so many people in `groups` labels a column, and a list of 10 others with one template each."""
    rng = np.random.default_rng(seed)
    number = np.arange(people + LISTED)
    first, second = number % groups, number // groups % groups
    directions = rng.standard_normal((groups, d), dtype=np.float32)
    lean = (_LEAN * (1 + first) / groups).astype(np.float32)[:, np.newaxis]
    centres = rng.standard_normal((len(number), d), dtype=np.float32) + lean * directions[first]
    noise = rng.uniform(*_NOISE, (len(number), 1)).astype(np.float32)
    owner = np.repeat(number, SAMPLES)
    rows = kernels.normalise(centres[owner] + noise[owner] * rng.standard_normal((len(owner), d), dtype=np.float32))
    mine = people * SAMPLES
    return MadeUp(
        rows=rows[:mine],
        owner=owner[:mine].astype(np.int32),
        listed=np.ascontiguousarray(rows[mine::SAMPLES]),
        first=first[:people].astype(np.int32),
        second=second[:people].astype(np.int32),
        members=tuple(_member(person, first[person], second[person]) for person in range(people)),
    )


def _member(person: int, first: int, second: int) -> CohortMember:
    rows = range(SAMPLES * person, SAMPLES * (person + 1))
    items = tuple(CohortItem(sha256(b"%d" % row).hexdigest(), row, f"day {row % SAMPLES}") for row in rows)
    labels = tuple(zip(COLUMNS, (f"r{first}", f"s{second}"), strict=True))
    return CohortMember(f"P{person:07}", items, labels)
