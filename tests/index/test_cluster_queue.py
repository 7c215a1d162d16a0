"""The simulation behind docs/scale.md finds the times that made its figures, and says where they do not fit."""

import json
from dataclasses import replace

import pytest

from tests.simulations.cluster_queue import MEASURED, Point, Shape, Times, compared, fitted, points, simulate, simulated

TRUE = Times(send=0.0007, fixed=0.0021, row=9e-9)
SIZES = ((10_000, 1), (10_000, 4), (10_000_000, 2))
ASKED = ((1, "median_s"), (4, "per_s"))


def test_one_submitter_waits_for_driver_and_machine_in_turn() -> None:
    shape = Shape(3, 3, 3_000_000, 1, 0.001, 0.002, 1e-9, slow_share=0.0)
    found = simulate(shape)
    assert found["median_s"] == pytest.approx(3 * 0.001 + 0.002 + 1_000_000 * 1e-9)
    assert found["per_s"] * found["median_s"] == pytest.approx(1.0)
    together = simulate(replace(shape, nodes=1))
    assert together["median_s"] == pytest.approx(0.001 + 3 * 0.003)


def test_the_times_that_made_the_figures_are_found() -> None:
    made = [Point(*size, many, what, 0.0) for size in SIZES for many, what in ASKED]
    measured = [replace(one, value=simulated(TRUE, one)) for one in made]
    found = fitted(measured)
    assert found.row == pytest.approx(TRUE.row, rel=0.1)
    assert found.send + found.fixed == pytest.approx(TRUE.send + TRUE.fixed, rel=0.1)  # they can nearly change places
    assert all(0.95 < one["factor"] < 1.05 for one in compared(found, measured))
    slower = [replace(one, value=2 * one.value) if one.what == "median_s" else one for one in measured]
    assert all(0.45 < one["factor"] < 0.55 for one in compared(found, slower) if one["what"] == "median_s")


def test_what_was_measured_is_read() -> None:
    results = [json.loads(line) for line in MEASURED.read_text(encoding="utf-8").splitlines()]
    assert {one["n"] for one in results} >= {10_000, 1_000_000}
    assert len(list(points(results))) == 4 * len(results)
    assert all(case["identical"] for one in results for case in one["cases"])
