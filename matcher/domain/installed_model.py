"""A model that lies on this machine: what was published, and the file that is fed to the runtime."""

from dataclasses import dataclass
from pathlib import Path

from matcher.domain.model_manifest import ModelManifest


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """One installed model.

    `published` is the file whose digest the manifest holds; `used` is the file that is run: a graph derived from it by
    the version of the rewrite named in `rewrite` ("r2"). Whoever loads `used` checks `used_sha256` over the bytes it is
    about to run.
    """

    manifest: ModelManifest
    published: Path
    used: Path
    used_sha256: str
    rewrite: str
