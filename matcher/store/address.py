"""Where a PostgreSQL server is: `postgresql+psycopg://user@host/database`, taken apart and checked.

1. Nothing but user, host, port and database, and of the options those in `_OPTIONS`; one host.
2. A server that is neither behind a socket of this machine nor on its loopback is reached with TLS that checks who
   answers (sslmode verify-ca or verify-full), or not at all: whoever is in between could play the server.
3. No message repeats any part of the address, for it may hold a password.
"""

import ipaddress
from dataclasses import dataclass, field

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from matcher.errors import BadInput, Refused

DRIVER = "postgresql+psycopg"
_EXAMPLE = f"{DRIVER}://user@host/database"
_OPTIONS = ("host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey", "passfile")
_CHECKED = ("verify-ca", "verify-full")
_PORT = 5432


@dataclass(frozen=True, slots=True)
class Address:
    """A database of a server. Without a password libpq looks for one where it always does (`~/.pgpass`)."""

    user: str
    host: str
    port: int
    database: str
    password: str | None = field(default=None, repr=False)
    tls: tuple[tuple[str, str], ...] = ()

    @property
    def local(self) -> bool:
        """Whether it names a socket or the loopback of this machine."""
        return self.host.startswith("/") or is_loopback(self.host)


def parse_address(text: str) -> Address:
    """The address in a setting. Raises BadInput for one that is not understood, Refused for a remote without TLS."""
    url = _url(text)
    options = {key: _single(value) for key, value in url.query.items()}
    unknown = [key for key in options if key not in _OPTIONS]
    if unknown:
        raise BadInput(f"the database address has an option that is none of {', '.join(_OPTIONS)}: remove it")
    host, port = options.pop("host", None), options.pop("port", None)
    if (host is not None and url.host) or (port is not None and url.port is not None):
        raise BadInput("the database address names two hosts or two ports: name one")
    address = Address(
        user=_given(url.username, "user"),
        host=_given(url.host or host, "host, or the folder of its socket (?host=/var/run/postgresql)"),
        port=_number(port) if url.port is None else url.port,
        database=_given(url.database, "database"),
        password=str(url.password) if url.password is not None else None,
        tls=tuple(sorted(options.items())),
    )
    _check_tls(address)
    return address


def is_loopback(host: str) -> bool:
    """Whether a host's name or number is of this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _url(text: str) -> URL:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise BadInput(f"the database address is not understood: it is like {_EXAMPLE}") from None
    if url.drivername != DRIVER:
        raise BadInput(f"the database address does not begin with {DRIVER}: it is like {_EXAMPLE}")
    return url


def _single(value: str | tuple[str, ...]) -> str:
    if not isinstance(value, str):
        raise BadInput("the database address gives an option twice: give it once")
    return value


def _given(part: str | None, what: str) -> str:
    if not part or "," in part or "\0" in part:
        raise BadInput(f"the database address names no single {what}: it is like {_EXAMPLE}")
    return part


def _number(port: str | None) -> int:
    if port is None:
        return _PORT
    if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65_536:
        raise BadInput("the database address names no port: a port is a number up to 65535")
    return int(port)


def _check_tls(address: Address) -> None:
    if not address.local and dict(address.tls).get("sslmode") not in _CHECKED:
        raise Refused(
            "the database server is another machine and the address does not ask for TLS that checks it: "
            "add ?sslmode=verify-full (and sslrootcert=FILE for an authority of your own)"
        )
