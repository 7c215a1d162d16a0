"""The sealed screen: what is opened is what was sealed, rows come one chunk at a time, and nothing else is believed."""

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from matcher.domain.revision import Item, Revision, RevisionContent, content_digest
from matcher.errors import IntegrityError
from matcher.index.exact import ExactIndex
from matcher.index.screen import screen_of
from matcher.kernels import normalise
from matcher.store.revisions_file import SealedRevisions, containers_of
from matcher.store.screen_file import SealedRows
from matcher.store.sealing import HomeVault
from tests.store.test_revisions_file import KEY, revision_of


def content_of(count: int, dim: int = 128) -> RevisionContent:
    rows = normalise(np.random.default_rng(count).standard_normal((count, dim)).astype(np.float32))
    items = tuple(Item(f"Ünal {i // 2:05}", f"{i:064x}", (), (), None, i, None, None) for i in range(count))
    return RevisionContent(items, rows)


@pytest.fixture
def sealed(tmp_path: Path) -> tuple[HomeVault, SealedRevisions, RevisionContent, Revision]:
    content = content_of(1500)
    vault, revisions, revision = HomeVault(KEY, tmp_path), SealedRevisions(tmp_path), revision_of(content)
    revisions.write(vault, "rev1", content, screen_of(content, revision.digest))
    return vault, revisions, content, revision


Sealed = tuple[HomeVault, SealedRevisions, RevisionContent, Revision]


def test_a_sealed_index_answers_as_one_in_memory(sealed: Sealed) -> None:
    vault, revisions, content, revision = sealed
    screen, rows = revisions.screen(vault, revision)
    subjects = np.arange(1500, dtype=np.int32) // 2
    inside = ExactIndex.build(content.templates, subjects, content_digest(content))
    opened = ExactIndex.opened(screen, rows)
    assert screen.subject_ids[3] == "Ünal 00003"
    assert opened.revision_digest == inside.revision_digest == revision.digest
    queries = normalise(content.templates[:9] + np.float32(0.04))
    for threshold in (-1_000_000, 0, 300_000, 900_000):
        assert opened.at_or_above(queries, threshold) == inside.at_or_above(queries, threshold)
    np.testing.assert_array_equal(opened.maxima(queries), inside.maxima(queries))


def test_only_chunks_with_survivors_are_read(sealed: Sealed, monkeypatch: pytest.MonkeyPatch) -> None:
    vault, revisions, content, revision = sealed
    screen, rows = revisions.screen(vault, revision)
    read: list[tuple[str, int]] = []
    real = HomeVault.read

    def watched(self: HomeVault, container_id: str, offset: int, length: int) -> bytes:
        read.append((container_id, length))
        return real(self, container_id, offset, length)

    monkeypatch.setattr(HomeVault, "read", watched)
    answer = ExactIndex.opened(screen, rows).at_or_above(content.templates[700:701], 900_000)
    assert [len(hits) for hits in answer.hits] == [1]
    assert {container for container, _ in read} == {containers_of("rev1")[1]}
    assert sum(length for _, length in read) <= answer.work.survivors * 512


def test_rows_far_apart_and_near_come_out_right(sealed: Sealed) -> None:
    vault, _, content, _ = sealed
    rows = SealedRows(vault, containers_of("rev1")[1], 1500, 128)
    for numbers in ([0], [1499], [0, 1, 2, 700, 701, 1499], list(range(1500)), []):
        np.testing.assert_array_equal(rows.take(np.array(numbers, np.int32)), content.templates[numbers])


class Numbered:
    """A container in which row r is r, d times; it lies nowhere, and remembers how much was read at once."""

    def __init__(self, d: int) -> None:
        self.d, self.longest = d, 0

    def read(self, container_id: str, offset: int, length: int) -> bytes:
        self.longest = max(self.longest, length)
        width = 4 * self.d
        return np.repeat(np.arange(offset // width, (offset + length) // width, dtype="<f4"), self.d).tobytes()


@pytest.mark.parametrize(("d", "step"), [(128, 1), (128, 7), (128, 127), (4096, 1), (4096, 4)])
def test_no_read_is_longer_than_a_few_mebibytes(d: int, step: int) -> None:
    n = (1 << 24) // (4 * d)  # 16 MiB, without a gap that would end a read
    vault, numbers = Numbered(d), np.arange(0, n, step, dtype=np.int32)
    rows = SealedRows(cast(Any, vault), "rows", n, d).take(numbers)
    np.testing.assert_array_equal(rows, np.repeat(numbers[:, np.newaxis], d, axis=1).astype(np.float32))
    assert 1 << 21 <= vault.longest <= 1 << 22


def test_a_screen_of_another_revision_is_refused(sealed: Sealed, tmp_path: Path) -> None:
    vault, revisions, content, revision = sealed
    other = content_of(10)
    with pytest.raises(IntegrityError, match="other templates"):
        revisions.screen(vault, replace(revision, digest=content_digest(other)))
    other_screen = screen_of(other, "another digest")
    revisions.write(vault, "rev2", content, other_screen)
    with pytest.raises(IntegrityError, match="other templates"):
        revisions.screen(vault, replace(revision, revision_id="rev2"))


@pytest.mark.parametrize("damage", ["flipped", "cut", "swapped", "gone"])
def test_a_damaged_screen_is_refused(sealed: Sealed, tmp_path: Path, damage: str) -> None:
    vault, revisions, _, revision = sealed
    items, _, screen = (tmp_path / f"{name}.box" for name in containers_of("rev1"))
    raw = bytearray(screen.read_bytes())
    if damage == "flipped":
        raw[len(raw) // 2] ^= 1
        screen.write_bytes(raw)
    elif damage == "cut":
        screen.write_bytes(raw[:-1])
    elif damage == "swapped":
        screen.write_bytes(items.read_bytes())
    else:
        screen.unlink()
    with pytest.raises(IntegrityError):
        revisions.screen(vault, revision)
