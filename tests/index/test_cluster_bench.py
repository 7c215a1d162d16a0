"""`matcher bench search --engine ray`: what is sealed piece by piece is what was asked for, and both ways are timed."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from matcher.bench import cluster as bench
from matcher.bench import data, timing
from matcher.bench.cluster import Rows, benchmark
from matcher.kernels import codes
from matcher.store.screen_file import SealedRows, read_screen
from tests.index import ray_world

pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # Ray's own pipes to its processes
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


@pytest.fixture
def ray_cluster(tmp_path: Path) -> Iterator[Any]:
    if find_spec("ray") is None:
        pytest.skip("needs the extra cluster")
    with ray_world.token(tmp_path), ray_world.cluster(1) as made:
        yield made


@pytest.mark.parametrize("kind", ["uniform", "faces"])
def test_rows_sealed_in_pieces_are_those_of_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: data.Kind
) -> None:
    monkeypatch.setattr(data, "AT_ONCE", 160)
    whole = data.vectors(kind, 1_003, 32, 5)
    vault, screened = bench._sealed(tmp_path, Rows(1_003, 32, data.pieces(kind, 1_003, 32, 5)), lambda _: None)
    assert np.array_equal(screened.data, codes.encode(whole, 4).data)
    assert np.array_equal(read_screen(vault, f"{bench._DIGEST}-screen").codes, screened.data)
    sealed = SealedRows(vault, f"{bench._DIGEST}-templates", 1_003, 32)
    assert np.array_equal(sealed.take(np.arange(1_003, dtype=np.int32)), whole)
    assert [len(piece) for piece in Rows.of(np.repeat(whole, 200, axis=0)).pieces] == [100_000, 100_000, 600]


def test_both_ways_are_timed_and_a_killed_shard_comes_back(ray_cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "SECONDS", 0.1)
    monkeypatch.setattr(timing, "TURNS", 1)
    rows = data.vectors("faces", 2_000, 32, 1)
    told = benchmark(
        Rows.of(rows), data.vectors("faces", 64, 32, 2), ray_world.address_of(ray_cluster, 2), lambda _: None
    )
    assert [(case["batch"], case["identical"]) for case in told["cases"]] == [(1, True), (8, True), (64, True)]
    assert all(many["cluster_per_s"] > 0 for many in told["submitters"])
    assert all(len(many["cluster_turns"]) == bench.TURNS for many in told["submitters"])
    assert len(told["shard_bytes"]) == 2
    assert told["recover_s"] > 0.05  # a process has to start
