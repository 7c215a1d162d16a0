"""The journal of a load: what became of each picture, to the last bit."""

import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matcher.domain.face import Face, FacePlace, QualityMeasures
from matcher.domain.records import LoadBegun
from matcher.domain.rejection import Reason, Rejected
from matcher.errors import IntegrityError
from matcher.store.load_journal import journal_id, journal_of
from matcher.store.record_file import RecordFile
from matcher.store.sealing import HomeVault

KEY = bytes(range(32))
BEGIN = LoadBegun("a" * 26, datetime(2026, 11, 25, 12, 0, 0, 5, tzinfo=UTC))
LATER = LoadBegun("b" * 26, datetime(2026, 11, 26, 12, tzinfo=UTC))
numbers = st.floats(allow_nan=False)
points = st.tuples(numbers, numbers)
places = st.builds(FacePlace, st.tuples(numbers, numbers, numbers, numbers), st.tuples(*[points] * 5))
measures = st.builds(QualityMeasures, *[numbers] * 14, st.none() | numbers)
templates = st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=20).map(lambda row: np.array(row, np.float32))
faces = st.builds(Face, places, measures, templates)
rejections = st.builds(
    Rejected, st.just("now.jpg"), st.sampled_from(sorted({*Reason} - {Reason.FORMAT_NOT_INSTALLED})), st.text()
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(results=st.lists(faces | rejections, max_size=5))
def test_results_come_back_to_the_last_bit(tmp_path: Path, results: list[Face | Rejected]) -> None:
    binding = os.urandom(8).hex()
    digests = [f"{number:064x}" for number in range(len(results))]
    with journal_of(tmp_path, KEY, binding, BEGIN, os.urandom) as journal:
        for digest, result in zip(digests, results, strict=True):
            journal.add(digest, result)
            assert journal.result(digest, "now.jpg") is None  # of earlier runs only
    with journal_of(tmp_path, KEY, binding, LATER, os.urandom) as journal:
        assert (journal.begun, journal.known, journal.cut) == (BEGIN, len(results), 0)
        for digest, result in zip(digests, results, strict=True):
            found = journal.result(digest, "now.jpg")
            if isinstance(result, Rejected):
                assert found == result
            else:
                assert isinstance(found, Face)
                assert (found.place, found.quality) == (result.place, result.quality)
                assert found.template.tobytes() == result.template.tobytes()


def test_the_name_and_the_key_depend_on_what_is_loaded_and_on_the_home(tmp_path: Path) -> None:
    names = {journal_id(key, binding) for key in (KEY, bytes(32)) for binding in ("one", "two")}
    assert len(names) == 4
    with journal_of(tmp_path, KEY, "one", BEGIN, os.urandom) as journal:
        journal.add("00" * 32, Rejected("a.jpg", Reason.NO_FACE))
    (file,) = tmp_path.iterdir()
    file.rename(file.with_stem(journal_id(KEY, "two")))
    with journal_of(tmp_path, KEY, "two", LATER, os.urandom) as journal:
        assert (journal.begun, journal.known) == (LATER, 0)


def test_begun_anew_it_forgets(tmp_path: Path) -> None:
    vault = HomeVault(KEY, tmp_path)
    with vault.load_journal("one", BEGIN) as journal:
        journal.add("00" * 32, Rejected("a.jpg", Reason.NO_FACE))
    with vault.load_journal("one", LATER) as journal:
        journal.restart(LATER)
        assert journal.result("00" * 32, "a.jpg") is None
    with vault.load_journal("one", BEGIN) as journal:
        assert (journal.begun, journal.known) == (LATER, 0)
        journal.discard()
    assert list(tmp_path.iterdir()) == []


def test_what_no_load_writes_is_an_integrity_failure(tmp_path: Path) -> None:
    with journal_of(tmp_path, KEY, "one", BEGIN, os.urandom):
        pass
    (path,) = tmp_path.iterdir()
    file = RecordFile(path, KEY, os.urandom)
    file.append(b"nonsense")
    file.close()
    with pytest.raises(IntegrityError), journal_of(tmp_path, KEY, "one", BEGIN, os.urandom):
        pass
