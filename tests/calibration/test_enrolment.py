"""Failures to enrol are counted by person."""

from matcher.calibration.enrolment import EVERYBODY, failures_to_enrol
from matcher.domain.rejection import Reason
from matcher.domain.revision import Item, Pairs


def item(who: str, row: int | None, attributes: Pairs = ()) -> Item:
    return Item(who, f"{who}{row}", (), attributes, None, row, Reason.NO_FACE if row is None else None, None)


def test_one_good_picture_enrols_a_person() -> None:
    group: Pairs = (("tone", "darker"),)
    found = failures_to_enrol([item("A", None, group), item("A", 0, group), item("B", None, group), item("C", 1)])
    assert (found[EVERYBODY].k, found[EVERYBODY].n) == (1, 3)
    assert (found["tone", "darker"].k, found["tone", "darker"].n) == (1, 2)
    assert found["tone", "darker"].cp95 is not None


def test_nobody_is_undefined_and_a_file_number_is_no_group() -> None:
    assert failures_to_enrol([])[EVERYBODY].rate is None
    many = [item(f"P{i}", i, (("file", str(i)),)) for i in range(51)]
    assert set(failures_to_enrol(many)) == {EVERYBODY}
    assert len(failures_to_enrol(many[:50])) == 51
