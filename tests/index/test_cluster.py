"""A real Ray cluster on this machine answers as one machine does, to the bit, or not at all."""

import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

if find_spec("ray") is None:  # not imported yet: Ray reads once, when it is, whether a token is wanted
    pytest.skip("needs the extra cluster", allow_module_level=True)

import matcher
from matcher import kernels
from matcher.bootstrap import _open_cluster, _state_of
from matcher.cli.exit_codes import ExitCode, exit_code_of
from matcher.domain.shards import ClusterAddress, shard_digests
from matcher.domain.template import MILLION
from matcher.errors import BadInput, IntegrityError, NotSearchable
from matcher.index.cluster import ClusterIndex, ClusterView
from matcher.index.exact import ExactIndex
from matcher.store.containers import container_path
from matcher.store.lending import LentRevision
from matcher.store.screen_file import read_screen
from tests.fakes.review_office import home
from tests.index import ray_world
from tests.index.ray_world import Machines, Sealed, address_of, probes, sealed
from tests.services.test_shards import on_a_cluster
from tests.services.world import World
from tests.tui.stage import on_stage

pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # Ray's own pipes to its processes
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
DIGEST = "a" * 64
PLANTED = "planted-case-2026-77"


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Sealed:
    return sealed(tmp_path_factory.mktemp("sealed"), DIGEST, 3_000, 900, 1)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    with ray_world.token(tmp_path_factory.mktemp("token")), ray_world.cluster(2) as made:
        yield made


def open_on(cluster: Machines, held: Sealed, shards: int, told: list[str] | None = None) -> ClusterIndex:
    lines = told if told is not None else []
    return ClusterIndex.opened(held.lender, held.shape, address_of(cluster, shards), lines.append)


@pytest.mark.parametrize("shards", [2, 3, 7])
def test_a_thousand_probes_have_the_same_answers_to_the_bit(cluster: Machines, held: Sealed, shards: int) -> None:
    index = open_on(cluster, held, shards)
    assert index.shards == shard_digests(DIGEST, held.ids, held.owners, held.sealed_rows, shards)
    asked = probes(held, 1_000, shards)
    at, named, batch = 0, 0, 1
    while at < len(asked):
        some = asked[at : at + batch]
        threshold = (1_000_000, 900_000, 300_000, 0)[batch % 4]
        ours, theirs = index.at_or_above(some, threshold), held.embedded.at_or_above(some, threshold)
        assert ours.hits == theirs.hits
        assert ours.work.rows == theirs.work.rows
        named += sum(map(len, ours.hits))
        at, batch = at + batch, batch % 64 + 1
    assert named > 10_000  # ties among them: half of the rows are copies
    excluded = np.random.default_rng(1).integers(-1, 900, len(asked), dtype=np.int32)
    assert index.maxima(asked, excluded).tolist() == held.embedded.maxima(asked, excluded).tolist()
    index.close()


def test_the_best_k_of_an_answer_are_those_of_all_scores_ties_by_subject(cluster: Machines, held: Sealed) -> None:
    """No index ranks a list: what an answer holds above a threshold is compared with every score there is."""
    index = open_on(cluster, held, 3)
    ties, asked = 0, probes(held, 1_000, 11)
    for at in range(0, len(asked), 50):
        some = asked[at : at + 50]
        scores = np.full((len(some), len(held.ids)), -MILLION - 1, np.int64)
        np.maximum.at(scores, (slice(None), held.owners), kernels.canonical_scores(some, held.rows))
        present = np.unique(held.owners)
        for query, hits in enumerate(index.at_or_above(some, -MILLION).hits):
            order = present[np.lexsort((present, -scores[query, present]))]
            best = [(int(subject), int(scores[query, subject])) for subject in order]
            for k in (1, 5, 50, len(best)):
                assert [(hit.subject, hit.score) for hit in hits[:k]] == best[:k]
            ties += sum(one[1] == other[1] for one, other in pairwise(best))
    assert ties > 100_000
    index.close()


def test_what_one_machine_refuses_a_cluster_refuses(cluster: Machines, held: Sealed) -> None:
    index = open_on(cluster, held, 2)
    with pytest.raises(BadInput):
        index.at_or_above(held.rows[:1], 1_000_001)
    with pytest.raises(BadInput):
        index.at_or_above(np.ones((1, ray_world.DIM), np.float32), 0)
    assert index.at_or_above(held.rows[:0], 0).hits == ()
    assert index.maxima(held.rows[:0]).shape == (0,)
    index.close()


def test_the_product_searches_on_a_cluster_what_an_approver_signed_for_it(cluster: Machines, tmp_path: Path) -> None:
    address = address_of(cluster, 2)
    world = on_a_cluster(World(tmp_path), 2, partial(_open_cluster, address)).active()
    assert [world.submit(row)[0].alerts for row in (world.templates[3], -world.templates[3])] == [1, 0]
    on_a_cluster(world, 3, partial(_open_cluster, address_of(cluster, 3)))
    with pytest.raises(NotSearchable, match="signed for 2 shards and the cluster has 3"):
        world.submit(world.templates[3])


def test_a_list_is_not_divided_among_more_shards_than_there_is_room_for(cluster: Machines, held: Sealed) -> None:
    with pytest.raises(NotSearchable, match="has room for 16 of 17 shards"):
        open_on(cluster, held, 17)


def test_an_actor_killed_in_mid_query_is_replaced_and_the_answer_is_whole(cluster: Machines, held: Sealed) -> None:
    told: list[str] = []
    index = open_on(cluster, held, 3, told)
    asked = probes(held, 64, 5)
    wanted, all_of_them = (held.embedded.at_or_above(asked, threshold).hits for threshold in (300_000, 0))
    for pid in index.pids():
        with ThreadPoolExecutor(3) as pool:
            busy = [pool.submit(index.at_or_above, asked, 0) for _ in range(3)]
            os.kill(pid, signal.SIGKILL)
            started = time.monotonic()
            assert index.at_or_above(asked, 300_000).hits == wanted
            assert time.monotonic() - started < index.patience
            assert all(one.result().hits == all_of_them for one in busy)
    assert len(told) == 3
    assert all("index degraded" in line for line in told)
    index.close()


def test_a_slow_shard_fails_the_search_in_time_and_answers_later(cluster: Machines, held: Sealed) -> None:
    index = open_on(cluster, held, 2)
    pid = index.pids()[1]
    asked = probes(held, 4, 6)
    os.kill(pid, signal.SIGSTOP)
    try:
        started = time.monotonic()
        with pytest.raises(NotSearchable, match=r"shard 2 of 2 did not answer in 5 s; nothing was searched"):
            index.at_or_above(asked, 0)
        assert time.monotonic() - started < index.patience + 1
    finally:
        os.kill(pid, signal.SIGCONT)
    assert index.at_or_above(asked, 0).hits == held.embedded.at_or_above(asked, 0).hits
    index.close()


def test_a_machine_with_another_revision_searches_nothing(cluster: Machines, held: Sealed, tmp_path: Path) -> None:
    other = sealed(tmp_path, DIGEST, 3_000, 900, 2)  # under the same names, with other rows and other salts
    index = open_on(cluster, held, 2)
    lender = other.lender
    places = (lender.facts.folder, lender.facts.templates_id, lender.facts.screen_id)
    elsewhere = (str(tmp_path / "nothing"), *places[1:])
    for facts, says in (
        (LentRevision("b" * 64, *places), "refused: this machine holds another revision"),
        (LentRevision(DIGEST, *elsewhere), "refused: this machine does not see the revision"),
        (lender.facts, "was loaded from another revision"),
    ):
        index._lender = type(lender)(facts, other.vault)
        index.end(0)
        with pytest.raises(NotSearchable, match=says):
            index.at_or_above(held.rows[:1], 0)
    index._lender = held.lender
    _settled(index, held.rows[:1], held.embedded.at_or_above(held.rows[:1], 0).hits, may_fail=False)
    index.close()


def test_a_container_that_was_altered_is_an_integrity_failure_as_on_one_machine(
    cluster: Machines, held: Sealed, tmp_path: Path
) -> None:
    other = sealed(tmp_path, DIGEST, 3_000, 900, 1)
    index = open_on(cluster, other, 2)
    path = container_path(tmp_path, f"{DIGEST}-templates")
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    with pytest.raises(IntegrityError) as alone:
        ExactIndex.opened(read_screen(other.vault, f"{DIGEST}-screen"), other.sealed_rows).at_or_above(other.rows, 0)
    with pytest.raises(IntegrityError, match=r"shard [12] of 2: ") as found:  # survivors are read where they lie
        index.at_or_above(other.rows, 0)
    assert exit_code_of(found.value) is exit_code_of(alone.value) is ExitCode.INTEGRITY
    index.close()
    with pytest.raises(IntegrityError, match=r"shard [12] of 2: "):
        open_on(cluster, other, 2)


def test_the_process_that_speaks_with_ray_may_end_at_any_time(cluster: Machines, held: Sealed) -> None:
    told: list[str] = []
    index = open_on(cluster, held, 2, told)
    digests, asked = index.shards, probes(held, 4, 8)
    wanted = held.embedded.at_or_above(asked, 0).hits
    first = index._process
    assert first is not None
    stopped = index.pids()[0]
    os.kill(stopped, signal.SIGSTOP)  # so that a search waits
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(index.at_or_above, asked, 0)
        time.sleep(0.5)
        os.kill(first._process.pid, signal.SIGABRT)  # as a check of Ray that fails does
        with pytest.raises(NotSearchable, match=r"speaks with the cluster ended.*nothing was searched"):
            waiting.result()
    os.kill(stopped, signal.SIGCONT)
    _settled(index, asked, wanted, may_fail=True)
    assert index.shards == digests
    assert index._process is not first
    assert any("speaks with the cluster ended; another is started" in line for line in told)
    index.close()


def test_the_program_that_holds_keys_never_imports_ray(cluster: Machines, held: Sealed) -> None:
    """Else Ray could end it, and make objects in it of what machines send."""
    script = """
import sys, pickle
from matcher.index.cluster import ClusterIndex
from pathlib import Path
from matcher.store.lending import Lending
from matcher.store.sealing import HomeVault
facts, shape, address, rows = pickle.load(open(sys.argv[1], 'rb'))
index = ClusterIndex.opened(Lending(facts, HomeVault(bytes(32), Path(facts.folder))), shape, address)
print(len(index.at_or_above(rows, 900_000).hits), 'ray' in sys.modules)
"""
    assert run_with(script, (held.lender.facts, held.shape, address_of(cluster, 2), held.rows[:3])) == "3 False"


def test_case_and_reason_are_in_no_file_and_no_table_of_ray(cluster: Machines, held: Sealed, tmp_path: Path) -> None:
    script = """
import sys, pickle
from functools import partial
from pathlib import Path
from matcher.bootstrap import _open_cluster
from tests.services.test_shards import on_a_cluster
from tests.services.world import World
folder, address = pickle.load(open(sys.argv[1], 'rb'))
world = on_a_cluster(World(Path(folder)), 2, partial(_open_cluster, address)).active()
print(world.submit(world.templates[3], case=sys.argv[2])[0].alerts)
"""
    assert run_with(script, (str(tmp_path), address_of(cluster, 2)), PLANTED) == "1"
    files = [path for path in cluster.folder.rglob("*") if path.is_file()]
    assert len(files) > 10
    assert not [path for path in files if PLANTED.encode() in path.read_bytes()]
    jobs = ray_world.jobs(cluster)
    assert any("ray_driver" in job for job in jobs)
    assert not [job for job in jobs if PLANTED in job]


async def test_the_screens_say_when_the_index_is_degraded_and_what_to_do(cluster: Machines) -> None:
    address = address_of(cluster, 2)
    view = ClusterView(address)
    full = partial(_state_of, view, address)
    assert full() == ""
    lacking = partial(_state_of, view, address_of(cluster, 17))
    async with on_stage(home(), index_state=lacking) as stage:
        await stage.queue("rita")
        line = "index degraded: 16 of 17 shards have room; start more nodes"
        await stage.until(lambda: line in stage.drawn_text(), "the state of the index")
    nobody = partial(_state_of, ClusterView(ClusterAddress("127.0.0.1", 1)), address)
    assert nobody().startswith("index degraded: no cluster answers at 127.0.0.1:1 (Connection refused): start one")
    view.close()


def test_a_node_killed_with_and_without_a_spare(cluster: Machines, held: Sealed) -> None:
    index = open_on(cluster, held, 3)
    asked = probes(held, 8, 7)
    wanted = held.embedded.at_or_above(asked, 0).hits
    cluster.remove_node(cluster.worker_nodes[0], allow_graceful=False)
    _settled(index, asked, wanted, may_fail=True)
    cluster.remove_node(cluster.worker_nodes[0], allow_graceful=False)
    time.sleep(1)  # a node's processes outlive it by a moment, and what they answer is whole
    started = time.monotonic()
    with pytest.raises(NotSearchable, match="nothing was searched"):
        index.at_or_above(asked, 0)
    assert time.monotonic() - started < index.patience + 1
    ray_world.add_node(cluster)
    _settled(index, asked, wanted, may_fail=True)
    index.close()
    ray_world.add_node(cluster)


def test_a_node_of_another_release_searches_nothing(cluster: Machines, held: Sealed, tmp_path: Path) -> None:
    for node in cluster.worker_nodes:
        cluster.remove_node(node, allow_graceful=False)
    (tmp_path / "matcher").mkdir()
    (tmp_path / "matcher" / "__init__.py").write_text(
        f"__version__ = '0.0.9'\n__path__ = [{str(Path(matcher.__file__).parent)!r}]\n"
    )
    old = ray_world.add_node(cluster, env_vars={"PYTHONPATH": f"{tmp_path}{os.pathsep}{os.environ['PYTHONPATH']}"})
    with pytest.raises(NotSearchable, match=r"another release of this program \(matcher 0.0.9, here "):
        _opened_where_there_is_room(cluster, held)
    cluster.remove_node(old, allow_graceful=False)
    for _ in range(2):
        ray_world.add_node(cluster)


def _opened_where_there_is_room(cluster: Machines, held: Sealed) -> ClusterIndex:
    """Ray believes for some seconds that a killed node is there."""
    for _ in range(5):
        try:
            return open_on(cluster, held, 1)
        except NotSearchable as error:
            if "release" in str(error):
                raise
    raise AssertionError("no node was tried")


def test_the_head_killed_and_started_again_at_its_address(
    cluster: Machines, held: Sealed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray ends its own process when the head was gone for a minute, here for five seconds: never ours."""
    monkeypatch.setenv("RAY_gcs_rpc_server_reconnect_timeout_s", "5")
    told: list[str] = []
    index = open_on(cluster, held, 3, told)
    asked = probes(held, 8, 9)
    wanted = held.embedded.at_or_above(asked, 0).hits
    cluster.kill_head()
    until = time.monotonic() + 60
    refused: NotSearchable | None = None
    while refused is None and time.monotonic() < until:
        try:
            assert index.at_or_above(asked, 0).hits == wanted  # whole as long as the shards answer
        except NotSearchable as error:
            refused = error
        time.sleep(0.2)
    assert refused is not None
    assert exit_code_of(refused) is ExitCode.NOT_ACTIVE
    assert "\n" not in str(refused)
    with pytest.raises(NotSearchable, match="no cluster answers at"):  # and at once, as long as there is no head
        index.at_or_above(asked, 0)
    cluster.start_head()
    for node in cluster.worker_nodes:  # a new head knows of none
        cluster.remove_node(node, allow_graceful=False)
    for _ in range(2):
        ray_world.add_node(cluster)
    _settled(index, asked, wanted, may_fail=True)
    index.close()


def _settled(index: ClusterIndex, asked: Any, wanted: Any, may_fail: bool) -> None:
    """Whole answers only, and one at the latest after the eighth try."""
    for _ in range(8):  # of five seconds each: Ray takes up to half a minute to believe that a node is gone
        try:
            assert index.at_or_above(asked, 0).hits == wanted
        except NotSearchable:
            assert may_fail
        else:
            return
    raise AssertionError("the index did not come back")


def run_with(script: str, given: object, *words: str) -> str:
    """What a program of its own prints, given an object in a file and words."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(pickle.dumps(given))
        file.flush()
        done = subprocess.run(
            [sys.executable, "-c", script, file.name, *words], capture_output=True, text=True, check=False, timeout=120
        )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
