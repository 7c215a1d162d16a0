"""Putting a model into the models folder, whole or not at all.

Layout, under the models folder:

    <id>/<file>                 the published file, byte for byte
    <id>/<id>.rewrite-2.onnx    what is run (see `rewrite.py`)
    <id>/manifest.toml          of models that do not ship with this program
    <id>/installed.json         written last: a model without it is not installed

Everything is fetched, rewritten and checked before the first file appears; each file is written beside its place,
flushed to the disk and renamed. A failure or Ctrl-C at any moment leaves the folder as it was, or without the record.
"""

import os
from pathlib import Path

from matcher.domain.installed_model import InstalledModel
from matcher.domain.model_manifest import ModelManifest
from matcher.errors import IntegrityError, StorageFailed
from matcher.models import rewrite
from matcher.models.catalogue import MANIFEST
from matcher.models.disk import write
from matcher.models.record import RECORD, installed, place_of, record_of, rewritten_name
from matcher.models.shapes import require_shapes
from matcher.models.sources import Progress, fetch
from matcher.models.verify import verify


def install(
    manifest: ModelManifest, folder: Path, from_: Path | None, progress: Progress, page: bytes | None = None
) -> InstalledModel:
    """Install one model under `folder`; a model that is there and verifies is left alone unless `from_` is given.

    `page` are the bytes of a manifest that is to be kept beside the model (`catalogue.adopted`).

    Raises IntegrityError for bytes that are not the manifest's, BadInput for a wrong `from_` or a file that is not a
    usable ONNX model, StorageFailed when no source can be reached or the disk fails.
    """
    if from_ is None and (present := _already_there(manifest, folder)) is not None:
        return present
    published = _kept(manifest, folder) if from_ is None else None
    if published is None:
        published = fetch(manifest, from_, progress)
    progress("preparing the graph", 0, 1)
    result = rewrite.rewrite(published, manifest.kind)
    if manifest.kind == "embedder":
        require_shapes(result, manifest)
    rewrite.check_equal(published, result, manifest.kind, manifest.fed.shape)
    progress("preparing the graph", 1, 1)
    record = record_of(manifest, rewrite.sha256(result))
    kept = {} if page is None else {MANIFEST: page}
    files = kept | {manifest.file: published, rewritten_name(manifest): result, RECORD: record.encode()}
    place = place_of(manifest, folder)
    try:
        _write_all(place, files)
    except OSError as error:
        raise StorageFailed(f"model {manifest.id} cannot be written to {place}: {error.strerror}") from None
    for stale in place.glob(f"{manifest.id}.rewrite-*.onnx"):
        if stale.name not in files:
            stale.unlink(missing_ok=True)
    done = installed(manifest, folder)
    if done is None:  # another process took it away in between
        raise StorageFailed(f"model {manifest.id} is gone from {place}: install it again")
    return done


def _already_there(manifest: ModelManifest, folder: Path) -> InstalledModel | None:
    try:
        return verify(manifest, folder) if installed(manifest, folder) is not None else None
    except IntegrityError:
        return None  # a damaged copy is what an installation mends


def _kept(manifest: ModelManifest, folder: Path) -> bytes | None:
    """The published file of an earlier installation, where it is whole: a new rewrite needs no network."""
    try:
        data = (place_of(manifest, folder) / manifest.file).read_bytes()
    except OSError:
        return None
    return data if rewrite.sha256(data) == manifest.sha256 else None


def _write_all(place: Path, files: dict[str, bytes]) -> None:
    """Write the files in order; the last one is the record, and while it is missing nothing is installed."""
    made = not place.exists()
    place.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    try:
        (place / RECORD).unlink(missing_ok=True)
        for name, data in files.items():
            written.append(place / name)
            write(place / name, data)
    except BaseException:
        # Also for Ctrl-C: half a model must not stay behind. What was replaced had the same published bytes.
        for path in written:
            path.unlink(missing_ok=True)
        if made:
            place.rmdir()
        raise
    _flush_folder(place)


def _flush_folder(place: Path) -> None:
    handle = os.open(place, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
