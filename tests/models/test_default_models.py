"""The real files: what the default embedder becomes, and that no byte of it can change unseen."""

import json
import shutil
from pathlib import Path

import pytest

from matcher.errors import IntegrityError
from matcher.models import install as install_module
from matcher.models.catalogue import default
from matcher.models.record import installed
from matcher.models.rewrite import check_equal, sha256
from matcher.models.verify import verify
from matcher.vision.weights import read_weights


@pytest.fixture
def copy(models_folder: Path, tmp_path: Path) -> Path:
    shutil.copytree(models_folder / default("embedder").id, tmp_path / default("embedder").id)
    return tmp_path


def no_network(*_: object) -> bytes:
    raise AssertionError("the published file is there")


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_the_default_embedder_is_its_published_self(models_folder: Path) -> None:
    model = verify(default("embedder"), models_folder)
    assert model.rewrite == "r2"
    assert check_equal(model.published.read_bytes(), model.used.read_bytes()) <= 1e-5


def test_the_default_detector_is_its_published_self(models_folder: Path) -> None:
    model = verify(default("detector"), models_folder)
    assert model.rewrite == "r1"
    assert check_equal(model.published.read_bytes(), model.used.read_bytes(), "detector") <= 1e-5


def test_a_detector_of_before_it_was_rewritten_is_made_anew_from_the_kept_file(
    models_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = default("detector")
    shutil.copytree(models_folder / manifest.id, tmp_path / manifest.id)
    model = verify(manifest, tmp_path)
    model.used.unlink()
    model.used.with_name("installed.json").write_text(json.dumps({"id": manifest.id, "source_sha256": manifest.sha256}))
    assert installed(manifest, tmp_path) is None
    monkeypatch.setattr(install_module, "fetch", no_network)
    assert install_module.install(manifest, tmp_path, None, lambda *_: None) == model
    assert verify(manifest, tmp_path) == model


@pytest.mark.parametrize("which", ["published", "used"])
def test_a_flipped_byte_is_found(copy: Path, which: str) -> None:
    model = installed(default("embedder"), copy)
    assert model is not None
    flip(getattr(model, which))
    with pytest.raises(IntegrityError, match="sha256"):
        verify(default("embedder"), copy)


def test_loading_checks_the_very_bytes(copy: Path) -> None:
    model = installed(default("embedder"), copy)
    assert model is not None
    assert sha256(read_weights(model)) == model.used_sha256
    flip(model.used)
    with pytest.raises(IntegrityError, match="not used"):
        read_weights(model)
    model.used.unlink()
    with pytest.raises(IntegrityError, match="cannot be read"):
        read_weights(model)


def test_a_graph_altered_together_with_its_record_is_found(copy: Path) -> None:
    model = installed(default("embedder"), copy)
    assert model is not None
    flip(model.used)
    page = model.used.with_name("installed.json")
    record = json.loads(page.read_text()) | {"result_sha256": sha256(model.used.read_bytes())}
    page.write_text(json.dumps(record))
    with pytest.raises(IntegrityError, match="is not what the rewrite makes"):
        verify(default("embedder"), copy)


def test_another_rewrite_is_made_anew_from_the_kept_file(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = default("embedder")
    model = installed(manifest, copy)
    assert model is not None
    older = model.used.rename(model.used.with_name(f"{manifest.id}.rewrite-1.onnx"))
    page = model.used.with_name("installed.json")
    page.write_text(json.dumps(json.loads(page.read_text()) | {"rewrite": "1"}))
    assert installed(manifest, copy) is None
    monkeypatch.setattr(install_module, "fetch", no_network)
    assert install_module.install(manifest, copy, None, lambda *_: None) == model
    assert verify(manifest, copy) == model
    assert not older.exists()
