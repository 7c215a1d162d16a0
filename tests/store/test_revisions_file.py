"""Revisions on disk: what is read is what was written, and what does not fit its public facts is refused."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matcher.domain.face import FacePlace
from matcher.domain.rejection import Reason
from matcher.domain.revision import Item, PictureRef, Revision, RevisionContent, Screen, content_digest
from matcher.domain.template import ModelIdentity
from matcher.errors import IntegrityError, StorageFailed
from matcher.kernels.codes import encode
from matcher.store import containers, revisions_file
from matcher.store.revisions_file import SealedRevisions, containers_of
from matcher.store.sealing import HomeVault

KEY = bytes(range(32))
PLACE = FacePlace((1.5, 2.0, 30.25, 40.0), ((1.0, 2.0), (3.0, 2.0), (2.0, 3.0), (1.0, 4.0), (3.0, 4.1)))


def content_of(subjects: list[str], dim: int = 4) -> RevisionContent:
    """One item per subject; every third has no template."""
    items, row = [], 0
    for number, subject in enumerate(subjects):
        used = number % 3 != 2
        items.append(
            Item(
                subject_id=subject,
                digest=f"{number:064x}",
                labels=(("name", f"Ünal {number}"), ("note", "a 'quoted', \"note\"")),
                attributes=(("sex", "f"),),
                session="s1" if number % 2 else None,
                row=row if used else None,
                reason=None if used else Reason.NO_FACE,
                picture=PictureRef("pictures", number * 10, 10, PLACE) if used else None,
            )
        )
        row += used
    templates = np.random.default_rng(row).standard_normal((row, dim)).astype(np.float32)
    return RevisionContent(tuple(items), templates)


def revision_of(content: RevisionContent, **changed: Any) -> Revision:
    facts: dict[str, Any] = {
        "revision_id": "rev1",
        "collection_id": "list1",
        "number": 1,
        "digest": content_digest(content),
        "model": ModelIdentity("e@1", "d@1", "p1", "r1", content.templates.shape[1]),
        "subjects": len({item.subject_id for item in content.items if item.row is not None}),
        "templates": len(content.templates),
        "rejected": sum(item.reason is not None for item in content.items),
        "loaded_by": "ada",
        "loaders": ("ada",),
        "quality": "unseen",
        "loaded_at": datetime(2026, 1, 1, tzinfo=UTC),
    }
    return Revision(**facts | changed)


@pytest.fixture
def vault(tmp_path: Path) -> HomeVault:
    return HomeVault(KEY, tmp_path)


def screen(content: RevisionContent) -> Screen:
    """A screen of other, unit rows: the store does not look into it."""
    rows = np.eye(len(content.templates), max(1, content.templates.shape[1]), dtype=np.float32)
    rows[~rows.any(axis=1), 0] = 1
    made = encode(rows, 4)
    names = tuple(sorted({item.subject_id for item in content.items if item.row is not None}))
    return Screen(content_digest(content), 4, made.d, made.data, np.zeros(len(rows), np.int32), names)


sealed = SealedRevisions(Path("nowhere"))  # only `present` looks at the folder itself

CONTENT = content_of([f"s{number}" for number in range(7)])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), max_size=12), st.integers(1, 9))
def test_what_is_written_is_read(tmp_path: Path, subjects: list[str], dim: int) -> None:
    vault, content = HomeVault(KEY, tmp_path), content_of(subjects, dim)
    sealed.discard(vault, "rev1")
    sealed.write(vault, "rev1", content, screen(content))
    read = sealed.read(vault, revision_of(content))
    assert read.items == content.items
    assert read.templates.dtype == np.float32
    assert read.templates.tobytes() == content.templates.tobytes()
    assert read.templates.shape == content.templates.shape


def test_more_than_one_piece_of_items_and_rows(vault: HomeVault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revisions_file, "_ITEMS_PER_LINE", 5)
    monkeypatch.setattr(revisions_file, "_BYTES_AT_ONCE", 100)
    content = content_of([f"s{number}" for number in range(50)])
    sealed.write(vault, "rev1", content, screen(content))
    assert sealed.read(vault, revision_of(content)).items == content.items


def test_what_is_read_cannot_be_written_to(vault: HomeVault) -> None:
    sealed.write(vault, "rev1", CONTENT, screen(CONTENT))
    read = sealed.read(vault, revision_of(CONTENT))
    with pytest.raises(ValueError, match="read-only"):
        read.templates[0, 0] = 1.0


def test_the_layout_of_the_array_does_not_matter(vault: HomeVault, tmp_path: Path) -> None:
    fortran = RevisionContent(CONTENT.items, np.asfortranarray(CONTENT.templates))
    sealed.write(vault, "rev1", fortran, screen(fortran))
    assert sealed.read(vault, revision_of(CONTENT)).templates.tobytes() == CONTENT.templates.tobytes()


def test_nothing_readable_is_on_the_disk(vault: HomeVault, tmp_path: Path) -> None:
    sealed.write(vault, "rev1", CONTENT, screen(CONTENT))
    on_disk = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for secret in ("Ünal".encode(), b"quoted", b"subject_id", CONTENT.templates[0].tobytes()):
        assert secret not in on_disk


@pytest.mark.parametrize(
    "changed",
    [
        {"digest": "0" * 64},
        {"subjects": 6},
        {"templates": 4},
        {"rejected": 1},
        {"model": ModelIdentity("e@1", "d@1", "p1", "r1", 5)},
    ],
)
def test_facts_that_do_not_fit_are_refused(vault: HomeVault, changed: dict[str, Any]) -> None:
    sealed.write(vault, "rev1", CONTENT, screen(CONTENT))
    with pytest.raises(IntegrityError, match="revision 1"):
        sealed.read(vault, revision_of(CONTENT, **changed))


@pytest.mark.parametrize(
    "changed",
    [{"row": 1}, {"row": 99}, {"row": -1}, {"row": None}, {"reason": Reason.BLURRED}],
)
def test_items_that_do_not_fit_their_rows_are_refused(vault: HomeVault, changed: dict[str, Any]) -> None:
    """Each of these comes with the digest it would have if it could be told; the row numbers are looked at too."""
    bad = RevisionContent((replace(CONTENT.items[0], **changed), *CONTENT.items[1:]), CONTENT.templates)
    facts = revision_of(CONTENT)
    sealed.write(vault, "rev1", bad, screen(CONTENT))
    with pytest.raises(IntegrityError):
        sealed.read(vault, facts)


def test_one_revisions_containers_do_not_pass_for_anothers(vault: HomeVault, tmp_path: Path) -> None:
    sealed.write(vault, "rev1", CONTENT, screen(CONTENT))
    sealed.write(vault, "rev2", CONTENT, screen(CONTENT))
    (tmp_path / "rev1-items.box").replace(tmp_path / "rev2-items.box")
    with pytest.raises(IntegrityError):
        sealed.read(vault, revision_of(CONTENT, revision_id="rev2"))


def test_items_that_are_no_items_are_refused(vault: HomeVault) -> None:
    for name, data in zip(
        containers_of("rev1")[:2], (b'[{"subject_id": 7}]\n', CONTENT.templates.tobytes()), strict=True
    ):
        with vault.new_container(name) as writer:
            writer.append(data)
            writer.keep()
    with pytest.raises(IntegrityError, match="cannot be read"):
        sealed.read(vault, revision_of(CONTENT))


def test_a_write_that_fails_leaves_nothing(vault: HomeVault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def full_the_second_time(_folder: Path) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(containers, "sync_folder", full_the_second_time)
    with pytest.raises(StorageFailed):
        sealed.write(vault, "rev1", CONTENT, screen(CONTENT))
    assert list(tmp_path.iterdir()) == []


def test_a_second_write_does_not_touch_the_first(vault: HomeVault) -> None:
    sealed.write(vault, "rev1", CONTENT, screen(CONTENT))
    with pytest.raises(StorageFailed, match="never used twice"):
        sealed.write(vault, "rev1", content_of(["other"]), screen(content_of(["other"])))
    assert sealed.read(vault, revision_of(CONTENT)).items == CONTENT.items


def test_discarding_removes_both_and_may_be_repeated(vault: HomeVault, tmp_path: Path) -> None:
    sealed.write(vault, "rev1", CONTENT, screen(CONTENT))
    sealed.discard(vault, "rev1")
    sealed.discard(vault, "rev1")
    assert list(tmp_path.iterdir()) == []
