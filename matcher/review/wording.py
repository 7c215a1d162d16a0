"""The words of the review screens: an outcome is never an identification, a score is never a percentage."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime

from matcher.domain.case import Correction, Outcome, Verdict
from matcher.domain.confidence import StripChart
from matcher.domain.desk import ConcludedCandidate, DisclosedCandidate, ListLine, LogPage, Share, Stage, WorkPeriod
from matcher.domain.events import Verified
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

PROMISE = "What you see here is a lead for people to check, never an identification."

KNOWN_PERSON = "I know this person"
RECUSAL = (
    "You step back from this alert for good; another reviewer takes it. Nothing you said of it counts. "
    "Where nobody else may judge it, it waits until an admin adds a reviewer."
)
ELSEWHERE = (
    "You went on with this alert in another terminal: what is committed there stands, and what you had chosen here was "
    "not committed. If it still waits for you, open it again."
)
RECUSED = "You stepped back; another reviewer takes this alert."
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


NO_CHECKPOINT = "No exported checkpoint was compared: whoever holds this machine could have rewritten this."


def compared(found: Verified) -> str:
    """Against whom a verification speaks."""
    if not found.anchors:
        return NO_CHECKPOINT
    after = found.entries - found.anchored
    return (
        f"{found.anchors} checkpoints kept elsewhere are of this log: its first {found.anchored} entries are those of "
        f"then. Whoever holds this machine could have rewritten the {after} after them."
    )


def verified(found: Verified) -> tuple[str, ...]:
    """What a verification found in order, line by line, and what it cannot know."""
    return (
        f"{found.entries} entries verify, head {found.head}",
        f"{found.certificates} certificates recomputed, {found.judgements} judgements and their signatures checked, "
        f"{found.revisions} revisions found in the log",
        f"{found.searches} searches counted again: {found.refutations} reports refuted in service, as logged",
        *((_checkpoints(found),) if found.checkpoints else ()),
        compared(found),
    )


def _checkpoints(found: Verified) -> str:
    return f"{found.checkpoints} checkpoints in the home are of this log, signed by {found.log_keys} keys that it names"


def lists_state(lines: Iterable[ListLine]) -> str:
    """How the lists stand, without their names."""
    states = [line.state for line in lines]
    if not states:
        return "no list"
    active, stopped = states.count("active"), states.count("suspended")
    return f"{active} of {len(states)} lists active" + (f", {stopped} suspended" if stopped else "")


def lists_states(lines: Iterable[ListLine]) -> Sequence[str]:
    """`lists_state`, and shorter ways to say it, each shorter than the one before; a stop is in all of them."""
    lines = tuple(lines)
    states = [line.state for line in lines]
    active, stopped = states.count("active"), states.count("suspended")
    if not states:
        return (lists_state(lines),)
    brief = f"{active} of {len(states)} active"
    if not stopped:
        return lists_state(lines), brief
    return lists_state(lines), f"{brief}, {stopped} suspended", f"{stopped} suspended"


def log_state(page: LogPage, wanted: str) -> str:
    """How much of the log is on screen."""
    if wanted:
        return f"{page.fitting} of {page.total} entries hold {wanted!r}"
    return f"{page.total} entries" + (f", the newest {len(page.lines)} of them" if len(page.lines) < page.total else "")


def details(canonical: str) -> str:
    """The details of a log entry as words; what is no JSON object stays as it is."""
    try:
        found = json.loads(canonical)
    except ValueError:
        return canonical
    if not isinstance(found, dict):
        return canonical
    return ", ".join(f"{name}: {'none' if value is None else value}" for name, value in found.items())


def period(days: int | None) -> str:
    """What a stretch of own work is called."""
    return "since the beginning" if days is None else f"last {days} days"


def work_row(work: WorkPeriod) -> tuple[str, ...]:
    """Items, alerts, verdicts and time of a stretch of own work."""
    return (
        period(work.days),
        str(work.items),
        str(work.alerts),
        str(work.same),
        str(work.undecided),
        str(work.different),
        "none" if work.median_seconds is None else f"{work.median_seconds:.1f} s",
    )


def share(found: Share, nothing: str = "no score was shown yet, so there is no share") -> str:
    """K of n with its exact interval, or why there is none."""
    if found.rate is None or found.interval is None:
        return f"{found.k} of {found.n}: {nothing}"
    low, high = (100 * bound for bound in found.interval)
    return f"{found.k} of {found.n}: {100 * found.rate:.1f} %, 95 % interval {low:.1f} to {high:.1f} %"


def correction_question(correction: Correction) -> tuple[str, str]:
    """Title and text of the question for the reason of a change after the score."""
    if correction.verdict is Verdict.SAME:
        text = "After the score, *same* never counts; a third reviewer will judge this candidate."
        return "Ask for a third reviewer?", text
    return "Withdraw *same*?", "It then counts as undecided."
