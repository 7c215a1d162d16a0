"""The models this program knows: the shipped manifests, and manifests a person put into the models folder.

1. A manifest's id is the name of the folder it lies in.
2. Ids are unique; a manifest in the models folder cannot replace a shipped one.
3. Exactly one shipped manifest of each kind is the default.
4. A manifest that is installed from elsewhere is kept beside its model; another one under the same id is refused,
   because lists name their model by it.
"""

import tomllib
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from pydantic import ValidationError

from matcher.domain.model_manifest import Kind, ModelManifest
from matcher.errors import BadInput
from matcher.models.record import RECORD
from matcher.toml_text import parsed

SHIPPED = "matcher_models"
MANIFEST = "manifest.toml"
_MOST_BYTES = 65_536


def manifests(folder: Path | None = None) -> dict[str, ModelManifest]:
    """Every known manifest by id, in order of id: shipped ones, then `<folder>/<id>/manifest.toml`.

    Raises BadInput naming the file for a manifest that is not valid TOML, has unknown keys or a wrong or taken id.
    """
    known: dict[str, ModelManifest] = {}
    places: list[Traversable] = [files(SHIPPED)]
    if folder is not None and folder.is_dir():
        places.append(folder)
    for place in places:
        for manifest in _read_folder(place):
            if manifest.id in known:
                raise BadInput(f"model id {manifest.id} is taken by a shipped model: give your manifest another id")
            known[manifest.id] = manifest
    return known


def default(kind: Kind) -> ModelManifest:
    """The shipped default of a kind."""
    return next(manifest for manifest in manifests().values() if manifest.kind == kind and manifest.default)


def card(model_id: str) -> str:
    """The shipped model card (Markdown). Raises BadInput for an id that is not shipped."""
    page = files(SHIPPED) / model_id / "card.md"
    if model_id not in manifests() or not page.is_file():
        raise BadInput(f"there is no card for model {model_id}")
    return page.read_text(encoding="utf-8")


def chosen(kind: Kind, model_id: str | None, folder: Path) -> ModelManifest:
    """The model of that id, or the default without one. Raises BadInput for no such model of this kind."""
    if model_id is None:
        return default(kind)
    known = {one.id: one for one in manifests(folder).values() if one.kind == kind}
    if model_id not in known:
        raise BadInput(f"there is no {kind} {model_id}: known are {', '.join(known)} (docs/models.md: how to add one)")
    return known[model_id]


def adopted(path: Path, folder: Path) -> tuple[ModelManifest, bytes | None]:
    """A manifest from anywhere, and its bytes where they are still to be kept in the models folder. Raises BadInput."""
    try:
        with path.open("rb") as stream:
            raw = stream.read(_MOST_BYTES + 1)
        text = raw.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"manifest {path} cannot be read: {error}") from None
    if len(raw) > _MOST_BYTES:
        raise BadInput(f"{path} is longer than {_MOST_BYTES} bytes: it is no manifest")
    manifest = parse_manifest(text, str(path))
    known = manifests(folder).get(manifest.id)
    if known is not None and known != manifest:
        raise BadInput(f"model id {manifest.id} is taken by another manifest: give yours another id")
    return manifest, raw if known is None else None


def parse_manifest(text: str, where: str) -> ModelManifest:
    """A manifest from TOML; `where` names it in errors. Raises BadInput naming the first wrong key."""
    try:
        manifest = ModelManifest.model_validate(parsed(text))
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{where} is not TOML: {error}") from None
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        words = first["msg"].removeprefix("Value error, ")
        if words.startswith("key "):  # found when the whole table was looked at
            raise BadInput(f"{where}, key {key}.{words.removeprefix('key ')}") from None
        raise BadInput(f"{where}, key {key}: {words[:1].lower()}{words[1:]}") from None
    if (wrong := _wrong(manifest)) is not None:
        raise BadInput(f"{where}, key {wrong}")
    return manifest


def _wrong(manifest: ModelManifest) -> str | None:
    """What does not fit together in a manifest whose keys are well formed one by one."""
    if not manifest.file or Path(manifest.file).name != manifest.file:
        return "file: must be a file name without folders"
    if manifest.file in (MANIFEST, RECORD) or manifest.file.startswith(f"{manifest.id}.rewrite-"):
        return f"file: {manifest.file} is taken by this program: rename the file"
    if manifest.kind == "embedder" and manifest.dim is None:
        return "dim: an embedder must say how long its templates are"
    foreign = ("decoder",) if manifest.kind == "embedder" else ("dim", "input")
    for key in foreign:
        if getattr(manifest, key) is not None:
            return f"{key}: {manifest.kind}s have none"
    return None


def _read_folder(place: Traversable) -> Iterator[ModelManifest]:
    for entry in sorted(place.iterdir(), key=lambda child: child.name):
        page = entry / MANIFEST
        if not entry.is_dir() or not page.is_file():
            continue
        try:
            text = page.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise BadInput(f"{page} is not UTF-8") from None
        manifest = parse_manifest(text, str(page))
        if manifest.id != entry.name:
            raise BadInput(f"{page}, key id: {manifest.id} must be the name of its folder, {entry.name}")
        yield manifest
