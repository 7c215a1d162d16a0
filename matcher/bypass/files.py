"""Reading and exchanging files, past the program."""

import hashlib
from pathlib import Path

import numpy as np

from matcher.bypass.attempt import Answer, Attacker, Attempt, Layer, detected, prevented, withstood
from matcher.bypass.town import LIST, OTHER, PLANTED, Town
from matcher.domain.installed_model import InstalledModel
from matcher.models.catalogue import manifests
from matcher.services.collections import find_list
from matcher.store.containers import container_path
from matcher.store.home import open_home
from matcher.store.revisions_file import containers_of
from matcher.vision.weights import read_weights


def _containers(town: Town, name: str) -> tuple[Path, ...]:
    """The files of what a list holds: items, templates, screen."""
    with town.session("boss").place.work(write=False) as work:
        latest = find_list(work, name).latest
    if latest is None:
        raise LookupError(name)
    return tuple(container_path(town.home / "sealed", one) for one in containers_of(latest.revision_id))


def _read(town: Town) -> Answer | None:
    """Looks for names, notes, ids and templates in every byte of the home."""
    sought = [PLANTED.encode(), b"planted note", b"S007", *(np.float32(row).tobytes()[:16] for row in town.templates)]
    for path in sorted(town.home.rglob("*")):
        held = path.read_bytes() if path.is_file() else b""
        if any(one in held for one in sought):
            return None
    return withstood(Layer.SEAL, "nothing of them lies in the home in clear")


def _opened_up(town: Town) -> object:
    town.home.chmod(0o755)
    return open_home(town.home)


def _flipped(town: Town) -> None:
    templates = _containers(town, LIST)[1]
    held = bytearray(templates.read_bytes())
    held[len(held) // 2] ^= 1
    town.overwrite(templates, bytes(held))
    town.submit("boss", 1)


def _swapped_index(town: Town) -> None:
    ours, others = _containers(town, LIST)[2], _containers(town, OTHER)[2]
    town.overwrite(ours, others.read_bytes())
    town.submit("boss", 1)


def _swapped_list(town: Town) -> None:
    """All that `other` holds in the place of all that `missing` holds, and its row in the database as well."""
    for ours, others in zip(_containers(town, LIST), _containers(town, OTHER), strict=True):
        town.overwrite(ours, others.read_bytes())
    with town.rules_off():
        town.sql(
            "UPDATE revisions SET digest = (SELECT digest FROM revisions JOIN watchlists ON latest_id = revision_id "  # noqa: S608 -- names of this town
            f"WHERE name = '{OTHER}') WHERE revision_id = (SELECT latest_id FROM watchlists WHERE name = '{LIST}')"
        )
    town.submit("boss", 1)


def _other_revision(town: Town) -> None:
    """The untested list's revision made to be the one that serves, under the certificate of the tested one."""
    with town.rules_off():
        town.sql(
            "UPDATE watchlists SET serving_id = (SELECT latest_id FROM watchlists "  # noqa: S608 -- names of this town
            f"WHERE name = '{OTHER}'), latest_id = (SELECT latest_id FROM watchlists WHERE name = '{OTHER}') "
            f"WHERE name = '{LIST}'"
        )
    town.submit("boss", 1)


def _removed(town: Town) -> None:
    for path in _containers(town, OTHER):
        path.unlink()
        town.altered = True


def _photograph_swapped(town: Town) -> object:
    """Boss's probe in the place of eve's."""
    with town.rules_off():
        town.sql("UPDATE alerts SET probe = (SELECT probe FROM alerts WHERE submitted_by = 'boss')")
    return town.desk("ben").claim(town.alerts()[0])


def _weights(town: Town) -> object:
    manifest = next(iter(manifests(town.folder).values()))
    used = town.folder / "used.onnx"
    used.write_bytes(b"what was installed")
    model = InstalledModel(manifest, used, used, hashlib.sha256(used.read_bytes()).hexdigest(), "r1")
    read_weights(model)
    town.overwrite(used, b"something else")
    return read_weights(model)


def _newer(town: Town) -> object:
    town.sql("PRAGMA user_version = 1")
    return town.names()


ATTEMPTS = (
    Attempt(
        "the files of the home read",
        Attacker.DISK,
        prevented(Layer.SEAL, "nothing of them lies in the home in clear"),
        "Names, notes, ids, pictures and templates are sealed: their bytes are found in no file.",
        _read,
    ),
    Attempt(
        "a home that others may open",
        Attacker.DISK,
        prevented(Layer.FILES, "can be opened by others"),
        "A home whose folder is open to others is not worked with.",
        _opened_up,
    ),
    Attempt(
        "one bit of the templates flipped",
        Attacker.DISK,
        detected(Layer.SEAL, "its file was altered"),
        "What is sealed is authenticated: it opens as it was, or not at all.",
        _flipped,
    ),
    Attempt(
        "another list's index in the place of this one's",
        Attacker.DISK,
        detected(Layer.SEAL, "its file was altered"),
        "A container opens under its own name only.",
        _swapped_index,
    ),
    Attempt(
        "another list's files and digest in the place of this one's",
        Attacker.DISK,
        detected(Layer.SEAL, "its file was altered"),
        "A container opens under its own name only, whatever the database says of it.",
        _swapped_list,
    ),
    Attempt(
        "an untested revision made to serve",
        Attacker.DISK,
        detected(Layer.STORE, "is for something else"),
        "What a certificate is for is in its signed terms, not in the row of the list.",
        _other_revision,
    ),
    Attempt(
        "what was loaded removed",
        Attacker.DISK,
        detected(Layer.LOG, "is missing from the home"),
        "That everything that was loaded is there, anybody can see.",
        _removed,
    ),
    Attempt(
        "one search's photograph in the place of another's",
        Attacker.DISK,
        detected(Layer.SEAL, "belongs elsewhere"),
        "A sealed value opens in its own table, column and row only.",
        _photograph_swapped,
    ),
    Attempt(
        "weights of a model exchanged",
        Attacker.DISK,
        detected(Layer.MODELS, "it is not used"),
        "The digest is checked over the very bytes that are run.",
        _weights,
    ),
    Attempt(
        "a database that says it is of another version",
        Attacker.DISK,
        prevented(Layer.FILES, "made by an older matcher"),
        "A home of another version is not opened as if it were of this one.",
        _newer,
    ),
)
