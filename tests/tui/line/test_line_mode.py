"""Line mode through the real program at a pseudo-terminal, on a real home."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from matcher.bootstrap import open_program
from matcher.config import load_settings
from matcher.domain.case import Component, Finding, Verdict
from matcher.domain.records import SignedJudgement
from matcher.services.workplace import Workplace
from tests.cli.runner import Cli
from tests.databases import both_engines, variables_of
from tests.fakes.waiting_home import PASSPHRASE, waiting_home
from tests.tui.line.terminal import END, INTERRUPT, Terminal, at_terminal

pytestmark = both_engines
SAME = ("s", "a", "a", "x", "a", "v", "a", "a")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return waiting_home(tmp_path)


@pytest.fixture
def viewer(tmp_path: Path) -> str:
    """Copies what it is shown, notes its own number, and stays open."""
    script = tmp_path / "viewer.sh"
    script.write_text(f'cat "$1" > {tmp_path}/seen.png\necho $$ > {tmp_path}/pid\nenv > {tmp_path}/env\nsleep 120\n')
    return f"sh {script}"


def place_of(home: Path) -> Workplace:
    return open_program(load_settings({"MATCHER_CONFIG": os.devnull} | variables_of(home), home=str(home))).place


def judgements(home: Path) -> Sequence[SignedJudgement]:
    place = place_of(home)
    with place.work(write=False) as work:
        return [one for line in work.alerts.lines() for one in work.alerts.judgements(line.alert_id)]


def claimed(home: Path) -> list[str]:
    """Who holds an alert now."""
    place = place_of(home)
    with place.work(write=False) as work:
        paths = [path for line in work.alerts.lines() for path in work.alerts.progress(line.alert_id)]
    return [path.reviewer for path in paths if path.claimed_until is not None and path.claimed_until > place.clock()]


def running(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2]


def test_two_people_make_a_lead_and_the_records_are_those_of_the_screens(home: Path, viewer: str) -> None:
    shown = ""
    for name in ("ana", "ben"):
        with at_terminal(home, name, "--viewer", viewer) as terminal:
            terminal.sign_in(name, PASSPHRASE)
            terminal.answer("1", "o", *SAME, "commit", "scores", "e", "finish", "quit")
            assert terminal.ended() == 0
            shown += terminal.shown
    assert "\x1b" not in shown
    assert "lead, two reviewers agree; not an identification" in " ".join(shown.split())
    assert "Planted \N{REPLACEMENT CHARACTER}[31mName\N{REPLACEMENT CHARACTER}" in shown
    assert "NOT INDEPENDENT" in shown
    made = judgements(home)
    assert [one.reviewer for one in made] == ["ana", "ben"]
    for one in made:
        assert (one.judgement.verdict, one.judgement.mode) == (Verdict.SAME, "viewer")
        assert 64 <= one.judgement.face_pixels <= 800
        assert one.judgement.seconds > 0
        found = dict(one.judgement.checklist)
        assert set(found) == set(Component)
        assert (found[Component.NOSE], found[Component.EARS]) == (Finding.DIFFER, Finding.NOT_VISIBLE)
    assert Cli(home)("audit", "verify").code == 0


def test_nothing_is_told_before_the_judgement(home: Path) -> None:
    with at_terminal(home, "ana") as terminal:
        terminal.sign_in("ana", PASSPHRASE)
        terminal.answer("1", "?", "scores", "e", "w", "finish")
        terminal.answer("back", "quit")
        assert terminal.ended() == 0
    blind = terminal.shown
    for told in ("missing", "2026/1", "threshold", "rank", "Planted", "S000"):
        assert told not in blind
    assert "Not yet: 1 of 1 candidates are not judged." in blind
    assert not judgements(home)


def test_without_a_viewer_same_is_refused_and_the_rest_may_be_said(home: Path) -> None:
    with at_terminal(home, "ana") as terminal:
        terminal.sign_in("ana", PASSPHRASE)
        terminal.answer("1", "s", "o", "d", "commit")
        terminal.answer("back", "quit")
        assert terminal.ended() == 0
    assert "--viewer COMMAND or MATCHER_VIEWER" in " ".join(terminal.shown.split())
    assert "Same is refused here" in terminal.shown
    (made,) = judgements(home)
    assert (made.judgement.verdict, made.judgement.mode, made.judgement.face_pixels) == (
        Verdict.DIFFERENT,
        "no picture",
        0,
    )


@pytest.mark.parametrize("answer", ["", "yes", "d", "enter", "c", END, INTERRUPT, f"commit{END}{END}"])
def test_only_the_word_commits(home: Path, answer: str) -> None:
    with at_terminal(home, "ana") as terminal:
        terminal.sign_in("ana", PASSPHRASE)
        terminal.answer("1", "d")
        terminal.until("drops it\n> ")
        if END in answer or answer == INTERRUPT:
            terminal.send(answer)
        else:
            terminal.send(answer + "\n")
            terminal.answer("back", "quit")
        assert terminal.ended() == (130 if answer == INTERRUPT else 0)
    assert not judgements(home)
    assert not claimed(home)


def test_losing_the_terminal_commits_nothing_and_ends_the_viewer(home: Path, viewer: str, tmp_path: Path) -> None:
    with at_terminal(home, "ana", "--viewer", viewer) as terminal:
        terminal.sign_in("ana", PASSPHRASE)
        terminal.answer("1", "o", *SAME)
        terminal.until("drops it\n> ")
        pid = int((tmp_path / "pid").read_text())
        assert running(pid)
        terminal.hang_up()
        assert terminal.ended() != 0
    assert not running(pid)
    assert not judgements(home)
    assert not claimed(home)


def test_the_viewer_sees_the_pair_and_ends_with_it(home: Path, viewer: str, tmp_path: Path) -> None:
    with at_terminal(home, "ana", "--viewer", viewer, MATCHER_PASSPHRASE="kept from it") as terminal:
        terminal.sign_in("ana", PASSPHRASE)
        said = terminal.answer("1", "o", "z")
        assert "faces" in said
        with Image.open(tmp_path / "seen.png") as seen:
            assert seen.size == (1296, 800)
            assert not seen.info
        first = int((tmp_path / "pid").read_text())
        terminal.answer("s")
        said = terminal.answer("back")
        assert "was not shown" in said  # another zoom is another picture
        assert not running(first)
        terminal.answer("quit")
        assert terminal.ended() == 0
    assert "kept from it" not in (tmp_path / "env").read_text()


@pytest.mark.parametrize(
    ("command", "reason"), [("false", "exit 1"), ("true", "ended at once"), ("/none", "cannot be")]
)
def test_a_viewer_that_fails_has_shown_nothing(home: Path, command: str, reason: str) -> None:
    with at_terminal(home, "ana", "--viewer", command) as terminal:
        terminal.sign_in("ana", PASSPHRASE)
        terminal.answer("1", "o", "s")
        said = terminal.answer("back", "quit")
        assert terminal.ended() == 0
    assert said
    assert "not shown: " in terminal.shown
    assert reason in terminal.shown
    assert "Same is refused here" in terminal.shown


def test_a_viewer_that_dies_before_the_commit_has_shown_nothing(home: Path, tmp_path: Path) -> None:
    (tmp_path / "brief.sh").write_text("sleep 2\nexit 3\n")
    with at_terminal(home, "ana", "--viewer", f"sh {tmp_path}/brief.sh") as terminal:
        terminal.sign_in("ana", PASSPHRASE)
        terminal.answer("1", "o", *SAME)
        terminal.until("drops it\n> ")
        subprocess.run(["sleep", "2.5"], check=True)
        terminal.send("commit\n")
        terminal.answer("back", "quit")
        assert terminal.ended() == 0
    assert "the viewer failed (exit 3)" in terminal.shown
    assert not judgements(home)


@pytest.mark.parametrize("variable", [{"SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22"}, {"DISPLAY": "localhost:10.0"}])
def test_no_viewer_over_a_remote_session(home: Path, viewer: str, tmp_path: Path, variable: dict[str, str]) -> None:
    with at_terminal(home, "ana", "--viewer", viewer, **variable) as terminal:
        terminal.sign_in("ana", PASSPHRASE)
        terminal.answer("1", "o", "s", "back", "quit")
        assert terminal.ended() == 0
    assert "only locally" in terminal.shown
    assert "matcher serve" in terminal.shown
    assert not (tmp_path / "seen.png").exists()


def test_a_wrong_passphrase_is_said_and_asked_again(home: Path) -> None:
    with at_terminal(home, "ana") as terminal:
        terminal.sign_in("ana", "wrong")
        terminal.answer("nobody", "3")
        terminal.sign_in("ben", PASSPHRASE)
        terminal.answer("99", "quit")
        assert terminal.ended() == 0
    assert "wrong" not in terminal.shown.replace("wrong passphrase", "")
    assert PASSPHRASE not in terminal.shown


def test_who_knows_the_person_steps_back(home: Path) -> None:
    with at_terminal(home, "ana") as terminal:
        terminal.sign_in("ana", PASSPHRASE)
        terminal.answer("1", "k", "no", "k", "yes")
        said = terminal.answer("quit")
        assert terminal.ended() == 0
    assert "2 alerts are waiting" in said


def test_a_change_after_the_score_needs_reason_and_word(home: Path) -> None:
    with at_terminal(home, "ana") as terminal:
        terminal.sign_in("ana", PASSPHRASE)
        terminal.answer("1", "d", "commit", "scores", "t", "", "t", "the ears", "no", "t", "the ears", "commit", "t")
        said = terminal.answer("finish", "quit")
        assert terminal.ended() == 0
    assert "changed after the score: same, the ears" in " ".join(terminal.shown.split())
    assert terminal.shown.count("Dropped: nothing was committed.") == 2
    assert said


def test_it_needs_a_terminal_and_its_options_their_place(home: Path) -> None:
    cli = Cli(home)
    assert "needs a terminal" in cli("review", "--plain").complaint
    for words in (("--plain",), ("--plain", "--json"), ("--viewer", "x")):
        assert cli("review", *words).code == 2


def test_it_loads_no_textual() -> None:
    code = "import sys, matcher.tui.line.review; print(sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "'PIL'" in loaded
    assert "textual" not in loaded


def test_help_is_given_at_every_question(home: Path) -> None:
    def asked(terminal: Terminal, *answers: str) -> str:
        terminal.answer(*answers, "?")
        return terminal.until("> ")

    with at_terminal(home, "ana", "--viewer", "sh -c 'sleep 60'") as terminal:
        terminal.sign_in("ana", PASSPHRASE)
        assert "sign in as somebody else" in asked(terminal)
        terminal.send("1\n")
        assert "step back" in asked(terminal)
        terminal.send("o\n")
        terminal.answer("s")
        assert "drop the choice" in asked(terminal)
