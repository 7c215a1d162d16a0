"""The page: whole, self-contained, the same twice, readable without its drawings, and silent about small cells."""

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.calibration.groups import FEWEST
from matcher.calibration.report import Report
from matcher.report.html import report_html
from matcher.report.public import suppressed
from matcher.report.svg import Drawing, Scale
from tests.calibration.cohorts import people, report_of


def report(women: int = 60, men: int = 60, label: str = "f", mates: int | None = 900_000) -> Report:
    cohort = people([200_000] * women, "w", mates, gender=label) + people([210_000] * men, "m", mates, gender="m")
    return report_of(cohort)


class Reader(HTMLParser):
    """What a screen reader meets: headings in order, tables, and tags that would ask for something."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.headings: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self._heading = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self._heading = tag in ("h1", "h2")

    def handle_data(self, data: str) -> None:
        if self._heading:
            self.headings.append(data)
            self._heading = False


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    return reader


def test_the_page_needs_nothing_but_itself() -> None:
    reader = read(report_html(report()))
    assert not {"script", "link", "img", "iframe", "object", "form"} & set(reader.tags)
    fetched = [value for name, value in reader.attributes if name in ("src", "href", "action", "xlink:href")]
    assert fetched == []
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in reader.attributes


def test_the_same_report_gives_the_same_bytes() -> None:
    assert report_html(report()) == report_html(report())


def test_the_order_is_verdict_then_evidence_then_digests() -> None:
    reader = read(report_html(report()))
    order = ["Calibration of list", "Groups", "False alarms, group by group", "Misses against false alarms"]
    order += ["False alarms by threshold", "Where scores lie", "Likelihood ratio", "Groups against each other"]
    order += ["People still needed", "What to expect a day", "Attempts", "Digests"]
    places = [next(i for i, heading in enumerate(reader.headings) if heading.startswith(name)) for name in order]
    assert places == sorted(places)


def test_every_drawing_is_named_and_stands_beside_a_table() -> None:
    page = report_html(report())
    drawings = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(drawings) >= 4
    for drawing in drawings:
        root = ElementTree.fromstring(drawing)
        assert root.get("role") == "img"
        assert [child.text for child in root[:2]] != [None, None]
    assert page.count("<figure>") == page.count("The same as a table")
    assert read(page).tags.count("caption") == read(page).tags.count("table")


def test_undefined_is_said_with_its_reason() -> None:
    page = report_html(report(mates=None))
    assert "undefined: nobody here has two pictures" in page
    assert "Undefined: nobody has mates: no curve." in page


@pytest.mark.parametrize("label", ["<script>alert(1)</script>", '"><img src=x>', "f\x1b[2J\u202em", "]]>&lt;"])
def test_labels_are_never_markup(label: str) -> None:
    page = report_html(report(label=label))
    assert label not in page
    assert "\x1b" not in page
    assert "script" not in read(page).tags


def test_a_public_copy_hides_small_cells_and_what_would_tell_them() -> None:
    cohort = [
        *people([200_000] * 60, "a", None, site="north"),
        *people([200_000] * 50, "b", None, site="south"),
        *people([200_000] * 9, "c", None, site="east"),
    ]
    made = report_of(cohort, columns=("site",))
    hidden = suppressed(made.groups)
    assert hidden == {'{"site": "east"}', '{"site": "north"}', '{"site": "south"}'}
    page = report_html(made, public=True)
    assert "site east" not in page
    assert "site south" not in page
    assert "site north" not in page
    assert "What to expect a day" not in page
    assert "site east" in report_html(made)


def test_a_small_two_way_cell_leaves_its_margins_and_nothing_to_subtract() -> None:
    cohort = [
        *people([200_000] * 60, "a", None, site="north", gender="f"),
        *people([200_000] * 50, "b", None, site="north", gender="m"),
        *people([200_000] * 40, "c", None, site="south", gender="f"),
        *people([200_000] * 5, "d", None, site="south", gender="m"),
    ]
    made = report_of(cohort, columns=("gender", "site"))
    shown = {group.cell.name for group in made.groups} - suppressed(made.groups)
    assert all("gender" not in name or "site" not in name for name in shown)
    assert len(shown) == 5
    page = report_html(made, public=True)
    assert "gender m, site south" not in page
    assert "gender f, site north" not in page


def test_a_page_without_a_threshold_counts_nothing_as_none() -> None:
    page = report_html(report_of(people([1] * 30, gender="f") + people([1] * 30, "m", gender="m"), alpha=0.001))
    assert "None" not in page
    assert "30 (no threshold)" in page


def test_mates_of_one_session_are_said_to_be_optimistic() -> None:
    assert "same session, optimistic" in report_html(report())


@given(st.lists(st.integers(0, 40), min_size=1, max_size=5))
def test_a_column_is_shown_whole_or_not_at_all(sizes: list[int]) -> None:
    cohort = [one for i, size in enumerate(sizes) for one in people([1] * size, f"g{i}-", None, site=f"s{i}")]
    if not cohort:
        return
    made = report_of(cohort, columns=("site",))
    hidden = suppressed(made.groups)
    cells = {group.cell.name: group.n_people for group in made.groups if group.level.value == "group"}
    small = any(0 < count < FEWEST for count in cells.values())
    assert hidden == (set(cells) if small else set())


def test_scales_map_their_ends_and_label_round_values() -> None:
    assert (Scale(0, 10, 100, 200)(0), Scale(0, 10, 100, 200)(10)) == (100, 200)
    logarithmic = Scale(1e-4, 1, 0, 400, logarithmic=True)
    assert logarithmic.ticks() == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1, 1])
    assert logarithmic(1e-2) == pytest.approx(200)
    assert Scale(0.13, 0.91, 0, 1).ticks() == pytest.approx([0.2, 0.4, 0.6, 0.8])


def test_words_in_drawings_are_escaped() -> None:
    drawing = Drawing(10, 10)
    drawing.words((1, 1), "<b>&")
    assert "&lt;b&gt;&amp;" in drawing.finished("x", "a<b", "c&d")
    ElementTree.fromstring(drawing.finished("x", "a<b", "c&d"))
