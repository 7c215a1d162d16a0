"""Likeness, adjudication and look-alikes in a report: whatever is changed, it no longer holds together."""

from dataclasses import replace

import numpy as np
import pytest

from matcher.calibration.certified import recounted
from matcher.calibration.lookalikes import TOO_LARGE, look_alikes
from matcher.calibration.pairs import FoundPairs
from matcher.calibration.report import Report
from matcher.calibration.resolutions import Ruling
from matcher.errors import IntegrityError
from tests.calibration.cohorts import people, report_of
from tests.calibration.test_certified import Change, changed

HANDLES = [f"{n:012x}" for n in range(100)]  # of the list's 100 subjects
PAIRS = [(0, 1, 920_000), (1, 2, 930_000), (5, 9, 940_000)]


def full_report() -> Report:
    """With pairs of every ruling, people who may be listed, look-alikes and a magnet."""
    women = people([200_000] * 140 + [230_000] * 4, "w", 900_000, gender="f")
    men = people([210_000] * 150 + [910_000], "m", 900_000, gender="m")
    ruled = {(HANDLES[0], HANDLES[1]): Ruling.DIFFERENT, (HANDLES[5], HANDLES[9]): Ruling.SAME}
    listed = tuple(sorted([190_000] * 30 + [205_000] * 30))
    report = report_of([*women, *men], listed=listed, pairs=PAIRS, ruled=ruled, tau=220_000)
    k = report.everyone.fpir.k
    assert k == 5
    found = FoundPairs(*np.array([(3, 7, 500_000), (7, 8, 220_000)], np.int32).T)
    return replace(report, look_alikes=look_alikes(HANDLES, found, [4, 4, 4, 4, 6]))


CHANGES: dict[str, Change] = {
    "likeness": lambda plain: plain["realism"].update(probability=0.5),
    "likeness counted": lambda plain: plain["realism"].update(higher=1),
    "likeness undefined": lambda plain: plain["realism"].update(probability=None, ci95=None, reason="none"),
    "likeness impossible": lambda plain: plain["realism"].update(probability=None, listed=-4, higher=9**20),
    "a list maximum": lambda plain: plain["listed_maxima"].__setitem__(29, 205_000),
    "list maxima out of order": lambda plain: plain["listed_maxima"].reverse(),
    "list maxima gone": lambda plain: plain.update(listed_maxima=[]),
    "more list maxima than people": lambda plain: plain.update(listed_maxima=[0] * 101),
    "median": lambda plain: plain["adjudication"].update(median=899_999),
    "no median": lambda plain: plain["adjudication"].update(median=None, reason="none"),
    "a reason": lambda plain: plain["adjudication"].update(reason="none"),
    "joined": lambda plain: plain["adjudication"].update(joined=1),
    "found": lambda plain: plain["adjudication"].update(found=4),
    "a pair gone": lambda plain: plain["adjudication"]["pairs"].pop(1),
    "a pair of names": lambda plain: plain["adjudication"]["pairs"][0].update(one="Ada"),
    "pairs out of order": lambda plain: plain["adjudication"]["pairs"].reverse(),
    "a pair below the median": lambda plain: plain["adjudication"]["pairs"][0].update(score=1),
    "a pair above one": lambda plain: plain["adjudication"]["pairs"][0].update(score=1_000_001),
    "a ruling": lambda plain: plain["adjudication"]["pairs"][1].update(ruling="different"),
    "who ruled": lambda plain: plain["adjudication"].update(resolutions="00" * 32),
    "nobody ruled": lambda plain: plain["adjudication"].update(resolutions=None),
    "a score set aside": lambda plain: plain["adjudication"]["set_aside_maxima"].append(950_000),
    "scores set aside out of order": lambda plain: plain["adjudication"].update(set_aside_maxima=[5, 4]),
    "a mate set aside": lambda plain: plain["adjudication"].update(set_aside_mates=[0] * 400),
    "perhaps listed": lambda plain: plain["adjudication"]["perhaps_listed"].clear(),
    "look-alikes not looked for": lambda plain: plain["look_alikes"].update(reason="not looked for"),
    "look-alikes found": lambda plain: plain["look_alikes"].update(found=3),
    "look-alikes unknown": lambda plain: plain["look_alikes"].update(found=None, reason="busy"),
    "a look-alike gone": lambda plain: plain["look_alikes"]["pairs"].pop(),
    "a look-alike below the threshold": lambda plain: plain["look_alikes"]["pairs"][1].update(score=219_999),
    "a person with look-alikes gone": lambda plain: plain["look_alikes"]["subjects"].pop(),
    "a person with look-alikes more": lambda plain: plain["look_alikes"]["subjects"].append("ffffffffffff"),
    "attracted": lambda plain: plain["look_alikes"].update(attracted=4),
    "the bound of magnets": lambda plain: plain["look_alikes"].update(magnet_from=2),
    "a magnet too small": lambda plain: plain["look_alikes"]["magnets"][0].update(attracted=1),
    "a magnet too large": lambda plain: plain["look_alikes"]["magnets"][0].update(attracted=6),
    "a magnet's name": lambda plain: plain["look_alikes"]["magnets"][0].update(subject="Ada"),
}


def test_the_full_report_holds_together() -> None:
    report = full_report()
    assert recounted(report.canonical()) == report
    assert report.adjudication.joined == 2
    assert [magnet.attracted for magnet in report.look_alikes.magnets] == [4]
    assert report.realism.probability is not None


@pytest.mark.parametrize("name", CHANGES)
def test_any_change_is_caught(name: str) -> None:
    report = full_report()
    body = changed(report, CHANGES[name])
    assert body != report.canonical()
    with pytest.raises(IntegrityError):
        recounted(body)


def test_a_report_in_which_nobody_looked_says_so() -> None:
    report = full_report()
    unlooked = replace(report, look_alikes=look_alikes(HANDLES, TOO_LARGE, [4, 4, 4, 4, 6]))
    assert recounted(unlooked.canonical()) == unlooked


def test_a_report_of_another_release_is_named() -> None:
    body = changed(full_report(), lambda plain: (plain.update(version=1), plain.pop("realism")))
    with pytest.raises(IntegrityError, match="report version 1 is not known"):
        recounted(body)
