"""The 8-bit graphs of an installed embedder, each made where it is first asked for.

Beside what an installation holds (`install.py`):

    <id>/<id>.int8-1.onnx       what `onnxruntime-int8` runs (see `quantise.py`)
    <id>/int8.json              written last: of which weights and which table it was made, and its digest
    <id>/<id>.openvino-1.onnx   what `openvino-int8` runs (see `quantise_openvino.py`)
    <id>/openvino.json

A graph of other weights, another table or another version is made anew; version and table are in the identity of its
templates. `check` derives it again: a record can be altered together with the graph, a derivation cannot.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from matcher.domain.installed_model import InstalledModel
from matcher.domain.model_manifest import Sha256
from matcher.domain.provider import Provider
from matcher.errors import IntegrityError, StorageFailed
from matcher.models.chain import Reals
from matcher.models.disk import write
from matcher.models.quantise import QUANTISE_VERSION, quantise
from matcher.models.quantise_openvino import OPENVINO_GRAPH_VERSION, quantise_for_openvino
from matcher.models.ranges import Ranges, ranges_of
from matcher.models.rewrite import sha256


@dataclass(frozen=True, slots=True)
class Form:
    """One way to write an embedder in 8 bits; its file names begin with `name`."""

    name: str
    version: str
    make: Callable[[bytes, Mapping[str, Reals]], bytes]

    @property
    def record(self) -> str:
        """The name of its record."""
        return f"{self.name}.json"


FORMS = {
    Provider.ONNXRUNTIME_INT8: Form("int8", QUANTISE_VERSION, quantise),
    Provider.OPENVINO_INT8: Form("openvino", OPENVINO_GRAPH_VERSION, quantise_for_openvino),
}


class Int8Record(BaseModel):
    """One `int8.json` or `openvino.json`."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    version: str
    source_sha256: Sha256
    ranges_sha256: Sha256
    result_sha256: Sha256


def for_provider(model: InstalledModel, provider: Provider) -> InstalledModel:
    """The embedder with the graph that this provider runs.

    Raises BadInput for a model without a table of ranges, IntegrityError for published bytes that are not the
    manifest's, StorageFailed when the disk fails.
    """
    if provider not in FORMS:
        return model
    ranges = ranges_of(model.manifest, _folder(model))
    record = _kept(model, provider, ranges)
    if record is None:
        record = _make(model, provider, ranges)
    return _with_graph(model, provider, record)


def check(model: InstalledModel) -> None:
    """Derive the 8-bit graphs again that there are. Raises IntegrityError where one is not what it should be."""
    for provider, form in FORMS.items():
        if (_place(model) / form.record).exists():
            _check(model, provider, form)


def _check(model: InstalledModel, provider: Provider, form: Form) -> None:
    ranges = ranges_of(model.manifest, _folder(model))
    record = _kept(model, provider, ranges)
    if record is None:
        return  # of an older version: made anew before it is used
    graph, kept = _with_graph(model, provider, record).used, _place(model) / form.record
    try:
        used = graph.read_bytes()
    except OSError as error:
        raise IntegrityError(f"{graph} cannot be read ({error.strerror}): remove {kept}") from None
    if sha256(used) != record.result_sha256 or form.make(_published(model), ranges.arrays()) != used:
        raise IntegrityError(f"{graph} is not what is made of {model.published.name}: remove {kept}")


def _kept(model: InstalledModel, provider: Provider, ranges: Ranges) -> Int8Record | None:
    form = FORMS[provider]
    try:
        record = Int8Record.model_validate_json((_place(model) / form.record).read_bytes())
    except (OSError, ValidationError):
        return None  # absent or damaged
    made_of = (record.version, record.source_sha256, record.ranges_sha256)
    same = made_of == (form.version, model.manifest.sha256, sha256(ranges.encode()))
    return record if same and _with_graph(model, provider, record).used.is_file() else None


def _make(model: InstalledModel, provider: Provider, ranges: Ranges) -> Int8Record:
    form = FORMS[provider]
    graph = form.make(_published(model), ranges.arrays())
    record = Int8Record(
        version=form.version,
        source_sha256=model.manifest.sha256,
        ranges_sha256=sha256(ranges.encode()),
        result_sha256=sha256(graph),
    )
    made = _with_graph(model, provider, record).used
    try:
        write(made, graph)
        write(_place(model) / form.record, record.model_dump_json(indent=2).encode() + b"\n")
        for stale in _place(model).glob(f"{model.manifest.id}.{form.name}-*.onnx"):
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


def _with_graph(model: InstalledModel, provider: Provider, record: Int8Record) -> InstalledModel:
    form = FORMS[provider]
    graph = _place(model) / f"{model.manifest.id}.{form.name}-{form.version}.onnx"
    rewrite = f"{provider.graphs}{form.version}-{record.ranges_sha256[:8]}"
    return InstalledModel(model.manifest, model.published, graph, record.result_sha256, rewrite)


def _place(model: InstalledModel) -> Path:
    return model.published.parent


def _folder(model: InstalledModel) -> Path:
    return _place(model).parent
