"""fairlearn's MetricFrame: the error rates of declared groups and of their two-way cells, and nothing else of ours."""

import importlib
from typing import Any

import numpy as np

from matcher.bench.figures import Numbers, Values
from matcher.bench.phases import Phases
from matcher.errors import UsageError

LEFT_OUT = ("everything but the rates: comparisons, bounds, the threshold, bootstrap, permutations, likelihood ratio",)


def fairlearn_metrics() -> Any:
    """`fairlearn.metrics`. Raises UsageError where it cannot be imported."""
    try:
        return importlib.import_module("fairlearn.metrics")
    except ImportError as error:
        raise UsageError(f"fairlearn is not installed ({error}): pip install 'watchlist-matcher[peers]'") from None


def group_rates(metrics: Any, labels: Numbers, errors: tuple[Numbers, Numbers], phases: Phases) -> Values:
    """FPIR and FNIR (cells, 2) of everyone, every group and every two-way cell.

    `labels` (2, people), `errors` the false alarm and the miss of each person, 0 or 1.
    """
    alarms, misses = errors
    nobody, everybody = np.zeros_like(alarms), np.ones_like(misses)
    columns = []
    with phases.timed("rates of groups"):
        for metric, truth, answer in (
            (metrics.false_positive_rate, nobody, alarms),
            (metrics.false_negative_rate, everybody, 1 - misses),
        ):
            frames = [
                metrics.MetricFrame(metrics=metric, y_true=truth, y_pred=answer, sensitive_features=features)
                for features in (labels[0], labels[1], labels.T)
            ]
            parts = [frame.by_group.to_numpy().ravel() for frame in frames]
            columns.append(np.concatenate([[frames[0].overall], *parts]).astype(np.float64))
    return np.stack(columns, axis=1)
