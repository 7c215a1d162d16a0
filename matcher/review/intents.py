"""What a key asks for beyond the screen; the terminal interface carries it out and reports back."""

from dataclasses import dataclass

from matcher.domain.case import Correction, Judgement


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
class AskCorrection:
    """Ask for the reason of a change after the score: *same* withdrawn, or a change towards *same*."""

    correction: Correction


@dataclass(frozen=True, slots=True)
class Leave:
    """Back to the queue; the claim is given back and nothing is committed."""


Intent = Commit | Disclose | Finish | AskRecusal | AskCorrection | Leave
