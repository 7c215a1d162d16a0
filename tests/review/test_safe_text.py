"""Text from elsewhere."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from matcher.review.safe_text import HARMFUL, MARK, safe_display, safe_lines


@given(st.text(max_size=400), st.integers(2, 80))
def test_nothing_harmful_is_left_and_the_line_is_short(text: str, cells: int) -> None:
    shown = safe_display(text, cells)
    assert not {unicodedata.category(character) for character in shown} & HARMFUL
    assert cell_len(shown) <= cells
    assert len(shown) <= 160


@given(st.text(max_size=200))
def test_pages_keep_their_length_and_line_feeds(text: str) -> None:
    shown = safe_lines(text)
    assert len(shown) == len(text)
    assert shown.count("\n") == text.count("\n")
    assert not {unicodedata.category(character) for character in shown if character != "\n"} & HARMFUL


@pytest.mark.parametrize(
    "evil", ["\x1b", "\x9b", "\n", "\r", "\t", "\u202e", "\u2066", "\u200b", "\ud800", "\ue000", "\u2028", "\x00"]
)
def test_each_kind_of_harm_is_visible(evil: str) -> None:
    assert safe_display(f"a{evil}b") == f"a{MARK}b"


def test_good_names_stay_as_they_are() -> None:
    for name in ("Zoë Ångström", "Ελένη", "山田 花子", "[red]x[/nope]", "O'Brien-Núñez"):
        assert safe_display(name) == unicodedata.normalize("NFC", name)
    assert safe_display("e\u0301") == "é"


def test_a_cut_is_shown() -> None:
    assert safe_display("x" * 100).endswith("…")
    assert cell_len(safe_display("山" * 100)) <= 80
    assert len(safe_display("a" + "\u0301" * 5000)) <= 160
