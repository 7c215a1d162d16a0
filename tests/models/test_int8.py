"""The 8-bit graph of an installed model: made once, made anew when what it depends on is another, never believed."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from matcher.domain.installed_model import InstalledModel
from matcher.domain.provider import Provider
from matcher.errors import IntegrityError, StorageFailed
from matcher.models import int8
from matcher.models.catalogue import default
from matcher.models.int8 import FORMS, for_provider
from matcher.models.ranges import Ranges, ranges_of
from matcher.models.rewrite import sha256
from matcher.models.verify import verify

EIGHT, OPENVINO = Provider.ONNXRUNTIME_INT8, Provider.OPENVINO_INT8
RECORD = "int8.json"


@pytest.fixture
def model(models_folder: Path, tmp_path: Path) -> InstalledModel:
    """The default embedder in a folder of its own."""
    manifest = default("embedder")
    shutil.copytree(models_folder / manifest.id, tmp_path / manifest.id)
    for form in FORMS.values():
        for name in (form.record, f"{manifest.id}.{form.name}-{form.version}.onnx"):
            (tmp_path / manifest.id / name).unlink(missing_ok=True)
    return verify(manifest, tmp_path)


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Graphs that are quick to make and tell what they were made of; the list holds each that was made."""
    made: list[bytes] = []

    def quantise(published: bytes, largest: dict[str, object]) -> bytes:
        made.append(b"8 bits of " + sha256(published + repr(largest).encode()).encode())
        return made[-1]

    for provider, form in FORMS.items():
        monkeypatch.setitem(FORMS, provider, replace(form, make=quantise))
    return made


def test_it_is_made_once_and_only_for_the_provider_that_runs_it(model: InstalledModel, cheap: list[bytes]) -> None:
    for provider in set(Provider) - set(FORMS):
        assert for_provider(model, provider) is model
    assert not cheap
    first = for_provider(model, EIGHT)
    assert for_provider(model, EIGHT) == first
    assert cheap == [first.used.read_bytes()]
    assert (first.used_sha256, first.published) == (sha256(cheap[0]), model.published)
    assert re.fullmatch(r"q1-[0-9a-f]{8}", first.rewrite)
    assert verify(model.manifest, model.published.parent.parent) == model


def test_each_provider_has_a_graph_of_its_own_and_neither_takes_the_others_away(
    model: InstalledModel, cheap: list[bytes]
) -> None:
    first, other = for_provider(model, EIGHT), for_provider(model, OPENVINO)
    assert (for_provider(model, EIGHT), for_provider(model, OPENVINO)) == (first, other)
    assert len(cheap) == 2
    assert first.used != other.used
    assert re.fullmatch(r"v1-[0-9a-f]{8}", other.rewrite)
    other.used.write_bytes(b"another network")
    with pytest.raises(IntegrityError, match=r"openvino-1\.onnx is not what is made of"):
        verify(model.manifest, model.published.parent.parent)


def test_a_graph_of_another_version_is_made_anew_and_goes(
    model: InstalledModel, cheap: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = for_provider(model, OPENVINO)
    monkeypatch.setitem(FORMS, OPENVINO, replace(FORMS[OPENVINO], version="2"))
    second = for_provider(model, OPENVINO)
    assert (first.rewrite[:3], second.rewrite[:3], len(cheap)) == ("v1-", "v2-", 2)
    assert (first.used.exists(), second.used.exists()) == (False, True)


def test_another_table_makes_another_graph(
    model: InstalledModel, cheap: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = for_provider(model, EIGHT)
    ranges = ranges_of(model.manifest, model.published.parent.parent)
    other = Ranges(**(ranges.model_dump() | {"largest": ranges.largest | {"conv_1_conv2d": (1.0,) * 32}}))
    monkeypatch.setattr(int8, "ranges_of", lambda manifest, folder: other)
    assert for_provider(model, EIGHT).used_sha256 != first.used_sha256
    assert len(cheap) == 2


@pytest.mark.parametrize("content", [b"", b"{}", b'{"version": "0"}', b"\xff"])
def test_a_record_that_says_nothing_is_made_anew(model: InstalledModel, cheap: list[bytes], content: bytes) -> None:
    first = for_provider(model, EIGHT)
    (first.used.parent / RECORD).write_bytes(content)
    assert for_provider(model, EIGHT) == first
    assert len(cheap) == 2


def test_a_graph_that_was_altered_with_its_record_is_found(model: InstalledModel, cheap: list[bytes]) -> None:
    graph = for_provider(model, EIGHT).used
    graph.write_bytes(b"another network")
    record = json.loads((graph.parent / RECORD).read_bytes())
    with pytest.raises(IntegrityError, match="is not what is made of"):
        verify(model.manifest, graph.parent.parent)
    (graph.parent / RECORD).write_text(json.dumps(record | {"result_sha256": sha256(b"another network")}))
    with pytest.raises(IntegrityError, match="is not what is made of"):
        verify(model.manifest, graph.parent.parent)


def test_weights_that_are_not_the_published_ones_make_nothing(model: InstalledModel, cheap: list[bytes]) -> None:
    model.published.write_bytes(b"others")
    with pytest.raises(IntegrityError, match="is not what was published"):
        for_provider(model, EIGHT)
    assert not cheap


def test_a_disk_that_fails_is_said_and_leaves_nothing(
    model: InstalledModel, cheap: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    before = sorted(model.published.parent.iterdir())
    monkeypatch.setattr(int8, "write", full)
    with pytest.raises(StorageFailed, match=r"int8-1\.onnx cannot be written: No space"):
        for_provider(model, EIGHT)
    assert sorted(model.published.parent.iterdir()) == before
