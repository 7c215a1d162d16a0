"""References that other references speak against."""

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.domain.face import Picture
from matcher.domain.policy import Quality
from matcher.domain.rejection import Reason
from matcher.domain.template import Floats
from matcher.kernels import canonical_scores, normalise
from matcher.services.load import LoadResult, load_cohort, load_list
from matcher.services.misplaced import COPIES, Reference, misplaced
from matcher.services.sources import EmbeddingSource, PictureSource
from tests.services.world import MODEL, Row, VectorPipeline, World, vectors

NEARER, TWICE = Reason.NEARER_TO_ANOTHER, Reason.UNDER_TWO_SUBJECTS


def near(base: Floats, seed: int, noise: float = 0.1) -> Floats:
    """Another picture of each of these people."""
    return normalise(base + np.float32(noise) * vectors(len(base), seed))


def references(people: Sequence[tuple[str, Floats]], new: bool = True) -> list[Reference]:
    return [Reference(who, template.tobytes().hex(), template, new) for who, template in people]


def best(one: Reference, others: Sequence[Reference]) -> int:
    return max(int(canonical_scores(one.template[None], other.template[None])[0, 0]) for other in others)


def test_a_wrong_label_alone_is_refused_not_its_neighbours() -> None:
    people = vectors(6, seed=1)
    again = near(people, seed=2)
    right = references([(f"S{i}", face) for i in range(6) for face in (people[i], again[i])])
    wrong = references([("S0", near(people[3:4], seed=3)[0])])
    ((key, (reason, detail)),) = misplaced([*right, *wrong]).items()
    assert (key, reason) == (wrong[0].key, NEARER)
    assert "S3" not in detail
    assert "with another subject" in detail
    assert misplaced(right) == {}


def test_a_single_reference_is_never_compared() -> None:
    face = vectors(1, seed=1)
    assert misplaced(references([("S0", face[0]), ("S1", near(face, seed=2)[0])])) == {}


def test_of_two_labels_that_were_exchanged_one_each_is_left() -> None:
    people = vectors(2, seed=1)
    again = near(people, seed=2)
    found = misplaced(references([("S0", people[0]), ("S0", again[1]), ("S1", people[1]), ("S1", again[0])]))
    assert sorted(who for who, _ in found) == ["S0", "S1"]


def test_the_same_picture_under_two_subjects_is_refused_under_both() -> None:
    one, other = vectors(2, seed=1)
    found = references([("S0", one), ("S1", one), ("S1", other)])
    assert {key: reason for key, (reason, _) in misplaced(found).items()} == {found[0].key: TWICE, found[1].key: TWICE}


def test_practically_the_same_picture_under_two_subjects_is_refused_under_both() -> None:
    one, other, third = vectors(3, seed=1)
    copy, alike = near(one[None], seed=2)[0], near(other[None], seed=2, noise=0.8)[0]
    found = references([("S0", one), ("S1", copy), ("S1", third), ("S2", other), ("S3", alike)])
    assert best(found[0], [found[1]]) >= COPIES > best(found[3], [found[4]]) > 500_000
    refused = misplaced(found, COPIES)
    assert {key: reason for key, (reason, _) in refused.items()} == {found[0].key: TWICE, found[1].key: TWICE}
    assert "right subject_id" in refused[found[0].key][1]
    # Of templates from elsewhere nobody knows what the score means: only the one with another reference is judged.
    assert {key: reason for key, (reason, _) in misplaced(found).items()} == {found[1].key: NEARER}
    kept = references([("S0", one)], new=False)
    assert list(misplaced([*kept, *found[1:]], COPIES)) == [found[1].key]


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(2, 5), st.integers(1, 3), st.integers(-200_000, 950_000))
def test_no_copy_is_left_and_what_is_no_copy_is_not_refused_as_one(
    seed: int, people: int, each: int, copies: int
) -> None:
    faces = normalise(np.random.default_rng(seed).standard_normal((people * each, 3)).astype(np.float32))
    found = references([(f"S{i % people}", face) for i, face in enumerate(faces)])
    out = misplaced(found, copies)
    for one in found:
        others = [peer for peer in found if peer.subject_id != one.subject_id]
        assert (out.get(one.key, (None, ""))[0] is TWICE) == (best(one, others) >= copies)


def test_what_is_in_already_stays() -> None:
    people = vectors(3, seed=1)
    kept = references([("S0", people[0]), ("S0", near(people[1:2], seed=2)[0])], new=False)
    added = references([("S1", people[0]), ("S1", people[1]), ("S1", near(people[1:2], seed=4)[0])])
    found = misplaced([*kept, *added])
    assert found[added[0].key][0] is TWICE
    assert not {one.key for one in kept} & set(found)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, 4), st.randoms(use_true_random=False))
def test_order_does_not_matter_and_what_is_left_is_in_place(
    seed: int, people: int, each: int, order: random.Random
) -> None:
    faces = normalise(np.random.default_rng(seed).standard_normal((people * each, 4)).astype(np.float32))
    found = references([(f"S{i % people}", face) for i, face in enumerate(faces)])
    out = misplaced(found)
    mixed = list(found)
    order.shuffle(mixed)
    assert misplaced(mixed) == out
    left = [one for one in found if one.key not in out]
    assert {one.subject_id for one in left} == {one.subject_id for one in found}
    for one in left:
        own = [peer for peer in left if peer.subject_id == one.subject_id and peer is not one]
        other = [peer for peer in left if peer.subject_id != one.subject_id]
        assert not own or not other or best(one, other) <= best(one, own)


def load(world: World, people: Sequence[tuple[str, Floats]]) -> LoadResult:
    source = EmbeddingSource([Row(who) for who, _ in people], np.array([face for _, face in people]), MODEL)
    return load_list(world.sessions["boss"], "missing", source, False, lambda *_: None)


def test_a_load_counts_them_and_the_revision_keeps_the_reason(world: World) -> None:
    people = vectors(4, seed=1)
    again = near(people, seed=2)
    world.create()
    good = [(f"S{i}", face) for i in range(4) for face in (people[i], again[i])]
    wrong = "S0", near(people[2:3], seed=3)[0]
    result = load(world, [*good, wrong, ("S1", people[3])])
    assert sorted(one.reason for _, one in result.rejected) == sorted([NEARER, TWICE, TWICE])
    assert (result.revision.templates, result.revision.rejected) == (7, 3)
    content = world.place.revisions.read(world.sessions["boss"].vault, result.revision)
    assert sorted(item.reason for item in content.items if item.reason) == sorted([NEARER, TWICE, TWICE])
    later = load(world, [wrong, ("S0", people[0])])
    assert [one.reason for _, one in later.rejected] == [NEARER]
    assert (later.revision.templates, later.changed) == (7, False)


def test_a_refused_picture_cannot_be_reached_and_is_named_to_the_loader(world: World) -> None:
    people = vectors(3, seed=1)
    again = near(people, seed=2)
    faces = {f"{i}{j}.jpg": (f"S{i}", face) for i in range(3) for j, face in enumerate((people[i], again[i]))}
    faces["wrong.jpg"] = "S0", near(people[2:3], seed=3, noise=0.8)[0]
    rows = [Row(who, Path(name), name) for name, (who, _) in faces.items()]

    def read(path: Path) -> Picture:
        return Picture(str(path), faces[str(path)][1].tobytes())

    world.create()
    source = PictureSource(rows, read, VectorPipeline(), Quality())
    result = load_list(world.sessions["boss"], "missing", source, False, lambda *_: None)
    assert [(who, one.source, one.reason) for who, one in result.rejected] == [("S0", "wrong.jpg", NEARER)]
    content = world.place.revisions.read(world.sessions["boss"].vault, result.revision)
    (item,) = [item for item in content.items if item.row is None]
    assert item.picture is None


def test_a_cohort_keeps_its_look_alikes(world: World) -> None:
    world.cohort(people=4)
    source = EmbeddingSource([Row("C0000")], near(vectors(4, seed=2)[1:2], seed=9), MODEL)
    result = load_cohort(world.sessions["boss"], "staff", source, False, lambda *_: None)
    assert (result.added, result.rejected) == (1, ())
