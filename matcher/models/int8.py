"""The 8-bit graph of an installed embedder, made where it is first asked for.

Beside what an installation holds (`install.py`):

    <id>/<id>.int8-1.onnx       what `onnxruntime-int8` runs (see `quantise.py`)
    <id>/int8.json              written last: of which weights and which table it was made, and its digest

A graph of other weights, another table or another version is made anew; version and table are in the identity of its
templates. `check` derives it again: a record can be altered together with the graph, a derivation cannot.
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from matcher.domain.installed_model import InstalledModel
from matcher.domain.model_manifest import Sha256
from matcher.domain.provider import Provider
from matcher.errors import IntegrityError, StorageFailed
from matcher.models.disk import write
from matcher.models.quantise import QUANTISE_VERSION, quantise
from matcher.models.ranges import Ranges, ranges_of
from matcher.models.rewrite import sha256

RECORD = "int8.json"


class Int8Record(BaseModel):
    """One `int8.json`."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    version: Literal["1"]
    source_sha256: Sha256
    ranges_sha256: Sha256
    result_sha256: Sha256


def for_provider(model: InstalledModel, provider: Provider) -> InstalledModel:
    """The embedder with the graph that this provider runs.

    Raises BadInput for a model without a table of ranges, IntegrityError for published bytes that are not the
    manifest's, StorageFailed when the disk fails.
    """
    if provider is not Provider.ONNXRUNTIME_INT8:
        return model
    ranges = ranges_of(model.manifest, _folder(model))
    record = _kept(model, ranges)
    if record is None:
        record = _make(model, ranges)
    return _with_graph(model, record)


def check(model: InstalledModel) -> None:
    """Derive the 8-bit graph again, if there is one. Raises IntegrityError where it is not what it should be."""
    if not (_place(model) / RECORD).exists():
        return
    ranges = ranges_of(model.manifest, _folder(model))
    record = _kept(model, ranges)
    if record is None:
        return  # of an older version: made anew before it is used
    graph = _with_graph(model, record).used
    try:
        used = graph.read_bytes()
    except OSError as error:
        raise IntegrityError(f"{graph} cannot be read ({error.strerror}): remove {_place(model) / RECORD}") from None
    if sha256(used) != record.result_sha256 or quantise(_published(model), ranges.arrays()) != used:
        raise IntegrityError(f"{graph} is not what is made of {model.published.name}: remove {_place(model) / RECORD}")


def _kept(model: InstalledModel, ranges: Ranges) -> Int8Record | None:
    try:
        record = Int8Record.model_validate_json((_place(model) / RECORD).read_bytes())
    except (OSError, ValidationError):
        return None  # absent, damaged, or of another version
    same = record.source_sha256 == model.manifest.sha256 and record.ranges_sha256 == sha256(ranges.encode())
    return record if same and _with_graph(model, record).used.is_file() else None


def _make(model: InstalledModel, ranges: Ranges) -> Int8Record:
    graph = quantise(_published(model), ranges.arrays())
    record = Int8Record(
        version=QUANTISE_VERSION,
        source_sha256=model.manifest.sha256,
        ranges_sha256=sha256(ranges.encode()),
        result_sha256=sha256(graph),
    )
    made = _with_graph(model, record).used
    try:
        write(made, graph)
        write(_place(model) / RECORD, record.model_dump_json(indent=2).encode() + b"\n")
        for stale in _place(model).glob(f"{model.manifest.id}.int8-*.onnx"):
            if stale != made:
                stale.unlink(missing_ok=True)
    except OSError as error:
        raise StorageFailed(f"{made} cannot be written: {error.strerror}") from None
    return record


def _published(model: InstalledModel) -> bytes:
    try:
        data = model.published.read_bytes()
    except OSError as error:
        raise IntegrityError(f"{model.published} cannot be read ({error.strerror}): install the model again") from None
    if sha256(data) != model.manifest.sha256:
        raise IntegrityError(f"{model.published} is not what was published: install model {model.manifest.id} again")
    return data


def _with_graph(model: InstalledModel, record: Int8Record) -> InstalledModel:
    graph = _place(model) / f"{model.manifest.id}.int8-{QUANTISE_VERSION}.onnx"
    return InstalledModel(
        model.manifest, model.published, graph, record.result_sha256, f"q{QUANTISE_VERSION}-{record.ranges_sha256[:8]}"
    )


def _place(model: InstalledModel) -> Path:
    return model.published.parent


def _folder(model: InstalledModel) -> Path:
    return _place(model).parent
