"""An empty chair: faces go, the same person's passphrase brings them back, and later everybody is signed out."""

import pytest

from matcher.tui.app import IDLE_SECONDS, SIGN_OUT_SECONDS
from matcher.tui.screens.compare import CompareScreen
from matcher.tui.screens.lock import LockScreen
from matcher.tui.screens.sign_in import SignInScreen
from matcher.tui.widgets.blocks import BlockPicture
from tests.fakes.review_office import alert, home
from tests.tui.stage import Stage, on_stage


async def leave_the_chair(stage: Stage, seconds: float = IDLE_SECONDS) -> None:
    stage.clock.now += seconds
    stage.app.look_at_the_clock()
    await stage.pilot._wait_for_screen()


def strips(compare: CompareScreen) -> list[object]:
    return [strip for picture in compare.query(BlockPicture) for strip in picture._strips]


async def open_again(stage: Stage, passphrase: str) -> None:
    await stage.until(lambda: isinstance(stage.app.screen, LockScreen), "lock")
    await stage.keys(*passphrase, "enter")


async def test_an_empty_chair_takes_the_faces_away_and_the_same_passphrase_brings_them_back() -> None:
    one = alert(1)
    async with on_stage(home(one)) as stage:
        await stage.open("rita")
        await stage.press("d")
        stage.clock.step = 0.0
        compare, album = stage.compare, stage.compare._album
        assert strips(compare)
        assert album._decoded
        await leave_the_chair(stage, IDLE_SECONDS - 60)
        assert stage.app.screen is compare
        await leave_the_chair(stage, 60)
        assert isinstance(stage.app.screen, LockScreen)
        assert not strips(compare)
        assert compare._album is not album
        assert not compare._album._decoded
        assert one.holder == "rita"  # the lease decides, not the lock
        for word in ("candidate", "same", "undecided", "px", "STAGE"):
            assert word not in stage.drawn_text()
        await open_again(stage, "guess")
        await stage.until(lambda: "does not open the key" in stage.text(), "refused")
        assert isinstance(stage.app.screen, LockScreen)
        assert not strips(compare)
        stage.clock.now += 100
        await stage.keys(*"pass-rita", "enter")
        await stage.until(lambda: stage.app.screen is compare, "open")
        await stage.drawn()
        await stage.until(lambda: bool(strips(compare)), "faces")
        assert compare.session.chosen == "different"
        await stage.press("enter")
        (judged,) = one.paths["rita"].judgements.values()
        assert judged.seconds < 60  # the time away is not time on the candidate


async def test_nothing_is_drawn_or_done_behind_the_lock() -> None:
    async with on_stage(home(alert(1))) as stage:
        await stage.open("rita")
        stage.clock.step = 0.0
        compare = stage.compare
        await leave_the_chair(stage)
        await stage.pilot.resize_terminal(120, 40)
        await stage.pilot.pause(0.1)
        compare._refresh()
        await stage.pilot.pause(0.2)
        assert not strips(compare)
        for key in ("question_mark", "1", "2", "3", "f2"):
            await stage.keys(key)
        assert isinstance(stage.app.screen, LockScreen)
        compare.action_press("d")
        assert compare.session.chosen is None
        words = [command.title for command in stage.app.get_system_commands(stage.app.screen)]
        assert words[:3] == ["Quit; committed judgements stay", "Actions by name", "Switch reviewer"]


async def test_another_passphrase_does_not_open_it_and_somebody_else_may_sign_in() -> None:
    one = alert(1)
    async with on_stage(home(one)) as stage:
        await stage.open("rita")
        stage.clock.step = 0.0
        await leave_the_chair(stage)
        await open_again(stage, "pass-sam")
        await stage.until(lambda: "does not open the key" in stage.text(), "refused")
        await stage.keys("ctrl+l")
        await stage.until(lambda: isinstance(stage.app.screen, SignInScreen), "sign in")
        await stage.until(lambda: one.holder is None, "given back")
        assert stage.app.desk is None


@pytest.mark.parametrize("palette", [False, True])
async def test_after_the_lease_everybody_is_signed_out(palette: bool) -> None:
    one = alert(1)
    async with on_stage(home(one)) as stage:
        await stage.open("rita")
        stage.clock.step = 0.0
        await leave_the_chair(stage)
        if palette:
            await stage.keys("ctrl+p")
            await stage.pilot.pause(0.1)
            assert not isinstance(stage.app.screen, LockScreen)
        await leave_the_chair(stage, SIGN_OUT_SECONDS if palette else SIGN_OUT_SECONDS - IDLE_SECONDS)
        await stage.until(lambda: isinstance(stage.app.screen, SignInScreen), "signed out")
        assert stage.app.desk is None
        await stage.until(lambda: one.holder is None, "given back")


@pytest.mark.parametrize("touch", ["key", "mouse"])
async def test_a_key_or_the_mouse_keeps_it_open(touch: str) -> None:
    async with on_stage(home(alert(1))) as stage:
        await stage.queue("rita")
        stage.clock.step = 0.0
        stage.clock.now += IDLE_SECONDS - 1
        if touch == "key":
            await stage.keys("down")
        else:
            await stage.pilot.hover("#summary")
        await leave_the_chair(stage, IDLE_SECONDS - 1)
        assert not isinstance(stage.app.screen, LockScreen)
        await leave_the_chair(stage, 1)
        assert isinstance(stage.app.screen, LockScreen)


async def test_nobody_signed_in_needs_no_lock() -> None:
    async with on_stage(home()) as stage:
        await leave_the_chair(stage, 10 * IDLE_SECONDS)
        assert isinstance(stage.app.screen, SignInScreen)


def test_the_lock_comes_before_the_lease_ends() -> None:
    from matcher.services.review_desk import CLAIM_LEASE  # the interface itself knows no services

    assert IDLE_SECONDS < CLAIM_LEASE.total_seconds() == SIGN_OUT_SECONDS
