"""Every screen at 80x24, 120x40 and 200x60 in the three themes, as its exported SVG shows it.

`snapshots/SIZE/SCREEN.txt` holds the rows of the picture and, per theme, a digest of where which colour lies. Faces and
the trial card are left out (their pixels are tested in `test_pictures.py`), moments are fixed. After a wanted change

    MATCHER_UPDATE_SNAPSHOTS=1 pytest tests/tui/test_snapshots.py

writes them anew; the difference in version control is what must be looked at. A new version of Textual may move
colours alone: then only digests change.
"""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from rich.text import Text
from textual.widgets import DataTable, Input

from matcher.calibration.at_threshold import CohortTemplates
from matcher.calibration.report import Report
from matcher.cli.output import styled
from matcher.domain.case import Verdict
from matcher.domain.desk import Share, WorkPeriod
from matcher.kernels import normalise
from matcher.report.table import report_table
from matcher.tui.screens.calibration import CalibrationScreen
from matcher.tui.screens.compare import CompareScreen
from matcher.tui.screens.lists import ListsScreen
from matcher.tui.screens.lock import LockScreen
from matcher.tui.screens.log import LogScreen
from matcher.tui.screens.queue import QueueScreen
from matcher.tui.screens.work import WorkScreen
from matcher.tui.themes import PALETTES
from matcher.tui.widgets.face_view import FaceView
from tests.calibration.cohorts import people, report_of
from tests.fakes.review_office import Home, alert, home, log_line, votes
from tests.tui.snapshots import Seen, seen
from tests.tui.stage import Stage, on_stage

FOLDER = Path(__file__).parent / "snapshots"
UPDATE = bool(os.environ.get("MATCHER_UPDATE_SNAPSHOTS"))
NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
SIZES = ((80, 24), (120, 40), (200, 60))
SCREENS = (
    "sign in", "queue", "filter", "help", "lists", "stop", "calibration", "bars", "map",
    "log", "verified", "my work", "compare",
    "checklist", "help of compare", "disclosed", "details", "outcome", "lock", "empty queue",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _one_clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setattr(FaceView, "show", lambda *_: None)
    yield
    monkeypatch.undo()
    time.tzset()


def fair() -> Home:
    alerts = [alert(number, candidates=1 + number % 2) for number in (1, 2, 3)]
    for one in alerts:
        one.queued_at = NOW - timedelta(hours=7 * int(one.alert_id[-1]), minutes=20)
    votes(alerts[2], "sam", Verdict.SAME, Verdict.DIFFERENT)
    made = home(*alerts)
    periods = ((7, 9, Share(0, 9, 0.0, (0.0, 0.3363))), (30, 41, Share(2, 40, 0.05, (0.0061, 0.1692))))
    made.work = [WorkPeriod(days, count, 3, 4, count - 7, 14.25, share, share.k, 0) for days, count, share in periods]
    made.log = [log_line(at, actor="boss" if at % 2 else "sam") for at in range(1, 80)]
    return made


def check(stage: Stage, name: str, found: dict[str, Seen]) -> None:
    width, height = stage.app.size
    path = FOLDER / f"{width}x{height}" / f"{name.replace(' ', '-')}.txt"
    (rows,) = {one.rows for one in found.values()}  # a theme changes no word
    digests = [f"{theme} {one.digest}" for theme, one in found.items()]
    text = "\n".join([*rows, *digests]) + "\n"
    if UPDATE:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.exists(), f"{path} is missing: see the first lines of this file"
    kept = path.read_text(encoding="utf-8").splitlines()
    assert list(rows) == kept[:height], f"{name} at {width}x{height} shows other words"
    assert digests == kept[height:], f"{name} at {width}x{height} shows the same words in other colours"


async def look(stage: Stage, name: str) -> None:
    found = {}
    for field in stage.app.screen.query(Input):
        field.cursor_blink = False
    for theme in PALETTES:
        stage.app.action_use_theme(theme)
        await stage.pilot.pause()
        await stage.until(lambda: True)
        svg = stage.app.export_screenshot()
        found[theme] = seen(svg, stage.app.size.height)
    check(stage, name, found)


async def scrolled(stage: Stage, words: str) -> None:
    """The report with these words in its first row, or as near to it as its length allows."""
    scroll, page = stage.app.screen.query_one("#report-scroll"), str(stage.app.screen.query_one("#report").render())
    row = min(page[: page.index(words)].count("\n"), scroll.max_scroll_y)
    scroll.scroll_to(y=row, animate=False)
    await stage.until(lambda: scroll.scroll_offset.y == row, words)


@cache
def calibrated() -> Report:
    """A report with rates over two decades, a group of five people, one that nobody is in, and seven regions."""
    cohort = [
        replace(one, labels=(("gender", gender), ("region", f"region {place % 6 if at < 895 else 6}")))
        for place, (at, gender, one) in enumerate(
            (at, "female" if at % 3 else "male", one) for at, one in enumerate(people([200_000] * 900, mates=900_000))
        )
    ]
    cohort = [replace(one, samples=tuple(replace(s, maximum=800_000) for s in one.samples)) if at % 90 == 7 else one
              for at, one in enumerate(cohort)]  # fmt: skip
    cohort = [replace(one, samples=tuple(replace(s, mate=400_000) for s in one.samples)) if at % 7 == 0 else one
              for at, one in enumerate(cohort)]  # fmt: skip
    rng = np.random.default_rng(11)
    rows = rng.standard_normal((900, 16)).astype(np.float32)
    rows[:, 0] += np.arange(900) % 6 / 3
    templates = CohortTemplates(normalise(rows), np.arange(900, dtype=np.int32), lambda tau: np.zeros(900, int))
    return report_of(
        cohort, columns=("gender", "region"), tau=700_000, required=(("gender", ("other",)),), templates=templates
    )


async def through(stage: Stage) -> None:
    """Every screen of SCREENS, in its order."""
    screens = iter(SCREENS)

    async def at(kind: type[object], words: str = "", ready: Callable[[], bool] = lambda: True) -> None:
        await stage.until(lambda: isinstance(stage.app.screen, kind) and words in stage.text() and ready(), words)
        await stage.until(lambda: not stage.app._asked, "answers")
        await look(stage, next(screens))

    def rows() -> bool:
        return stage.app.screen.query_one(DataTable).row_count > 0

    await stage.until(lambda: stage.app.screen.query_one("#names").option_count > 0, "names")
    await at(object)
    await stage.queue("rita")
    await at(QueueScreen, "waiting for you", rows)
    await stage.keys("slash", *"21 h")
    await at(QueueScreen, "1 fit the filter")
    await stage.keys("escape", "question_mark")
    await at(object, "Everywhere")
    await stage.keys("escape")
    await stage.until(lambda: isinstance(stage.app.screen, QueueScreen), "closed")
    await stage.keys("2")
    await at(ListsScreen, "Purpose", rows)
    await stage.keys("ctrl+s")
    await at(object, "Stop spring fair?")
    await stage.keys("escape")
    await stage.until(lambda: isinstance(stage.app.screen, ListsScreen), "closed")
    await stage.keys("enter")
    await at(CalibrationScreen, "Activation needs")
    for words in ("false alarms (FPIR) and the limit", "who is taken for whom, by region"):
        await scrolled(stage, words)
        await at(CalibrationScreen, words)
    await stage.keys("3")
    await at(LogScreen, "79 entries", rows)
    await stage.keys("v")
    await at(LogScreen, "VERIFIES")
    await stage.keys("4")
    await at(WorkScreen, "Changed after")
    await stage.keys("1")
    await stage.until(lambda: isinstance(stage.app.screen, QueueScreen) and rows(), "queue")
    await stage.keys("enter")
    await at(CompareScreen, "nothing chosen", lambda: stage.compare.session.drawn.ready)
    await stage.press("s", "a", "x", "v")
    await at(CompareScreen, "4 findings to go")
    await stage.keys("question_mark")
    await at(object, "Judging")
    await stage.keys("escape")
    await stage.until(lambda: isinstance(stage.app.screen, CompareScreen), "closed")
    await stage.press(*"aaaa", "enter", "d", "enter", "enter")
    await at(CompareScreen, "On the list", lambda: stage.compare.session.drawn.ready)
    await stage.press("e")
    await at(CompareScreen, "even odds", lambda: stage.compare.session.drawn.ready)
    await stage.press("enter", "enter")
    await at(CompareScreen, "lead, two")
    stage.app.lock("rita")
    await at(LockScreen, "Locked")
    stage.home.alerts.clear()
    await stage.keys("ctrl+l")
    await stage.until(lambda: stage.app.desk is None, "signed out")
    await stage.queue("ann")
    await at(QueueScreen, "not a reviewer")
    assert next(screens, None) is None


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_every_screen_looks_as_it_did(size: tuple[int, int]) -> None:
    report = calibrated()

    def table(_: bytes, width: int) -> Text:
        page = styled(report_table(report), width)
        # a digest follows every digit of every figure, shown here or not
        page.plain = page.plain.replace(report.digest()[:16], 16 * "0")
        return page

    async with on_stage(fair(), size, report_table=table, today=lambda: NOW) as stage:
        await through(stage)


@pytest.mark.parametrize(
    ("svg", "same"),
    [
        ('<text class="terminal-9-r1" x="12.2" y="1" clip-path="url(#terminal-9-line-0)">a&#160;b</text>', True),
        ('<text class="terminal-1-r1" x="12.2" y="1" clip-path="url(#terminal-1-line-0)">a&#160;c</text>', False),
        ('<text class="terminal-1-r1" x="24.4" y="1" clip-path="url(#terminal-1-line-0)">a&#160;b</text>', False),
        ('<text class="terminal-1-r2" x="12.2" y="1" clip-path="url(#terminal-1-line-0)">a&#160;b</text>', False),
    ],
)
def test_the_comparison_sees_words_places_and_colours_and_no_ids(svg: str, same: bool) -> None:
    styles = ".terminal-{0}-r1 {{ fill: #ffffff }} .terminal-{0}-r2 {{ fill: #ff0000 }}"
    first = '<text class="terminal-1-r1" x="12.2" y="1" clip-path="url(#terminal-1-line-0)">a&#160;b</text>'
    found = [seen(styles.format(at) + one, 2) for at, one in ((1, first), (9, svg))]
    assert found[0].rows == (" a b", "")
    assert (found[0] == found[1]) is same
