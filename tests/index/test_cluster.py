"""A real Ray cluster on this machine answers as one machine does, to the bit, or not at all."""

import time
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

if find_spec("ray") is None:  # not imported yet: Ray reads once, when it is, whether a token is wanted
    pytest.skip("needs the extra cluster", allow_module_level=True)

from matcher.bootstrap import _open_cluster
from matcher.domain.shards import shard_digests
from matcher.errors import BadInput, NotSearchable
from matcher.index.cluster import ClusterIndex
from tests.index import ray_world
from tests.index.ray_world import Sealed, address_of, probes, sealed
from tests.services.test_shards import on_a_cluster
from tests.services.world import World

pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # Ray's own pipes to its processes
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
DIGEST = "a" * 64


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Sealed:
    return sealed(tmp_path_factory.mktemp("sealed"), DIGEST, 3_000, 900, 1)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with ray_world.token(tmp_path_factory.mktemp("token")), ray_world.cluster(2) as made:
        yield made


def open_on(cluster: Any, held: Sealed, shards: int, told: list[str] | None = None) -> ClusterIndex:
    lines = told if told is not None else []
    return ClusterIndex.opened(held.lender, held.shape, address_of(cluster, shards), lines.append)


@pytest.mark.parametrize("shards", [2, 3, 7])
def test_a_thousand_probes_have_the_same_answers_to_the_bit(cluster: Any, held: Sealed, shards: int) -> None:
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


def test_what_one_machine_refuses_a_cluster_refuses(cluster: Any, held: Sealed) -> None:
    index = open_on(cluster, held, 2)
    with pytest.raises(BadInput):
        index.at_or_above(held.rows[:1], 1_000_001)
    with pytest.raises(BadInput):
        index.at_or_above(np.ones((1, ray_world.DIM), np.float32), 0)
    assert index.at_or_above(held.rows[:0], 0).hits == ()
    assert index.maxima(held.rows[:0]).shape == (0,)
    index.close()


def test_the_product_searches_on_a_cluster_what_an_approver_signed_for_it(cluster: Any, tmp_path: Path) -> None:
    address = address_of(cluster, 2)
    world = on_a_cluster(World(tmp_path), 2, partial(_open_cluster, address)).active()
    assert [world.submit(row)[0].alerts for row in (world.templates[3], -world.templates[3])] == [1, 0]
    on_a_cluster(world, 3, partial(_open_cluster, address_of(cluster, 3)))
    with pytest.raises(NotSearchable, match="signed for 2 shards and the cluster has 3"):
        world.submit(world.templates[3])


def test_a_list_is_not_divided_among_more_shards_than_there_is_room_for(cluster: Any, held: Sealed) -> None:
    with pytest.raises(NotSearchable, match="has room for 16 of 17 shards"):
        open_on(cluster, held, 17)


def test_an_actor_killed_in_mid_query_is_replaced_and_the_answer_is_whole(cluster: Any, held: Sealed) -> None:
    import ray

    told: list[str] = []
    index = open_on(cluster, held, 3, told)
    asked = probes(held, 64, 5)
    wanted = held.embedded.at_or_above(asked, 300_000).hits
    for shard in range(3):
        refs = index._held[shard].actor.answer.remote(asked, 0)
        ray.kill(index._held[shard].actor)
        started = time.monotonic()
        assert index.at_or_above(asked, 300_000).hits == wanted
        assert time.monotonic() - started < index.patience
        del refs
    assert len(told) == 3
    assert all("index degraded" in line for line in told)
    index.close()


def test_a_slow_shard_fails_the_search_in_time_and_answers_later(cluster: Any, held: Sealed) -> None:
    import os
    import signal

    import ray

    index = open_on(cluster, held, 2)
    pid = ray.get(index._held[1].actor.pid.remote())
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


def test_a_machine_with_another_revision_searches_nothing(cluster: Any, held: Sealed, tmp_path: Path) -> None:
    other = sealed(tmp_path, DIGEST, 3_000, 900, 2)  # under the same names, with other rows and other salts
    index = open_on(cluster, held, 2)
    lender = other.lender
    index._lender = type(lender)(type(lender.facts)("b" * 64, *_places(lender.facts)), other.vault)
    index.lost(0, index._held[0].actor, "is taken away")
    with pytest.raises(NotSearchable, match="refused: this machine holds another revision"):
        index.at_or_above(held.rows[:1], 0)
    index._lender = lender
    with pytest.raises(NotSearchable, match="was loaded from another revision"):
        index.at_or_above(held.rows[:1], 0)
    index._lender = held.lender
    _settled(index, held.rows[:1], held.embedded.at_or_above(held.rows[:1], 0).hits, may_fail=False)
    index.close()


def _places(facts: Any) -> tuple[str, str, str]:
    return facts.folder, facts.templates_id, facts.screen_id


def test_a_node_killed_with_and_without_a_spare(cluster: Any, held: Sealed) -> None:
    index = open_on(cluster, held, 3)
    asked = probes(held, 8, 7)
    wanted = held.embedded.at_or_above(asked, 0).hits
    cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
    _settled(index, asked, wanted, may_fail=True)
    cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
    time.sleep(1)  # a node's processes outlive it by a moment, and what they answer is whole
    started = time.monotonic()
    with pytest.raises(NotSearchable, match="nothing was searched"):
        index.at_or_above(asked, 0)
    assert time.monotonic() - started < index.patience + 1
    ray_world.add_node(cluster)
    _settled(index, asked, wanted, may_fail=True)
    index.close()
    ray_world.add_node(cluster)


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
