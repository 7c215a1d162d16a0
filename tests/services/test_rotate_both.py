"""Rotating the home key on both engines: alerts, known-answer items and who was listed, under another key."""

from pathlib import Path

import pytest

from matcher.errors import IntegrityError, Refused
from matcher.services.rotate import rotate_home_key
from matcher.services.workplace import sign_in
from tests.databases import both_engines
from tests.services.pictured import Pictured
from tests.services.test_erase import opened_everything, sound
from tests.services.world import PASSPHRASE

pytestmark = both_engines


def test_everything_opens_under_the_next_key_and_nothing_under_the_old_one(tmp_path: Path) -> None:
    made = Pictured(tmp_path)
    made.practised()
    waiting, judged = made.queue_items(2)[:2]
    made.say("ana", judged, lambda candidate: made.truths(judged)[candidate])
    old, before = made.sessions["boss"].vault, opened_everything(made)
    done = rotate_home_key(made.sessions["boss"], lambda *_: None)
    assert (done.sought.found, done.values > 8) == (0, True)
    with pytest.raises(Refused, match="sign in again"):
        made.hit(9, case="with the old key")
    with made.place.work(write=False) as work, pytest.raises(IntegrityError):
        work.vigilance.answer(old, waiting)
    made.sessions = {name: sign_in(made.place, name, PASSPHRASE) for name in made.sessions}
    assert opened_everything(made) == before
    made.say("ben", judged, lambda candidate: made.truths(judged)[candidate])
    made.hit(9, case="goes on")
    sound(made)
