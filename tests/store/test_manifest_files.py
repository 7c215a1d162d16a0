"""Manifests: good ones are read whole, bad ones are one error that names the line, and quotes nobody's data."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.errors import BadInput
from matcher.store.manifest_files import Kind, ManifestRow, read_manifest


def manifest(folder: Path, text: str | bytes) -> Path:
    path = folder / "people.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_a_watchlist_manifest(tmp_path: Path) -> None:
    rows = read_manifest(
        manifest(tmp_path, "subject_id,note,image,name,sex,session\nW1,,a.jpg,Esi Stavros,f,x\nW1,n,d/b.jpg,,,\n"),
        "watchlist",
    )
    assert rows == (
        ManifestRow("W1", tmp_path, "a.jpg", (("name", "Esi Stavros"),), (("session", "x"), ("sex", "f")), None),
        ManifestRow("W1", tmp_path / "d", "d/b.jpg", (("note", "n"),), (), None),
    )


def test_a_cohort_manifest(tmp_path: Path) -> None:
    rows = read_manifest(
        manifest(tmp_path, "subject_id,image,session,sex,age\nC1,a.jpg,s1,f,\nC2,a.jpg,,m,old\n"), "cohort"
    )
    assert rows == (
        ManifestRow("C1", tmp_path, "a.jpg", (), (("sex", "f"),), "s1"),
        ManifestRow("C2", tmp_path, "a.jpg", (), (("age", "old"), ("sex", "m")), None),
    )


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffsubject_id,image\nA,a.jpg\n",
        "subject_id,image\r\nA,a.jpg\r\n",
        "subject_id,image\nA,a.jpg",
        " subject_id , image \n\n  A ,\ta.jpg \n\n",
        '"subject_id","image"\n"A","./a.jpg"\n',
    ],
)
def test_the_forms_that_programs_write_are_the_same(tmp_path: Path, text: str) -> None:
    if "\t" in text:
        text = text.replace("\t", " ")
    (row,) = read_manifest(manifest(tmp_path, text), "cohort")
    assert row == ManifestRow("A", tmp_path, "a.jpg", (), (), None)


def test_ids_are_the_same_however_their_accents_were_typed_and_file_names_are_not(tmp_path: Path) -> None:
    (one,) = read_manifest(manifest(tmp_path, "subject_id,image\nJose\u0301,e\u0301.jpg\n"), "cohort")
    assert one.subject_id == "Jos\u00e9"
    assert one.image is not None
    assert one.image.name == "e\u0301.jpg"


ROW = "subject_id,image\nA,a.jpg\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no column subject_id"),
        ("\n", "no column subject_id"),
        ("subject_id,image\n", "no rows"),
        ("subject,image\nA,a.jpg\n", "no column subject_id"),
        ("subject_id\nA\n", "no column image"),
        ("subject_id,image,image\nA,a.jpg,b.jpg\n", "repeated"),
        ("subject_id,image,\nA,a.jpg,b\n", "empty or repeated"),
        ("subject_id,image,a\u202eb\nA,a.jpg,b\n", "invisible"),
        ("subject_id,image," + ",".join(f"c{i}" for i in range(99)) + "\n", "columns"),
        (ROW + "B\n", "line 3: 1 cells"),
        (ROW + "B,b.jpg,more\n", "line 3: 3 cells"),
        (ROW + ",b.jpg\n", "line 3: subject_id is empty"),
        (ROW + "B,\n", "line 3: the image path"),
        (ROW + "A,a.jpg\n", "line 3: the same subject and image"),
        (ROW + "A,./a.jpg\n", "line 3: the same subject and image"),
        (ROW + "B\x00,b.jpg\n", "line 3: a cell holds a control"),
        (ROW + "B\x1b[31m,b.jpg\n", "line 3: a cell holds a control"),
        (ROW + "B\u0085,b.jpg\n", "line 3: a cell holds a control"),
        (ROW + '"B\nC",b.jpg\n', "a cell holds a control"),
        (ROW + "B\u202e,b.jpg\n", "line 3: subject_id has an invisible"),
        (ROW + "B\u200b,b.jpg\n", "line 3: subject_id has an invisible"),
        (ROW + "B" * 1001 + ",b.jpg\n", "line 3: a cell is longer"),
        (ROW + '"B,b.jpg\n', "line 3: unexpected end"),
        (ROW + '"B"x,b.jpg\n', "line 3: "),
        (ROW + "B" * 200_000 + ",b.jpg\n", "line 3: "),
        (ROW + "B" * 1_100_000, "line 3: longer"),
        (b"subject_id,image\nA,a.jpg\nB\xff,b.jpg\n", "line 3: not UTF-8"),
        ("subject_id,image\nA,a.jpg\n".encode("utf-16"), "line 1: not UTF-8"),
        (ROW + "B,/etc/passwd\n", "line 3: the image path"),
        (ROW + "B,../b.jpg\n", "line 3: the image path"),
        (ROW + "B,d/../../b.jpg\n", "line 3: the image path"),
        (ROW + "B,..\n", "line 3: the image path"),
        (ROW + "B,.\n", "line 3: the image path"),
        (ROW + "B,d/\n", "line 3: the image path"),
    ],
)
@pytest.mark.parametrize("kind", ["watchlist", "cohort"])
def test_a_bad_structure_is_one_error_that_names_the_line(
    tmp_path: Path, text: str | bytes, says: str, kind: Kind
) -> None:
    with pytest.raises(BadInput, match=says) as refused:
        read_manifest(manifest(tmp_path, text), kind)
    assert "people.csv" in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1
    assert "\x1b" not in str(refused.value)


def test_linked_folders_may_not_lead_out_and_may_lead_inside(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    for folder in (inside, outside, inside / "real"):
        folder.mkdir()
    (inside / "away").symlink_to(outside)
    (inside / "alias").symlink_to(inside / "real")
    with pytest.raises(BadInput, match="line 2: the image path"):
        read_manifest(manifest(inside, "subject_id,image\nA,away/a.jpg\n"), "cohort")
    (row,) = read_manifest(manifest(inside, "subject_id,image\nA,alias/a.jpg\n"), "cohort")
    assert row.image == inside / "real" / "a.jpg"
    with pytest.raises(BadInput, match="line 3: the same"):
        read_manifest(manifest(inside, "subject_id,image\nA,alias/a.jpg\nA,real/a.jpg\n"), "cohort")


def test_pictures_that_are_missing_are_not_a_fault_of_structure(tmp_path: Path) -> None:
    assert len(read_manifest(manifest(tmp_path, ROW), "cohort")) == 1


def test_one_person_has_one_label_in_a_column(tmp_path: Path) -> None:
    text = "subject_id,image,sex,age\nA,1.jpg,f,\nA,2.jpg,,old\nA,3.jpg,f,old\nA,4.jpg,m,old\n"
    with pytest.raises(BadInput, match="line 5: one person has two labels in column sex"):
        read_manifest(manifest(tmp_path, text), "cohort")
    assert len(read_manifest(manifest(tmp_path, text.replace(",m,", ",,")), "cohort")) == 4
    assert len(read_manifest(manifest(tmp_path, text), "watchlist")) == 4


@pytest.mark.parametrize(("labels", "fits"), [(50, True), (51, False)])
def test_a_column_declares_at_most_fifty_groups(tmp_path: Path, labels: int, fits: bool) -> None:
    text = "subject_id,image,g\n" + "".join(f"P{i},{i}.jpg,g{i}\n" for i in range(labels))
    assert len(read_manifest(manifest(tmp_path, text), "watchlist")) == labels
    if fits:
        assert len(read_manifest(manifest(tmp_path, text), "cohort")) == labels
    else:
        with pytest.raises(BadInput, match="line 52: column g has more than 50 labels"):
            read_manifest(manifest(tmp_path, text), "cohort")


def test_sessions_are_not_groups(tmp_path: Path) -> None:
    text = "subject_id,image,session\n" + "".join(f"A,{i}.jpg,s{i}\n" for i in range(60))
    assert {row.session for row in read_manifest(manifest(tmp_path, text), "cohort")} == {f"s{i}" for i in range(60)}


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for name, says in (("fifo", "regular"), ("none.csv", "no such file"), ("x" * 300, "cannot be read")):
        with pytest.raises(BadInput, match=says):
            read_manifest(tmp_path / name, "cohort")
    with pytest.raises(BadInput, match="regular"):
        read_manifest(Path("/dev/zero"), "cohort")


def tree(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return root


def test_a_folder_with_one_sub_folder_per_subject(tmp_path: Path) -> None:
    tree(tmp_path, "B/2.jpg", "A/1.jpg", "B/1.jpg", "B/.DS_Store", ".git/x")
    assert [(row.subject_id, row.image) for row in read_manifest(tmp_path, "watchlist")] == [
        ("A", tmp_path / "A" / "1.jpg"),
        ("B", tmp_path / "B" / "1.jpg"),
        ("B", tmp_path / "B" / "2.jpg"),
    ]


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ((), "no sub-folder"),
        ((".hidden/1.jpg",), "no sub-folder"),
        (("A/1.jpg", "loose.jpg"), "'loose.jpg' is none"),
        (("A/.hidden",), "'A' is empty"),
        (("A/more/1.jpg",), "'more' in 'A' is a folder"),
        (("A\x1b/1.jpg",), "control"),
        (("A\u202e/1.jpg",), "invisible"),
        (("A/1\n.jpg",), "control"),
    ],
)
def test_a_folder_of_another_shape_is_refused(tmp_path: Path, names: tuple[str, ...], says: str) -> None:
    with pytest.raises(BadInput, match=says) as refused:
        read_manifest(tree(tmp_path, *names), "cohort")
    assert str(refused.value).isprintable()


def test_names_that_are_not_utf_8_and_linked_subjects_are_refused(tmp_path: Path) -> None:
    tree(tmp_path, os.fsdecode(b"a/A\xff/1.jpg"))
    with pytest.raises(BadInput, match="control"):
        read_manifest(tmp_path / "a", "cohort")
    tree(tmp_path, "b/A/1.jpg")
    (tmp_path / "b" / "B").symlink_to(tmp_path / "b" / "A")
    with pytest.raises(BadInput, match="'B' is none"):
        read_manifest(tmp_path / "b", "cohort")


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=80), st.sampled_from(["watchlist", "cohort"]))
def test_any_bytes_are_rows_or_one_error(tmp_path_factory: pytest.TempPathFactory, tail: bytes, kind: Kind) -> None:
    path = manifest(tmp_path_factory.getbasetemp(), b"subject_id,image,g\nA,a.jpg,x\n" + tail)
    try:
        rows = read_manifest(path, kind)
    except BadInput:
        return
    assert rows[0].subject_id == "A"
    assert all(row.subject_id.isprintable() and row.image for row in rows)


def test_the_shipped_people_are_good_manifests(demo: Path) -> None:
    for name, kind in (("list", "watchlist"), ("cohort", "cohort")):
        rows = read_manifest(demo / f"{name}.csv", kind)  # type: ignore[arg-type]
        assert all(row.image is not None and row.image.is_file() for row in rows)
