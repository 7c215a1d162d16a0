"""To whom a token is shown."""

import os
import socket
from collections.abc import Iterator

import pytest

from matcher.domain.shards import ClusterAddress
from matcher.errors import NotSearchable, Refused
from matcher.index.listener import listeners, owners, require_trusted

# As the kernel prints them on a little-endian machine: 127.0.0.1:6379 of uid 1001, any address of uid 0, a connection.
TABLE = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:18EB 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1001        0 10 1 0 100 0 0 10 0
   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1 0 100 0 0 10 0
   2: 0100007F:9C40 0100007F:18EB 01 00000000:00000000 00:00000000 00000000  1002        0 12 1 0 100 0 0 10 0
"""
TABLE_6 = """  sl  local_address remote_address st tx rx tr uid timeout inode
   0: 00000000000000000000000001000000:18EB 0:0 0A 00000000:00000000 00:00000000 00000000  1001 0 13 1 0
   1: 0000000000000000FFFF00000100007F:18EC 0:0 0A 00000000:00000000 00:00000000 00000000  1003 0 14 1 0
"""


@pytest.fixture
def listening() -> Iterator[ClusterAddress]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield ClusterAddress("127.0.0.1", server.getsockname()[1])


def test_a_table_of_the_kernel_says_who_listens_where() -> None:
    assert [(str(host), port, uid) for host, port, uid in listeners(TABLE)] == [
        ("127.0.0.1", 6379, 1001),
        ("0.0.0.0", 22, 0),  # noqa: S104
    ]
    assert [(str(host), port, uid) for host, port, uid in listeners(TABLE_6)] == [
        ("::1", 6379, 1001),
        ("127.0.0.1", 6380, 1003),
    ]


def test_ones_own_listener_is_found_and_trusted(listening: ClusterAddress) -> None:
    assert owners(listening) == {os.geteuid()}
    require_trusted(listening)


def test_another_account_that_listens_there_is_shown_no_token(
    listening: ClusterAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This account stands for the other one: it listens, and whoever asks is account 54321."""
    monkeypatch.setattr("matcher.index.listener.TRUSTED", frozenset())
    monkeypatch.setattr(os, "geteuid", lambda: 54_321)
    with pytest.raises(Refused, match="is not of this account: the token was not shown"):
        require_trusted(listening)


def test_where_nobody_listens_nothing_is_waited_for(listening: ClusterAddress) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        gone = ClusterAddress("127.0.0.1", server.getsockname()[1])
    with pytest.raises(NotSearchable, match=r"no cluster answers at 127.0.0.1:\d+ \(Connection refused\)"):
        require_trusted(gone)


def test_of_other_machines_nothing_is_known() -> None:
    assert owners(ClusterAddress("192.0.2.1", 22)) == frozenset()
