"""The home's own row and its people."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select, update

from matcher.domain.ids import utc_text, utc_time
from matcher.domain.people import Role, User
from matcher.domain.records import HomeFacts
from matcher.errors import BadInput, IntegrityError, Refused
from matcher.store.failures import well_formed
from matcher.store.schema import home, user_roles, users
from matcher.store.transaction import Transaction


class SqlHome:
    """The one row about the home; implements `tables.HomeTable`."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def create(self, home_id: str, created_at: datetime, demo: bool, recovery_public: bytes) -> None:
        """Writes the row. Raises Refused when it is there."""
        facts = {"home_id": home_id, "created_at": utc_text(created_at), "demo": int(demo)}
        self._transaction.run(insert(home), facts | {"id": 1, "recovery_public": recovery_public})

    def get(self) -> HomeFacts:
        """The row. Raises Refused before `create`."""
        row = self._transaction.row(select(home))
        if row is None:
            raise Refused("this home was never set up: run matcher init")
        with well_formed("facts of the home"):
            made = utc_time(row.created_at)
            return HomeFacts(row.home_id, made, bool(row.demo), row.recovery_public, row.recovery_sealed)

    def set_recovery_sealed(self, sealed: bytes) -> None:
        """Keeps the home key as sealed to the recovery key, once. Raises Refused the second time."""
        statement = update(home).where(home.c.id == 1, home.c.recovery_sealed.is_(None))
        if self._transaction.run(statement, {"recovery_sealed": sealed}) != 1:
            raise Refused("this home has its home key already")

    def replace_recovery(self, public: bytes, sealed: bytes) -> None:
        """Another recovery key, and the home key as sealed to it. Raises Refused where there is no home key."""
        statement = update(home).where(home.c.id == 1, home.c.recovery_sealed.is_not(None))
        if self._transaction.run(statement, {"recovery_public": public, "recovery_sealed": sealed}) != 1:
            raise Refused("this home has no home key yet: add its first user")

    def replace_sealed(self, sealed: bytes) -> None:
        """Another home key, sealed to the same recovery key. Raises Refused unless the newest log entry tells of it."""
        statement = update(home).where(home.c.id == 1, home.c.recovery_sealed.is_not(None))
        if self._transaction.run(statement, {"recovery_sealed": sealed}) != 1:
            raise Refused("this home has no home key yet: add its first user")


class SqlUsers:
    """The people of a home with their encoded key records; implements `tables.Users`."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def get(self, name: str) -> User | None:
        """The user of that name."""
        row = self._transaction.row(select(users).where(users.c.name == name))
        return None if row is None else _user(row, self._roles(name))

    def all(self) -> Sequence[User]:
        """Every user, by name."""
        rows = self._transaction.rows(select(users).order_by(users.c.name))
        return [_user(row, self._roles(row.name)) for row in rows]

    def count(self) -> int:
        """How many users the home has."""
        return self._transaction.number(select(func.count()).select_from(users))

    def add(self, user: User, keys: bytes) -> None:
        """Adds a user with their key record. Raises BadInput for a taken name."""
        row = {"name": user.name, "public_key": user.public_key, "keys": keys, "suspended": int(user.suspended)}
        self._transaction.run(insert(users), row | {"created_at": utc_text(user.created_at)})
        for role in sorted(user.roles):
            self._transaction.run(insert(user_roles), {"name": user.name, "role": role.value})

    def keys(self, name: str) -> bytes:
        """The encoded key record of a user. Raises BadInput when there is no such user."""
        row = self._transaction.row(select(users.c["keys"]).where(users.c.name == name))
        if row is None:
            raise BadInput(f"there is no user {name} in this home: see matcher user list")
        return bytes(row[0])

    def set_suspended(self, name: str, suspended: bool) -> None:
        """Suspends or restores. Raises BadInput when there is no such user."""
        statement = update(users).where(users.c.name == name)
        if self._transaction.run(statement, {"suspended": int(suspended)}) != 1:
            raise BadInput(f"there is no user {name} in this home: see matcher user list")

    def set_keys(self, name: str, keys: bytes) -> None:
        """Replaces the key record of a user. Raises BadInput when there is no such user."""
        if self._transaction.run(update(users).where(users.c.name == name), {"keys": keys}) != 1:
            raise BadInput(f"there is no user {name} in this home: see matcher user list")

    def remove(self, name: str) -> None:
        """Deletes the wrapped keys of a user: an empty key record is what tells that somebody was removed."""
        self.set_keys(name, b"")
        self.set_suspended(name, True)

    def _roles(self, name: str) -> frozenset[Role]:
        rows = self._transaction.rows(select(user_roles.c.role).where(user_roles.c.name == name))
        if not rows:
            raise IntegrityError(f"user {name} has no role in the database: restore a backup")
        with well_formed("a role"):
            return frozenset(Role(row.role) for row in rows)


def _user(row: Row[Any], roles: frozenset[Role]) -> User:
    with well_formed("a user"):
        removed = not row._mapping["keys"]  # a row has a method of this name
        return User(row.name, roles, row.public_key, utc_time(row.created_at), bool(row.suspended), removed)
