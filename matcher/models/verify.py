"""Checking an installed model byte by byte.

The published file is held against the manifest's digest. The rewritten graph is held against the record *and* made anew
from the published file: a record can be altered together with the graph, a derivation cannot.
"""

from pathlib import Path

from matcher.domain.installed_model import InstalledModel
from matcher.domain.model_manifest import ModelManifest
from matcher.errors import BadInput, IntegrityError
from matcher.models.record import installed
from matcher.models.rewrite import rewrite, sha256


def verify(manifest: ModelManifest, folder: Path) -> InstalledModel:
    """The installed model, every byte of it checked.

    Raises BadInput where it is not installed, IntegrityError naming the file that is not what it should be.
    """
    model = installed(manifest, folder)
    if model is None:
        raise BadInput(f"model {manifest.id} is not installed: run `matcher model install {manifest.id}`")
    published = _checked(model.published, manifest.sha256, manifest.id)
    used = _checked(model.used, model.used_sha256, manifest.id)
    if rewrite(published, manifest.kind) != used:
        raise IntegrityError(f"{model.used} is not what the rewrite makes of {model.published.name}: install it again")
    return model


def _checked(path: Path, expected: str, model_id: str) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise IntegrityError(f"{path} cannot be read ({error.strerror}): install model {model_id} again") from None
    if sha256(data) != expected:
        raise IntegrityError(f"{path} has sha256 {sha256(data)}, not {expected}: install model {model_id} again")
    return data
