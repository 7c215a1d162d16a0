"""My work: what one reviewer judged, how long it took, and how often the score changed their mind.

Nobody else's figures are here, and nothing about a list, a case or a person.
"""

from collections.abc import Sequence
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.events import ScreenResume
from textual.widgets import Static

from matcher.domain.desk import Practice, WorkPeriod
from matcher.errors import MatcherError
from matcher.review import wording
from matcher.tui.plain import NOTHING, Part, joined, lines, prose
from matcher.tui.screens.room import Room

HEAD = ("", "items", "alerts", "same", "undecided", "different", "median")
WIDTHS = (21, 7, 8, 6, 11, 11, 9)
ITEMS = "An item is a candidate that you judged blind; the median is of the seconds that each was on your screen."
CHANGED = (
    "Of the items whose score you saw, those whose judgement you changed afterwards: an index of automation bias. "
    "Whoever judges before the software speaks has little reason to change."
)
KNOWN = (
    "Pairs whose answer is known are mixed with the alerts and told after you judged. Below the floors of the policy "
    "nobody judges until an admin restores them."
)
NO_ITEM = "none judged yet"
NOTHING_YET = "Nothing judged yet. Your figures appear here after your first alert; 1 goes to the queue."


class WorkScreen(Room):
    """The signed-in reviewer's own statistics."""

    TITLE_TEXT = "my work"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "reload", "refresh", tooltip="read again"),
        Binding("escape", "back", "queue", key_display="esc", tooltip="back to the queue"),
    ]

    def body(self) -> ComposeResult:
        """One page that scrolls."""
        with VerticalScroll(id="work-scroll"):
            yield Static(prose("Reading", "$muted"), id="work")

    def on_screen_resume(self, event: ScreenResume) -> None:
        """Another look after every visit elsewhere."""
        self.action_reload()

    @work(exclusive=True, group="work")
    async def action_reload(self) -> None:
        """Asks the desk."""
        desk = self.desk_app.desk
        if desk is None:
            return
        try:
            periods, practice = await self.ask(lambda: (desk.own_work(), desk.practice()))
        except MatcherError as error:
            self.notice(str(error), "$bad")
            return
        self.put("#work", page(periods, practice))

    def action_back(self) -> None:
        """To the queue."""
        self.app.pop_screen()


def page(periods: Sequence[WorkPeriod], practice: Practice | None) -> Content:
    """The sections of the page, one below the other; another one is another line here."""
    if not any(one.items for one in periods):
        return prose(NOTHING_YET, "$muted")
    return lines(*items(periods), NOTHING, *changes(periods), NOTHING, *practised(practice))


def practised(found: Practice | None) -> list[Content]:
    """Hits and false confirms on known-answer items."""
    if found is None:
        return []
    rows = [
        ("mates found", wording.share(found.hits, NO_ITEM)),
        ("others taken for mates", wording.share(found.false_confirms, NO_ITEM)),
    ]
    if found.d_prime is not None and found.criterion is not None:
        rows.append(("d', criterion", f"{found.d_prime:.2f}, {found.criterion:.2f}"))
    told = [joined((title.ljust(WIDTHS[0] + 3), "$ink"), (text, "bold $ink")) for title, text in rows]
    reason = [prose(f"No d' yet: {found.reason}.", "$muted")] if found.reason else []
    return [prose("Known-answer items", "bold $mark"), *told, *reason, prose(KNOWN, "$muted")]


def items(periods: Sequence[WorkPeriod]) -> list[Content]:
    """How much, and how long it took."""
    rows = [_row(wording.work_row(one), "$ink") for one in periods]
    return [prose("Judged", "bold $mark"), _row(HEAD, "$muted"), *rows, prose(ITEMS, "$muted")]


def changes(periods: Sequence[WorkPeriod]) -> list[Content]:
    """How often the score changed a judgement."""
    found = [prose("Changed after the score", "bold $mark")]
    for one in periods:
        found.append(
            joined((wording.period(one.days).ljust(WIDTHS[0]), "$ink"), (wording.share(one.changed), "bold $ink"))
        )
        if one.changed.k:
            kinds = f"*same* withdrawn: {one.withdrawn}, third reviewer asked for: {one.towards_same}"
            found.append(joined("".ljust(WIDTHS[0]), (kinds, "$muted")))
    return [*found, prose(CHANGED, "$muted")]


def _row(texts: Sequence[str], style: str) -> Content:
    parts: list[Part] = [(texts[0].ljust(WIDTHS[0]), style)]
    parts += [(text.rjust(width), style) for text, width in zip(texts[1:], WIDTHS[1:], strict=True)]
    return joined(*parts)
