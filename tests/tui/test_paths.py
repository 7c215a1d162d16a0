"""From signing in to an outcome, with the real quorum rule behind the fake desk."""

import asyncio
import threading

import pytest
from textual.widgets import DataTable, Input
from textual.worker import WorkerState

from matcher.domain.case import Component, Finding, Verdict
from matcher.domain.desk import BlindAlert
from matcher.tui.dialogs.question import Reason, YesNo
from matcher.tui.screens.compare import CompareScreen
from matcher.tui.screens.lists import ListsScreen
from matcher.tui.screens.queue import QueueScreen
from matcher.tui.screens.sign_in import SignInScreen
from tests.fakes.review_office import alert, home, votes
from tests.tui.stage import on_stage

SAME, DIFFERENT, UNDECIDED = Verdict.SAME, Verdict.DIFFERENT, Verdict.UNDECIDED


async def test_two_reviewers_at_one_terminal_reach_a_lead() -> None:
    one = alert(1)
    async with on_stage(home(one, terminals={"rita": "pts/1", "sam": "pts/1"})) as stage:
        await stage.open("rita")
        await stage.same()
        assert "look-alikes" not in stage.text()
        await stage.press("d", "enter", "enter")
        assert "look-alikes of this person are on the list" in stage.text()
        assert "0.7345, threshold 0.7020" in stage.text()
        assert "This is not the chance that these two are the same person" in stage.text()
        await stage.press("enter", "enter")
        assert "waiting for the other reviewer" in stage.text()
        assert "Esi Stavros" not in stage.text()
        await stage.press("enter", "ctrl+l")
        await stage.until(lambda: isinstance(stage.app.screen, SignInScreen), "signed out")
        await stage.open("sam")
        await stage.same()
        await stage.press("d", "enter", "enter", "enter", "enter")
        text = stage.text()
        assert "lead, two reviewers agree; not an identification" in text
        assert "not a lead" in text
        assert "Esi Stavros" in text
        assert "NOT INDEPENDENT" in text
        assert "match confirmed" not in text.lower()
    made = one.paths["rita"].judgements[one.candidates[0].candidate_id]
    assert dict(made.checklist) == dict.fromkeys(Component, Finding.AGREE)
    assert made.mode == "half block"
    assert made.face_pixels > 20
    assert made.seconds > 0


@pytest.mark.parametrize(
    ("other", "own", "words"),
    [
        (DIFFERENT, "d", "not a lead"),
        (SAME, "d", "goes to a third reviewer"),
        (UNDECIDED, "u", "goes to a third reviewer"),
    ],
)
async def test_outcome_of_the_second_reviewer(other: Verdict, own: str, words: str) -> None:
    one = alert(1, candidates=1)
    votes(one, "sam", other)
    async with on_stage(home(one)) as stage:
        await stage.open("rita")
        await stage.press(own, "enter", "enter", "enter")
        assert words in stage.text()
        assert "Esi Stavros" not in stage.text()


@pytest.mark.parametrize("size", [(100, 30), (80, 24)])
async def test_the_truth_of_a_known_answer_item_is_told_after_the_judgement(size: tuple[int, int]) -> None:
    one = alert(1, candidates=1)
    one.truth = "another person"
    async with on_stage(home(one), size) as stage:
        await stage.open("rita")
        assert "known-answer" not in stage.text()
        await stage.press("d", "enter")
        assert "known-answer" not in stage.text()
        await stage.press("enter")
        assert "known-answer item: another person (right)" in stage.text()
        assert "enter finish this alert" in stage.drawn_text()
        assert "threshold" not in stage.text()


@pytest.mark.parametrize("size", [(100, 30), (80, 24)])
async def test_what_the_score_says_is_shown_on_a_key_after_the_judgement(size: tuple[int, int]) -> None:
    async with on_stage(home(alert(1, candidates=1)), size) as stage:
        await stage.open("rita")
        await stage.press("e", "d", "enter")
        assert "413" not in stage.text()
        await stage.press("enter")
        assert "413" not in stage.text()
        assert "e details    enter finish this alert" in stage.drawn_text()
        await stage.press("e")
        shown = stage.drawn_text()
        for words in (
            "0.7345, threshold 0.7020",
            "about 413 times",
            "1 in 414",
            "mates",
            "█",
            "▲",
            "finish this alert",
        ):
            assert words in shown, words
        await stage.press("e")
        assert "413" not in stage.text()
        assert "C-2026-0117" in stage.text()


async def test_third_reviewer_settles_it() -> None:
    one = alert(1, candidates=1)
    votes(one, "sam", SAME)
    votes(one, "rita", DIFFERENT)
    async with on_stage(home(one)) as stage:
        await stage.open("tom")
        await stage.press("u", "enter", "enter", "enter")
        assert "inconclusive" in stage.text()


async def test_withdrawing_same_needs_a_reason_and_ends_the_lead() -> None:
    one = alert(1, candidates=1)
    votes(one, "sam", SAME)
    async with on_stage(home(one)) as stage:
        await stage.open("rita")
        await stage.same()
        await stage.press("enter", "w")
        await stage.until(lambda: isinstance(stage.app.screen, Reason), "reason dialog")
        await stage.keys("enter")
        assert isinstance(stage.app.screen, Reason)
        await stage.keys(*"ears", "enter")
        await stage.until(lambda: "withdrawn" in stage.text(), "correction")
        await stage.press("enter")
        assert "goes to a third reviewer" in stage.text()
    assert one.paths["rita"].corrections[0].reason == "ears"


async def test_a_change_towards_same_goes_to_a_third_reviewer() -> None:
    one = alert(1, candidates=1)
    votes(one, "sam", DIFFERENT)
    async with on_stage(home(one)) as stage:
        await stage.open("rita")
        await stage.press("d", "enter", "enter", "t")
        await stage.until(lambda: isinstance(stage.app.screen, Reason), "reason dialog")
        await stage.keys(*"nose", "enter")
        await stage.until(lambda: "a third reviewer is asked" in stage.text(), "correction")
        await stage.press("enter")
        assert "goes to a third reviewer" in stage.text()


async def test_recusal_needs_a_yes() -> None:
    async with on_stage(home(alert(1))) as stage:
        await stage.open("rita")
        await stage.press("k")
        await stage.until(lambda: isinstance(stage.app.screen, YesNo), "question")
        await stage.keys("enter", "escape")
        await stage.until(lambda: isinstance(stage.app.screen, CompareScreen), "back")
        assert "recuse" not in stage.home.calls
        await stage.press("k")
        await stage.until(lambda: isinstance(stage.app.screen, YesNo), "question again")
        await stage.keys("y")
        await stage.until(lambda: isinstance(stage.app.screen, QueueScreen), "queue")
        await stage.until(lambda: "Nothing is waiting for you" in stage.text(), "empty queue")


async def test_wrong_passphrase_stays_and_says_so() -> None:
    async with on_stage(home()) as stage:
        await stage.sign_in("rita", "guess")
        await stage.until(lambda: "does not open the key" in stage.text(), "message")
        assert isinstance(stage.app.screen, SignInScreen)
        assert stage.app.screen.query_one("#passphrase", Input).value == ""
        assert "guess" not in stage.text()


async def test_an_alert_that_somebody_else_took_is_a_line() -> None:
    one = alert(1)
    async with on_stage(home(one)) as stage:
        await stage.queue("rita")
        await stage.until(lambda: "1 waiting" in stage.text(), "rows")
        one.holder = "sam"
        await stage.keys("enter")
        await stage.until(lambda: "another reviewer has just taken" in stage.text(), "message")


async def test_leaving_gives_the_claim_back_and_keeps_what_was_committed() -> None:
    one = alert(1)
    async with on_stage(home(one)) as stage:
        await stage.open("rita")
        await stage.press("d", "enter", "escape")
        await stage.until(lambda: one.holder is None, "release")
        await stage.until(lambda: "begun by you" in stage.text(), "queue again")
        await stage.keys("enter")
        await stage.until(lambda: isinstance(stage.app.screen, CompareScreen), "compare again")
        assert stage.compare.session.current == 1
        assert len(one.paths["rita"].judgements) == 1


async def test_an_answer_for_a_screen_that_closed_is_heard_by_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    async with on_stage(home()) as stage:
        await stage.queue("rita")
        await stage.keys("l")
        await stage.until(lambda: isinstance(stage.app.screen, ListsScreen), "lists")
        lists, answer = stage.app.screen, asyncio.get_running_loop().create_future()
        await stage.app.workers.wait_for_complete()
        ask, first = stage.app.ask, iter([answer])
        monkeypatch.setattr(stage.app, "ask", lambda call: next(first, None) or ask(call))
        worker = lists.action_reload()
        table = lists.query_one(DataTable)
        leave = table._message_loop_exit

        async def leave_then_answer() -> None:
            await leave()
            answer.set_result(((), ()))  # when the table is gone and the screen is not yet
            await asyncio.sleep(0.05)

        monkeypatch.setattr(table, "_message_loop_exit", leave_then_answer)
        await stage.keys("escape")
        await stage.until(lambda: worker.is_finished, "worker")
        assert worker.state is WorkerState.CANCELLED


async def test_a_claim_goes_back_when_somebody_else_signs_in_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    made = home(alert(1))
    async with on_stage(made) as stage:
        await stage.queue("rita")
        await stage.until(lambda: stage.app.screen.query_one(DataTable).row_count > 0, "alerts")
        begun, held, claim = threading.Event(), threading.Event(), stage.app.desk.claim

        def slow_claim(alert_id: str) -> BlindAlert:
            begun.set()
            assert held.wait(10)
            return claim(alert_id)

        monkeypatch.setattr(stage.app.desk, "claim", slow_claim)
        await stage.keys("enter")
        await stage.until(begun.is_set, "claiming")
        await stage.keys("ctrl+l")
        await stage.until(lambda: isinstance(stage.app.screen, SignInScreen), "sign in")
        held.set()
        await stage.until(lambda: len(made.calls) == 2, "claim and release")
    assert [call.split()[0] for call in made.calls] == ["claim", "release"]


STOP = "reviewers rejected every candidate in 2 of the first 2 cases searched: more than 17.4 % estimated false alarms"


async def test_who_completes_the_count_is_told_that_the_list_stopped() -> None:
    one = alert(1, candidates=1)
    votes(one, "rita", DIFFERENT)
    async with on_stage(
        home(one, stopped=STOP, closings=(f"0 closed as inconclusive: list suspended: {STOP}",))
    ) as stage:
        await stage.open("sam")
        assert "reviewers rejected" not in stage.text()
        await stage.press("d", "enter", "enter", "enter")
        shown = " ".join(stage.drawn_text().split())
        assert "not a lead" in shown
        assert f"The list is suspended with this outcome: {STOP}" in shown
        await stage.press("enter")
        await stage.until(lambda: "list suspended: reviewers rejected" in stage.drawn_text(), "told on the queue")
        assert "spring fair" not in stage.drawn_text()  # the queue names no list
