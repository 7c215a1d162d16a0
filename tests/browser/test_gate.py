"""Who may speak to the browser's server, without a server."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.domain.case import ReviewFile, Verdict, independent
from matcher.tui.browser.gate import COOKIE, Gate, from_here, headers
from matcher.tui.browser.pages import FONT_SIZES, font_size


@pytest.mark.parametrize("host", ["127.0.0.1:8765", "localhost", "localhost:1", "[::1]:80"])
def test_this_machine_by_its_names(host: str) -> None:
    assert from_here(host, None)
    assert from_here(host, f"http://{host}")


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("evil.example", None),
        ("127.0.0.1.evil.example", None),
        ("evil.example:8765", "http://evil.example:8765"),
        ("127.0.0.1:8765", "http://evil.example"),
        ("127.0.0.1:8765", "http://127.0.0.1:8766"),
        ("127.0.0.1:8765", "https://127.0.0.1:8765"),
        ("127.0.0.1:8765", "null"),
        ("127.0.0.1:8765", ""),
        ("user@127.0.0.1:8765", None),
        ("127.0.0.1:8765\n", None),
        ("", None),
    ],
)
def test_nobody_else(host: str, origin: str | None) -> None:
    assert not from_here(host, origin)


def test_the_token_works_once_and_the_cookie_from_then_on() -> None:
    gate = Gate()
    right = {COOKIE: gate.cookie}
    assert not gate.knows(right)
    assert not gate.exchange("")
    assert not gate.exchange(gate.token + "x")
    assert gate.exchange(gate.token)
    assert not gate.exchange(gate.token)
    assert gate.knows(right)
    assert not gate.knows({})
    assert not gate.knows({COOKIE: gate.token})
    assert gate.token not in repr(gate)
    assert gate.cookie not in repr(gate)


@given(st.text())
def test_no_other_text_opens(text: str) -> None:
    gate = Gate()
    assert not gate.exchange(text)
    gate.used = True
    assert not gate.knows({COOKIE: text})


def test_pages_may_load_nothing_from_elsewhere() -> None:
    policy = headers("127.0.0.1:8765")["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert "http" not in policy.replace("ws://127.0.0.1:8765", "")


@given(st.text(max_size=8))
def test_any_wish_for_letters_gives_letters(wanted: str) -> None:
    assert font_size(wanted) in FONT_SIZES


def test_two_browsers_of_one_machine_are_one_place(monkeypatch: pytest.MonkeyPatch) -> None:
    from matcher import bootstrap

    ours = bootstrap._seat(in_browser=True)
    assert ours.terminal.startswith("browser on ")

    def file(name: str, account: str) -> ReviewFile:
        return ReviewFile(name, account, ours.terminal, (("c", Verdict.SAME),), (), True)

    assert not independent([file("ana", "one"), file("ben", "two")])
