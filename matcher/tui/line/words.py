"""What line mode says of each stage, as plain sentences; every word from elsewhere goes through `safe_display`."""

from collections.abc import Sequence
from datetime import datetime

from matcher.domain.case import Component, Finding
from matcher.domain.confidence import StripChart
from matcher.domain.desk import ConcludedCandidate, DisclosedAlert, DisclosedCandidate, QueueEntry
from matcher.review import wording
from matcher.review.safe_text import safe_display
from matcher.review.session import ZOOMS, Session
from matcher.tui.line.talk import unmarked

NOT_SHOWN = "Same is refused here: this pair was not shown. The answer o opens it in your viewer."
DROPPED = "Dropped: nothing was committed."

FINDINGS = (
    ("a", Finding.AGREE.value),
    ("x", Finding.DIFFER.value),
    ("v", Finding.NOT_VISIBLE.value),
    ("back", "drop the choice"),
)
LOOKING = (
    ("o", "open the pair in the viewer: probe on the left, reference on the right"),
    ("z", "zoom; open the pair again to see it"),
    ("m", "mirror the probe; open the pair again to see it"),
    ("n p", "next, previous reference of this candidate"),
    ("c", "the next candidate; a number goes to that candidate"),
    ("back", "back to the queue; committed judgements stay, and the alert waits for you"),
)
JUDGING = (
    ("d", "different"),
    ("u", "undecided"),
    ("s", "same; asks for a checklist"),
    *LOOKING[:-1],
    ("k", "I know this person: step back"),
    ("scores", "show what the software found, when every candidate is judged"),
    LOOKING[-1],
)
AFTER = (
    ("e", "what the score says"),
    ("w", "withdraw same, with a reason"),
    ("t", "ask for a third reviewer, with a reason"),
    *LOOKING[:-1],
    ("finish", "end your part, when every candidate was looked at"),
    LOOKING[-1],
)
QUEUE = (
    ("1, 2, ...", "open that alert"),
    ("r", "look again"),
    ("switch", "sign in as somebody else"),
    ("quit", "leave; committed judgements stay"),
)


def queue_line(number: int, entry: QueueEntry, now: datetime) -> str:
    """One waiting alert: its age and how many candidates, nothing else."""
    since = entry.queued_at.astimezone().strftime("%Y-%m-%d %H:%M %z")
    begun = ", begun by you" if entry.begun else ""
    age, count = wording.age(entry.queued_at, now), _candidates(entry.candidates)
    return f"{number}. waiting {age}, since {since}, {count}{begun}"


def standing_line(session: Session) -> str:
    """Which candidate and reference, and what was said of it."""
    shown, at = session.candidate, session.current + 1
    own = session.own(shown.candidate_id)
    zoom = f", zoom {ZOOMS[session.view.zoom]:g}" if session.view.zoom else ""
    mirror = ", probe mirrored" if session.view.mirror else ""
    return (
        f"Candidate {at} of {len(session.candidates)} ({wording.handle(shown.candidate_id)}), "
        f"reference {session.reference + 1} of {shown.references}{zoom}{mirror}. "
        f"{f'You judged: {own.value}' if own else 'Not judged yet'}."
    )


def choice_line(session: Session) -> str:
    """What a commit would sign."""
    findings = ", ".join(f"{component.value} {finding.value}" for component, finding in session.findings)
    chosen = session.chosen.value if session.chosen else ""
    return f"You say: {chosen}{f' ({findings})' if findings else ''}."


def component_question(component: Component) -> str:
    """One line of the checklist."""
    return f"{component.value.capitalize()}: a agree, x differ, v not visible, or back"


def disclosure(session: Session, alert: DisclosedAlert) -> str:
    """Stage 2 of the candidate at hand."""
    found = disclosed_candidate(session, alert)
    at, searches = session.current + 1, f"search {alert.searches_of_case} of it"
    if found.truth:
        return "\n".join(
            (
                f"Candidate {at} of {len(session.candidates)} ({wording.handle(found.candidate_id)}).",
                f"You judged: {found.own.value}.",
                f"{wording.truth_line(found).capitalize()}. Nothing is concluded from it.",
                f"Score {wording.score_line(found)}.",
            )
        )
    lines = [
        f"Candidate {at} of {len(session.candidates)} ({wording.handle(found.candidate_id)}).",
        f"You judged: {found.own.value}{_changed(session)}.",
        f"Score {wording.score_line(found)}.",
        unmarked(found.confidence.line.text),
        f"On the list: {wording.others_line(found)}.",
        f"{wording.look_alikes_line(found).capitalize()}." if wording.look_alikes_line(found) else "",
        f"Case {safe_display(alert.case)}, {searches}, on list {safe_display(alert.list_name)}.",
    ]
    return "\n".join(line for line in lines if line)


def details(found: DisclosedCandidate) -> str:
    """What the score says and does not say; the strip chart as counts; nothing of a known-answer item."""
    if found.truth:
        return f"{wording.truth_line(found).capitalize()}: no search found it."
    return "\n".join([*(unmarked(text) for text in found.confidence.details), strip_line(found.confidence.strip)])


def strip_line(strip: StripChart) -> str:
    """The strip chart in words: how many people stand in this score's column or above it."""
    kinds = (("people not on the list", strip.nonmated), ("mates", strip.mated))
    counts = [f"{sum(counts[strip.at :])} of {sum(counts)} {title}" for title, counts in kinds if sum(counts)]
    return f"In this score's column of the chart or above it: {', '.join(counts) if counts else 'nobody was tested'}."


def outcome(concluded: Sequence[ConcludedCandidate]) -> str:
    """Stage 3: where every candidate stands; the label of a lead."""
    lines: list[str] = []
    for at, one in enumerate(concluded, start=1):
        lines.append(f"Candidate {at} ({wording.handle(one.candidate_id)}): {wording.outcome(one)}.")
        lines += [f"  {one.waiting}."] if one.waiting else []
        if one.label is not None:
            named = (("name", one.label.name), ("subject", one.label.subject_id), ("note", one.label.note))
            lines += [f"  {title}: {safe_display(text)}" for title, text in named]
        lines += [] if one.independent else [f"  {wording.NOT_INDEPENDENT}."]
    stopped = next((one.stopped for one in concluded if one.stopped), "")
    lines += [f"The list is suspended with this outcome: {stopped}"] if stopped else []
    return "\n".join(lines)


def disclosed_candidate(session: Session, alert: DisclosedAlert) -> DisclosedCandidate:
    """What was found on the candidate at hand."""
    return next(one for one in alert.candidates if one.candidate_id == session.candidate.candidate_id)


def _changed(session: Session) -> str:
    made = session.correction(session.candidate.candidate_id)
    return "" if made is None else f"; changed after the score: {made.verdict.value}, {safe_display(made.reason)}"


def _candidates(count: int) -> str:
    return f"{count} candidate" if count == 1 else f"{count} candidates"
