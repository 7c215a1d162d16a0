"""The words of the review screens: an outcome is never an identification, a score is never a percentage."""

from datetime import datetime

from matcher.domain.case import Outcome, Verdict
from matcher.domain.confidence import StripChart
from matcher.domain.desk import ConcludedCandidate, DisclosedCandidate, Stage
from matcher.domain.template import score_text
from matcher.domain.vigilance import SAME_PERSON
from matcher.review.safe_text import safe_display

STAGES = {
    Stage.BLIND: "1 of 3  Faces only: judge before you see what the software found",
    Stage.DISCLOSED: "2 of 3  What the software found, after your own judgement",
    Stage.FINISHED: "3 of 3  Where each candidate stands",
}

OUTCOMES = {
    Outcome.LEAD: "lead, two reviewers agree; not an identification",
    Outcome.NOT_A_LEAD: "not a lead",
    Outcome.PENDING: "waiting for the other reviewer",
    Outcome.THIRD_NEEDED: "goes to a third reviewer",
    Outcome.INCONCLUSIVE: "inconclusive",
}

BARS = " ▁▂▃▄▅▆▇█"

NOT_INDEPENDENT = "NOT INDEPENDENT: the reviewers shared an account or a terminal"


def handle(candidate_id: str) -> str:
    """A candidate's random handle as screens write it."""
    return safe_display(candidate_id, 12)


def age(since: datetime, now: datetime) -> str:
    """How long an alert has been waiting."""
    minutes = max(0, int((now - since).total_seconds() // 60))
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {rest:02d} min" if hours else f"{rest} min"


def outcome(concluded: ConcludedCandidate) -> str:
    """Where a candidate stands, in one line."""
    return OUTCOMES[concluded.outcome]


def score_line(found: DisclosedCandidate) -> str:
    """Score against threshold; of a known-answer item, which no search found, the score alone."""
    if found.truth:
        return score_text(found.score)
    return f"{score_text(found.score)}, threshold {score_text(found.threshold)}"


def truth_line(found: DisclosedCandidate) -> str:
    """The truth of a known-answer item, and whether the reviewer's own judgement is it; empty for an alert."""
    if not found.truth:
        return ""
    right = Verdict.SAME if found.truth == SAME_PERSON else Verdict.DIFFERENT
    told = "you left it open" if found.own is Verdict.UNDECIDED else "right" if found.own is right else "wrong"
    return f"known-answer item: {found.truth} ({told})"


def strip_rows(strip: StripChart) -> tuple[tuple[str, str], ...]:
    """Titles and rows of the strip chart; each kind of person against its own fullest column."""
    rows = [("not on list", _bars(strip.nonmated)), ("mates", _bars(strip.mated))]
    here = " " * strip.at + "▲"
    return (*((title, row) for title, row in rows if row.strip()), ("this score", here))


def _bars(counts: tuple[int, ...]) -> str:
    fullest = max(counts)
    # rounded up, so that one person is seen
    return "".join(BARS[-(-(len(BARS) - 1) * count // fullest)] if count else BARS[0] for count in counts)


def look_alikes_line(found: DisclosedCandidate) -> str:
    """Whether the list holds people who could be taken for this one; empty where it was looked for and holds none."""
    if found.look_alikes is None:
        return "nobody looked whether look-alikes of this person are on the list"
    return "look-alikes of this person are on the list" if found.look_alikes else ""


def others_line(found: DisclosedCandidate) -> str:
    """How many look-alikes the list holds for this probe."""
    others = found.candidates - 1
    if not others:
        return "no other candidate on the list reaches the threshold"
    verb = "candidates reach" if others > 1 else "candidate reaches"
    return f"rank {found.rank} of {found.candidates}: {others} other {verb} the threshold"
