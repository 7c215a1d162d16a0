"""How a revision is divided among the shards of a cluster, and the digest that names a shard.

1. A shard holds all templates of its subjects: the digest of a subject's id alone says which (`shard_of`).
2. The digest of a shard covers the revision's digest, which shard of how many it is, its subjects' numbers and its
   float rows. It is a function of the sealed revision alone: whoever reads the containers finds the same one.
3. A cluster's address is HOST:PORT behind `ray://`; the host is an address, never a name that something else resolves.
"""

import hashlib
import ipaddress
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from matcher.domain.ports import RowReader
from matcher.domain.template import Floats, Scores
from matcher.errors import BadInput

MOST_SHARDS = 1_024
RESOURCE = "matcher_shard"  # what a node offers for each shard that it would hold
# What a process of Ray gets of an environment, beside RAY_*: no passphrase and no address of a database.
HANDED_ON = frozenset({"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONPATH", "VIRTUAL_ENV"})
ROWS_AT_ONCE = 65_536  # a multiple of the 16 rows of a block of codes
_PRIVATE = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))

_ADDRESS = re.compile(r"ray://([0-9.]+|\[[0-9a-fA-F:.]+\]):([0-9]{1,5})(?:\?shards=([0-9]{1,4}))?")

Reach = Literal["loopback", "private", "other"]


@dataclass(frozen=True, slots=True)
class ClusterAddress:
    """Where a cluster's head listens, and among how many shards a list is divided there."""

    host: str
    port: int
    shards: int = 1

    @classmethod
    def parse(cls, text: str) -> "ClusterAddress":
        """From `ray://HOST:PORT` or `ray://HOST:PORT?shards=N`. Raises BadInput."""
        try:
            found = _ADDRESS.fullmatch(text)
            host, port, shards = ("", "0", "1") if found is None else found.groups("1")
            made = cls(str(ipaddress.ip_address(host.strip("[]"))), int(port), int(shards))
        except ValueError:
            made = None
        if made is None or not 0 < made.port < 65_536 or not 1 <= made.shards <= MOST_SHARDS:
            raise BadInput(
                f"index {text!r} is no address of a cluster: write ray://127.0.0.1:6379?shards=3, "
                f"a numeric address and 1 to {MOST_SHARDS} shards"
            )
        return made

    @property
    def reach(self) -> Reach:
        """Who can reach the address: this machine, a private network (RFC 1918, RFC 4193), or anybody."""
        found = ipaddress.ip_address(self.host)
        if found.is_loopback:
            return "loopback"
        return "private" if any(found in net for net in _PRIVATE if net.version == found.version) else "other"

    @property
    def endpoint(self) -> str:
        """HOST:PORT."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class ClusterNode:
    """A machine of a cluster: its address, whether it is alive, and how many shards it would hold."""

    address: str
    alive: bool
    shards: int


def degradation(nodes: Iterable[ClusterNode], shards: int) -> str:
    """What stands in the way of a list of so many shards, for whoever looks at a screen; empty: nothing."""
    room = sum(node.shards for node in nodes if node.alive)
    return "" if room >= shards else f"index degraded: {room} of {shards} shards have room; start more nodes"


def shard_of(subject_id: str, shards: int) -> int:
    """The shard of a subject: the first eight bytes of sha256 of its id, modulo the number of shards."""
    return int.from_bytes(hashlib.sha256(subject_id.encode()).digest()[:8], "big") % shards


def placed(subject_ids: tuple[str, ...], owners: Scores, shards: int) -> Scores:
    """The shard of each row, int32 (n,), from the number of its subject."""
    places = np.fromiter((shard_of(one, shards) for one in subject_ids), np.int32, len(subject_ids))
    return places[owners] if len(owners) else np.empty(0, np.int32)


class ShardDigest:
    """Takes a shard's rows front to back, in pieces of any size."""

    def __init__(self, revision_digest: str, shard: int, shards: int) -> None:
        self._head = [revision_digest, shard, shards]
        self._owners, self._rows = hashlib.sha256(), hashlib.sha256()

    def take(self, owners: Scores, rows: Floats) -> None:
        """The numbers of the subjects of some rows, int32 (k,), and the rows, float32 (k, d)."""
        self._owners.update(np.ascontiguousarray(owners, "<i4").tobytes())
        self._rows.update(np.ascontiguousarray(rows, "<f4").tobytes())

    def hex(self) -> str:
        """sha256 (hex)."""
        parts = [*self._head, self._owners.hexdigest(), self._rows.hexdigest()]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def shard_digests(
    revision_digest: str, subject_ids: tuple[str, ...], owners: Scores, rows: RowReader, shards: int
) -> tuple[str, ...]:
    """The digests of all shards of a revision, reading its rows once."""
    places = placed(subject_ids, owners, shards)
    digests = [ShardDigest(revision_digest, shard, shards) for shard in range(shards)]
    for numbers, part in pieces(np.arange(len(owners), dtype=np.int32), rows):
        for shard, digest in enumerate(digests):
            mine = places[numbers] == shard
            digest.take(owners[numbers[mine]], part[mine])
    return tuple(one.hex() for one in digests)


def pieces(numbers: Scores, rows: RowReader) -> Iterator[tuple[Scores, Floats]]:
    """Rows by number, ascending, so many at once that they never lie in memory all together."""
    for at in range(0, len(numbers), ROWS_AT_ONCE):
        some = numbers[at : at + ROWS_AT_ONCE]
        yield some, rows.take(some)
