"""Whatever bytes a reader is given, it gives a value or one of our errors, soon and in little memory."""

import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.domain.rejection import Rejected
from matcher.errors import MatcherError
from tests.hostile.readers import READERS

MOST_SECONDS, MOST_BYTES = 1.0, 50_000_000  # of the processor, and what Python counts


@st.composite
def altered(draw: st.DrawFn, whole: bytes) -> bytes:
    """A valid file with bytes changed, cut out, repeated or put in; or anything at all."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=400))
    data = bytearray(whole)
    for _ in range(draw(st.integers(0, 6))):
        at, length = draw(st.integers(0, len(data))), draw(st.integers(0, 40))
        what = draw(st.sampled_from(("change", "cut", "repeat", "put in")))
        if what == "repeat":
            data[at:at] = data[at : at + length] * draw(st.integers(1, 50))
        else:
            new = b"" if what == "cut" else draw(st.binary(min_size=1, max_size=16))
            data[at : at + (len(new) if what == "change" else length if what == "cut" else 0)] = new
    return bytes(data)


@pytest.mark.parametrize("name", READERS)
def test_a_file_as_it_should_be_is_read(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    reader = READERS[name]
    assert not isinstance(reader.read(reader.whole, tmp_path_factory.mktemp("whole") / "file"), Rejected)


@pytest.mark.parametrize("name", READERS)
def test_an_altered_file_is_a_value_or_one_of_our_errors(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    reader, path = READERS[name], tmp_path_factory.mktemp("any") / "file"

    @settings(max_examples=100, deadline=None, database=None)
    @given(altered(reader.whole))
    def value_or_error(data: bytes) -> None:
        began, said = time.process_time(), "a value"
        tracemalloc.start()
        try:
            reader.read(data, path)
        except MatcherError as error:
            said = str(error)
        finally:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        assert len(said.splitlines()) == 1
        assert peak < MOST_BYTES
        assert time.process_time() - began < MOST_SECONDS

    value_or_error()


@pytest.mark.parametrize("name", READERS)
def test_a_reader_tells_whose_fault_it_is(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    """Files of the home are an integrity failure, files that go in are bad input; pictures are counted."""
    reader, path = READERS[name], tmp_path_factory.mktemp("junk") / "file"
    try:
        said: object = reader.read(b"\xff\x00", path)
    except MatcherError as error:
        said = error
    assert type(said) is reader.wrong
