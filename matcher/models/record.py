"""The record of an installation: which published bytes it came from and which bytes the rewrite made of them."""

import json
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from matcher.domain.installed_model import InstalledModel
from matcher.domain.model_manifest import ModelManifest, Sha256
from matcher.errors import IntegrityError
from matcher.models.rewrite import REWRITE_VERSIONS

RECORD = "installed.json"


class Record(BaseModel):
    """One `installed.json`."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str
    source_sha256: Sha256
    rewrite: Annotated[str, Field(pattern=r"^[1-9][0-9]*$")] | None = None
    result_sha256: Sha256 | None = None

    def encode(self) -> bytes:
        """UTF-8 JSON, keys in order."""
        return json.dumps(self.model_dump(exclude_none=True), indent=2, sort_keys=True).encode() + b"\n"


def place_of(manifest: ModelManifest, folder: Path) -> Path:
    """The folder of one model."""
    return folder / manifest.id


def record_of(manifest: ModelManifest, result_sha256: str) -> Record:
    """The record of an installation by this version of the program."""
    return Record(
        id=manifest.id,
        source_sha256=manifest.sha256,
        rewrite=REWRITE_VERSIONS[manifest.kind],
        result_sha256=result_sha256,
    )


def rewritten_name(manifest: ModelManifest) -> str:
    """The file name of a rewritten graph."""
    return f"{manifest.id}.rewrite-{REWRITE_VERSIONS[manifest.kind]}.onnx"


def installed(manifest: ModelManifest, folder: Path) -> InstalledModel | None:
    """What is installed, by its record alone; None where there is none. `verify` and the loader check the bytes.

    A graph of another version of the rewrite counts as none, and so does one of before detectors had any: `install`
    makes it anew from the published file.

    Raises IntegrityError for a record that does not belong to this manifest.
    """
    place = place_of(manifest, folder)
    try:
        record = Record.model_validate_json((place / RECORD).read_bytes())
    except FileNotFoundError:
        return None
    except (ValidationError, OSError):
        raise IntegrityError(f"{place / RECORD} is damaged: install model {manifest.id} again") from None
    if record.id != manifest.id or record.source_sha256 != manifest.sha256:
        raise IntegrityError(f"{place} holds another version of model {manifest.id}: install it again")
    published = place / manifest.file
    if record.rewrite != REWRITE_VERSIONS[manifest.kind]:
        return None
    if record.result_sha256 is None:
        raise IntegrityError(f"{place / RECORD} names no rewritten graph: install model {manifest.id} again")
    return InstalledModel(
        manifest, published, place / rewritten_name(manifest), record.result_sha256, f"r{record.rewrite}"
    )
