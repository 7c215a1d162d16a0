"""Random identifiers and handles; the clock and the random source are passed in, never taken from the air."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
RandomBytes = Callable[[int], bytes]


def new_id(random: RandomBytes) -> str:
    """A fresh identifier: 128 random bits as 26 lower-case base32 characters (RFC 4648 section 6, unpadded)."""
    return base64.b32encode(random(16)).decode("ascii").rstrip("=").lower()


def new_handle(random: RandomBytes) -> str:
    """A short random handle for screens and logs (40 bits, `ABCD-EFGH`); it says nothing about whom it stands for."""
    text = base64.b32encode(random(5)).decode("ascii")
    return f"{text[:4]}-{text[4:]}"


def utc_text(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds, the one form in which times are stored and signed.

    Raises ValueError for a naive datetime.
    """
    if moment.tzinfo is None:
        raise ValueError("a time without a zone cannot be stored")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def utc_time(text: str) -> datetime:
    """The inverse of `utc_text`."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
