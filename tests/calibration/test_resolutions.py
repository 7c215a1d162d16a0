import pytest

from matcher.calibration.handles import handle_of, handles_of, in_order, is_handle
from matcher.calibration.resolutions import Resolutions, Ruling, parse_resolutions
from matcher.domain.revision import Item
from matcher.errors import BadInput

A, B, C = "0123456789ab", "fedcba987654", "aaaaaaaaaaaa"
HEAD = "one,other,ruling\n"


def test_a_file_is_read_whichever_handle_comes_first() -> None:
    ruled = parse_resolutions(f"{HEAD}{B},{A},different\n{A},{C},same\n".encode())
    assert dict(ruled.rulings) == {(A, B): Ruling.DIFFERENT, (A, C): Ruling.SAME}
    assert parse_resolutions(f"{HEAD}{C},{A},same\r\n{A},{B},different".encode()).digest == ruled.digest
    assert parse_resolutions(f"{HEAD}{A},{B},same\n{A},{C},same\n".encode()).digest != ruled.digest
    assert Resolutions().digest is None
    assert parse_resolutions(HEAD.encode()).digest is None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "must begin with the line one,other,ruling"),
        ("other,one,ruling\n", "must begin"),
        (f"{HEAD}{A},{B}\n", "line 2 of the adjudication file: 2 cells"),
        (f"{HEAD}{A},{B},same,why\n", "line 2 of the adjudication file: 4 cells"),
        (f"{HEAD}{A},{B},same\n\n", "line 3 of the adjudication file: 0 cells"),
        (f"{HEAD}{A},{B},Same\n", "line 2 of the adjudication file: the ruling"),
        (f"{HEAD}{A},{B},open\n", "line 2 of the adjudication file: the ruling"),
        (f"{HEAD}{A},{B[:-1]},same\n", "line 2 of the adjudication file: a handle"),
        (f"{HEAD}{A.upper()},{B},same\n", "line 2 of the adjudication file: a handle"),
        (f"{HEAD} {A},{B},same\n", "line 2 of the adjudication file: a handle"),
        (f"{HEAD}{A},{A},same\n", "line 2 of the adjudication file: a person and themselves"),
        (f"{HEAD}{A},{B},same\n{B},{A},different\n", "line 3 of the adjudication file: the pair stands in it twice"),
        (f'{HEAD}"{A},{B},same\n', "not CSV"),
        ("\ufeff" + HEAD, "must begin"),
    ],
)
def test_a_bad_line_is_one_clear_error(text: str, complaint: str) -> None:
    with pytest.raises(BadInput, match=complaint):
        parse_resolutions(text.encode())


def test_what_is_no_text_or_too_long_is_refused() -> None:
    with pytest.raises(BadInput, match="UTF-8"):
        parse_resolutions(HEAD.encode() + b"\xff")
    with pytest.raises(BadInput, match="longer"):
        parse_resolutions(HEAD.encode() + b"x" * 4_000_000)


def test_a_handle_is_of_the_revision_the_id_and_the_items() -> None:
    handle = handle_of("digest", "S1", ["x", "y"])
    assert is_handle(handle)
    assert handle_of("digest", "S1", ["y", "x", "x"]) == handle
    assert handle_of("other", "S1", ["x", "y"]) != handle
    assert handle_of("digest", "S2", ["x", "y"]) != handle
    assert handle_of("digest", "S1", []) != handle
    items = [Item(s, d, (), (), None, None, None, None) for s, d in (("S2", "z"), ("S1", "y"), ("S1", "x"))]
    assert list(handles_of("digest", items).items()) == [("S1", handle), ("S2", handle_of("digest", "S2", ["z"]))]
    assert in_order([A, C, B])
    assert not in_order([A, A])
    assert not in_order(["S1"])
