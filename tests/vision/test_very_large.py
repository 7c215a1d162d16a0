"""Of pictures that take gigabytes one is worked on at a time; others run side by side."""

import threading
import time
from collections.abc import Iterator
from typing import Any, cast

import pytest

from matcher.domain.face import Picture
from matcher.domain.policy import Quality
from matcher.domain.rejection import Reason, Rejected
from matcher.vision import pipeline as under_test
from matcher.vision.pipeline import FacePipeline


class Counting:
    """Stands for the decoder: counts how many are at work."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.now = self.most = 0

    def decode(self, picture: Picture) -> Rejected:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.01)
        with self._lock:
            self.now -= 1
        return Rejected(picture.name, Reason.UNREADABLE)


@pytest.mark.parametrize(("large", "at_once"), [(True, 1), (False, 4)])
def test_one_at_a_time(large: bool, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    counting, unused = Counting(), cast(Any, None)
    monkeypatch.setattr(under_test, "decode", counting.decode)
    monkeypatch.setattr(under_test, "is_very_large", lambda _: large)

    def pictures() -> Iterator[Picture]:
        yield from (Picture(str(number), b"") for number in range(12))

    results = list(FacePipeline(unused, unused, unused, 4).references(pictures(), Quality()))
    assert len(results) == 12
    assert counting.most == at_once
