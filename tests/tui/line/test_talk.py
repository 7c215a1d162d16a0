"""What line mode says holds no control character, whatever it is given; what is no whole line is no answer."""

import unicodedata
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.tui.line.talk import WIDEST, Ended, Talk, unmarked


@given(st.text())
def test_nothing_that_is_said_steers_a_terminal(text: str) -> None:
    out = StringIO()
    Talk(StringIO(), out).say(text)
    said = out.getvalue()
    assert said.endswith("\n")
    assert not {unicodedata.category(character) for character in said.replace("\n", "")} & {"Cc", "Cf", "Cs"}
    assert all(len(line) <= WIDEST for line in said.split("\n"))


@pytest.mark.parametrize("typed", ["", "commit"])
def test_input_that_ends_is_no_answer(typed: str) -> None:
    with pytest.raises(Ended):
        Talk(StringIO(typed), StringIO()).ask("Sure?")


def test_a_question_mark_lists_the_answers_and_asks_again() -> None:
    out = StringIO()
    assert Talk(StringIO("?\n  yes \n"), out).ask("Sure?", (("yes", "certainly"), ("no", "never"))) == "yes"
    assert "  yes  certainly\n" in out.getvalue()
    assert out.getvalue().count("Sure?") == 2


def test_an_end_that_came_is_told_at_the_next_question() -> None:
    talk = Talk(StringIO("yes\n"), StringIO())
    talk.interrupts._take(15, None)
    with pytest.raises(KeyboardInterrupt):
        talk.ask("Sure?")


def test_our_own_emphasis_is_not_read_out() -> None:
    assert unmarked("*Same* is refused: 2 * 3") == "Same is refused: 2 * 3"
