"""The rules of the keys, without a terminal."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from matcher.domain.case import Component, Correction, Finding, Verdict
from matcher.domain.desk import Stage
from matcher.review.intents import AskCorrection, AskRecusal, Commit, Disclose, Finish, Leave
from matcher.review.keys import HANDLERS, how_to_enlarge, press
from matcher.review.session import Drawn, Session, corrected, disclosed, finished, moved, opened, saved
from tests.fakes.review_office import Desk, alert, home, user


def begun(candidates: int = 2, *, face_pixels: int = 200) -> Session:
    made = home(alert(1, candidates=candidates), min_pixels=64)
    return draw(opened(Desk(made, user("rita")).claim("alert-1"), 0.0), face_pixels)


def draw(session: Session, face_pixels: int = 200) -> Session:
    return replace(session, drawn=Drawn(True, "kitty", face_pixels))


def play(session: Session, *keys: str, start: float = 10.0) -> tuple[Session, list[object]]:
    """Keys a second apart; faces are drawn at once and the desk says yes to everything."""
    intents: list[object] = []
    for at, key in enumerate(keys):
        session, intent = press(session, key, start + at)
        if intent is not None:
            intents.append(intent)
        if isinstance(intent, Commit):
            session = saved(session, intent.judgement, start + at)
        if isinstance(intent, Disclose):
            session = disclosed(session, start + at)
        if isinstance(intent, Finish):
            session = finished(session)
        session = session if session.drawn.ready else draw(session)
    return session, intents


def test_enter_alone_commits_nothing_and_says_what_to_do() -> None:
    session, intents = play(begun(), "enter", "enter")
    assert intents == []
    assert "s same, u undecided, d different" in session.message


def test_escape_takes_the_choice_back() -> None:
    session, intents = play(begun(), "d", "escape", "enter")
    assert intents == []
    assert session.chosen is None


def test_a_judgement_carries_what_was_on_screen() -> None:
    session, (intent,) = play(begun(), "d", "enter", start=30.0)
    assert isinstance(intent, Commit)
    made = intent.judgement
    assert (made.verdict, made.mode, made.face_pixels, made.checklist) == (Verdict.DIFFERENT, "kitty", 200, ())
    assert made.seconds == 31.0
    assert session.current == 1


def test_same_needs_every_component_and_tall_faces() -> None:
    session, intents = play(begun(), "s", *"axvaaa", "enter")
    assert intents == []
    assert "marks" in session.message
    _, (intent,) = play(session, "v", "enter", start=99.0)
    assert isinstance(intent, Commit)
    assert [component for component, _ in intent.judgement.checklist] == list(Component)
    assert intent.judgement.checklist[1] == (Component.EYES, Finding.DIFFER)
    intent.judgement.check(64)


def test_triage_refuses_same_even_when_it_was_chosen_before() -> None:
    session, intents = play(begun(face_pixels=63), "s", "enter")
    assert session.triage
    assert session.chosen is None
    assert intents == []
    session, _ = play(begun(), "s", *"aaaaaaa")
    session, intents = play(draw(session, 63), "enter", start=99.0)
    assert intents == []
    assert "63 pixels high, 64 are needed" in session.message


def test_what_would_make_faces_larger_is_what_this_place_can_do() -> None:
    session = draw(begun(), face_pixels=16)
    assert how_to_enlarge(session) == (
        "Try f full screen, z zoom, a terminal about 4.0 times as tall"
    )  # whose graphics are in use already
    elsewhere = "one with Kitty or Sixel graphics, or matcher serve and a browser through ssh -L"
    blocks = replace(session, drawn=Drawn(True, "half block, 256 colours", 16))
    assert how_to_enlarge(blocks) == f"{how_to_enlarge(session)}, {elsewhere}"
    assert how_to_enlarge(replace(blocks, drawn=Drawn(True, "characters", 0))).endswith(elsewhere)
    assert how_to_enlarge(replace(session, in_browser=True)).endswith(
        "letters of 1/4.0 the size (the browser's zoom, or /?fontsize=9 in its address)"
    )


def test_nothing_is_committed_on_faces_that_are_not_drawn() -> None:
    session = replace(begun(), drawn=Drawn())
    session, _ = press(session, "d", 1.0)
    session, intent = press(session, "enter", 2.0)
    assert intent is None
    assert "being drawn" in session.message


DELAYS = st.sampled_from([0.25, 0.5, 0.66])  # of keyboards, until they repeat; then thirty times a second, or five
RATES = st.sampled_from([0.03, 0.2])


@given(DELAYS, RATES)
def test_a_held_key_counts_once_and_only_after_a_pause_again(delay: float, rate: float) -> None:
    session = begun()
    session, _ = press(session, "d", 1.0)
    intents = []
    times = [2.0, *(2.0 + delay + rate * at for at in range(40))]
    for now in times:
        session, intent = press(session, "enter", now)
        if isinstance(intent, Commit):
            intents.append(intent)
            session = draw(replace(saved(session, intent.judgement, now), chosen=Verdict.DIFFERENT))
    assert len(intents) == 1
    _, intent = press(session, "enter", times[-1] + 1)
    assert isinstance(intent, Commit)


@given(DELAYS, RATES)
def test_a_held_finding_answers_one_component(delay: float, rate: float) -> None:
    session, _ = press(begun(), "s", 1.0)
    for now in [2.0, *(2.0 + delay + rate * at for at in range(20))]:
        session, _ = press(session, "a", now)
    assert len(session.findings) == 1


@given(DELAYS, RATES)
def test_the_enter_that_opened_an_alert_decides_nothing_in_it(delay: float, rate: float) -> None:
    """An alert left in stage 2 opens there: a held enter would go through its panels and finish it."""
    session = draw(disclosed(begun(1), 0.0))
    for at in range(40):
        session, intent = press(session, "enter", delay + rate * at)
        assert intent is None
    _, intent = press(session, "enter", delay + rate * 39 + 1)
    assert isinstance(intent, Finish)


def test_while_the_desk_is_busy_nothing_second_is_asked() -> None:
    for session in (begun(), replace(disclosed(begun(1), 0.0), drawn=Drawn(True, "kitty", 200))):
        busy = replace(
            session, busy=True, chosen=Verdict.DIFFERENT, committed=((session.candidate.candidate_id, Verdict.SAME),)
        )
        for key in ("enter", "k", "w", "t"):
            assert press(busy, key, 5.0)[1] is None


def test_moving_to_another_candidate_drops_the_choice_and_takes_faces_off() -> None:
    session, _ = press(begun(), "d", 1.0)
    session, _ = press(session, "tab", 2.0)
    assert (session.current, session.chosen, session.drawn.ready) == (1, None, False)
    assert moved(session, 1, 0, 3.0) is session


def test_another_reference_keeps_the_choice() -> None:
    session, _ = press(begun(), "s", 1.0)
    session, _ = press(session, "n", 2.0)
    assert (session.reference, session.chosen, session.drawn.ready) == (1, Verdict.SAME, False)
    session, _ = press(session, "n", 3.0)
    assert session.reference == 0


def test_seconds_add_up_over_visits() -> None:
    session = moved(moved(begun(), 1, 0, 10.0), 0, 0, 25.0)
    assert session.seconds(30.0) == 15.0


def test_disclosure_needs_an_enter_of_its_own_and_finish_every_panel() -> None:
    session, intents = play(begun(), "d", "enter", "d", "enter")
    assert [type(one) for one in intents] == [Commit, Commit]
    assert session.all_judged
    session, intents = play(session, "d", "enter", "enter", start=50.0)
    assert [type(one) for one in intents] == [Commit, Disclose]
    session, intents = play(session, "enter", "enter", start=70.0)
    assert [type(one) for one in intents] == [Finish]
    assert play(session, "enter", start=90.0)[1] == [Leave()]


def test_corrections_after_the_score() -> None:
    session, _ = play(begun(1), "s", *"aaaaaaa", "enter", "enter")
    name = session.candidate.candidate_id
    assert session.stage is Stage.DISCLOSED
    assert play(session, "t", "w", start=50.0)[1] == [AskCorrection(Correction(name, Verdict.UNDECIDED, ""))]
    after = corrected(session, Correction(name, Verdict.UNDECIDED, "ears"))
    assert play(after, "w", "t", start=60.0)[1] == []
    session, _ = play(begun(1), "d", "enter", "enter")
    assert play(session, "w", "t", start=50.0)[1] == [AskCorrection(Correction(name, Verdict.SAME, ""))]


def test_recusal_is_a_question_before_the_score_only() -> None:
    assert play(begun(), "k")[1] == [AskRecusal()]
    session, _ = play(begun(1), "d", "enter", "enter")
    assert play(session, "k", start=50.0)[1] == []


def test_escape_leaves_views_before_the_alert() -> None:
    session, intents = play(begun(), "b", "escape")
    assert (session.view.blink, intents) == (False, [])
    assert play(begun(), "escape")[1] == [Leave()]


@given(
    st.lists(st.sampled_from(sorted({key for handlers in HANDLERS.values() for key in handlers})), max_size=60),
    st.integers(0, 130),
)
def test_no_run_of_keys_commits_anything_but_what_was_chosen_last(keys: list[str], face_pixels: int) -> None:
    session, now = begun(face_pixels=face_pixels), 0.0
    for key in keys:
        now += 1.0
        before = session
        session, intent = press(session, key, now)
        if isinstance(intent, Commit):
            assert key == "enter"
            assert intent.judgement.verdict is before.chosen
            intent.judgement.check(before.min_pixels)
            session = saved(session, intent.judgement, now)
        elif isinstance(intent, Disclose):
            assert before.all_judged
            session = disclosed(session, now)
        elif isinstance(intent, Finish):
            assert before.seen == {shown.candidate_id for shown in before.candidates}
            session = finished(session)
        if not session.drawn.ready:
            session = draw(session, face_pixels)


def test_details_are_for_after_the_judgement_and_stay_until_they_are_put_away() -> None:
    session, _ = play(begun(), "e", "d", "enter", "e", "d", "enter")
    assert not session.details
    session, _ = play(session, "enter", "e", start=30.0)
    assert session.stage is Stage.DISCLOSED
    assert session.details
    session, _ = play(session, "right", start=40.0)
    assert session.details
    session, _ = play(session, "e", start=50.0)
    assert not session.details


def test_overlay_and_blink_share_one_place_and_never_both() -> None:
    session, _ = play(begun(), "o")
    assert (session.view.overlay, session.view.blink, session.view.one_place) == (True, False, True)
    session, _ = play(begun(), "o", "b")
    assert (session.view.overlay, session.view.blink) == (False, True)
    session, intents = play(begun(), "o", "escape")
    assert (session.view.one_place, intents) == (False, [])


def test_what_changes_the_faces_is_recorded_and_what_only_helps_the_eye_is_not() -> None:
    session, _ = play(begun(), "m", "g", "z", "c", "o")
    assert session.view.recorded == ("overlay", "contrast")
