"""What comes from the process that speaks with Ray is numbers and bytes, or nothing."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.errors import BadInput, IntegrityError, MatcherError, NotSearchable, StorageFailed
from matcher.index.ray_messages import Told, error_head


@given(st.integers(0, 2**31), st.lists(st.binary(max_size=50), max_size=5), st.text(max_size=20))
def test_a_frame_comes_out_as_it_went_in(number: int, parts: list[bytes], head: str) -> None:
    told = Told(number, "answer", [head, 1], tuple(parts))
    assert Told.unpack(told.pack()) == told


@given(st.binary(max_size=200))
def test_other_bytes_are_no_frame(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"frame|Expecting|codec"):
        Told.unpack(raw)


def test_an_object_in_a_frame_is_never_made() -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return (print, ("made",))

    with pytest.raises(ValueError, match=r"frame|Expecting|codec"):
        Told.unpack(pickle.dumps(Trap()))
    with pytest.raises(ValueError, match="no frame"):
        Told.unpack(Told(1, "answer", None, (b"abc",)).pack() + b"more")


@pytest.mark.parametrize(
    ("error", "kind"),
    [(NotSearchable("a"), NotSearchable), (IntegrityError("a"), IntegrityError), (BadInput("a"), BadInput),
     (StorageFailed("a"), NotSearchable)],
)  # fmt: skip
def test_an_error_keeps_its_kind(error: MatcherError, kind: type[MatcherError]) -> None:
    found = Told(1, "error", error_head(error, False)).error()
    assert (type(found), str(found)) == (kind, "a")
