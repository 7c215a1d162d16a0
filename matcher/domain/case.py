"""An alert, its judgements and its outcome; the quorum rule.

1. Only *blind* judgements count: those committed before the score of that alert was shown to that reviewer.
2. same + same is a lead, different + different is not; anything else goes to a third reviewer.
3. After the score, *same* may be withdrawn (it then counts as undecided). A change towards *same* never counts and
   sends the candidate to a third reviewer.
4. With the third: as many *same* as the quorum is a lead, as many *different* is not, anything else is inconclusive.
5. At most one candidate of an alert can be a lead: two leads go to a third reviewer, then both are inconclusive.
6. *Same* needs the whole checklist, and a face at least as tall on screen as the policy says.
7. Reviewers who share an operating-system account or a terminal are marked not independent.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from matcher.errors import Refused


class Verdict(StrEnum):
    """What a reviewer says of one candidate."""

    SAME = "same"
    UNDECIDED = "undecided"
    DIFFERENT = "different"


class Component(StrEnum):
    """Parts of a face compared one by one before *same* may be said (after the FISWG facial components)."""

    FOREHEAD = "forehead"
    EYES = "eyes"
    NOSE = "nose"
    MOUTH = "mouth"
    EARS = "ears"
    CHIN = "chin"
    MARKS = "marks"


class Finding(StrEnum):
    """What a component shows."""

    AGREE = "agree"
    DIFFER = "differ"
    NOT_VISIBLE = "not visible"


class Outcome(StrEnum):
    """Where a candidate stands."""

    PENDING = "pending"
    THIRD_NEEDED = "third reviewer needed"
    LEAD = "lead"
    NOT_A_LEAD = "not a lead"
    INCONCLUSIVE = "inconclusive"


Checklist = tuple[tuple[Component, Finding], ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    """One blind judgement as committed.

    `mode` is how faces were drawn, `face_pixels` the smaller face's height on screen, `seconds` how long the candidate
    was on screen.
    """

    candidate_id: str
    verdict: Verdict
    checklist: Checklist
    mode: str
    face_pixels: int
    seconds: float

    def check(self, min_pixels: int) -> None:
        """Raises Refused when *same* lacks its checklist or a face was too small to be compared."""
        if self.verdict is not Verdict.SAME:
            return
        if self.face_pixels < min_pixels:
            raise Refused(
                f"faces are {self.face_pixels} pixels high on screen, the policy asks for {min_pixels} before *same*: "
                "use full screen, a larger terminal, or one with Kitty or Sixel graphics"
            )
        if {component for component, _ in self.checklist} != set(Component):
            raise Refused("*same* needs a finding for every component of the checklist")


@dataclass(frozen=True, slots=True)
class Correction:
    """A change after the score was shown."""

    candidate_id: str
    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True)
class ReviewFile:
    """All that one reviewer said of one alert. `finished` means no more corrections will come."""

    reviewer: str
    account: str
    terminal: str
    verdicts: tuple[tuple[str, Verdict], ...]
    corrections: tuple[Correction, ...]
    finished: bool

    def counted(self, candidate_id: str) -> tuple[Verdict, bool]:
        """The verdict that counts, and whether a change towards *same* contests it."""
        verdict = dict(self.verdicts)[candidate_id]
        contested = False
        for correction in self.corrections:
            if correction.candidate_id != candidate_id:
                continue
            if verdict is Verdict.SAME and correction.verdict is not Verdict.SAME:
                verdict = Verdict.UNDECIDED
            elif verdict is not correction.verdict:
                contested = True
        return verdict, contested


def conclude(candidates: Sequence[str], files: Sequence[ReviewFile], quorum: int) -> tuple[tuple[str, Outcome], ...]:
    """The outcome of every candidate from the files in the order in which they were finished (rules 1 to 5).

    `quorum` is the policy's `reviewers_required`, at least 2; a file beyond `quorum` + 1 is not looked at.
    """
    finished = [file for file in files if file.finished][: quorum + 1]
    if len(finished) < quorum:
        return tuple((candidate, Outcome.PENDING) for candidate in candidates)
    outcomes = {candidate: _outcome(candidate, finished, quorum) for candidate in candidates}
    leads = [candidate for candidate, outcome in outcomes.items() if outcome is Outcome.LEAD]
    if len(leads) > 1:
        conflict = Outcome.THIRD_NEEDED if len(finished) == quorum else Outcome.INCONCLUSIVE
        outcomes.update(dict.fromkeys(leads, conflict))
    return tuple(outcomes.items())


def _outcome(candidate: str, files: Sequence[ReviewFile], quorum: int) -> Outcome:
    counted = [file.counted(candidate) for file in files]
    votes = Counter(verdict for verdict, _ in counted)
    contested = any(changed for _, changed in counted[:quorum])
    waiting = len(files) == quorum
    if waiting and (contested or max(votes.values()) < quorum or votes[Verdict.UNDECIDED]):
        return Outcome.THIRD_NEEDED
    if votes[Verdict.SAME] >= quorum:
        return Outcome.LEAD
    if votes[Verdict.DIFFERENT] >= quorum:
        return Outcome.NOT_A_LEAD
    return Outcome.INCONCLUSIVE


def reviewers_needed(outcomes: Sequence[tuple[str, Outcome]], quorum: int) -> int:
    """How many reviewers an alert needs as it stands."""
    return quorum + any(outcome is Outcome.THIRD_NEEDED for _, outcome in outcomes)


def independent(files: Sequence[ReviewFile]) -> bool:
    """False when two reviewers share an operating-system account or a terminal."""
    accounts = [file.account for file in files]
    terminals = [file.terminal for file in files if file.terminal]
    return len(set(accounts)) == len(accounts) and len(set(terminals)) == len(terminals)
