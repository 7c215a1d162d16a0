"""Medians as a picture: bars on a logarithmic axis, one group a case."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matcher.errors import BadInput, UsageError


def write_plot(path: Path, cases: Sequence[dict[str, Any]]) -> None:
    """Writes an SVG file. Raises UsageError without matplotlib, BadInput for a path that cannot be written."""
    try:
        import matplotlib as mpl
    except ImportError:
        raise UsageError("--plot needs matplotlib: pip install 'watchlist-matcher[bench]'") from None
    mpl.use("svg")
    import matplotlib.pyplot as plt

    mpl.rcParams["svg.hashsalt"] = "watchlist-matcher"
    labels = [f"{case['mode']}\nbatch {case['batch']}\nn = {case['n']:,}" for case in cases]
    figure, axes = plt.subplots(figsize=(max(6, 1.6 * len(cases)), 4))
    series = {
        "matcher": [case["matcher_s"] for case in cases],
        "faiss flat": [case["peers"]["faiss_flat"]["s"] for case in cases],
        "BLAS product": [case["peers"]["blas"]["s"] for case in cases],
    }
    for at, ((name, seconds), hatch) in enumerate(zip(series.items(), ("", "//", ".."), strict=True)):
        places = [place + 0.27 * (at - 1) for place in range(len(cases))]
        axes.bar(places, seconds, width=0.25, label=name, hatch=hatch, edgecolor="black")
    axes.set_yscale("log")
    axes.set_ylabel("seconds, median")
    axes.set_xticks(range(len(cases)), labels, fontsize=8)
    axes.legend()
    figure.tight_layout()
    try:
        figure.savefig(path, format="svg", metadata={"Date": None})
    except OSError as error:
        raise BadInput(f"--plot {path} cannot be written: {error.strerror}") from None
