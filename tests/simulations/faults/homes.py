"""Small homes at several stages of a list's life, made once and copied for each trial; the pictures are vectors."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from matcher.domain.case import Verdict
from matcher.domain.people import Seat
from matcher.index.exact import ExactIndex
from matcher.index.screen import screen_of
from matcher.services.workplace import Session, Workplace, sign_in
from matcher.store.key_record import KeyCost
from matcher.store.keyring import HomeKeyring
from matcher.store.revisions_file import SealedRevisions
from matcher.store.unit_of_work import Store, open_store
from tests.services.world import PASSPHRASE, Clock, World

PEOPLE = 400  # of the cohort: fewer certify nothing
ALERT_OF = 3  # the listed person whom the waiting alert is about


@dataclass(frozen=True)
class OpenedHome:
    """A home that somebody opened again: what a new process has."""

    place: Workplace
    store: Store

    def session(self, name: str) -> Session:
        return sign_in(self.place, name, PASSPHRASE)


def open_home(home: Path, later: timedelta = timedelta(0), address: str | None = None) -> OpenedHome:
    """Opens it, `later` than now; its database may be at an address."""

    def clock() -> datetime:
        return datetime.now(UTC) + later

    seat = Seat("tester", "")
    store = open_store(home, seat, clock, address)
    place = Workplace(
        work=store.unit_of_work,
        revisions=SealedRevisions(home / "sealed"),
        keyring=HomeKeyring(home / "sealed", KeyCost(passes=1, memory_kib=64, lanes=1)),
        build_index=ExactIndex.build,
        open_index=ExactIndex.opened,
        screen_of=screen_of,
        clock=clock,
        random=os.urandom,
        seat=seat,
    )
    return OpenedHome(place, store)


def make_stages(folder: Path) -> tuple[()]:
    """Homes `loaded`, `calibrated`, `active` and `waiting` (ben has judged an alert, and ana has not) in the folder."""
    world = World(folder, Clock(datetime.now(UTC)))

    def keep(stage: str, *steps: Callable[[], object]) -> None:
        for step in steps:
            step()
        shutil.copytree(folder / "home", folder / stage)

    world.create()
    keep("loaded", world.load, lambda: world.cohort(PEOPLE))
    keep("calibrated", world.calibrate)
    keep("active", world.activate)
    keep(
        "waiting",
        lambda: world.submit(world.templates[ALERT_OF]),
        lambda: world.desk("ben").finish(world.judge("ben", Verdict.SAME)),
    )
    world.store.close()
    return ()
