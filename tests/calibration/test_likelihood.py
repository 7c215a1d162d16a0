"""The likelihood ratio of a cohort: its rules, and that a report's ratio is counted again."""

import dataclasses
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.calibration import ratio_lines
from matcher.calibration.certified import recounted
from matcher.calibration.likelihood import Estimated, Likelihood, why_hidden
from matcher.calibration.likelihood_fit import around, likelihood_of
from matcher.calibration.report import Report
from matcher.calibration.resampling import Answers, Resampling, drawn, draws
from matcher.calibration.scored import Scored
from matcher.calibration.trials import Mask, Outcomes
from matcher.errors import IntegrityError
from tests.calibration.cohorts import Sample, Somebody, people, report_of

DRAWS = Resampling(60, 7)
Cells = list[tuple[str, Mask]]


def outcomes(mates: Any, maxima: Any, mated: Any = None) -> Outcomes:
    everybody = np.ones(len(maxima), dtype=bool)
    found = everybody if mated is None else np.asarray(mated)
    return Outcomes(
        everybody, np.array(maxima, np.int32), found, found, np.array(mates, np.int32), np.zeros(len(maxima), bool)
    )


def made(seed: int, people: int = 240, apart: float = 0.3) -> tuple[Outcomes, Cells]:
    words = np.random.default_rng(seed)
    maxima, mates = words.normal(0.35, 0.06, people), words.normal(0.35 + apart, 0.1, people)
    group = np.arange(people) % 3 == 0
    cells = [("all", np.ones(people, bool)), ("f", group), ("m", ~group)]
    return outcomes(*(np.clip(x, -1, 1) * 1e6 for x in (mates, maxima))), cells


def estimated(found: Likelihood) -> Estimated:
    assert found.estimated is not None
    return found.estimated


def test_the_answer_is_the_least_over_cells_and_capped_by_the_smallest() -> None:
    found = estimated(likelihood_of(*made(1), DRAWS))
    for score in (300_000, 450_000, 612_345):
        lines = [cell.intercept + cell.slope * found.scale.z(score) for cell in found.cells]
        assert found.at(score).log10 <= max(min(lines), found.caps.elub.lower) + 1e-9
    assert found.caps.people == 80
    assert found.caps.people_upper == pytest.approx(math.log10(81), abs=1e-9)
    top = found.at(1_000_000)
    assert top.capped
    assert top.log10 == found.caps.upper


def test_v15_the_cap_is_that_of_the_smallest_group() -> None:
    sizes = (412, 655, 731, 1020)
    of = np.repeat(np.arange(4), sizes)
    words = np.random.default_rng(15)
    maxima, mates = words.normal(0.3, 0.05, len(of)), words.normal(0.8, 0.05, len(of))
    cells = [("all", np.ones(len(of), bool)), *((str(group), of == group) for group in range(4))]
    found = estimated(likelihood_of(outcomes(mates * 1e6, maxima * 1e6), cells, Resampling(5, 1)))
    assert found.caps.by_people
    assert found.at(800_000).log10 == pytest.approx(2.615950051656401, abs=1e-9)
    assert found.at(800_000).capped


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.integers(40, 90), st.floats(-0.1, 0.5))
def test_it_never_falls_as_the_score_rises(seed: int, people: int, apart: float) -> None:
    found = estimated(likelihood_of(*made(seed, people, apart), Resampling(30, seed)))
    answers = [found.at(score) for score in range(-1_000_000, 1_000_001, 7_919)]
    for ends in ([a.log10 for a in answers], [a.lower for a in answers], [a.upper for a in answers]):
        assert ends == sorted(ends)
    assert all(a.lower <= a.log10 <= a.upper for a in answers)
    assert all(found.caps.elub.lower <= a.log10 <= found.caps.upper for a in answers)


def test_small_groups_take_the_slope_of_everyone_and_are_flagged() -> None:
    counted, cells = made(2)
    few = np.arange(240) < 7
    nobody = np.arange(240) < 30
    found = estimated(
        likelihood_of(
            dataclasses.replace(counted, mated=counted.mated & ~nobody), [*cells, ("few", few), ("none", nobody)], DRAWS
        )
    )
    by_name = {cell.cell: cell for cell in found.cells}
    assert not by_name["all"].shrunk
    assert by_name["all"].cllr is not None
    for name, mated in (("few", 0), ("none", 0)):
        cell = by_name[name]
        assert (cell.shrunk, cell.n_mated, cell.slope) == (True, mated, by_name["all"].slope)
        assert cell.cllr is None
    assert by_name["few"].intercept != by_name["all"].intercept


def test_separable_scores_are_flagged_and_capped() -> None:
    counted = outcomes([900_000 + at for at in range(60)], [200_000 + at for at in range(60)])
    found = estimated(likelihood_of(counted, [("all", np.ones(60, bool))], DRAWS))
    assert found.cells[0].separable
    assert found.at(900_000).capped
    assert found.at(900_000).log10 < math.log10(61)
    assert not estimated(likelihood_of(*made(3), DRAWS)).cells[0].separable


def test_nobody_with_a_mate_is_no_ratio_with_the_reason() -> None:
    counted, cells = made(4)
    found = likelihood_of(dataclasses.replace(counted, mated=np.zeros(240, bool)), cells, DRAWS)
    assert found.estimated is None
    assert found.hidden is not None
    assert "two usable pictures" in found.hidden
    assert found.at(500_000) is None


def test_too_few_people_are_no_ratio() -> None:
    counted, cells = made(4)
    found = likelihood_of(dataclasses.replace(counted, mated=np.arange(240) < 19), cells, DRAWS)
    assert found.hidden == "a line needs 20 mated and 20 non-mated people; the cohort has 19 and 240"
    assert likelihood_of(dataclasses.replace(counted, mated=np.arange(240) < 20), cells, DRAWS).estimated is not None


def test_scores_that_say_nothing_are_hidden() -> None:
    found = likelihood_of(*made(5, apart=0.0), DRAWS)
    assert found.hidden is not None
    assert "no better than knowing nothing" in found.hidden
    assert found.at(900_000) is None
    assert estimated(found).cells[0].cllr == pytest.approx(1, abs=0.2)


def test_a_group_for_whom_it_says_nothing_hides_it_for_all() -> None:
    found = estimated(likelihood_of(*made(6), DRAWS))
    assert why_hidden(found) is None
    worthless = dataclasses.replace(found.cells[1], cllr95=(0.2, 1.0))
    reason = why_hidden(dataclasses.replace(found, cells=(found.cells[0], worthless, found.cells[2])))
    assert reason is not None
    assert "Cllr up to 1.00" in reason
    assert found.cells[1].cell not in reason.split()


def test_an_interval_always_holds_its_value() -> None:
    assert around(1.0, [0.2, 0.9]) == (0.2, 1.0)
    assert around(1.0, [1.1, 1.9]) == (1.0, 1.9)
    assert around(1.0, [0.2, 1.9]) == (0.2, 1.9)


def test_all_scores_equal_say_nothing() -> None:
    found = likelihood_of(outcomes([500_000] * 30, [500_000] * 30), [("all", np.ones(30, bool))], DRAWS)
    assert found.hidden is not None
    assert estimated(found).cells[0].slope == 0
    assert estimated(found).cells[0].cllr == 1.0


def test_people_are_not_answered_by_lines_fitted_to_them() -> None:
    # Overlapping classes and few people: a line that has seen the person costs less.
    counted, cells = made(8, 24, 0.05)
    found = estimated(likelihood_of(counted, cells[:1], DRAWS))
    own = [
        np.mean([math.log2(1 + 10 ** (sign * found.at(int(score)).log10)) for score in which])
        for sign, which in ((-1, counted.mates), (1, counted.maxima))
    ]
    assert found.cells[0].cllr is not None
    assert found.cells[0].cllr > sum(own) / 2 + 0.005


def test_draws_are_those_of_the_seed_and_few_people_are_uncertain() -> None:
    counted, cells = made(9)
    once = likelihood_of(counted, cells, DRAWS)
    assert once == likelihood_of(counted, cells, DRAWS)
    assert once != likelihood_of(counted, cells, Resampling(60, 8))
    middle = 470_000
    wide = estimated(likelihood_of(*made(9, 60), Resampling(200, 1))).at(middle)
    narrow = estimated(likelihood_of(*made(9, 3000), Resampling(200, 1))).at(middle)
    assert narrow.upper - narrow.lower < (wide.upper - wide.lower) / 2


def somebody(at: int, maximum: int, mate: int | None) -> Somebody:
    labels = (("gender", "f" if at % 3 else "m"),)
    second = () if mate is None else (Sample(f"p{at:04}-2", maximum, mate),)
    return Somebody(f"p{at:04}", labels, (Sample(f"p{at:04}-1", maximum, 0 if mate is None else mate), *second))


def cohort(seed: int = 3, people: int = 210) -> list[Somebody]:
    words = np.random.default_rng(seed)
    maxima, mates = words.normal(0.35, 0.06, people), words.normal(0.6, 0.12, people)
    return [
        somebody(at, int(maxima[at] * 1e6), int(mates[at] * 1e6) if at % 4 else None)
        for at in range(people)
    ]  # fmt: skip


def test_a_report_holds_it_and_counts_it_again() -> None:
    report = report_of(cohort())
    assert report.likelihood.hidden is None
    assert {cell.cell for cell in estimated(report.likelihood).cells} == {
        group.cell.name for group in report.groups if group.gating
    }
    assert recounted(report.canonical()) == report


def test_row_order_does_not_matter() -> None:
    assert report_of(cohort()[::-1]).canonical() == report_of(cohort()).canonical()


def test_relabelled_groups_permute_it() -> None:
    swap = {"f": "m", "m": "f"}
    turned = [dataclasses.replace(one, labels=(("gender", swap[one.labels[0][1]]),)) for one in cohort()]
    before, after = (estimated(report_of(people).likelihood) for people in (cohort(), turned))
    assert before.points == after.points
    assert {(c.intercept, c.slope, c.cllr) for c in before.cells} == {
        (c.intercept, c.slope, c.cllr) for c in after.cells
    }


Change = Callable[[dict[str, Any]], object]
CHANGES: dict[str, Change] = {
    "shown although hidden": lambda found: found.update(hidden="because"),
    "left out": lambda found: found.update(estimated=None),
    "slope": lambda found: found["estimated"]["cells"][1].update(slope=9.0),
    "slope and points": lambda found: found["estimated"]["cells"][0].update(slope=0.1),
    "intercept": lambda found: found["estimated"]["cells"][0].update(intercept=2.0),
    "shrunk": lambda found: found["estimated"]["cells"][1].update(shrunk=True),
    "separable": lambda found: found["estimated"]["cells"][1].update(separable=True),
    "mates": lambda found: found["estimated"]["cells"][1].update(n_mated=1000),
    "a cell": lambda found: found["estimated"]["cells"].pop(),
    "scale": lambda found: found["estimated"]["scale"].update(centre=0),
    "people": lambda found: found["estimated"]["caps"].update(people=5000),
    "cap": lambda found: found["estimated"]["caps"].update(people_upper=4.0),
    "elub": lambda found: found["estimated"]["caps"]["elub"].update(upper=5.0),
    "lower elub": lambda found: found["estimated"]["caps"]["elub"].update(lower=-5.0),
    "a point": lambda found: found["estimated"]["points"][10].update(log10=2.0),
    "a flag": lambda found: found["estimated"]["points"][-1].update(capped=False),
    "an interval": lambda found: found["estimated"]["points"][-1].update(lower=3.0),
    "a point left out": lambda found: found["estimated"]["points"].pop(),
    "cllr": lambda found: found["estimated"]["cells"][0].update(cllr=0.0001),
    "worthless": lambda found: found["estimated"]["cells"][0].update(cllr95=[0.0, 1.2]),
    "seed": lambda found: found["estimated"]["method"].update(seed=1),
    "ridge": lambda found: found["estimated"]["method"].update(c=1.0),
}


@pytest.fixture(scope="module")
def report() -> Report:
    return report_of(cohort())


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_caught(report: Report, name: str) -> None:
    plain = json.loads(report.canonical())
    CHANGES[name](plain["likelihood"])
    body = json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()
    assert body != report.canonical()
    with pytest.raises(IntegrityError):
        recounted(body)


def test_a_ratio_made_up_for_a_cohort_without_mates_is_caught(report: Report) -> None:
    plain = json.loads(report_of([dataclasses.replace(one, samples=one.samples[:1]) for one in cohort()]).canonical())
    assert plain["likelihood"]["estimated"] is None
    plain["likelihood"] = json.loads(report.canonical())["likelihood"]
    with pytest.raises(IntegrityError, match="likelihood"):
        recounted(json.dumps(plain, sort_keys=True, separators=(",", ":")).encode())


def test_a_draw_without_anybody_of_a_class_counts_the_people_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ratio_lines, "FEWEST", 2)
    counted, cells = made(10, 40)
    lonely = Scored.of(dataclasses.replace(counted, mated=np.arange(40) < 2), cells[:1])
    answers = Answers(np.linspace(-1, 2, 40), np.linspace(-2, 1, 40))
    ends = drawn(lonely, answers, np.array([-1.0, 0.0, 1.0]), Resampling(200, 3))  # 13 % of draws hold neither mate
    assert np.isfinite(ends.log10).all()
    assert np.isfinite(ends.cllr).all()


def test_draws_take_each_person_equally_often() -> None:
    counts = np.concatenate(list(draws(7, Resampling(3_000, 5), (0, 30))))
    assert counts.shape == (3_000, 7)
    assert (counts.sum(axis=1) == 7).all()
    # binomial(7, 1/7) each: mean 1, variance 6/7
    assert counts.mean(axis=0) == pytest.approx(1, abs=0.08)
    assert counts.var(axis=0) == pytest.approx(6 / 7, abs=0.12)


def test_batches_of_draws_do_not_depend_on_who_makes_them() -> None:
    resampling = Resampling(450, 5)
    whole = np.concatenate(list(draws(11, resampling, (0, 5))))
    assert len(whole) == 450
    parts = [part for batch in range(5) for part in draws(11, resampling, (batch, batch + 1))]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_threads_change_no_digit(monkeypatch: pytest.MonkeyPatch) -> None:
    reports = []
    for threads in (1, 2, 7):
        monkeypatch.setattr("matcher.calibration.resampling.processors", lambda threads=threads: threads)
        cohort = people([100_000 + 1_000 * number for number in range(60)], mates=150_000, gender="female")
        reports.append(report_of(cohort, replicates=230).canonical())
    assert reports[0] == reports[1] == reports[2]
