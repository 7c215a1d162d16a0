"""`matcher bench`: timing, beside peers, in one run."""

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from matcher.cli.common import Call, leaf
from matcher.cli.output import table

if TYPE_CHECKING:
    from matcher.domain.template import Floats

PROVIDERS = ("onnxruntime", "onnxruntime-int8", "onnxruntime-cuda", "openvino", "openvino-bf16", "openvino-int8")
GROWTH = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)


@click.group("bench")
def command() -> None:
    """Time and test what searches and enrols, beside the libraries that do the same. Needs no home.

    Example: `matcher bench search --n 100000`
    """


@command.command("search")
@click.option("--n", type=click.IntRange(1, 100_000_000), default=1_000_000, show_default=True, help="Templates.")
@click.option("--dim", type=click.IntRange(1, 4096), default=512, show_default=True, help="Elements of a template.")
@click.option("--batch", type=click.IntRange(1, 4096), help="Only this many queries at once.")
@click.option("--threads", type=click.IntRange(1, 64), help="Threads of ours; else as many as have enough to do.")
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
@click.option("--cascade", is_flag=True, help="Time the 1-bit cascade too, which may miss with probability 1e-9.")
@click.option(
    "--index", metavar="FACTORY", multiple=True, help="Time an approximate engine too, as calibrate names it."
)
@click.option("--plot", type=click.Path(path_type=Path), help="Write the medians as an SVG picture.")
@click.option(
    "--engine", type=click.Choice(["embedded", "ray"]), default="embedded", show_default=True, help="What searches."
)
@click.option("--shards", type=click.IntRange(1, 1_024), default=2, show_default=True, help="With --engine ray.")
@leaf
def search(call: Call, **given: Any) -> None:
    """Time exact search: at a threshold and for the ten best, one query and batches, beside faiss and a BLAS product.

    Medians of interleaved repeats after a warm-up; a ratio is printed only where the answers were identical to scoring
    every row. A million templates of 512 elements take about 8 minutes and 9 GB. --engine ray times the cluster that
    MATCHER_INDEX names, or the one started here, beside one machine's sealed index instead.

    Example: `matcher bench search --n 1000000 --dim 128 --json`
    """
    from matcher.bench.peers.flat import FaissFlat
    from matcher.bench.search import CASES, Bench, Case, growth
    from matcher.domain.engine import factory_from
    from matcher.errors import UsageError

    if given["engine"] == "ray":
        if any(given[name] for name in ("growth", "cascade", "index", "plot")):
            raise UsageError("--growth, --cascade, --index and --plot are of one machine: leave out --engine ray")
        return _on_a_cluster(call, given)
    engines = [factory_from(text) for text in given["index"]]
    if given["growth"] and (given["cascade"] or engines):
        raise UsageError("--cascade and --index are timed on one list: leave out --growth")
    if given["growth"]:
        make = _maker(given["kind"], given["dim"])
        cases = list(growth(GROWTH, make, given["threads"], call.output.say))
        value: dict[str, Any] = {"cases": cases}
    else:
        rows, queries = _vectors(given)
        flat = FaissFlat.of(rows)
        del rows  # the peer's copy is the one that everybody reads
        bench = Bench(flat, queries, given["threads"], call.output.say, given["peers"] == "all")
        one = given["batch"]
        asked = CASES if one is None else (Case(one, "threshold"), Case(one, "topk"))
        cases = [bench.run(case) for case in asked]
        value = {"machine": bench.machine(), "cases": cases, "building": bench.building(), "sealed": bench.sealed()}
        if engines:
            value["approximate"] = [bench.approximate(factory) for factory in engines]
        if given["cascade"]:
            import secrets

            # Drawn when the vectors exist: what the cascade promises holds for vectors that do not depend on the seed.
            value["cascade"] = bench.cascade(secrets.randbits(64))
    if given["plot"] is not None:
        from matcher.bench.plot import write_plot

        write_plot(given["plot"], value["cases"])
    call.output.result(value, _shown(value))
    return None


def _on_a_cluster(call: Call, given: dict[str, Any]) -> None:
    from matcher.bench.cluster import Rows, benchmark
    from matcher.bench.data import pieces, vectors
    from matcher.bootstrap import give_cluster_token
    from matcher.domain.shards import ClusterAddress

    address = replace(ClusterAddress.parse(call.settings.index or "ray://127.0.0.1:6379"), shards=given["shards"])
    give_cluster_token()
    if given["dataset"] is None and given["queries"] is None:
        n, d, kind = given["n"], given["dim"], given["kind"]
        rows, queries = Rows(n, d, pieces(kind, n, d, 1)), vectors(kind, 256, d, 2)
    else:
        kept, queries = _vectors(given)
        rows = Rows.of(kept)
    value = benchmark(rows, queries, address, call.output.say)
    call.output.result(value, json.dumps(value, indent=2))


@command.command("calibrate")
@click.option(
    "--people",
    "samples",
    type=click.IntRange(100, 20_000),
    default=6_600,
    show_default=True,
    help="Samples, two of each person.",
)
@click.option("--dim", type=click.IntRange(8, 4096), default=128, show_default=True, help="Elements of a template.")
@click.option(
    "--groups", type=click.IntRange(3, 8), default=5, show_default=True, help="Labels in each of two columns."
)
@click.option("--seed", type=click.IntRange(0, 1 << 31), default=1, show_default=True, help="Of the made-up people.")
@click.option("--threads", type=click.IntRange(1, 64), help="Threads of the kernels; as many as there are processors.")
@leaf
def calibrate(call: Call, **given: Any) -> None:
    """Time a whole calibration of made-up people, beside a NumPy and SciPy script and fairlearn.

    All comparisons, groups and two-way cells with exact bounds, the threshold, 2,000 draws of people, 9,999
    permutations a column and the likelihood ratio. A ratio is printed only where the numbers are the same; what a peer
    leaves out is named. The default takes about 5 seconds of a processor, and as much and 0.9 GB for the peer.

    Example: `matcher bench calibrate --people 6600 --json`
    """
    from matcher.bench.calibrate import benchmark
    from matcher.bench.cohort import made_up

    call.output.say("people")
    cohort = made_up(given["samples"] // 2, given["groups"], given["dim"], given["seed"])
    value = benchmark(cohort, given["threads"], call.output.say)
    call.output.result(value, _calibrated(value))


@command.command("enrol")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--pictures",
    type=click.IntRange(1, 100_000),
    default=200,
    show_default=True,
    help="At most so many, spread evenly over the folder.",
)
@click.option(
    "--threads", type=click.IntRange(1, 64), help="Pictures at once; else as many as processors, ours two more."
)
@click.option(
    "--provider",
    type=click.Choice(PROVIDERS),
    help="What runs the embedder (or MATCHER_PROVIDER).",
)
@leaf
def enrol(call: Call, folder: Path, pictures: int, threads: int | None, provider: str | None) -> None:
    """Time pictures to templates: decode, detect, align and embed, beside OpenCV's own pipeline.

    The default models are installed first if they are missing. OpenCV runs twice: one pipeline with threads of its own
    on all processors (`opencv`), and a pipeline on each processor (`opencv_side_by_side`). 200 pictures of 250 px take
    about a minute on two cores.

    Example: `matcher bench enrol watchlists/demo/cohort --json`
    """
    from matcher.bench.enrol import Setting, benchmark, pictures_of
    from matcher.bootstrap import default_models
    from matcher.domain.provider import provider_from
    from matcher.kernels.threads import processors

    chosen = provider_from(provider or call.settings.provider)
    found = pictures_of(folder, pictures)
    setting = Setting(*default_models(call.settings, call.output, chosen), chosen, threads or processors(), threads)
    value = benchmark(setting, found, call.output.say)
    call.output.result(value, _enrolled(value))


def _enrolled(value: dict[str, Any]) -> str:
    rows = [
        (
            name,
            f"{way['images_per_second']:.1f}",
            f"{way['processor_ms_per_image']:.1f}",
            "" if way is value else "not the same faces" if way["ratio"] is None else f"{way['ratio']:.2f}x",
        )
        for name, way in {"matcher": value, **value["peers"]}.items()
    ]
    headings = ("way", "pictures a second", "processor ms a picture", "ratio")
    rest = {name: value[name] for name in ("images", "threads", "provider", "stages", "machine")}
    return table(headings, rows) + "\n" + json.dumps(rest, indent=2)


@command.command("accuracy")
@click.option(
    "--pairs",
    required=True,
    type=click.Path(path_type=Path),
    help="CSV: image_a,image_b,same (1 or 0), and perhaps fold and group columns.",
)
@click.option("--images", required=True, type=click.Path(path_type=Path), help="The folder the images lie in.")
@click.option(
    "--at",
    "thresholds",
    multiple=True,
    default=("0.363",),
    show_default=True,
    help="Thresholds to tell FMR and FNMR at (may be repeated).",
)
@click.option("--group", help="The column of the pairs' declared group.")
@click.option(
    "--face",
    type=click.Choice(["largest", "central"]),
    default="largest",
    show_default=True,
    help="Which face of a picture with several.",
)
@click.option(
    "--loosest", is_flag=True, help="The loosest limits of quality a policy may have, instead of the default."
)
@click.option("--provider", type=click.Choice(PROVIDERS), help="What runs the embedder (or MATCHER_PROVIDER).")
@leaf
def accuracy(call: Call, pairs: Path, images: Path, **given: Any) -> None:
    """Compare pairs of pictures, and count how often the answer is wrong.

    Accuracy at the best threshold, by folds where the file declares at least two, else overall; FMR and FNMR at the
    thresholds given, for each declared group too; failures to acquire beside. The default models are installed first if
    they are missing. 600 pairs take about half a minute on two cores.

    Example: `matcher bench accuracy --pairs pairs.csv --images photographs --at 0.363 --json`
    """
    from matcher.bench.accuracy import Taking, acquire, benchmark
    from matcher.bench.pairs_file import read_pairs
    from matcher.bootstrap import default_pipeline
    from matcher.domain.policy import Quality
    from matcher.domain.template import threshold_from

    at = [threshold_from(text) for text in given["thresholds"]]
    read = read_pairs(pairs, given["group"])
    settings = call.settings if given["provider"] is None else replace(call.settings, provider=given["provider"])
    pipeline = default_pipeline(settings, call.output)
    taking = Taking(given["face"], Quality.loosest() if given["loosest"] else Quality())
    with call.output.progress("pictures") as progress:
        found = acquire(pipeline, images, read, taking, progress)
    value = benchmark(pipeline, read, found, at) | {"face": taking.which, "limits": taking.limits.model_dump()}
    call.output.result(value, _accurate(value))


def _accurate(value: dict[str, Any]) -> str:
    rows = [
        (f"{one['threshold']:.4f}", label, *(_rate(part[name]) for name in ("fmr", "fnmr")))
        for one in value["at"]
        for label, part in (("everybody", one), *one["groups"].items())
    ]
    rest = {name: part for name, part in value.items() if name not in ("at",)}
    headings = ("threshold", "group", "FMR", "FNMR")
    return table(headings, rows) + "\n" + json.dumps(rest, indent=2)


def _rate(told: dict[str, Any]) -> str:
    if told["rate"] is None:
        return f"not defined ({told['reason']})"
    low, high = told["cp95"]
    return f"{told['rate']:.4f} ({told['k']} of {told['n']}; {low:.4f} to {high:.4f})"


def _calibrated(value: dict[str, Any]) -> str:
    peers = {name: peer for name, peer in value["peers"].items() if "absent" not in peer}
    names = [*value["phases"], *(name for name in peers["numpy_scipy"]["phases"] if name not in value["phases"])]
    ways = [value, *peers.values()]
    rows = [(name, *(_both(way["phases"].get(name)) for way in ways)) for name in names]
    rows.append(("all of it", *map(_both, ways)))
    rows.append(("the same numbers", "", *("yes" if peer["same"] else "NO" for peer in peers.values())))
    shown = {name: part for name, part in value.items() if name not in ("phases", "peers", "seconds")}
    shown["peers"] = {
        name: {key: part for key, part in peer.items() if key not in ("phases", "seconds", "processor_seconds")}
        for name, peer in value["peers"].items()
    }
    headings = ("seconds (of processors)", "matcher", *peers)
    return table(headings, rows) + "\n" + json.dumps(shown, indent=2)


def _both(taken: dict[str, float] | None) -> str:
    return "" if taken is None else f"{taken['seconds']:.2f} ({taken['processor_seconds']:.2f})"


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


def _vectors(given: dict[str, Any]) -> "tuple[Floats, Floats]":
    from matcher.bench.data import held_out, vectors, vectors_of
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
    return rows, queries


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


@command.command("ranges")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Where the table is written.")
@click.option("--model", "model_id", help="Which embedder; the default one.")
@click.option("--pictures", type=click.IntRange(1, 100_000), default=200, show_default=True, help="At most so many.")
@click.option("--named", required=True, help="What the pictures are, for whoever reads the table.")
@leaf
def ranges(call: Call, folder: Path, out: Path, **given: Any) -> None:
    """Measure the table that an embedder needs to run in 8 bits: the largest magnitude of each channel.

    Lay it beside the model's manifest, as `ranges.json`. 200 pictures take about a minute.

    Example: `matcher bench ranges watchlists/demo/cohort --named "demo people" --out ranges.json`
    """
    from matcher.bench.enrol import pictures_of
    from matcher.bench.ranges import measured
    from matcher.errors import BadInput
    from matcher.models.catalogue import default, manifests
    from matcher.models.disk import write
    from matcher.models.verify import verify

    known, place = manifests(call.settings.models), call.settings.models
    model_id = given["model_id"] or default("embedder").id
    if model_id not in known:
        raise BadInput(f"there is no model {model_id}: known are {', '.join(known)}")
    models = verify(default("detector"), place), verify(known[model_id], place)
    made = measured(*models, pictures_of(folder, given["pictures"]), given["named"])
    write(out, made.encode())
    call.output.result({"file": str(out), "faces": made.faces, "layers": len(made.largest)}, str(out))
