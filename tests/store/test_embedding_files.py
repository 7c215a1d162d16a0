"""Embeddings: nothing is unpacked before it is checked, nothing is evaluated, and no fault is a crash."""

import io
import os
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.errors import BadInput
from matcher.store import npz as npz_module
from matcher.store.embedding_files import read_embeddings
from matcher.store.manifest_rows import ManifestRow

GOOD = np.arange(1, 13, dtype=np.float32).reshape(3, 4)
IDS = np.array(["A", "A", "Bé"])


def saved(folder: Path, **arrays: Any) -> Path:
    path = folder / "people.npz"
    np.savez(path, **{"embeddings": GOOD, "subject_id": IDS} | arrays)
    return path


def test_rows_and_embeddings_come_out_as_they_are(tmp_path: Path) -> None:
    path = saved(tmp_path, name=np.array(["Ada", "", "Bob"]), sex=np.array(["f", "f", ""]), image=np.array(["a"] * 3))
    rows, embeddings = read_embeddings(path, "watchlist", 4)
    assert rows == (
        ManifestRow("A", None, "", (("name", "Ada"),), (("sex", "f"),), None),
        ManifestRow("A", None, "", (), (("sex", "f"),), None),
        ManifestRow("Bé", None, "", (("name", "Bob"),), (), None),
    )
    assert embeddings.dtype == np.float32
    assert embeddings.flags.c_contiguous
    np.testing.assert_array_equal(embeddings, GOOD)


def test_sessions_and_groups_of_a_cohort(tmp_path: Path) -> None:
    path = saved(tmp_path, session=np.array(["1", "2", ""]), sex=np.array([b"f", b"f", b"m"]))
    rows, _ = read_embeddings(path, "cohort", 4)
    assert [(row.session, row.attributes) for row in rows] == [
        ("1", (("sex", "f"),)),
        ("2", (("sex", "f"),)),
        (None, (("sex", "m"),)),
    ]


@pytest.mark.parametrize("array", [np.asfortranarray(GOOD), np.repeat(GOOD, 2, axis=1)[:, ::2], GOOD[::-1][::-1]])
def test_the_layout_of_the_array_does_not_matter(tmp_path: Path, array: Any) -> None:
    np.testing.assert_array_equal(read_embeddings(saved(tmp_path, embeddings=array), "cohort", 4)[1], GOOD)


def test_compressed_and_larger_than_one_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npz_module, "PIECE", 1000)
    wanted = np.random.default_rng(1).standard_normal((700, 4)).astype(np.float32)
    ids = np.array([f"subject {number}" for number in range(700)])
    np.savez_compressed(tmp_path / "c.npz", embeddings=wanted, subject_id=ids)
    rows, embeddings = read_embeddings(tmp_path / "c.npz", "cohort", 4)
    np.testing.assert_array_equal(embeddings, wanted)
    assert [row.subject_id for row in rows] == ids.tolist()


def with_value(place: tuple[int, int], value: float) -> Any:
    array = GOOD.copy()
    array[place] = value
    return array


ZERO_ROW = GOOD * np.array([[1], [0], [1]], np.float32)


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"embeddings": GOOD.astype(np.float64)}, "float32"),
        ({"embeddings": GOOD.astype(np.float16)}, "float32"),
        ({"embeddings": GOOD.astype(">f4")}, "float32"),
        ({"embeddings": GOOD.astype(np.int32)}, "float32"),
        ({"embeddings": GOOD[0]}, "float32"),
        ({"embeddings": GOOD[None]}, "odd shape"),
        ({"embeddings": GOOD[:, :3]}, "3 dimensions, the model makes 4"),
        ({"embeddings": GOOD[:0], "subject_id": IDS[:0]}, "holds 0"),
        ({"embeddings": with_value((1, 2), np.nan)}, "row 1: .*NaN"),
        ({"embeddings": with_value((2, 0), -np.inf)}, "row 2: .*infinity"),
        ({"embeddings": ZERO_ROW}, "row 1: .*zero"),
        ({"embeddings": -ZERO_ROW}, "row 1: .*zero"),
        ({"embeddings": np.array([GOOD, None, 1], dtype=object)}, "pickled"),
        ({"subject_id": np.array(["A", None, "B"], dtype=object)}, "pickled"),
        ({"subject_id": IDS[:2]}, "3 strings"),
        ({"subject_id": IDS[:, None]}, "3 strings"),
        ({"subject_id": np.arange(3)}, "3 strings"),
        ({"subject_id": IDS.astype(">U2")}, "3 strings"),
        ({"subject_id": np.array(["A", "", "B"])}, "row 1: subject_id is empty"),
        ({"subject_id": np.array(["A", "B\x1b", "C"])}, "row 1: a cell holds a control"),
        ({"subject_id": np.array(["A", "B\0C", "C"])}, "row 1: a cell holds a control"),
        ({"subject_id": np.array(["A", "\ud800", "C"])}, "row 1: a cell holds a control"),
        ({"subject_id": np.array([b"A", b"\xff", b"C"])}, "no text"),
        ({"name": np.array(["x" * 1001, "", ""])}, "longer than"),
        ({"name": np.zeros(3, [("a", "<f4")])}, "plain type"),
        ({"sex": np.array(["f", "m", "f"])}, "row 1: one person has two labels"),
    ],
)
def test_a_bad_structure_is_one_error(tmp_path: Path, arrays: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInput, match=says) as refused:
        read_embeddings(saved(tmp_path, **arrays), "cohort", 4)
    assert "people.npz" in str(refused.value)
    assert str(refused.value).isprintable()


def test_missing_columns_and_files(tmp_path: Path) -> None:
    for name, arrays in (("embeddings", {"subject_id": IDS}), ("subject_id", {"embeddings": GOOD})):
        np.savez(tmp_path / "m.npz", **arrays)
        with pytest.raises(BadInput, match=f"no column {name}"):
            read_embeddings(tmp_path / "m.npz", "cohort", 4)
    with pytest.raises(BadInput, match="no such file"):
        read_embeddings(tmp_path / "none.npz", "cohort", 4)
    os.mkfifo(tmp_path / "fifo.npz")
    with pytest.raises(BadInput, match="regular"):
        read_embeddings(tmp_path / "fifo.npz", "cohort", 4)


def npy(header: str, data: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    return b"\x93NUMPY" + version + len(header).to_bytes(2, "little") + header.encode() + data


def header(descr: str = "'<f4'", shape: str = "(3, 4)") -> str:
    return f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n"


def archive(folder: Path, *members: tuple[str, bytes], how: int = zipfile.ZIP_STORED) -> Path:
    path = folder / "hostile.npz"
    with zipfile.ZipFile(path, "w", how) as file:
        for name, data in members:
            file.writestr(name, data)
    return path


SUBJECTS = io.BytesIO()
np.save(SUBJECTS, IDS)
SUBJECT_MEMBER = ("subject_id.npy", SUBJECTS.getvalue())


@pytest.mark.parametrize(
    "member",
    [
        b"",
        b"not an array",
        npy(""),
        npy(header(), bytes(47)),
        npy(header(), bytes(49)),
        npy(header(shape="(3, -4)"), bytes(48)),
        npy(header(shape="(999999999999999, 999999999999999)")),
        npy(header(shape="(" + "9" * 60 + ",)")),
        npy(header(shape="(3, 4, 1)"), bytes(48)),
        npy(header(shape="(3 4)"), bytes(48)),
        npy(header(descr="'<f0'")),
        npy(header(descr="'<f'"), bytes(48)),
        npy(header(descr="[('a', '<f4')]"), bytes(48)),
        npy(header(descr="__import__('os').abort()"), bytes(48)),
        npy("(" * 4000),
        npy("{" + " " * 4090),
        npy(header(), bytes(48), version=b"\x09\x00"),
        b"\x93NUMPY\x01\x00\xff\xff" + bytes(60000),
    ],
)
def test_headers_that_numpy_does_not_write_are_refused(tmp_path: Path, member: bytes) -> None:
    with pytest.raises(BadInput):
        read_embeddings(archive(tmp_path, ("embeddings.npy", member), SUBJECT_MEMBER), "cohort", 4)


def test_a_bomb_is_refused_before_it_goes_off(tmp_path: Path) -> None:
    """80 MB of one value in 80 KB: refused from its headers, within little memory."""
    rows = 80_000_000 // 16
    bomb = npy(header(shape=f"({rows}, 4)"), b"\0\0\x80\x3f" * (rows * 4))
    path = archive(tmp_path, ("embeddings.npy", bomb), SUBJECT_MEMBER, how=zipfile.ZIP_DEFLATED)
    del bomb
    tracemalloc.start()
    try:
        with pytest.raises(BadInput, match="100 times"):
            read_embeddings(path, "cohort", 4)
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


def test_sizes_that_only_the_directory_declares_are_refused(tmp_path: Path) -> None:
    path = archive(tmp_path, ("embeddings.npy", npy(header(), bytes(48))), SUBJECT_MEMBER)
    raw = bytearray(path.read_bytes())
    entry = raw.index(b"PK\x01\x02")
    raw[entry + 24 : entry + 28] = (0xFFFFFFF0).to_bytes(4, "little")
    path.write_bytes(bytes(raw))
    with pytest.raises(BadInput):
        read_embeddings(path, "cohort", 4)


def test_too_many_members_twins_and_other_compressions_are_refused(tmp_path: Path) -> None:
    many = [(f"c{number}.npy", SUBJECT_MEMBER[1]) for number in range(201)]
    with pytest.raises(BadInput, match="more than 200"):
        read_embeddings(archive(tmp_path, *many), "cohort", 4)
    with pytest.warns(UserWarning, match="Duplicate"):
        twins = archive(tmp_path, SUBJECT_MEMBER, SUBJECT_MEMBER)
    with pytest.raises(BadInput, match="two arrays of one name"):
        read_embeddings(twins, "cohort", 4)
    with pytest.raises(BadInput, match="stored and deflated"):
        read_embeddings(archive(tmp_path, SUBJECT_MEMBER, how=zipfile.ZIP_LZMA), "cohort", 4)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_an_altered_archive_is_read_the_same_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """The CRC of every member is compared, so a flipped byte is either harmless or an error, never other numbers."""
    folder = tmp_path_factory.getbasetemp()
    path = saved(folder)
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(raw[: data.draw(st.integers(len(raw) - 200, len(raw)))]))
    try:
        rows, embeddings = read_embeddings(path, "cohort", 4)
    except BadInput:
        return
    assert [row.subject_id for row in rows] == IDS.tolist()
    np.testing.assert_array_equal(embeddings, GOOD)
