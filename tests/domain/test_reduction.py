"""What counts as a part of a tested list: nothing but the same items with the same bits, fewer of them."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.domain.reduction import Reduction, require_part, without
from matcher.domain.rejection import Reason
from matcher.domain.revision import Item, Revision, RevisionContent, content_digest
from matcher.domain.template import Floats, ModelIdentity
from matcher.errors import BadInput, IntegrityError, MatcherError, NotSearchable, Refused

MODEL = ModelIdentity("test@1", "unseen", "unseen", "unseen", 4)


def rows(count: int) -> Floats:
    made = np.eye(4, dtype=np.float32)[np.arange(count) % 4] * np.float32(1)
    made[:, 3] += np.arange(count, dtype=np.float32) / 100
    return made


def item(subject: str, digest: str, row: int | None) -> Item:
    return Item(
        subject, digest, (("name", "N"),), (("g", "a"),), "s", row, Reason.NO_FACE if row is None else None, None
    )


def content() -> RevisionContent:
    """Four people: one with two pictures, one of whom nobody could use the picture."""
    items = (item("A", "a1", 0), item("A", "a2", 1), item("B", "b1", 2), item("C", "c1", 3), item("D", "d1", None))
    return RevisionContent(items, rows(4))


def revision(held: RevisionContent, number: int = 1) -> Revision:
    return Revision(
        revision_id=f"r{number}",
        collection_id="list",
        number=number,
        digest=content_digest(held),
        model=MODEL,
        subjects=len({one.subject_id for one in held.items if one.row is not None}),
        templates=len(held.templates),
        rejected=sum(one.row is None for one in held.items),
        loaded_by="boss",
        loaded_at=datetime(2026, 1, 1, tzinfo=UTC),
        loaders=("boss",),
        quality="unseen",
    )


def reduced(whole: RevisionContent, part: RevisionContent) -> Reduction:
    return Reduction(revision(whole), revision(part, 2), (whole, part))


def test_people_taken_out_make_a_reduction() -> None:
    whole = content()
    part = without(whole, {"A", "D"})
    assert [(one.subject_id, one.row) for one in part.items] == [("B", 0), ("C", 1)]
    assert np.array_equal(part.templates, whole.templates[2:])
    assert reduced(whole, part).subjects_removed == 2


def test_a_picture_taken_out_makes_one_too() -> None:
    whole = content()
    part = RevisionContent(
        (replace(whole.items[1], row=0), replace(whole.items[2], row=1)), whole.templates[1:3].copy()
    )
    assert reduced(whole, part).subjects_removed == 2


def test_nobody_unknown_is_removed_and_somebody_stays() -> None:
    with pytest.raises(BadInput, match="1 of the 2 subjects"):
        without(content(), {"A", "Z"})
    with pytest.raises(Refused, match="retire"):
        without(content(), {"A", "B", "C"})  # only D is left, whose picture nobody could use


def changed(what: str) -> RevisionContent:
    """The content without C, and something else changed."""
    part = without(content(), {"C"})
    items, templates = list(part.items), part.templates.copy()
    if what == "a label":
        items[0] = replace(items[0], labels=(("name", "M"),))
    elif what == "an attribute":
        items[0] = replace(items[0], attributes=())
    elif what == "a session":
        items[0] = replace(items[0], session=None)
    elif what == "a reason":
        items[3] = replace(items[3], reason=Reason.TOO_DARK)
    elif what == "a template":
        templates[1, 0] = np.nextafter(templates[1, 0], np.float32(9), dtype=np.float32)
    elif what == "the sign of a zero":
        templates[0, 1] = -0.0
    elif what == "templates exchanged":
        templates[[0, 2]] = templates[[2, 0]]
    elif what == "another subject's picture":
        items[2] = replace(items[2], subject_id="A")
    elif what == "a rejected picture that now has a template":
        items[3] = replace(items[3], row=3, reason=None)
        templates = np.vstack([templates, rows(1)])
    elif what == "an addition":
        items.append(item("E", "e1", 3))
        templates = np.vstack([templates, rows(1)])
    elif what == "one item twice":
        items.append(replace(items[0], row=3))
        templates = np.vstack([templates, rows(1)])
        items = [one for one in items if one.subject_id != "B"]
    return RevisionContent(tuple(items), templates)


CHANGES = (
    "a label",
    "an attribute",
    "a session",
    "a reason",
    "a template",
    "the sign of a zero",
    "templates exchanged",
    "another subject's picture",
    "a rejected picture that now has a template",
    "an addition",
    "one item twice",
)


def test_the_change_that_changes_nothing_passes() -> None:
    reduced(content(), changed("nothing"))


@pytest.mark.parametrize("what", CHANGES)
def test_anything_else_needs_a_calibration(what: str) -> None:
    with pytest.raises(NotSearchable, match="additions and changed references need a new calibration"):
        reduced(content(), changed(what))


def test_the_same_list_is_no_reduction() -> None:
    with pytest.raises(NotSearchable):
        reduced(content(), content())


def test_where_a_picture_lies_is_no_content() -> None:
    from matcher.domain.face import FacePlace
    from matcher.domain.revision import PictureRef

    place = PictureRef("elsewhere", 1, 2, FacePlace((0.0, 0.0, 1.0, 1.0), ((0.0, 0.0),) * 5))
    part = without(content(), {"C"})
    reduced(content(), RevisionContent((replace(part.items[0], picture=place), *part.items[1:]), part.templates))


def test_contents_must_be_those_of_the_revisions() -> None:
    whole, part = content(), without(content(), {"C"})
    other = without(content(), {"B"})
    with pytest.raises(IntegrityError):
        Reduction(revision(whole), revision(part, 2), (whole, other))
    with pytest.raises(IntegrityError):
        Reduction(revision(whole), revision(part, 2), (other, part))


@pytest.mark.parametrize(
    "change", [{"collection_id": "other"}, {"quality": "q"}, {"model": replace(MODEL, embedder="other@2")}]
)
def test_list_model_and_limits_are_the_same(change: dict[str, object]) -> None:
    whole, part = content(), without(content(), {"C"})
    with pytest.raises(NotSearchable, match="another list"):
        Reduction(revision(whole), replace(revision(part, 2), **change), (whole, part))  # type: ignore[arg-type]


@given(st.sets(st.sampled_from("ABCD"), min_size=1), st.sets(st.sampled_from("ABCD"), min_size=1))
def test_a_part_of_a_part_is_a_part_and_never_the_other_way_round(first: set[str], second: set[str]) -> None:
    whole = content()
    try:
        part = without(whole, first)
        smaller = without(part, second)
    except MatcherError:
        return  # nobody left, or somebody removed twice
    require_part(whole, part)
    require_part(part, smaller)
    require_part(whole, smaller)
    for one, other in ((part, whole), (smaller, part), (smaller, whole), (part, part)):
        with pytest.raises(NotSearchable):
            require_part(one, other)
