"""Nothing is committed by default, by escape, by a held key, on faces too small, or in a terminal too small."""

from io import BytesIO

import pytest
from PIL import Image
from textual.widgets import Static
from textual.worker import WorkerFailed

from matcher.domain.desk import FacePicture
from matcher.review.pixels import Colours, ImageMode
from matcher.tui.app import crash_line
from matcher.tui.dialogs.question import Reason
from matcher.tui.graphics import available
from matcher.tui.screens.compare import CompareScreen
from matcher.tui.screens.queue import QueueScreen
from matcher.tui.widgets.face_pair import FacePair
from tests.fakes.review_office import alert, home
from tests.tui.stage import on_stage


def judged(calls: list[str]) -> list[str]:
    return [call for call in calls if call.startswith("judge")]


async def test_enter_without_a_choice_and_escape_commit_nothing() -> None:
    async with on_stage(home(alert(1))) as stage:
        await stage.open("rita")
        await stage.press("enter", "enter")
        assert "Nothing is chosen" in stage.text()
        await stage.press("d", "escape", "enter")
        assert judged(stage.home.calls) == []
        await stage.press("d", "escape", "escape")
        await stage.until(lambda: isinstance(stage.app.screen, QueueScreen), "queue")
        assert judged(stage.home.calls) == []


async def test_a_held_key_is_one_key() -> None:
    async with on_stage(home(alert(1))) as stage:
        await stage.open("rita")
        stage.clock.step = 0.03
        await stage.press("d", *["enter"] * 12)
        assert len(judged(stage.home.calls)) == 1
        assert "disclose" not in stage.home.calls


async def test_same_without_the_whole_checklist_is_refused() -> None:
    async with on_stage(home(alert(1))) as stage:
        await stage.open("rita")
        await stage.press("s", "a", "x", "v", "enter")
        assert "still needs: mouth, ears, chin, marks" in stage.text()
        assert judged(stage.home.calls) == []
        await stage.press("a", "a", "a", "a", "enter")
        assert len(judged(stage.home.calls)) == 1


async def test_small_faces_are_triage_and_a_larger_view_ends_it() -> None:
    async with on_stage(home(alert(1), min_pixels=64)) as stage:
        await stage.open("rita")
        assert "TRIAGE" in stage.text()
        await stage.press("s", "enter")
        assert judged(stage.home.calls) == []
        assert "refused here" in stage.text() or "Nothing is chosen" in stage.text()
        await stage.press("d", "enter")
        assert len(judged(stage.home.calls)) == 1
    async with on_stage(home(alert(1), min_pixels=64), size=(200, 60)) as stage:
        await stage.open("rita")
        assert "TRIAGE" not in stage.text()
        await stage.same()
        assert len(judged(stage.home.calls)) == 1


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_key_parts_at_every_size(size: tuple[int, int]) -> None:
    async with on_stage(home(alert(1)), size=size) as stage:
        await stage.open("rita")
        for part in ("candidate 1 of 2", "reference 1 of 2", "face", "STAGE", "same", "undecided", "different", "help"):
            await stage.until(lambda part=part: part in stage.drawn_text(), part)
        await stage.press("s", *"aaaaaaa")
        assert "enter commits" in stage.text()
        left, right = (stage.app.screen.query_one(f"#{side}-face").size for side in ("probe", "reference"))
        assert abs(left.width - right.width) <= 1
        assert left.height == right.height >= size[1] - 8


async def test_blinking_names_the_face_that_is_shown_and_ends_with_the_probe_on_the_left() -> None:
    async with on_stage(home(alert(1))) as stage:
        await stage.open("rita")
        pair, caption = stage.app.screen.query_one(FacePair), stage.app.screen.query_one("#probe-caption", Static)
        await stage.press("b")
        shown = {str(caption.render())}
        pair._blink()
        shown.add(str(caption.render()))
        assert shown == {"probe", "reference 1 of 2"}
        if str(caption.render()) == "probe":
            pair._blink()
        await stage.press("b")
        assert str(caption.render()) == "probe"
        await stage.press("m")
        assert str(caption.render()) == "probe, mirrored"


async def test_a_terminal_too_small_says_so_and_takes_no_judgement() -> None:
    async with on_stage(home(alert(1))) as stage:
        await stage.open("rita")
        await stage.press("d")
        await stage.pilot.resize_terminal(70, 20)
        await stage.until(lambda: stage.app.screen.query_one(".cover").display, "cover")
        await stage.keys("enter")
        await stage.pilot.pause(0.1)
        assert judged(stage.home.calls) == []
        await stage.pilot.resize_terminal(120, 40)
        await stage.drawn()
        assert not stage.app.screen.query_one(".cover").display


async def test_a_picture_that_cannot_be_read_never_allows_same() -> None:
    one = alert(1)
    one.probe = FacePicture(b"not a picture", one.probe.place)
    async with on_stage(home(one)) as stage:
        await stage.open("rita")
        assert "cannot be read" in stage.text()
        await stage.press("s", "enter")
        assert judged(stage.home.calls) == []
        await stage.press("u", "enter")
        assert len(judged(stage.home.calls)) == 1


@pytest.mark.parametrize("mode", list(ImageMode))
async def test_every_image_mode_draws(mode: ImageMode) -> None:
    async with on_stage(home(alert(1))) as stage:
        stage.app.image_mode = mode
        await stage.open("rita")
        await stage.press("d", "enter")
        (first,) = stage.home.alerts["alert-1"].paths["rita"].judgements.values()
        assert first.mode == ("half block" if mode is ImageMode.AUTO else mode.value)
        assert (first.face_pixels > 15) is (mode is not ImageMode.CHARACTERS)  # five shades show nobody
        await stage.press("i")
        assert stage.app.image_mode is mode.next(available())


@pytest.mark.parametrize(("colours", "verdict"), [(Colours.FEW, "checklist"), (Colours.TOO_FEW, "TRIAGE")])
async def test_too_few_colours_are_triage_however_large_the_face(colours: Colours, verdict: str) -> None:
    async with on_stage(home(alert(1)), size=(200, 60), colours=colours) as stage:
        await stage.open("rita")
        assert colours.value in stage.text()
        assert verdict in stage.text()


async def test_a_key_behind_an_opening_question_does_nothing() -> None:
    one = alert(1, candidates=1)
    async with on_stage(home(one)) as stage:
        await stage.open("rita")
        await stage.same()
        await stage.press("enter")
        for key in ("w", "enter", "i"):  # as one burst: the question is not on screen yet
            stage.app.simulate_key(key)
        await stage.until(lambda: isinstance(stage.app.screen, Reason), "question")
        assert stage.app.image_mode is ImageMode.AUTO
        await stage.keys("escape")
        await stage.until(lambda: isinstance(stage.app.screen, CompareScreen), "back")
        assert stage.compare.session.stage == "disclosed"
        assert not one.paths["rita"].finished


async def test_an_unexpected_error_ends_the_app_in_one_line_without_values(capsys: pytest.CaptureFixture[str]) -> None:
    made = home(alert(1))

    def explode(alert_id: str) -> None:
        secret = "Esi Stavros"  # noqa: F841  must not be printed
        raise RuntimeError("Esi Stavros")

    async def crash() -> None:
        async with on_stage(made) as stage:
            await stage.queue("rita")
            await stage.until(lambda: "1 waiting" in stage.text(), "queue")
            stage.app.desk.claim = explode
            await stage.keys("enter")
            await stage.until(lambda: stage.app._exception is not None, "crash")

    with pytest.raises(WorkerFailed, match="Esi"):
        await crash()
    printed = "".join(capsys.readouterr())
    assert "internal error RuntimeError" in printed
    assert "Esi" not in printed


def test_crash_line_names_type_and_place_only() -> None:
    try:
        Image.open(BytesIO(b"secret"))
    except OSError as error:
        line = crash_line(error)
    assert "UnidentifiedImageError at PIL.Image:" in line
    assert "secret" not in line
