"""Line mode from signing in to leaving: who is here, what waits, one alert after the other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from matcher.domain.desk import QueueEntry
from matcher.domain.people import Role
from matcher.domain.rooms import Reception, ReviewDesk
from matcher.errors import MatcherError
from matcher.review.safe_text import safe_display
from matcher.review.wording import PROMISE
from matcher.tui.line import words
from matcher.tui.line.sitting import Sitting
from matcher.tui.line.talk import Ended, Talk, unmarked
from matcher.tui.line.viewer import Viewer

T = TypeVar("T")

MOST_ALERTS = 20  # the oldest ones; a longer list is no help to a listener

LISTS_ELSEWHERE = "Lists and their reports: matcher watchlist list, matcher report show, matcher watchlist activate."


@dataclass(frozen=True, slots=True)
class LineReview:
    """`secret` asks for a passphrase without showing it; `clock` counts monotonic seconds."""

    reception: Reception
    talk: Talk
    viewer: Viewer
    secret: Callable[[str], str]
    clock: Callable[[], float]

    def hold(self, start_user: str | None, banner: str) -> None:
        """Talks until the person leaves or closes the input; either way nothing is committed that was not."""
        if banner:
            self.talk.say(banner)
        self.talk.say(PROMISE)
        try:
            wanted = start_user
            while (desk := self._sign_in(wanted)) is not None and self._work(desk):
                wanted = None
        except (Ended, EOFError):
            self.talk.say("The input ended.")
        self.talk.say("Left; committed judgements stay.")

    def _sign_in(self, wanted: str | None) -> ReviewDesk | None:
        """The desk of whoever signs in; None for somebody who leaves instead."""
        while True:
            name = self._name(wanted)
            if name is None:
                return None
            try:
                passphrase = self.talk.awaited(partial(self.secret, f"Passphrase of {safe_display(name)}: "))
                desk, _ = self.reception.sign_in(name, passphrase)
            except MatcherError as error:
                self.talk.say(f"{error}.")
                wanted = None
            else:
                return desk

    def _name(self, wanted: str | None) -> str | None:
        names = self.reception.names()
        if wanted in names:
            return wanted
        if wanted is not None:
            self.talk.say(f"{safe_display(wanted)} is neither reviewer nor approver here.")
        if not names:
            self.talk.say("Nobody can sign in yet: add people with matcher user add.")
            return None
        self.talk.say("\n".join(f"{number}. {safe_display(name)}" for number, name in enumerate(names, start=1)))
        while True:
            answer = self.talk.ask("Who are you? A number, or quit", (("1, 2, ...", "you"), ("quit", "leave")))
            if answer.lower() == "quit":
                return None
            chosen = _numbered(answer, names)
            if chosen is not None:
                return chosen

    def _work(self, desk: ReviewDesk) -> bool:
        """The queue, until the person leaves (False) or switches (True)."""
        while True:
            entries = self._queue(desk)
            answer = self.talk.ask("Number of the alert to open, r look again, switch, quit", words.QUEUE).lower()
            if answer in ("quit", "switch"):
                return answer == "switch"
            chosen = _numbered(answer, entries)
            if chosen is not None:
                self._open(desk, chosen.alert_id)

    def _queue(self, desk: ReviewDesk) -> Sequence[QueueEntry]:
        try:
            entries, closings = desk.queue().entries, desk.closings()
        except MatcherError as error:
            self.talk.say(f"{error}.")
            return ()
        now, shown = datetime.now(UTC), entries[:MOST_ALERTS]
        count = "Nothing is" if not entries else "1 alert is" if len(entries) == 1 else f"{len(entries)} alerts are"
        more = f", the oldest {MOST_ALERTS} are listed" if len(entries) > len(shown) else ""
        closed = " List, case and score stay closed until you have judged." if entries else ""
        self.talk.say(f"\n{count} waiting for you{more}.{closed}")
        if Role.APPROVER in desk.user.roles:
            self.talk.say(LISTS_ELSEWHERE)
        for text in [*(words.queue_line(at, entry, now) for at, entry in enumerate(shown, start=1)), *closings[:2]]:
            self.talk.say(unmarked(text))
        return shown

    def _open(self, desk: ReviewDesk, alert_id: str) -> None:
        try:
            alert = desk.claim(alert_id)
        except MatcherError as error:
            self.talk.say(f"{error}.")
            return
        Sitting(desk, alert, self.talk, self.viewer, self.clock).hold()


def _numbered(answer: str, things: Sequence[T]) -> T | None:
    at = int(answer) if answer.isascii() and answer.isdecimal() and len(answer) < 7 else 0
    return things[at - 1] if 1 <= at <= len(things) else None
