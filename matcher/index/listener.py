"""Whoever listens where a token is about to be shown: of this account or root, or on another machine.

What is on another machine cannot be asked. Between the look and the connection a listener can change; what is closed is
the standing trap: another account that waits on the port of a head that is not there.
"""

import ipaddress
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from matcher.domain.shards import ClusterAddress
from matcher.errors import NotSearchable, Refused

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_LISTENS = "0A"
TRUSTED = frozenset({0})  # beside this account: whoever is root needs no token


def require_trusted(address: ClusterAddress) -> None:
    """Somebody answers there, and on this machine it is this account or root. Raises NotSearchable, Refused."""
    try:  # Ray would wait for minutes where nobody listens
        socket.create_connection((address.host, address.port), timeout=3).close()
    except OSError as error:
        raise NotSearchable(
            f"no cluster answers at {address.endpoint} ({error.strerror or 'no answer in 3 s'}): "
            "start one (matcher cluster start), or unset MATCHER_INDEX"
        ) from None
    found = owners(address)
    if found - TRUSTED - {os.geteuid()} or (address.reach == "loopback" and not found):
        raise Refused(
            f"who listens at {address.endpoint} is not of this account: the token was not shown; "
            "start the head at another port (matcher cluster start --at)"
        )


def owners(address: ClusterAddress) -> frozenset[int]:
    """The accounts of this machine that listen there; none where the address is another machine's."""
    if not _is_ours(address):
        return frozenset()
    wanted = {ipaddress.ip_address(address.host), ipaddress.ip_address("0.0.0.0"), ipaddress.ip_address("::")}  # noqa: S104
    return frozenset(
        uid
        for table in _TABLES
        if table.exists()
        for host, port, uid in listeners(table.read_text(encoding="ascii"))
        if port == address.port and host in wanted
    )


def listeners(table: str) -> Iterator[tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int, int]]:
    """Address, port and account of every listener in a table of proc(5): addresses are words of the machine's order."""
    for line in table.splitlines()[1:]:
        _, local, _, state, _, _, _, uid, *_ = line.split()
        if state == _LISTENS:
            host, port = local.split(":")
            words = bytes.fromhex(host)
            ordered = b"".join(words[at : at + 4][::-1] for at in range(0, len(words), 4))
            found = ipaddress.ip_address(ordered)
            mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
            yield mapped or found, int(port, 16), int(uid)


def _is_ours(address: ClusterAddress) -> bool:
    """Whether the address is one of this machine's: nobody can listen at another's."""
    if address.reach == "loopback":
        return True
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((address.host, 0))
        except OSError:
            return False
    return True
