"""What a key asks for beyond the screen; the terminal interface carries it out and reports back."""

from dataclasses import dataclass

from matcher.domain.case import Judgement


@dataclass(frozen=True, slots=True)
class Commit:
    """Hand this judgement to the desk."""

    judgement: Judgement


@dataclass(frozen=True, slots=True)
class Disclose:
    """End stage 1: every candidate is judged."""


@dataclass(frozen=True, slots=True)
class Finish:
    """End stage 2."""


@dataclass(frozen=True, slots=True)
class AskRecusal:
    """Ask whether the reviewer knows this person, then step back."""


@dataclass(frozen=True, slots=True)
class AskWithdrawal:
    """Ask for the reason for withdrawing *same*."""

    candidate_id: str


@dataclass(frozen=True, slots=True)
class AskThirdReviewer:
    """Ask for the reason for a change towards *same*, which sends the candidate to a third reviewer."""

    candidate_id: str


@dataclass(frozen=True, slots=True)
class Leave:
    """Back to the queue; the claim is given back and nothing is committed."""


Intent = Commit | Disclose | Finish | AskRecusal | AskWithdrawal | AskThirdReviewer | Leave
