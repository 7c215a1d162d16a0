"""What of the design's vectors the tests of single modules do not hold: read from `vectors.json`, tolerance 1e-9.

Without a function in the product, and so without a test: of V8 the error in bins, the L2 errors, Spiegelhalter's z and
Venn-Abers; of V10 and V15 conformal p-values; V13, error rates at another length of list; of V14 d', the criterion,
rates with half a count added, and kappa.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from matcher.calibration import measures
from matcher.calibration.elub import Bounds
from matcher.calibration.groups import Cell, CellEvidence, Level
from matcher.calibration.intervals import certifies, estimate, k_star, upper_bound
from matcher.calibration.likelihood import Caps, people_cap
from matcher.calibration.measures import Statistic, inequality, shown
from matcher.calibration.pair_cells import Comparisons, PairCell, cells_of, partitions
from matcher.calibration.pair_intervals import kl_upper
from matcher.calibration.selectivity import selectivity
from matcher.calibration.verdict import Gate, Status, rule
from matcher.calibration.wilson import wilson
from tests.calibration.cohorts import Sample, Somebody, report_of

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "vectors.json").read_text(encoding="utf-8"))
CLOSE = 1e-9


def millionths(score: float) -> int:
    return round(1_000_000 * score)


# --- V1: other weights than the product's one half ------------------------------------------------------------------

V1 = VECTORS["V1_differentials"]
WEIGHED = [
    (statistic, float(weight), expected)
    for statistic in (Statistic.GARBE, Statistic.IR, Statistic.FDR)
    for weight, expected in V1[statistic.value].items()
]


@pytest.mark.parametrize(("statistic", "weight", "expected"), WEIGHED)
def test_v1_at_every_weight(
    statistic: Statistic, weight: float, expected: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measures, "WEIGHT", weight)
    rates = [np.array(V1[name])[:, None] for name in ("FPIR_or_FMR", "FNIR_or_FNMR")]
    assert shown(float(inequality(statistic, rates)[0]), statistic) == pytest.approx(expected, abs=CLOSE)


# --- V5: ties in identification, through a whole report -------------------------------------------------------------

V5 = VECTORS["V5_identification_ties"]


def v5_people() -> list[Somebody]:
    """The mated searches as one group, whose maximum is that of their non-mates; the others as another."""
    made = []
    for number, (scores, mate) in enumerate(zip(V5["scores"], V5["mate_index"], strict=True)):
        others = [millionths(score) for place, score in enumerate(scores) if place != mate]
        kind = "nonmated" if mate is None else "mated"
        again = () if mate is None else (Sample(f"{number}-2", max(others), millionths(scores[mate])),)
        samples = (Sample(f"{number}-1", max(others), 1_000_000), *again)
        made.append(Somebody(f"p{number}", (("kind", kind),), samples))
    return made


@pytest.mark.parametrize("tau", ["0.45", "0.5", "0.6", "0.5001"])
def test_v5_rates_of_a_report(tau: str) -> None:
    results = V5["results"]
    at_once, at_all = (results.get(f"t={tau},R={rank}", V5["just_above_half_R4"]) for rank in (1, 4))
    report = report_of(v5_people(), columns=("kind",), tau=millionths(float(tau)))
    by_kind = {group.key.get("kind"): group for group in report.groups}
    mated, nonmated = by_kind["mated"], by_kind["nonmated"]
    assert nonmated.fpir.rate == at_all["FPIR"]
    assert mated.fnir is not None
    assert mated.fnir.rate == at_all["FNIR"]
    if f"t={tau},R=1" in results:
        assert mated.fnir_first is not None
        assert mated.fnir_first.rate == at_once["FNIR"]


@pytest.mark.parametrize("tau", ["0.45", "0.5", "0.6", "0.5001"])
def test_v5_selectivity_at_every_threshold(tau: str) -> None:
    expected = V5["results"].get(f"t={tau},R=4", V5["just_above_half_R4"])["selectivity"]
    nonmated = [row for row, mate in zip(V5["scores"], V5["mate_index"], strict=True) if mate is None]
    counts = np.array([sum(millionths(score) >= millionths(float(tau)) for score in row) for row in nonmated])
    assert selectivity(counts, 4).rate == pytest.approx(expected, abs=CLOSE)


# --- V9: Learn-then-Test ---------------------------------------------------------------------------------------------

V9 = VECTORS["V9_ltt"]


@pytest.mark.parametrize("group", sorted(V9["n"]))
def test_v9_a_cell_certifies_exactly_where_its_p_value_is_at_most_delta(group: str) -> None:
    for k, p in zip(V9["false_alarm_searches"][group], V9["p_values"][group], strict=True):
        assert certifies(k, V9["n"][group], V9["alpha"], p * (1 + 1e-9))
        assert not certifies(k, V9["n"][group], V9["alpha"], p * (1 - 1e-9))


def v9_cells() -> list[CellEvidence]:
    """Everyone, then the groups; scores that are not given are far below."""
    tops = {"A": V9["closed_form"]["A_top"], "B": [], "C": V9["closed_form"]["C_top"]}
    maxima = {
        group: sorted([100_000] * (n - len(tops[group])) + [millionths(score) for score in tops[group]])
        for group, n in V9["n"].items()
    }
    groups = [
        CellEvidence(Cell((("g", group),), Level.GROUP), len(found), tuple(found)) for group, found in maxima.items()
    ]
    everyone = sorted(score for found in maxima.values() for score in found)
    return [CellEvidence(Cell((), Level.ALL), len(everyone), tuple(everyone)), *groups]


def test_v9_thresholds_given_beforehand_certify_down_to_the_selected_one() -> None:
    for place, tau in enumerate(V9["thresholds_strict_to_lenient"]):
        ruling = rule(v9_cells(), Gate(V9["alpha"], V9["delta"], 1, 1, millionths(tau)))
        counted = {cell.cell.key[0][1]: cell.fpir.k for cell in ruling.cells if cell.cell.key}
        assert counted == {group: ks[place] for group, ks in V9["false_alarm_searches"].items()}
        assert (ruling.status is Status.CERTIFIED) == (V9["p_max"][place] <= V9["delta"])
        assert (ruling.status is Status.CERTIFIED) == (tau >= V9["selected_threshold"])


# --- V10, V14, V16: what weaker rules would allow -------------------------------------------------------------------


@pytest.mark.parametrize(("setting", "allowed"), VECTORS["V10_conformal"]["crc_max_false_alarms"].items())
def test_v10_the_gate_never_allows_more_than_control_of_the_expected_rate(setting: str, allowed: int) -> None:
    n, alpha = (float(part.split("=")[1]) for part in setting.split(","))
    assert k_star(int(n), alpha, 0.05) <= allowed
    assert k_star(2995, 0.001, 0.05) == 0  # where the expected rate alone would allow one


def test_v14_the_rate_of_false_confirmations() -> None:
    vector = VECTORS["V14_reviewer"]
    found = estimate(vector["nonmated"][0], sum(vector["nonmated"]))
    assert found.cp95 == pytest.approx(tuple(vector["false_confirm_cp95"]), abs=CLOSE)
    assert found.upper95 == pytest.approx(vector["false_confirm_upper95"], abs=CLOSE)


def test_v16_a_one_sided_wilson_bound_at_no_error_holds_less_than_it_says() -> None:
    held = VECTORS["V16_bad_idea_rules"]["wilson_one_sided_at_zero_effective_confidence"]
    n = 2995
    assert 1 - (1 - wilson(0.0, n, delta=0.10)[1]) ** n == pytest.approx(held, abs=CLOSE)
    assert 1 - (1 - upper_bound(0, n)) ** n == pytest.approx(0.95, abs=CLOSE)


# --- V11, V12: comparisons ------------------------------------------------------------------------------------------


def everyone_of(people: int, pairs: list[tuple[int, int]]) -> PairCell:
    first, second = np.array(pairs, np.int64).reshape(-1, 2).T
    found = Comparisons(0, np.ones(people, np.int64), first, second, np.ones(len(pairs), np.int64))
    (cell,) = cells_of(found, partitions([()] * people, [])[0])
    return cell


def test_v11_both_variances() -> None:
    vector = VECTORS["V11_pairwise_fmr"]
    cell = everyone_of(vector["ids"], [(0, other) for other in range(1, vector["ids"])])
    rate = cell.sums.k / cell.sums.n
    assert float(cell.sums.variance) == pytest.approx(vector["var_plugin"], abs=CLOSE)
    assert rate * (1 - rate) / cell.sums.n == pytest.approx(vector["var_binomial"], abs=CLOSE)


@pytest.mark.parametrize("vector", VECTORS["V12_ustat_kl"])
def test_v12_people_make_half_as_many_pairs_that_share_nobody(vector: dict[str, Any]) -> None:
    m = everyone_of(vector["n_subjects"], []).independent
    assert m == vector["m"]
    assert kl_upper(vector["fmr_hat"], m) == pytest.approx(vector["ucb95"], abs=CLOSE)


# --- V15 ------------------------------------------------------------------------------------------------------------

V15 = VECTORS["V15_match_confidence"]


@pytest.mark.parametrize("group", sorted(V15["counts"]))
def test_v15_rates_by_group(group: str) -> None:
    n, k = V15["counts"][group]
    assert estimate(k, n).rate == pytest.approx(V15["FA"][group]["rate"], abs=CLOSE)
    assert estimate(k, n).upper95 == pytest.approx(V15["FA"][group]["upper95"], abs=CLOSE)


def test_v15_the_cap_on_the_raw_ratio() -> None:
    fewest = min(n for n, _ in V15["counts"].values())
    capped = Caps(Bounds(-3.0, 3.0), fewest, people_cap(fewest)).within(V15["log10_lr_raw"])
    assert capped == pytest.approx(V15["log10_lr_cap"], abs=CLOSE)
    assert 10**capped == pytest.approx(V15["lr_reported"], rel=1e-9)
