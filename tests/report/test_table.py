import io

import numpy as np
import pytest
from rich.console import Console, RenderableType

from matcher.calibration.at_threshold import CohortTemplates
from matcher.calibration.plan import plan_rows
from matcher.calibration.report import Report
from matcher.report.differential_lines import differential_rows, undefined_lines
from matcher.report.table import plan_table, report_table
from matcher.report.wording import share, share_up
from matcher.review.safe_text import neutralise
from tests.calibration.cohorts import people, report_of

PARTS = (
    "false alarms (FPIR), misses", "false alarms (FPIR) and the limit", "misses (FNIR)", "no usable probe",
    "false matches among", "who is taken for whom, by gender", "candidates per search", "undefined for gender",
)  # fmt: skip


def shown(what: RenderableType, width: int = 80) -> str:
    output = io.StringIO()
    Console(file=output, width=width, color_system=None).print(what)
    return output.getvalue()


def report(label: str = "f", women: int = 60, men: int = 60, **options: float) -> Report:
    cohort = people([200_000] * women, "w", 900_000, gender=label) + people([210_000] * men, "m", 100_000, gender="m")
    return report_of(cohort, searches=1, **options)  # type: ignore[arg-type]


def mapped() -> Report:
    """60 women and 60 men; two women, two men, and a woman and a man are alike."""
    rows = np.eye(120, 120, dtype=np.float32)
    rows[1], rows[61] = rows[0], rows[60]
    rows[62] = rows[2]
    templates = CohortTemplates(rows, np.arange(120, dtype=np.int32), lambda tau: np.zeros(120, int))
    cohort = people([200_000] * 60, "a", 900_000, gender="f") + people([210_000] * 60, "b", 900_000, gender="m")
    return report_of(cohort, templates=templates)


def test_the_verdict_comes_first_and_nothing_is_wider_than_the_terminal() -> None:
    text = shown(report_table(report(women=59)))
    assert text.startswith(
        "CERTIFIED at 5 % (pilot) by your own cohort. Threshold 0.2101; group that set \nthe threshold: gender m."
    )
    assert max(map(len, text.splitlines())) <= 80
    assert "gender f *" in text
    assert "4.96 %" in text  # 4.95076 is never shown as less
    assert "supplied by the harbour office" in text
    assert "Misses: 60 of 60 listed people of the worst group, gender m." in text
    assert "119 of 119 mated searches: same session, optimistic" in text
    assert "likeness of cohort and list: unknown (the list has fewer than two people with a" in text
    assert "0 people set aside" in text


def test_what_is_still_needed_is_said() -> None:
    text = shown(report_table(report(women=18)))
    assert "people still needed for 5 % (pilot), at the confidence" in text
    assert "gender f: 78 more" in text


def test_without_a_threshold_nothing_is_counted_as_zero() -> None:
    text = shown(report_table(report(women=96, men=96, alpha=0.001)))
    line = next(line for line in text.splitlines() if line.strip().startswith("gender f"))
    assert line.split()[3:7] == ["96", "-", "-", "-"]
    assert "would pass at 5 % (pilot), threshold 0.2101" in text
    assert "Misses: not measured (no threshold)." in text


@pytest.mark.parametrize("label", ["[bold red]f[/]", "[/]", "[link=http://x]f"])
def test_labels_are_never_markup(label: str) -> None:
    assert label.split("]", maxsplit=1)[0] in shown(report_table(report(label)), 200)


def test_labels_cannot_steer_the_terminal() -> None:
    text = shown(report_table(report("f\x1b[2J\u202em")), 200)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert neutralise("a\x07b\nc") == "a�b�c"


def test_rates_are_undefined_not_zero_and_bounds_are_rounded_up() -> None:
    assert (share(None), share(0.0), share_up(None)) == ("-", "0 %", "-")
    assert share_up(0.049901) == "5 %"
    assert share_up(0.0010000001) == "0.11 %"


def test_the_plan_is_a_table() -> None:
    assert "2,995" in shown(plan_table(plan_rows()))


def test_a_terminal_that_has_ascii_alone_is_drawn_in_it() -> None:
    output = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    Console(file=output, width=80, color_system=None).print(report_table(mapped()))
    output.seek(0)
    text = output.read()
    assert "* seen, o none seen, [-] exact 95 % interval" in text
    assert "1 f  :: 0.0565 %" in text


def test_bars_and_map_stand_in_the_report_and_nothing_of_it_is_cut() -> None:
    found = mapped()
    lines = shown(report_table(found), 75).splitlines()
    assert max(map(len, lines)) <= 75
    places = [next(at for at, line in enumerate(lines) if line.startswith(words)) for words in PARTS]
    assert places == sorted(places)
    (women,) = [line for line in lines if line.strip().startswith("gender f *") and "CERTIFIED" in line]
    assert women.split()[-2:] == ["0/60", "0/60"]
    assert next(line for line in lines if line.startswith("gender f *")).endswith("0/60 0.00-5.97 %")
    assert any(line.split() == ["1", "f", "\N{MEDIUM SHADE}" * 2, "0.0565", "%"] for line in lines)
    assert "undefined for gender: gini of FPIR" in "\n".join(lines)


def test_no_column_of_the_group_table_is_cut_beside_the_longest_status() -> None:
    cohort = people([200_000] * 1_000, "w", 900_000, gender="female") + people(
        [900_000] * 100, "m", 900_000, gender="male", site="north"
    )
    text = shown(report_table(report_of(cohort, columns=("gender", "site"), tau=700_000)), 75)
    line = next(line for line in text.splitlines() if line.strip().startswith("everyone *"))
    assert line.split()[2:] == ["1,100", "100", "9.09", "%", "10.65", "%", "REFUTED", "0/1100", "0/1100"]
    assert "INSUFFICIENT" in text


def test_a_measure_stands_beside_what_shuffled_labels_show() -> None:
    (found,) = mapped().differentials or ()
    rows = {row[0]: row[1:] for row in differential_rows(found)}
    assert rows["max-min of FPIR"] == ("0", "0", "0", "1")
    told = "".join(undefined_lines(found))
    assert all(one.value is not None or f"{one.statistic} of {one.rates}" in told for one in found.measures)
    assert len(rows) + sum(one.value is None for one in found.measures) == len(found.measures)


@pytest.mark.parametrize("column", ["[bold red]c[/]", "[/]"])
def test_a_column_is_never_markup(column: str) -> None:
    labels = {column: "f"}
    cohort = people([200_000] * 60, "w", 900_000, **labels) + people([210_000] * 60, "m", 400_000, **{column: "m"})
    text = shown(report_table(report_of(cohort, columns=(column,))), 200)
    assert f"differentials of {column}, beside shuffled labels" in text
