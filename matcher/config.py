"""Where things are: file, then environment, then command line, into one frozen `Settings`.

The file is `config.toml` in the user's configuration folder (or `MATCHER_CONFIG`). Unknown keys are errors. No setting
weakens a safeguard: there is none to name.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from matcher.errors import BadInput
from matcher.toml_text import parsed

_VARIABLES = {
    "home": "MATCHER_HOME",
    "database": "MATCHER_DATABASE",
    "models": "MATCHER_MODELS",
    "user": "MATCHER_USER",
    "provider": "MATCHER_PROVIDER",
    "embedder": "MATCHER_EMBEDDER",
    "detector": "MATCHER_DETECTOR",
    "viewer": "MATCHER_VIEWER",
    "image_mode": "MATCHER_IMAGE_MODE",
    "anchor_folder": "MATCHER_ANCHOR_FOLDER",
    "anchor_command": "MATCHER_ANCHOR_COMMAND",
    "index": "MATCHER_INDEX",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """Folders of the home and of the models, the default user, and where each value came from.

    `provider` is what runs the embedder (`domain/provider.py`); `embedder` and `detector` are ids of models, None for
    the shipped defaults; `viewer` shows faces in line mode (`tui/line/viewer.py`), `image_mode` is how
    the screens draw them (`review/pixels.py`). `database` is the address of a PostgreSQL server
    (`store/address.py`) and may hold a password; None for SQLite in the home, which a demonstration always has.
    Every checkpoint of the log is written to `anchor_folder` and handed to `anchor_command` on its standard input,
    where they are set (`store/anchors.py`). `index` is the address of a cluster that searches (`domain/shards.py`);
    None for this machine.
    """

    home: Path
    models: Path
    user: str | None
    provider: str
    embedder: str | None
    detector: str | None
    viewer: str | None
    image_mode: str
    anchor_folder: Path | None
    anchor_command: str | None
    origins: tuple[tuple[str, str], ...]
    database: str | None = field(default=None, repr=False)
    index: str | None = None


def load_settings(environment: Mapping[str, str] = os.environ, **given: str | None) -> Settings:
    """Settings from file, environment and the command line's `given` values. Raises BadInput for an unknown key."""
    from platformdirs import user_config_path, user_data_path

    data = user_data_path("matcher")
    values: dict[str, str] = {
        "home": str(data / "home"),
        "models": str(data / "models"),
        "provider": "onnxruntime",
        "image_mode": "auto",
    }
    unset = {
        "database": "default",
        "user": "not set",
        "embedder": "default",
        "detector": "default",
        "viewer": "not set",
        "anchor_folder": "not set",
        "anchor_command": "not set",
        "index": "default",
    }
    origins = dict.fromkeys(values, "default") | unset
    config = Path(environment.get("MATCHER_CONFIG", user_config_path("matcher") / "config.toml"))
    sources = [(str(config), _read(config))]
    sources.append(
        ("environment", {key: environment[name] for key, name in _VARIABLES.items() if environment.get(name)})
    )
    sources.append(("command line", {key: value for key, value in given.items() if value is not None}))
    for origin, found in sources:
        values |= found
        origins |= dict.fromkeys(found, origin)
    return Settings(
        home=_folder(values["home"]),
        models=_folder(values["models"]),
        user=values.get("user"),
        provider=values["provider"],
        embedder=values.get("embedder"),
        detector=values.get("detector"),
        viewer=values.get("viewer"),
        image_mode=values["image_mode"],
        anchor_folder=_folder(values["anchor_folder"]) if "anchor_folder" in values else None,
        anchor_command=values.get("anchor_command"),
        origins=tuple(sorted(origins.items())),
        database=values.get("database"),
        index=values.get("index"),
    )


def _folder(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise BadInput(f"{text}: there is no such account on this machine") from None


def _read(path: Path) -> dict[str, str]:
    try:
        found = parsed(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (ValueError, OSError) as error:  # TOML and UTF-8 errors are ValueErrors
        raise BadInput(f"configuration {path} cannot be read: {error}") from None
    for key, value in found.items():
        if key not in _VARIABLES or not isinstance(value, str):
            raise BadInput(f"configuration {path}: {key} is not one of {', '.join(_VARIABLES)} or is no text")
    return found
