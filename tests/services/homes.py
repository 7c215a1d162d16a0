"""Every byte of a home, searched: the database, its WAL, containers, journals and whatever else lies there.

On a server every value of every row stands for the database.
"""

import os
from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from matcher.services.workplace import sign_in
from matcher.store.key_record import KeyCost
from matcher.store.keyring import HomeKeyring
from matcher.store.revisions_file import SealedRevisions
from matcher.store.unit_of_work import open_store
from tests.databases import address_of, copy_home, dumped, files_on_server
from tests.services.world import PASSPHRASE, Clock, World

Kind = TypeVar("Kind", bound=World)


def bytes_of(home: Path) -> Mapping[str, bytes]:
    """Every file by its name; the database as well where it is none."""
    files = {str(path.relative_to(home)): path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file()}
    return files if address_of(home) is None else files | {"the server": dumped(home)}


def holding(home: Path, wanted: Mapping[str, bytes]) -> list[str]:
    """What of the wanted is where; each at least eight bytes long, so that chance finds none."""
    assert all(len(one) >= 8 for one in wanted.values())
    files = bytes_of(home)
    if address_of(home) is not None:
        files = files | {"the server's files": files_on_server(home)}
    return [f"{what} in {name}" for name, data in files.items() for what, one in wanted.items() if one in data]


def copied(world: Kind, folder: Path) -> Kind:
    """A world of its own in a copy of another's home, everybody signed in anew: as if the program had begun again."""
    copy_home(world.folder / "home", folder / "home")
    clock = Clock(world.clock.now)
    store = open_store(folder / "home", world.place.seat, clock, address_of(folder / "home"))
    sealed = folder / "home" / "sealed"
    place = replace(
        world.place,
        work=store.unit_of_work,
        revisions=SealedRevisions(sealed),
        keyring=HomeKeyring(sealed, KeyCost(passes=1, memory_kib=64, lanes=1)),
        clock=clock,
        random=os.urandom,  # a process of its own draws other ids
    )
    made = copy(world)
    made.folder, made.clock, made.store, made.place = folder, clock, store, place
    made.sessions = {name: sign_in(place, name, PASSPHRASE) for name in world.sessions}
    return made
