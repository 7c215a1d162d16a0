"""A model that lies on this machine: what was published, and the file that is fed to the runtime."""

from dataclasses import dataclass
from pathlib import Path

from matcher.domain.model_manifest import ModelManifest

AS_PUBLISHED = "r0"


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """One installed model.

    `published` is the file whose digest the manifest holds; `used` is the file that is run: the same one, or a graph
    derived from it by the rewrite named in `rewrite` ("r0" where nothing was derived). Whoever loads `used` checks
    `used_sha256` over the bytes it is about to run.
    """

    manifest: ModelManifest
    published: Path
    used: Path
    used_sha256: str
    rewrite: str = AS_PUBLISHED
