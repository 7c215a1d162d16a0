"""The words of the review screens: an outcome is never an identification, a score is never a percentage."""

from datetime import datetime

from matcher.domain.case import Outcome
from matcher.domain.confidence import StripChart
from matcher.domain.desk import ConcludedCandidate, DisclosedCandidate, Stage
from matcher.domain.template import score_text
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

PROMISE = "What you see here is a lead for people to check, never an identification."

KNOWN_PERSON = "I know this person"
RECUSAL = (
    "You step back from this alert for good; another reviewer takes it. Nothing you said of it counts. "
    "Where nobody else may judge it, it waits until an admin adds a reviewer."
)
RECUSED = "You stepped back; another reviewer takes this alert."
WITHDRAWAL = ("Withdraw *same*?", "It then counts as undecided.")
THIRD_REVIEWER = (
    "Ask for a third reviewer?",
    "After the score, *same* never counts; a third reviewer will judge this candidate.",
)

LONGEST_REASON = 200

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
    """Score against threshold."""
    return f"{score_text(found.score)}, threshold {score_text(found.threshold)}"


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
