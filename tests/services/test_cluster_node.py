"""A node of a cluster, really started here."""

import socket
import stat
from importlib.util import find_spec
from pathlib import Path

import pytest

from matcher.bootstrap import describe_cluster, start_node
from matcher.domain.shards import ClusterAddress, ClusterNode
from matcher.errors import BadInput, Refused
from matcher.services import cluster_node
from matcher.services.cluster_node import Wanted, running, stop

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # it runs on, that is meant

if find_spec("ray") is None:
    pytest.skip("needs the extra cluster", allow_module_level=True)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("matcher.bootstrap.cluster_folder", lambda: tmp_path / "cluster")
    return tmp_path / "cluster"


def test_a_node_leaves_nothing_where_others_can_look_and_nothing_when_it_ends(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        head = ClusterAddress("127.0.0.1", server.getsockname()[1])
    node = start_node(Wanted(head, None, 3))
    try:
        session = Path(node.session)
        assert stat.S_IMODE(session.stat().st_mode) == 0o700
        sockets = [path for path in session.rglob("*") if path.is_socket()]
        assert sockets
        assert max(len(bytes(path)) for path in sockets) <= 107
        with pytest.raises(Refused, match="a node runs here already"):
            start_node(Wanted(ClusterAddress("127.0.0.1", 1), None, 3))
        assert describe_cluster(head) == (ClusterNode("127.0.0.1", True, 3),)
    finally:
        stop(folder)
    assert running(folder) is None
    assert not session.exists()


def test_a_head_is_not_started_where_somebody_listens(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = ClusterAddress("127.0.0.1", server.getsockname()[1])
        with pytest.raises(BadInput, match=r"somebody listens at .* already"):
            start_node(Wanted(taken, None, 3))
    assert not folder.exists()


def test_what_a_dead_node_left_goes_with_the_next_start(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_node, "_words", lambda *_: ["false"])
    monkeypatch.setattr(cluster_node, "_SESSIONS", str(tmp_path))
    left = Path(cluster_node._new_session())
    (left / "log").write_text("x")
    folder.mkdir(mode=0o700)
    (folder / "node.json").write_text(
        f'{{"pid": 1, "started": 0, "address": "a", "shards": 1, "joined": false, "session": "{left}"}}'
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        head = ClusterAddress("127.0.0.1", server.getsockname()[1])
    with pytest.raises(BadInput, match="the node did not start"):
        start_node(Wanted(head, None, 1))
    assert not left.exists()
    assert list(tmp_path.glob("matcher-*")) == []  # and what was made for this one is gone
