"""The people who use the program, their roles, and what an unlocked one can do."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from matcher.errors import BadInput, MissingRole, Refused


class Role(StrEnum):
    """What a person may do. Loader and approver of one revision are always two people, whatever their roles."""

    ADMIN = "admin"
    APPROVER = "approver"
    REVIEWER = "reviewer"
    AUDITOR = "auditor"


def check_user_name(name: str) -> str:
    """A user name of 1 to 32 of a-z, 0-9, dot, dash, underscore. Raises BadInput otherwise."""
    allowed = set("abcdefghijklmnopqrstuvwxyz0123456789.-_")
    if not 1 <= len(name) <= 32 or not set(name) <= allowed or not name[0].isalnum():
        raise BadInput("a user name is 1 to 32 of a-z, 0-9, dot, dash and underscore, starting with a letter or digit")
    return name


@dataclass(frozen=True, slots=True)
class User:
    """A person known to a home. `public_key` is their raw Ed25519 key (32 bytes)."""

    name: str
    roles: frozenset[Role]
    public_key: bytes
    created_at: datetime
    suspended: bool = False
    removed: bool = False  # for good: their keys are gone, their name and public key stay for what they signed

    def require(self, *roles: Role) -> None:
        """Raises MissingRole unless the user holds one of `roles`, Refused if suspended or removed."""
        if self.removed:
            raise Refused(f"user {self.name} was removed from this home: what they signed stays, they can do nothing")
        if self.suspended:
            raise Refused(f"user {self.name} is suspended: an admin must lift the suspension first")
        if not self.roles & set(roles):
            needed = " or ".join(role.value for role in roles)
            raise MissingRole(f"user {self.name} is no {needed}: sign in as one, or ask an admin to add one")


@dataclass(frozen=True, slots=True)
class Seat:
    """Where somebody sits: the operating-system account and terminal, recorded with every entry and judgement."""

    account: str
    terminal: str


@dataclass(frozen=True, slots=True, eq=False)
class SignedIn:
    """A user whose passphrase opened their signing key. `sign` makes an Ed25519 signature (64 bytes, RFC 8032)."""

    user: User
    seat: Seat
    sign: Callable[[bytes], bytes]
