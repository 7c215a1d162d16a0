"""`matcher bench`: timing, beside peers, in one run."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from matcher.cli.common import Call, leaf
from matcher.cli.output import table

if TYPE_CHECKING:
    from matcher.bench.peers.flat import FaissFlat
    from matcher.domain.template import Floats

GROWTH = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)


@click.group("bench")
def command() -> None:
    """Time the code that searches, beside the libraries that do the same, and show what limits do. Needs no home.

    Example: `matcher bench search --n 100000`
    """


@command.command("search")
@click.option("--n", type=click.IntRange(1, 100_000_000), default=1_000_000, show_default=True, help="Templates.")
@click.option("--dim", type=click.IntRange(1, 4096), default=512, show_default=True, help="Elements of a template.")
@click.option("--batch", type=click.IntRange(1, 4096), help="Only this many queries at once.")
@click.option("--threads", type=click.IntRange(1, 64), help="Threads of ours; as many as there are processors.")
@click.option("--kind", type=click.Choice(["uniform", "faces"]), default="uniform", show_default=True, help="Vectors.")
@click.option(
    "--dataset",
    type=click.Path(path_type=Path),
    help="Vectors to search: float32 (n, d), .npy, or `embeddings` of an .npz.",
)
@click.option(
    "--queries", type=click.Path(path_type=Path), help="Vectors to search with; else some of the data set are held out."
)
@click.option(
    "--peers", type=click.Choice(["exact", "all"]), default="exact", show_default=True, help="Lossy ones too."
)
@click.option("--growth", is_flag=True, help="One query over 1,000 to 10,000,000 templates instead (about 12 GB).")
@click.option("--plot", type=click.Path(path_type=Path), help="Write the medians as an SVG picture.")
@leaf
def search(call: Call, **given: Any) -> None:
    """Time exact search: at a threshold and for the ten best, one query and batches, beside faiss and a BLAS product.

    Medians of interleaved repeats after a warm-up; a ratio is printed only where the answers were identical to scoring
    every row. A million templates of 512 elements take about 8 minutes and 9 GB.

    Example: `matcher bench search --n 1000000 --dim 128 --json`
    """
    from matcher.bench.search import CASES, Bench, Case, growth
    from matcher.kernels.threads import processors

    threads = given["threads"] or processors()
    if given["growth"]:
        make = _maker(given["kind"], given["dim"])
        cases = list(growth(GROWTH, make, threads, call.output.say))
        value: dict[str, Any] = {"cases": cases}
    else:
        bench = Bench(*_vectors(given), threads, call.output.say, given["peers"] == "all")
        one = given["batch"]
        asked = CASES if one is None else (Case(one, "threshold"), Case(one, "topk"))
        cases = [bench.run(case) for case in asked]
        value = {"machine": bench.machine(), "cases": cases, "building": bench.building(), "sealed": bench.sealed()}
    if given["plot"] is not None:
        from matcher.bench.plot import write_plot

        write_plot(given["plot"], value["cases"])
    call.output.result(value, _shown(value))


@command.command("quality")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--policy", type=click.Path(path_type=Path), help="A policy file; its quality limits are shown as well.")
@click.option("--fmr", type=click.FloatRange(0, 1), default=0.001, show_default=True, help="Sets the threshold.")
@click.option("--threshold", metavar="T", help="Compare at this threshold instead.")
@leaf
def quality(call: Call, source: Path, policy: Path | None, **given: Any) -> None:
    """Show what each quality limit would do to a cohort: misses against share rejected, and whom it rejects, by group.

    SOURCE is a cohort's manifest or folder. Nothing is stored, and no home is needed.

    Example: `matcher bench quality staff.csv --policy policy.toml --json`
    """
    from matcher.bench.quality import quality_report, read_samples
    from matcher.bootstrap import default_pipeline, read_policy
    from matcher.cli.quality_output import shown
    from matcher.domain.template import threshold_from
    from matcher.store.manifest_files import read_manifest
    from matcher.vision.files import read_picture_file

    threshold = None if given["threshold"] is None else threshold_from(given["threshold"])
    limits = read_policy(policy).quality
    rows = read_manifest(source, "cohort")
    pipeline = default_pipeline(call.settings, call.output)
    with call.output.progress("measuring") as progress:
        samples = read_samples(rows, read_picture_file, pipeline, limits, progress)
    value = quality_report(samples, limits, given["fmr"], threshold)
    call.output.result(value, shown(value))


def _vectors(given: dict[str, Any]) -> "tuple[FaissFlat, Floats]":
    from matcher.bench.data import held_out, vectors, vectors_of
    from matcher.bench.peers.flat import FaissFlat
    from matcher.errors import BadInput

    most = max(256, given["batch"] or 0)
    if given["dataset"] is None:
        rows, queries = vectors(given["kind"], given["n"], given["dim"], 1), None
    elif given["queries"] is None:
        rows, queries = held_out(vectors_of(given["dataset"]), most)
    else:
        rows, queries = vectors_of(given["dataset"]), None
    if given["queries"] is not None:
        queries = vectors_of(given["queries"])
    if queries is None:
        queries = vectors(given["kind"], most, rows.shape[1], 2)
    if queries.shape[1] != rows.shape[1]:
        raise BadInput(f"queries have {queries.shape[1]} elements, the templates {rows.shape[1]}")
    return FaissFlat.of(rows), queries


def _maker(kind: Any, dim: int) -> Any:
    from matcher.bench.data import vectors

    return lambda n: vectors(kind, n, dim, n)


def _shown(value: dict[str, Any]) -> str:
    rows = [
        (
            f"{case['n']:,}",
            case["dim"],
            case["mode"],
            case["batch"],
            f"{1e3 * case['matcher_s']:.3f}",
            f"{1e3 * case['p99_s']:.3f}",
            *(
                "not identical" if case["peers"][peer]["ratio"] is None else f"{case['peers'][peer]['ratio']:.1f}x"
                for peer in ("faiss_flat", "blas")
            ),
            case["survivors"],
            "" if case["bandwidth_share"] is None else f"{case['bandwidth_share']:.0%}",
            f"{case['rss_ratio']:.3f}",
        )
        for case in value["cases"]
    ]
    headings = ("n", "dim", "mode", "batch", "ms", "p99 ms", "faiss", "blas", "survivors", "of read limit", "memory")
    rest = {name: part for name, part in value.items() if name != "cases"}
    return table(headings, rows) + ("\n" + json.dumps(rest, indent=2) if rest else "")
