"""The truth behind the demo's judged alerts, told after both reviewers have judged, and never before."""

import csv
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matcher.services.workplace import Session


def truth_lines(session: "Session", folder: Path, list_name: str) -> list[str]:
    """One line per judged candidate: what the reviewers said, and what the generator made."""
    from matcher.domain.case import Outcome
    from matcher.services.outcomes import outcomes

    truth = _truth(folder)
    lines = []
    found = outcomes(session.place, session, list_name)
    for one in (*found.concluded, *found.disputed):
        if one.closed_reason is not None:
            continue  # nobody judged it
        with session.place.work(write=False) as work:
            alert = work.alerts.get(session.vault, one.alert_id)
        found_in = None if alert is None else truth.get(hashlib.sha256(alert.probe).hexdigest())
        if alert is None or found_in is None:
            continue  # a picture of somebody's own: only they know
        image, subject, kind = found_in
        candidate = next(found for found in alert.candidates if found.candidate_id == one.candidate_id)
        same = candidate.subject_id == subject
        said = one.outcome.value
        right = (one.outcome is Outcome.LEAD) == same
        verdict = "right" if right else "wrong" if one.outcome in (Outcome.LEAD, Outcome.NOT_A_LEAD) else "open"
        made = "the same generated person" if same else f"another generated person ({kind})"
        judged = ", ".join(f"{name} said {judgement}" for name, judgement in one.reviewers)
        lines.append(f"{image}: {judged}: {said}; it is {made}: {verdict}")
    return lines


def standing_now(session: "Session", list_name: str) -> dict[str, int]:
    """How many leads two reviewers have agreed on, how many alerts wait, and how many of those for a third reviewer."""
    from matcher.domain.case import Outcome
    from matcher.services.outcomes import outcomes

    found = outcomes(session.place, session, list_name)
    return {
        "confirmed": sum(one.outcome is Outcome.LEAD for one in found.concluded),
        "waiting": found.waiting,
        "waiting_for_a_third": len({one.alert_id for one in found.disputed}),
    }


def _truth(folder: Path) -> dict[str, tuple[str, str, str]]:
    with (folder / "probes.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        hashlib.sha256((folder / row["image"]).read_bytes()).hexdigest(): (
            Path(row["image"]).name,
            row["subject_id"],
            row["kind"],
        )
        for row in rows
    }
