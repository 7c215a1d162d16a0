"""A certified report is counted again: whatever is changed in it, its numbers no longer agree."""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest

from matcher.calibration.certified import CertifiedReport, recounted
from matcher.calibration.consequence import consequence
from matcher.calibration.intervals import estimate
from matcher.calibration.report import Report
from matcher.domain.rejection import Reason
from matcher.errors import InsufficientEvidence, IntegrityError, Refused
from tests.calibration.cohorts import Sample, Somebody, people, report_of

Change = Callable[[dict[str, Any]], object]
F = '{"gender": "f"}'


def certified_report(**options: Any) -> Report:
    women = people([200_000] * 118 + [400_000], "w", 900_000, gender="f", site="n")
    men = people([210_000] * 130, "m", 300_000, gender="m", site="s")
    few = people([190_000] * 5, "c", gender="m", site="n")
    where = (("gender", "m"), ("site", "s"))
    blurred = Sample("u1", None, reason=Reason.BLURRED)
    lost = [Somebody("u", where, (blurred, Sample("u2", None))), Somebody("v", where, (Sample("v1", None),))]
    return report_of([*women, *men, *few, *lost], columns=("gender", "site"), **options)


def changed(report: Report, change: Change) -> bytes:
    plain = json.loads(report.canonical())
    change(plain)
    return json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()


def group(plain: dict[str, Any], **key: str) -> dict[str, Any]:
    found: dict[str, Any] = next(entry for entry in plain["groups"] if entry["key"] == key)
    return found


def test_a_certified_report_shows_what_it_binds() -> None:
    report = certified_report(searches=20)
    certified = CertifiedReport.parse(report.canonical())
    assert certified.digest == report.digest()
    assert certified.tau == report.threshold.tau == 210_100
    assert (certified.alpha, certified.tier) == (0.05, "pilot")
    assert certified.binding.list == "11" * 32
    assert certified.binding.N == 100
    assert certified.upper95 == max(g.fpir.upper95 for g in report.groups if g.gating and g.fpir.upper95 is not None)


CHANGES: dict[str, Change] = {
    "k": lambda plain: group(plain, gender="f")["fpir"].update(k=0),
    "n": lambda plain: group(plain, gender="f")["fpir"].update(n=500),
    "upper bound": lambda plain: group(plain, gender="f")["fpir"].update(upper95=0.001),
    "status": lambda plain: group(plain, gender="f")["fpir"].update(status="REFUTED"),
    "gating": lambda plain: group(plain, gender="m")["fpir"].update(more_people_needed=3),
    "two-way cell gates": lambda plain: group(plain, gender="m", site="n").update(gating=True),
    "threshold lower": lambda plain: plain["threshold"].update(tau=190_000),
    "threshold higher": lambda plain: plain["threshold"].update(tau=500_000),
    "threshold off the grid": lambda plain: plain["threshold"].update(tau=210_101, origin="verify"),
    "threshold origin": lambda plain: plain["threshold"].update(origin="verify"),
    "a maximum lowered": lambda plain: plain["non_mated_maxima"][F].__setitem__(-1, 200_000),
    "a maximum lowered everywhere": lambda plain: [
        m.__setitem__(-1, 0) for m in plain["non_mated_maxima"].values() if m
    ],
    "maxima out of order": lambda plain: plain["non_mated_maxima"][F].reverse(),
    "a maximum removed": lambda plain: plain["non_mated_maxima"][F].pop(),
    "a cell's maxima removed": lambda plain: plain["non_mated_maxima"].pop(F),
    "a group removed": lambda plain: plain["groups"].remove(group(plain, gender="f")),
    "a two-way cell removed": lambda plain: (
        plain["groups"].remove(group(plain, gender="m", site="n")),
        plain["non_mated_maxima"].pop('{"gender": "m", "site": "n"}'),
        plain["verdict"]["not_tested"].clear(),
    ),
    "a two-way cell's maxima": lambda plain: plain["non_mated_maxima"]['{"gender": "f", "site": "n"}'].__setitem__(
        0, 1
    ),
    "people": lambda plain: group(plain, gender="f").update(n_people=200),
    "alpha": lambda plain: plain["verdict"].update(alpha=0.01),
    "alpha beyond every tier": lambda plain: plain["verdict"].update(alpha=0.5),
    "delta": lambda plain: plain["verdict"].update(delta=0.1),
    "tier": lambda plain: plain["verdict"].update(tier="certified"),
    "sentence": lambda plain: plain["verdict"].update(sentence="CERTIFIED at 0.1 %."),
    "not tested": lambda plain: plain["verdict"].update(not_tested=[]),
    "attempt": lambda plain: plain["attempt"].update(j=2),
    "searches": lambda plain: plain["list"].update(searches_per_day=1),
    "burden": lambda plain: plain["burden"].update(expected_false_alarms_per_day=0.1),
    "misses": lambda plain: group(plain, gender="m")["fnir"].update(k=1),
    "worst misses": lambda plain: plain.update(fnir_worst=None),
    "whose cohort": lambda plain: plain["cohort"].update(shipped=True),
    "provider": lambda plain: plain["binding"].update(provider="onnxruntime on a graphics card (CUDA), 32 bits"),
    "pictures seen": lambda plain: plain["cohort"].update(pictures_seen=True),
    "cohort size": lambda plain: plain["cohort"].update(people=5000),
    "a differential's counts": lambda plain: plain["differentials"][0]["misses"][0].update(k=1),
    "a differential left out": lambda plain: plain["differentials"].pop(),
    "a ratio": lambda plain: plain["ratios"].pop(),
    "a sentence on groups": lambda plain: plain["group_tests"].update(sentences=["All groups are equal."]),
    "share that is right": lambda plain: plain["burden_shares"]["shares"][0].update(share=0.99),
    "a declared prior": lambda plain: plain["list"].update(prior=0.5),
    "a reason": lambda plain: plain["not_computed"].clear(),
    "failures": lambda plain: group(plain, gender="m")["fta"].update(k=1),
    "failures to enrol": lambda plain: group(plain, gender="m").update(fte=group(plain, gender="f")["fte"]),
    "failures to enrol everywhere": lambda plain: [
        entry.update(fte=json.loads(json.dumps(asdict(estimate(0, entry["n_people"]))))) for entry in plain["groups"]
    ],
    "more not enrolled than not acquired": lambda plain: [
        entry.update(fte=json.loads(json.dumps(asdict(estimate(3, entry["n_people"])))))
        for entry in plain["groups"]
        if entry["fta"]["k"]
    ],
    "a reason of failures": lambda plain: group(plain, gender="m")["fta_reasons"].clear(),
    "a reason that nobody knows": lambda plain: [
        entry["fte_reasons"].update({"no hat": entry["fte_reasons"].pop("no face")})
        for entry in plain["groups"]
        if entry["fte_reasons"]
    ],
    "reasons moved between groups": lambda plain: group(plain, gender="f")["fte_reasons"].update({"no face": 1}),
    "a sentence on failures": lambda plain: plain["failure_tests"].update(sentences=["All groups are equal."]),
    "version": lambda plain: plain.update(version=3),
    "unknown field": lambda plain: plain.update(note="ok"),
    "a kind": lambda plain: plain["threshold"].update(tau="210100"),
    "not finite": lambda plain: plain["burden"].update(upper95=float("nan")),
}


@pytest.mark.parametrize("name", CHANGES)
def test_any_change_is_caught(name: str) -> None:
    report = certified_report(searches=5)
    body = changed(report, CHANGES[name])
    assert body != report.canonical()
    with pytest.raises(IntegrityError):
        CertifiedReport.parse(body)


def test_an_insufficient_report_made_to_say_certified_is_caught() -> None:
    report = certified_report(alpha=0.01)
    with pytest.raises(InsufficientEvidence):
        CertifiedReport.parse(report.canonical())
    body = changed(report, lambda plain: plain["verdict"].update(status="CERTIFIED"))
    with pytest.raises(IntegrityError):
        CertifiedReport.parse(body)


def test_a_refuted_report_is_refused_and_still_counts_right() -> None:
    report = certified_report(tau=205_000)
    assert recounted(report.canonical()) == report
    with pytest.raises(Refused, match="REFUTED"):
        CertifiedReport.parse(report.canonical())


@pytest.mark.parametrize("body", [b"", b"{}", b"null", b"\xff\xfe", b"[" * 5000])
def test_what_is_not_a_report_is_an_integrity_error(body: bytes) -> None:
    with pytest.raises(IntegrityError):
        CertifiedReport.parse(body)


def test_the_consequence_is_the_number_an_approver_types() -> None:
    certified = CertifiedReport.parse(certified_report(searches=20).canonical())
    meant = consequence(certified)
    assert meant.number == 1
    assert meant.missed_group is None
    assert meant.text == (
        "up to 1 false alarm a day at 20 searches; worst group gender f (1 of 119 people); "
        "0.0 % of listed people missed in group site s (0 of 130); "
        "not tested: gender f, site s; gender m, site n; cohort supplied by the harbour office "
        "(its likeness to the list is unknown: the list has fewer than two people with a template)"
    )


def test_a_group_that_is_mostly_missed_is_named_for_its_own_acknowledgement() -> None:
    certified = CertifiedReport.parse(certified_report(tau=500_000).canonical())
    meant = consequence(certified)
    assert meant.missed_group in ("gender m, site s", "site s")
    assert "100.0 % of listed people missed" in meant.text
