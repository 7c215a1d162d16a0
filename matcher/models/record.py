"""The record of an installation: which published bytes it came from and which bytes the rewrite made of them."""

import json
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from matcher.domain.installed_model import AS_PUBLISHED, InstalledModel
from matcher.domain.model_manifest import ModelManifest, Sha256
from matcher.errors import IntegrityError
from matcher.models.rewrite import REWRITE_VERSION

RECORD = "installed.json"


class Record(BaseModel):
    """One `installed.json`."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str
    source_sha256: Sha256
    rewrite: Annotated[str, Field(pattern=r"^[1-9][0-9]*$")] | None = None
    result_sha256: Sha256 | None = None

    def with_result(self, result_sha256: str) -> "Record":
        """The record of a model whose graph was rewritten."""
        return Record(
            id=self.id, source_sha256=self.source_sha256, rewrite=REWRITE_VERSION, result_sha256=result_sha256
        )

    def encode(self) -> bytes:
        """UTF-8 JSON, keys in order."""
        return json.dumps(self.model_dump(exclude_none=True), indent=2, sort_keys=True).encode() + b"\n"


def place_of(manifest: ModelManifest, folder: Path) -> Path:
    """The folder of one model."""
    return folder / manifest.id


def rewritten_name(model_id: str) -> str:
    """The file name of a rewritten graph."""
    return f"{model_id}.rewrite-{REWRITE_VERSION}.onnx"


def installed(manifest: ModelManifest, folder: Path) -> InstalledModel | None:
    """What is installed, by its record alone; None where there is none. `verify` and the loader check the bytes.

    A graph of another version of the rewrite counts as none: `install` makes it anew from the published file.

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
    if manifest.kind == "detector":
        return InstalledModel(manifest, published, published, manifest.sha256, AS_PUBLISHED)
    if record.rewrite not in (None, REWRITE_VERSION):
        return None
    if record.result_sha256 is None:
        raise IntegrityError(f"{place / RECORD} names no rewritten graph: install model {manifest.id} again")
    used = place / rewritten_name(manifest.id)
    return InstalledModel(manifest, published, used, record.result_sha256, f"r{REWRITE_VERSION}")
