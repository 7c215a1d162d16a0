"""A real Ray cluster on this machine, and sealed revisions for it to search."""

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from matcher import kernels
from matcher.domain.revision import Screen
from matcher.domain.shards import RESOURCE, ClusterAddress
from matcher.domain.template import Floats, Scores
from matcher.index.exact import ExactIndex
from matcher.kernels import codes
from matcher.store.lending import Lending
from matcher.store.screen_file import SealedRows, write_screen
from matcher.store.sealing import HomeVault

OBJECT_STORE = 90 << 20
DIM = 64


@dataclass
class Sealed:
    """A sealed revision, and the same in memory."""

    digest: str
    rows: Floats
    owners: Scores
    ids: tuple[str, ...]
    vault: HomeVault
    embedded: ExactIndex

    @property
    def sealed_rows(self) -> SealedRows:
        return SealedRows(self.vault, f"{self.digest}-templates", *self.rows.shape)

    @property
    def lender(self) -> Lending:
        return Lending.of(self.digest, self.sealed_rows)

    @property
    def shape(self) -> tuple[int, int]:
        return self.rows.shape[0], self.rows.shape[1]


def sealed(folder: Path, digest: str, n: int, subjects: int, seed: int) -> Sealed:
    """Rows of which many are copies of another subject's, so that scores tie."""
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(seed)
    rows = kernels.normalise(rng.standard_normal((n, DIM)).astype(np.float32))
    rows[n // 2 :] = rows[: n - n // 2]
    owners = np.sort(rng.integers(0, subjects, n)).astype(np.int32)
    ids = tuple(f"S{number:05}" for number in range(subjects))
    vault, made = HomeVault(bytes(32), folder), codes.encode(rows, 4)
    with vault.new_container(f"{digest}-templates") as box, vault.new_container(f"{digest}-screen") as screen:
        box.append(rows.tobytes())
        write_screen(screen, Screen(digest, 4, DIM, made.data, owners, ids))
        box.keep()
        screen.keep()
    return Sealed(digest, rows, owners, ids, vault, ExactIndex.build(rows, owners, digest))


@contextmanager
def token(folder: Path) -> Iterator[None]:
    """A token in a file; it must be named before Ray is first imported."""
    path = folder / "token"
    path.write_text(secrets.token_hex(32))
    path.chmod(0o600)
    before = dict(os.environ)
    os.environ.pop("RAY_AUTH_TOKEN", None)
    os.environ["RAY_AUTH_TOKEN_PATH"] = str(path)
    from matcher.index.ray_process import environment_for

    os.environ.update(environment_for(ClusterAddress("127.0.0.1", 6379), os.environ))
    try:
        yield
    finally:
        for name in set(os.environ) - set(before):
            del os.environ[name]
        os.environ.update(before)


class Machines:
    """A head that holds no shard and nodes that do, of Ray's own making, below a folder of this account."""

    def __init__(self, folder: Path) -> None:
        from ray.cluster_utils import Cluster

        self.folder = folder
        self._made = Cluster()
        self._port = 0
        self.start_head()

    @property
    def address(self) -> str:
        return str(self._made.address)

    @property
    def worker_nodes(self) -> list[Any]:
        return list(self._made.worker_nodes)

    def start_head(self) -> None:
        """At the same address again, once there was one."""
        self._start(num_cpus=0, include_dashboard=False, resources={RESOURCE: 0}, gcs_server_port=self._port or None)
        self._port = int(self.address.rpartition(":")[2])

    def kill_head(self) -> None:
        """Its processes and all it knew."""
        self._made.global_state.disconnect()  # else it would end this process after a minute
        self._made.head_node.kill_all_processes(check_alive=False, allow_graceful=False, wait=True)
        self._made.head_node = None

    def start_node(self, **how: Any) -> Any:
        return self._start(num_cpus=1, resources={RESOURCE: 8}, **how)

    def remove_node(self, node: Any, allow_graceful: bool) -> None:
        self._made.remove_node(node, allow_graceful=allow_graceful)

    def close(self) -> None:
        for node in self.worker_nodes:
            self.remove_node(node, allow_graceful=False)
        if self._made.head_node is not None:
            self.kill_head()

    def _start(self, **how: Any) -> Any:
        return self._made.add_node(object_store_memory=OBJECT_STORE, temp_dir=str(self.folder), **how)


@contextmanager
def cluster(workers: int) -> Iterator[Machines]:
    """A head that holds no shard and so many nodes that do."""
    with tempfile.TemporaryDirectory(prefix="mray-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        made = Machines(Path(folder))
        try:
            for _ in range(workers):
                add_node(made)
            yield made
        finally:
            made.close()


def add_node(made: Machines, **how: Any) -> Any:
    return made.start_node(**how)


def jobs(made: Machines) -> list[str]:
    """The cluster's table of jobs, a text each."""
    import ray

    state = ray._private.state.GlobalState()
    options = ray._raylet.GcsClientOptions.create(
        made.address, None, allow_cluster_id_nil=True, fetch_cluster_id_if_nil=False
    )
    state._initialize_global_state(options)
    try:
        return [str(job) for job in state.job_table()]
    finally:
        state.disconnect()


def address_of(made: Machines, shards: int) -> ClusterAddress:
    return ClusterAddress.parse(f"ray://{made.address}?shards={shards}")


def probes(held: Sealed, count: int, seed: int) -> Floats:
    """Half of them near listed rows, so that some reach every threshold."""
    rng = np.random.default_rng(seed)
    made = rng.standard_normal((count, DIM)).astype(np.float32)
    near = held.rows[rng.integers(0, len(held.rows), count // 2)]
    made[: count // 2] = near + 0.05 * made[: count // 2]
    return kernels.normalise(made)
