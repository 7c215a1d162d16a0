"""Counts in the terminal: words are data, bounds are never narrower than computed, 80 columns are enough to read."""

import numpy as np
from rich.console import Console

from matcher.calibration.innocents import flagged_groups
from matcher.calibration.rehearsal import ListedPerson, ListedScores, rehearse
from matcher.calibration.trials import CohortItem, PersonTrial, TrialPlan
from matcher.domain.revision import Pairs
from matcher.report.counts import flagged_table, outwards, rehearsal_table, rehearsed_groups_table

HOSTILE: Pairs = (("[bold]g[/]", "\x1b[31ma\u202e"),)


def shown(table: object, width: int) -> str:
    console = Console(width=width, no_color=True)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def test_intervals_are_rounded_outwards() -> None:
    assert outwards((0.123451, 0.123459)) == "12.34-12.35 %"
    assert outwards((0.0, 1.0)) == "0.00-100.00 %"
    assert outwards((0.00003, 0.00003)) == "0.00-0.01 %"
    assert outwards(None) == "-"


def test_words_are_data_in_every_table() -> None:
    plan = TrialPlan(tuple(PersonTrial(HOSTILE, CohortItem(f"d{n}", n), None) for n in range(20)))
    groups = flagged_groups(plan, np.arange(20, dtype=np.int32), 19, 0.05)
    people = [ListedPerson(HOSTILE, (n,)) for n in range(80)]
    told = rehearse(people, ListedScores(np.arange(80, dtype=np.int32), np.empty(0, np.int32)), 0.05, 1)
    for table in (flagged_table(groups), rehearsal_table(told.tiers), rehearsed_groups_table(told.tiers)):
        text = shown(table, 200)
        assert "[bold]g[/]" in text
        assert not set(text) & {"\x1b", "\u202e"}
    assert "1/20" in shown(flagged_table(groups), 120)
