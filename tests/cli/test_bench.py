"""The benchmark runs end to end, tells a ratio only for identical answers, and draws its picture."""

from pathlib import Path

import numpy as np
import pytest

from matcher.bench import timing, truth
from matcher.bench.approximate import beside_exact
from matcher.bench.cascade import Cascade, Comparison, at_threshold
from matcher.bench.data import held_out, vectors, vectors_of
from matcher.bench.peers.flat import FaissFlat
from matcher.bench.ranking import best_rows
from matcher.bench.search import Bench, Case
from matcher.bench.timing import Times
from matcher.domain.engine import factory_from
from matcher.errors import BadInput
from matcher.index.exact import ExactIndex
from matcher.kernels import normalise
from matcher.kernels.codes import encode
from tests.cli.runner import Cli


def test_bench_search(tmp_path: Path) -> None:
    rows, queries = vectors("faces", 3000, 32, 1), vectors("faces", 20, 32, 2)
    np.save(tmp_path / "rows.npy", rows)
    np.save(tmp_path / "queries.npy", queries)
    given = (
        "--dataset",
        tmp_path / "rows.npy",
        "--queries",
        tmp_path / "queries.npy",
        "--batch",
        "8",
        "--threads",
        "2",
        "--index",
        "IVF16,Flat;nprobe=16",
    )
    result = Cli(tmp_path / "none")("bench", "search", *given, "--json")
    assert result.code == 0, result.err
    case, top = result.value["cases"]
    assert (case["n"], case["dim"], case["batch"], case["mode"], case["identical"]) == (3000, 32, 8, "threshold", True)
    assert (top["mode"], top["identical"]) == ("topk", True)
    assert [one["mates"]["differ"] for one in result.value["approximate"]] == [0]
    assert result.value["building"]["matcher_s"] > 0
    assert result.value["sealed"]["identical"]
    assert case["peers"]["faiss_flat"]["ratio"] > 0
    assert case["peers"]["blas"]["s"] > 0
    assert result.value["machine"]["read_gb_s"] > 0.1


def test_bench_search_cascade(tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", vectors("faces", 4000, 128, 1))
    given = ("--dataset", tmp_path / "rows.npy", "--batch", "1", "--threads", "2", "--cascade")
    result = Cli(tmp_path / "none")("bench", "search", *given, "--json")
    assert result.code == 0, result.err
    told = result.value["cascade"]
    assert 1e-10 < told["miss_probability"] <= 1e-9
    assert (told["identical"], told["checked"]["queries"]) == (True, 16)
    assert told["checked"]["rows_found"] >= 8  # those at the threshold
    assert told["survivors"]["one_bit"] <= 4000 / 250
    assert told["bytes_a_row"] == {"one_bit": 20.0, "four_bit": 68.0}
    assert told["seconds"] > 0
    assert told["faiss_flat"]["ratio"] > 0
    assert 0 < told["faster_than_exact_from"] <= told["threshold"] < 1
    assert Cli(tmp_path / "none")("bench", "search", "--growth", "--cascade").code == 2


def test_an_approximate_engine_is_told_with_whom_it_leaves_out(tmp_path: Path) -> None:
    rows, queries = vectors("faces", 4000, 32, 1), vectors("faces", 100, 32, 2)
    exact = ExactIndex.build(rows, np.arange(len(rows), dtype=np.int32), "bench")
    narrow, whole = (
        beside_exact(factory_from(text), rows, queries, exact, 700_000)
        for text in ("IVF64,Flat;nprobe=1", "IVF64,Flat;nprobe=64")
    )
    assert (narrow["factory"], narrow["ratio"]) == ("IVF64,Flat;nprobe=1", None)
    assert narrow["mates"]["differ"] > 0
    assert narrow["mates"]["recall"] < 1
    assert (whole["queries"]["differ"], whole["mates"]["differ"], whole["mates"]["recall"]) == (0, 0, 1.0)
    assert whole["mates"]["named"] > 150
    assert whole["ratio"] == round(whole["exact_s"] / whole["s"], 2)
    assert Cli(tmp_path / "none")("bench", "search", "--growth", "--index", "HNSW32").code == 2
    assert Cli(tmp_path / "none")("bench", "search", "--index", "PQ16").code == 8


@pytest.mark.parametrize("other", [("--growth",), ("--cascade",), ("--index", "HNSW32"), ("--plot", "a.svg")])
def test_what_a_cluster_is_not_timed_with_is_refused_and_not_left_out_in_silence(
    tmp_path: Path, other: tuple[str, ...]
) -> None:
    result = Cli(tmp_path / "none")("bench", "search", "--engine", "ray", *other)
    assert result.code == 2
    assert "leave out --engine ray" in result.err


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("threshold", [100, 250_000, 600_000, 1_000_000])
def test_the_cascade_finds_what_scoring_every_row_finds(threads: int, threshold: int) -> None:
    rows = vectors("faces", 2500, 48, 3)
    made = Cascade.of(rows, 11, threads)
    for query in (*rows[:3], *at_threshold(rows, vectors("faces", 5, 48, 4), threshold)):
        answer = made.at_or_above(query[np.newaxis], threshold)
        assert [answer.hits] == truth.reached(rows, query[np.newaxis], threshold)
        assert answer.hits
        assert len(answer.hits) <= answer.reached
    assert made.miss_probability <= 1e-9


def test_a_cascade_that_may_miss_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong answer is told, and then no ratio is."""
    rows, queries = vectors("uniform", 3000, 64, 3), vectors("uniform", 16, 64, 4)
    flat, exact = FaissFlat.of(rows), ExactIndex.build(rows, np.arange(3000, dtype=np.int32), "bench", 1)
    monkeypatch.setattr(timing, "TURNS", 1)
    told = Comparison(rows, queries, Cascade.of(rows, 5, 1, misses=3000 * 0.4), exact, flat).run()
    assert told["miss_probability"] == 1
    assert (told["identical"], told["faiss_flat"]["ratio"], told["exact"]["ratio"]) == (False, None, None)


@pytest.mark.parametrize("content", [b"not an array", b""])
def test_a_file_that_is_no_array_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "rows.npy").write_bytes(content)
    assert Cli(tmp_path / "none")("bench", "search", "--dataset", tmp_path / "rows.npy").code == 8


@pytest.mark.parametrize("kind", ["uniform", "faces"])
@pytest.mark.parametrize("threads", [1, 3])
def test_the_ten_best_are_those_of_scoring_every_row(kind: str, threads: int) -> None:
    rows, queries = vectors(kind, 2500, 48, 3), vectors(kind, 9, 48, 4)
    rows = np.concatenate([rows, rows[:30]])  # ties: the same row twice
    for bits in (4, 8):
        ranked, scored = best_rows(rows, encode(rows, bits), queries, 10, threads)
        assert ranked == truth.best(rows, queries, 10)
        assert 90 <= scored < 0.2 * rows.shape[0] * len(queries)


def test_fewer_rows_than_are_asked_for() -> None:
    rows, queries = vectors("uniform", 4, 16, 3), vectors("uniform", 2, 16, 4)
    ranked, scored = best_rows(rows, encode(rows, 8), queries, 10, 2)
    assert (ranked, scored) == (truth.best(rows, queries, 10), 8)


def test_percentiles_are_times_that_were_taken() -> None:
    times = Times(tuple(float(i) for i in range(1, 101)))
    assert (times.median, times.percentile(0.95), times.percentile(0.99), times.percentile(1)) == (51, 95, 99, 100)


def test_queries_are_held_out_of_a_data_set(tmp_path: Path) -> None:
    rows = vectors("faces", 300, 16, 1)
    np.savez(tmp_path / "rows.npz", embeddings=rows)
    kept, asked = held_out(vectors_of(tmp_path / "rows.npz"), 256)
    assert (len(kept), len(asked)) == (270, 30)
    assert {row.tobytes() for row in kept} | {row.tobytes() for row in asked} == {
        row.tobytes() for row in normalise(rows)
    }


def test_an_archive_without_embeddings_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "rows.npz", other=np.zeros(3))
    with pytest.raises(BadInput, match="no array of vectors"):
        vectors_of(tmp_path / "rows.npz")


def test_lossy_peers_are_told_with_their_recall() -> None:
    bench = Bench(FaissFlat.of(vectors("faces", 4000, 32, 1)), vectors("faces", 64, 32, 2), 2, lambda _: None, True)
    peers = bench.run(Case(1, "topk"))["peers"]
    assert {"faiss_sq8", "faiss_hnsw32"} <= set(peers)
    assert all(0 < peers[name]["recall"] <= 1 for name in peers if name not in ("faiss_flat", "blas"))
