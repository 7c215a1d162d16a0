"""The panels under the faces, each a pure function of the review's state."""

from collections.abc import Sequence

from textual.content import Content

from matcher.domain.case import Component, Finding, Outcome, Verdict
from matcher.domain.desk import ConcludedCandidate, DisclosedAlert, DisclosedCandidate
from matcher.review import wording
from matcher.review.keys import too_small
from matcher.review.session import Session
from matcher.tui.plain import NEWLINE, NOTHING, Part, joined, plain, prose

VERDICT_KEYS = ((Verdict.SAME, "s"), (Verdict.UNDECIDED, "u"), (Verdict.DIFFERENT, "d"))
FINDING_SIGNS = {
    Finding.AGREE: ("✓ agree", "$good"),
    Finding.DIFFER: ("✗ differ", "$bad"),
    Finding.NOT_VISIBLE: ("– unseen", "$muted"),
}
CHOSEN = "bold $mark-ink on $mark"
COLUMN = 19


def judgement(session: Session) -> Content:
    """Stage 1, three rows: the verdicts, then the checklist or what to know."""
    return joined(_verdicts(session), NEWLINE, _below(session))


def _verdicts(session: Session) -> Content:
    parts: list[Part] = []
    for verdict, key in VERDICT_KEYS:
        off = verdict is Verdict.SAME and session.triage
        click = f" @click=screen.press('{key}')"
        if session.chosen is verdict:
            parts.append((f" {key} {verdict.value.upper()} ", CHOSEN + click))
        else:
            parts += [
                (f" {key} ", ("bold $muted" if off else "bold $mark") + click),
                (f"{verdict.value} ", ("$muted strike" if off else "$ink") + click),
            ]
        parts.append(("  ", ""))
    parts.append(_commit_hint(session))
    return joined(*parts)


def _commit_hint(session: Session) -> Content:
    if session.busy:
        return prose("writing", "$muted")
    if session.chosen is Verdict.SAME and session.open_components:
        return prose(f"{len(session.open_components)} findings to go", "$warn")
    if session.chosen is not None:
        return joined(("enter", "bold $mark"), (" commits, ", "$muted"), ("esc", "bold $mark"), (" undoes", "$muted"))
    own = session.own(session.candidate.candidate_id)
    return prose(f"you judged: {own.value}" if own else "nothing chosen", "$muted")


def _below(session: Session) -> Content:
    if session.chosen is Verdict.SAME:
        return _checklist(session)
    if session.triage:
        return joined(("TRIAGE  ", "bold $warn"), (too_small(session), "$warn"), NEWLINE)
    if session.all_judged:
        return joined(
            ("All judged. ", "bold $ink"), ("enter", "bold $mark"),
            (" shows what the software found and ends the blind stage; until then you may still change.", "$muted"),
            NEWLINE,
        )  # fmt: skip
    count = len(session.candidates)
    overview = f"{session.judged} of {count} judged. " if count > 1 else ""
    return joined((f"{overview}Compare part by part; *same* asks for a checklist.", "$muted"), NEWLINE)


def _checklist(session: Session) -> Content:
    found = dict(session.findings)
    lines: list[Part] = []
    for at, component in enumerate(Component):
        sign, colour = FINDING_SIGNS[found[component]] if component in found else ("·", "$muted")
        name = f" {component.value} "
        lines.append((name, CHOSEN if at == session.component else "$ink"))
        lines.append((f" {sign}".ljust(COLUMN - len(name)), colour))
        if at == 3:
            lines.append(NEWLINE)
    lines.append((" a ✓  x ✗  v –", "$muted"))
    return joined(*lines)


def disclosure(session: Session, alert: DisclosedAlert) -> Content:
    """Stage 2: what the software found on the candidate on screen, beside the reviewer's own judgement."""
    found = next(one for one in alert.candidates if one.candidate_id == session.candidate.candidate_id)
    if found.truth:
        return _truth(session, found)
    if session.details:
        return _details(session, found)
    return joined(
        _row("You judged", joined((found.own.value, "bold $ink"), _changed(session))),
        _row("Score", prose(wording.score_line(found), "bold $ink")),
        joined(prose(found.confidence.line.text, "$warn"), NEWLINE),
        _row("On the list", prose(wording.others_line(found), "$ink")),
        _look_alikes(found),
        _row("Case", _case(alert)),
        _steps(session, found),
    )  # fmt: skip


def _truth(session: Session, found: DisclosedCandidate) -> Content:
    """Of a known-answer item the truth: no search found it, so the software says nothing of it but the score."""
    last = len(session.candidates) == len(session.seen)
    return joined(
        _row("You judged", prose(found.own.value, "bold $ink")),
        _row("The truth", prose(wording.truth_line(found), "bold $ink")),
        _row("Score", prose(wording.score_line(found), "$ink")),
        _row("", prose("Nothing is concluded from it; it counts in your own figures.", "$muted")),
        joined(("enter", "bold $mark"), (" finish this alert" if last else " next candidate", "$muted")),
    )


def _details(session: Session, found: DisclosedCandidate) -> Content:
    """What the score says and does not say, in the place of list and case."""
    said = found.confidence
    sentences = [joined(prose(text, "$ink"), NEWLINE) for text in said.details]
    return joined(
        _row("Score", prose(wording.score_line(found), "bold $ink")),
        joined(prose(said.line.text, "$warn"), NEWLINE),
        *sentences,
        *(_row(title, prose(row, "$ink")) for title, row in wording.strip_rows(said.strip)),
        _steps(session, found),
    )


def _look_alikes(found: DisclosedCandidate) -> Content:
    line = wording.look_alikes_line(found)
    return _row("", prose(line, "$warn")) if line else NOTHING


def _case(alert: DisclosedAlert) -> Content:
    searches = (f", search {alert.searches_of_case} of it, on list ", "$muted")
    return joined(plain(alert.case, "$ink", 24), searches, plain(alert.list_name, "$ink", 20))


def _changed(session: Session) -> Content:
    made = session.correction(session.candidate.candidate_id)
    if made is None:
        return NOTHING
    change = "a third reviewer is asked" if made.verdict is Verdict.SAME else "withdrawn"
    return joined((f"  → {change}: ", "$warn"), plain(made.reason, "$ink", 44))


def _steps(session: Session, found: DisclosedCandidate) -> Content:
    unseen = len(session.candidates) - len(session.seen)
    parts: list[Part] = []
    if session.correction(found.candidate_id) is None:
        key, meaning = ("w", "withdraw same") if found.own is Verdict.SAME else ("t", "ask for a third reviewer")
        parts += [(key, "bold $mark"), (f" {meaning}    ", "$muted")]
    parts += [("e", "bold $mark"), (" less    " if session.details else " details    ", "$muted")]
    parts += [("enter", "bold $mark"), (" next candidate" if unseen else " finish this alert", "$muted")]
    return joined(*parts)


def _row(title: str, text: Content) -> Content:
    return joined((title.ljust(13), "$muted"), text, NEWLINE)


def outcome(concluded: Sequence[ConcludedCandidate]) -> Content:
    """Stage 3: where every candidate stands; the label of a lead."""
    parts: list[Part] = []
    for at, one in enumerate(concluded, start=1):
        style = {Outcome.LEAD: "bold $mark", Outcome.NOT_A_LEAD: "bold $ink"}.get(one.outcome, "bold $warn")
        parts += [(f"Candidate {at} ({wording.handle(one.candidate_id)})", "$muted"), NEWLINE]
        parts += [("  ", ""), (wording.outcome(one), style), NEWLINE]
        if one.waiting:
            parts += [("  ", ""), prose(one.waiting, "$muted"), NEWLINE]
        if one.label is not None:
            for title, text in (("name", one.label.name), ("subject", one.label.subject_id), ("note", one.label.note)):
                parts += [(f"  {title.ljust(9)}", "$muted"), plain(text, "bold $ink", 64), NEWLINE]
        if not one.independent:
            parts += [("  ", ""), (wording.NOT_INDEPENDENT, "bold $bad"), NEWLINE]
        parts.append(NEWLINE)
    stopped = next((one.stopped for one in concluded if one.stopped), "")
    if stopped:
        parts += [("The list is suspended with this outcome: ", "bold $bad"), prose(stopped, "$ink"), NEWLINE, NEWLINE]
    parts += [("enter", "bold $mark"), (" back to the queue", "$muted")]
    return joined(*parts)
