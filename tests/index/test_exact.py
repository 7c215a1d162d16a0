"""The exact index answers as comparing everything with everything would, and names nobody below the threshold."""

import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher import kernels
from matcher.domain.search import Hit, Work
from matcher.domain.template import Floats, Scores
from matcher.errors import BadInput
from matcher.index.exact import ExactIndex
from tests.kernels.vectors import KINDS, hard

DIGEST = "0f" * 32
DIMENSIONS = st.sampled_from([1, 2, 3, 15, 16, 17, 100, 128, 129, 512])


def hits_of(index: ExactIndex, queries: Floats, threshold: int) -> list[list[Hit]]:
    return [list(hits) for hits in index.at_or_above(queries, threshold).hits]


def units(kind: str, n: int, d: int, seed: int) -> Floats:
    return kernels.normalise(hard(kind, n, d, seed))


def near_ties(n: int, d: int, seed: int) -> tuple[Floats, Floats]:
    """One query, and n rows whose scores with it lie within about a hundred millionths of each other."""
    rng = np.random.default_rng(seed)
    query, base = rng.standard_normal((2, d))
    rows = base + query / 2 + 2e-5 * np.sqrt(d) * rng.standard_normal((n, d))
    return kernels.normalise(query[np.newaxis].astype(np.float32)), kernels.normalise(rows.astype(np.float32))


def everything_compared(queries: Floats, rows: Floats, subjects: Scores, threshold: int) -> list[list[Hit]]:
    answers = []
    for scores in kernels.canonical_scores(queries, rows).tolist():
        best: dict[int, int] = {}
        for subject, score in zip(subjects.tolist(), scores, strict=True):
            best[subject] = max(score, best.get(subject, score))
        hits = [Hit(subject, score) for subject, score in best.items() if score >= threshold]
        answers.append(sorted(hits, key=lambda hit: (-hit.score, hit.subject)))
    return answers


@settings(max_examples=120, deadline=None)
@given(st.sampled_from([*KINDS, "near ties"]), DIMENSIONS, st.integers(0, 2**32), st.integers(-1, 1), st.data())
def test_the_answer_is_that_of_comparing_everything(
    kind: str, d: int, seed: int, step: int, data: st.DataObject
) -> None:
    queries, rows = (
        near_ties(60, d, seed) if kind == "near ties" else (units("normal", 4, d, seed), units(kind, 60, d, seed))
    )
    subjects = np.random.default_rng(seed).integers(0, 25, len(rows), dtype=np.int32)
    index = ExactIndex.build(rows, subjects, DIGEST)
    scores = kernels.canonical_scores(queries, rows)
    at = int(scores.flat[data.draw(st.integers(0, scores.size - 1))])
    threshold = max(-1_000_000, min(1_000_000, at + step))
    assert hits_of(index, queries, threshold) == everything_compared(queries, rows, subjects, threshold)


@pytest.mark.parametrize("d", [2, 128, 512, 2048])
@pytest.mark.parametrize("batch", [1, 20])  # one query streams, several share a tile
def test_the_scan_loses_no_row_at_its_own_score(d: int, batch: int) -> None:
    query, rows = near_ties(200, d, d)
    index = ExactIndex.build(rows, np.arange(len(rows), dtype=np.int32), DIGEST)
    queries = np.repeat(query, batch, axis=0)
    scores = kernels.canonical_scores(query, rows)[0]
    assert len(np.unique(scores)) > 20
    for threshold in np.unique(scores).tolist():
        wanted = np.flatnonzero(scores >= threshold).tolist()
        for hits in hits_of(index, queries, threshold):
            assert sorted(hit.subject for hit in hits) == wanted


def test_a_row_is_kept_at_its_score_and_dropped_one_above() -> None:
    rows = units("normal", 200, 128, 7)
    index = ExactIndex.build(rows, np.arange(200, dtype=np.int32), DIGEST)
    query = units("normal", 1, 128, 8)
    for subject, score in enumerate(kernels.canonical_scores(query, rows)[0].tolist()):
        assert Hit(subject, score) in hits_of(index, query, score)[0]
        assert subject not in {hit.subject for hit in hits_of(index, query, score + 1)[0]}


def test_order_is_score_then_subject_and_a_subject_is_its_best_template() -> None:
    axes = np.eye(3, dtype=np.float32)
    rows = np.stack([axes[1], axes[0], axes[0], -axes[0], axes[0], axes[2]])
    index = ExactIndex.build(rows, np.array([4, 9, 2, 2, 4, 7], np.int32), DIGEST)
    query = axes[:1]
    assert hits_of(index, query, 1) == [[Hit(2, 1_000_000), Hit(4, 1_000_000), Hit(9, 1_000_000)]]
    assert hits_of(index, query, 0) == [[Hit(2, 1_000_000), Hit(4, 1_000_000), Hit(9, 1_000_000), Hit(7, 0)]]


def test_the_lowest_threshold_keeps_everybody_and_the_highest_the_same_vector() -> None:
    row = units("normal", 1, 128, 1)
    index = ExactIndex.build(np.concatenate([row, -row]), np.array([5, 6], np.int32), DIGEST)
    assert hits_of(index, row, -1_000_000) == [[Hit(5, 1_000_000), Hit(6, -1_000_000)]]
    assert hits_of(index, row, 1_000_000) == [[Hit(5, 1_000_000)]]


def test_clipping_brings_a_score_up_to_the_lowest_threshold() -> None:
    a_little_long = np.full((1, 1), 1 + 2.0**-21, np.float32)  # opposite, the inner product is -1.00000095
    index = ExactIndex.build(-a_little_long, np.array([6], np.int32), DIGEST)
    assert hits_of(index, a_little_long, -1_000_000) == [[Hit(6, -1_000_000)]]


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(KINDS), DIMENSIONS, st.integers(0, 2**32), st.integers(1, 150))
def test_neither_batch_size_nor_enrolment_order_matters(kind: str, d: int, seed: int, batch: int) -> None:
    rows, queries = units(kind, 80, d, seed), units("normal", 150, d, seed + 1)
    rng = np.random.default_rng(seed)
    subjects, order = rng.integers(0, 30, 80, dtype=np.int32), rng.permutation(80)
    excluded = rng.integers(-1, 30, 150, dtype=np.int32)
    one = ExactIndex.build(rows, subjects, DIGEST)
    other = ExactIndex.build(rows[order], subjects[order], DIGEST)
    parts = [slice(start, start + batch) for start in range(0, 150, batch)]
    assert [a for part in parts for a in hits_of(other, queries[part], 100_000)] == hits_of(one, queries, 100_000)
    best = np.concatenate([other.maxima(queries[part], excluded[part]) for part in parts])
    np.testing.assert_array_equal(best, one.maxima(queries, excluded))


@pytest.mark.parametrize("threads", [1, 2, 3, 7, 16])
def test_neither_threads_nor_batches_nor_runs_matter(threads: int) -> None:
    rows, queries = units("normal", 3000, 128, 2), units("normal", 257, 128, 3)
    subjects = np.arange(3000, dtype=np.int32)
    index = ExactIndex.build(rows, subjects, DIGEST, threads)
    whole = hits_of(index, queries, 200_000)
    assert whole == hits_of(index, queries, 200_000)
    for batch in (1, 5, 64, 256):
        parts = [queries[at : at + batch] for at in range(0, len(queries), batch)]
        assert [hits for part in parts for hits in hits_of(index, part, 200_000)] == whole
    assert whole[:20] == everything_compared(queries[:20], rows, subjects, 200_000)
    work = index.at_or_above(queries, 200_000).work
    assert (work.rows, work.threads, work.path) == (3000, threads, kernels.path())
    assert sum(map(len, whole)) <= work.survivors < 257 * 3000


def test_maxima_are_the_best_scores_of_all_others() -> None:
    rows = units("normal", 50, 64, 4)
    subjects = np.arange(50, dtype=np.int32) // 2
    index = ExactIndex.build(rows, subjects, DIGEST)
    scores = kernels.canonical_scores(rows, rows)
    others = np.where(subjects[:, np.newaxis] == subjects, -1_000_001, scores).max(axis=1)
    np.testing.assert_array_equal(index.maxima(rows, subjects), others)
    np.testing.assert_array_equal(index.maxima(rows), scores.max(axis=1))


def test_an_empty_list_has_no_hits() -> None:
    index = ExactIndex.build(np.zeros((0, 8), np.float32), np.zeros(0, np.int32), DIGEST)
    assert (index.n_templates, index.n_subjects) == (0, 0)
    assert hits_of(index, units("normal", 2, 8, 0), -1_000_000) == [[], []]
    assert index.at_or_above(units("normal", 2, 8, 0), 0).work == Work(0, 0, kernels.path(), 1)
    assert index.maxima(units("normal", 2, 8, 0)).tolist() == [-(2**31)] * 2
    assert hits_of(index, np.zeros((0, 8), np.float32), 0) == []


def test_the_index_is_stamped_counted_and_owns_what_it_holds() -> None:
    rows, subjects = units("normal", 6, 16, 0), np.array([0, 0, 1, 1, 5, 5], np.int32)
    index = ExactIndex.build(rows, subjects, DIGEST)
    query = rows[:1].copy()
    before = hits_of(index, query, -1_000_000)
    rows[:] = 0
    subjects[:] = 3
    assert hits_of(index, query, -1_000_000) == before
    assert (index.revision_digest, index.n_templates, index.n_subjects) == (DIGEST, 6, 3)
    assert repr(index) == f"ExactIndex(revision_digest='{DIGEST}', n_subjects=3, threads=None)"


def test_nothing_gives_the_most_similar_below_a_threshold() -> None:
    public = {name for name in dir(ExactIndex) if not name.startswith("_")}
    assert public == {
        "at_or_above", "build", "engine", "maxima", "n_subjects", "n_templates", "opened", "revision_digest", "shards",
        "threads",
    }  # fmt: skip
    assert [*inspect.signature(ExactIndex.at_or_above).parameters] == ["self", "queries", "threshold"]
    assert inspect.signature(ExactIndex.at_or_above).parameters["threshold"].default is inspect.Parameter.empty


ROWS = units("normal", 3, 16, 0)
SUBJECTS = np.arange(3, dtype=np.int32)


@pytest.mark.parametrize(
    ("templates", "subjects", "message"),
    [
        (ROWS * 2, SUBJECTS, "templates must have unit length"),
        (ROWS.astype(np.float64), SUBJECTS, "templates must be a NumPy array of float32"),
        (np.full((3, 16), np.nan, np.float32), SUBJECTS, "templates must be finite"),
        (ROWS, SUBJECTS[:2], "subjects must have 3 elements, not 2"),
        (ROWS, SUBJECTS - 1, "subjects must not go below 0"),
        (ROWS, SUBJECTS.astype(np.int64), "subjects must be a NumPy array of int32"),
    ],
)
def test_a_bad_list_is_refused(templates: Floats, subjects: Scores, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        ExactIndex.build(templates, subjects, DIGEST)


@pytest.mark.parametrize(
    ("queries", "message"),
    [
        (ROWS * 2, "queries must have unit length"),
        (ROWS[0], "queries must have 2 axes"),
        (units("normal", 2, 15, 0), "15 and 16 elements a row"),
    ],
)
def test_bad_queries_are_refused(queries: Floats, message: str) -> None:
    index = ExactIndex.build(ROWS, SUBJECTS, DIGEST)
    with pytest.raises(BadInput, match=message):
        hits_of(index, queries, 0)
    with pytest.raises(BadInput, match=message):
        index.maxima(queries)


@pytest.mark.parametrize("threshold", [1_000_001, -1_000_001])
def test_a_threshold_beyond_every_score_is_refused(threshold: int) -> None:
    with pytest.raises(BadInput, match="must be between"):
        ExactIndex.build(ROWS, SUBJECTS, DIGEST).at_or_above(ROWS, threshold)


def test_a_threshold_that_is_not_whole_millionths_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(TypeError):
        ExactIndex.build(ROWS, SUBJECTS, DIGEST).at_or_above(ROWS, 0.7)  # type: ignore[arg-type]
