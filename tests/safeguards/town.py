"""A home in which everything forbidden can be tried: people of every role, a list that serves, alerts that wait."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from matcher.domain.case import Verdict
from matcher.domain.events import Action
from matcher.domain.people import Role
from matcher.services.people import add_user
from matcher.services.workplace import sign_in
from tests.databases import raw
from tests.services.world import PASSPHRASE, Clock, World

HATS = {Role.ADMIN, Role.APPROVER, Role.REVIEWER}


@dataclass
class Town(World):
    """`eve` holds every role but the auditor's, and loaded the list; whatever roles allow, she may not do twice."""

    clock: Clock = field(default_factory=lambda: Clock(datetime.now(UTC).replace(microsecond=0)))

    def lived(self) -> "Town":
        """A list that eve loaded and vera activated; an alert that eve searched and ana judged, and one of boss's."""
        add_user(self.place, self.sessions["boss"], "eve", frozenset(HATS), PASSPHRASE)
        self.sessions["eve"] = sign_in(self.place, "eve", PASSPHRASE)
        self.create(expires=(self.clock.now + timedelta(days=90)).date())
        self.load(who="eve")
        self.cohort()
        self.calibrate()
        self.activate()
        self.submit(self.templates[7], who="eve", case="2026/1")
        alert = self.judge("ana", Verdict.SAME)
        self.desk("ana").finish(alert)
        self.clock.now += timedelta(seconds=1)
        self.submit(self.templates[8], who="boss", case="2026/2")
        return self

    def alerts(self) -> Sequence[str]:
        """The alert of eve's search, and the one of boss's."""
        with self.place.work(write=False) as work:
            return [line.alert_id for line in work.alerts.lines()]

    def refusals(self) -> list[dict[str, Any]]:
        """What the log says was refused, oldest first, with the actor."""
        with self.place.work(write=False) as work:
            found = [entry for entry in work.log.entries() if entry.action == Action.REFUSED]
        return [json.loads(entry.details) | {"actor": entry.actor} for entry in found]

    def sql(self, *statements: str) -> None:
        """SQL past the program, with the driver's own settings and foreign keys off."""
        raw(self.folder / "home", *statements)
