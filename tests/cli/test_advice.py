"""Every reason for which a picture is rejected comes with what to do about it."""

from matcher.cli.advice import ADVICE
from matcher.domain.rejection import Reason


def test_every_reason_has_its_advice_and_a_table_shows_it_whole() -> None:
    assert set(ADVICE) == set(Reason)
    assert all(0 < len(words) <= 80 for words in ADVICE.values())
