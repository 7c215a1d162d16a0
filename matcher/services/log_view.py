"""What of a log entry is shown to whom: a log that everybody reads whole would tell alerts from known-answer items.

1. Everything is shown to admins and auditors who are not reviewers too.
2. From everybody else are withheld: what a search found and queued, every detail of the steps on an alert, and of what
   was said of known-answer items, a suspended reviewer's figures among it. Only the details are: that somebody judged
   something, and when, anybody sees.
   Which alerts an erasure closed is withheld too: it tells that they showed somebody who was erased.
3. To a reviewer, and to whoever did not sign in, an entry on a search or a review says no more than its place: case,
   list and what others did would sway who has yet to judge blind. All of them alike: whoever could count searches, or
   read one beside an alert that waits since then, would tell known-answer items from alerts.
4. The log itself stays whole: `audit verify` reads all of it for anybody.
"""

import json
from typing import Any

from matcher.domain.events import Action, LogEntry
from matcher.domain.people import Role, User

WITHHELD = "withheld from who may judge"
CLOSED = "searches and reviews are closed to who may judge"
OF_A_SEARCH = ("alert", "candidates", "fingerprint", "known", "known_answer", "known_fingerprint")
_WITHHELD_OF = {
    str(Action.LIST_ERASED): "closed",
    str(Action.COHORT_ERASED): "closed",
    str(Action.REVIEWER_SUSPENDED): "reason",
}


def sees_all(user: User | None) -> bool:
    """Whether somebody, None for nobody signed in, sees every detail (rule 1)."""
    if user is None or user.suspended or Role.REVIEWER in user.roles:
        return False
    return bool(user.roles & {Role.ADMIN, Role.AUDITOR})


def closed_to(entry: LogEntry, user: User | None) -> bool:
    """Whether an entry says no more than its place to somebody, None for nobody signed in (rule 3)."""
    if user is not None and Role.REVIEWER not in user.roles:
        return False
    attempt = str(json.loads(entry.details).get("attempt", "")) if entry.action == Action.REFUSED else ""
    return entry.action == Action.SEARCHED or _of_review(entry.action) or attempt == "submit" or _of_review(attempt)


def _of_review(name: str) -> bool:
    return name.partition(".")[0] in ("alert", "known")


def shown_details(entry: LogEntry, user: User | None) -> dict[str, Any]:
    """The details of an entry that somebody may see."""
    details: dict[str, Any] = json.loads(entry.details)
    if sees_all(user):
        return details
    if entry.action == Action.SEARCHED:
        kept = {name: value for name, value in details.items() if name not in OF_A_SEARCH}
        return kept | {"found": WITHHELD}
    if _of_review(entry.action):
        return {"details": WITHHELD}
    withheld = _WITHHELD_OF.get(entry.action)
    if withheld is not None:
        return details | {withheld: WITHHELD}
    if entry.action == Action.REFUSED and str(details.get("attempt", "")).startswith("alert."):
        return details | {"subject": WITHHELD}
    return details
