from pathlib import Path

import pytest

from matcher.errors import BadInput
from matcher.models.catalogue import card, default, manifests, parse_manifest

GOOD = {
    "id": '"own"',
    "kind": '"embedder"',
    "file": '"own.onnx"',
    "bytes": "3",
    "sha256": f'"{"0" * 64}"',
    "licence": '"MIT"',
    "source": '"a colleague"',
    "dim": "128",
}


def text(**changes: str | None) -> str:
    values = {**GOOD, **changes}
    return "\n".join(f"{key} = {value}" for key, value in values.items() if value is not None)


def test_the_four_shipped_models() -> None:
    known = manifests()
    assert list(known) == ["sface-2021dec", "sface-2021dec-int8bq", "yunet-2023mar", "yunet-2023mar-int8bq"]
    assert default("detector").id == "yunet-2023mar-int8bq"
    assert default("embedder").id == "sface-2021dec-int8bq"
    assert sum(manifest.default for manifest in known.values()) == 2
    assert len({manifest.sha256 for manifest in known.values()}) == 4


@pytest.mark.parametrize("model_id", sorted(manifests()))
def test_every_card_tells_licence_size_and_misuse(model_id: str) -> None:
    manifest, page = manifests()[model_id], card(model_id)
    assert page.startswith(f"# {model_id} ({manifest.kind}")
    assert f"**Licence** {manifest.licence}." in page
    assert f"{manifest.bytes:,} bytes" in page
    assert "## What it must not be used for" in page


def test_no_card_for_a_stranger() -> None:
    with pytest.raises(BadInput, match="no card"):
        card("../watchlists")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"colour": '"blue"'}, "key colour"),
        ({"sha256": '"abc"'}, "key sha256"),
        ({"bytes": "0"}, "key bytes"),
        ({"id": '"../up"'}, "key id"),
        ({"file": '"../up.onnx"'}, "without folders"),
        ({"file": '""'}, "without folders"),
        ({"dim": None}, "key dim"),
        ({"kind": '"guesser"'}, "key kind"),
        ({"kind": "embedder"}, "not TOML"),
    ],
)
def test_a_wrong_manifest_is_refused_with_its_key(changes: dict[str, str | None], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        parse_manifest(text(**changes), "own/manifest.toml")


def write(folder: Path, name: str, content: str) -> None:
    (folder / name).mkdir()
    (folder / name / "manifest.toml").write_text(content)


def test_a_manifest_in_the_models_folder_is_known(tmp_path: Path) -> None:
    write(tmp_path, "own", text())
    assert manifests(tmp_path)["own"].source == "a colleague"
    assert len(manifests(tmp_path)) == 5


def test_a_shipped_id_cannot_be_taken(tmp_path: Path) -> None:
    write(tmp_path, "sface-2021dec", text(id='"sface-2021dec"'))
    with pytest.raises(BadInput, match="taken"):
        manifests(tmp_path)


def test_the_id_is_the_folder(tmp_path: Path) -> None:
    write(tmp_path, "other", text())
    with pytest.raises(BadInput, match="name of its folder"):
        manifests(tmp_path)
