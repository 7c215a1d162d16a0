"""Filter, order and cut of a table, as plain values."""

from hypothesis import given
from hypothesis import strategies as st

from matcher.review.rows import Column, Order, arranged

Row = tuple[str, int]
COLUMNS: tuple[Column[Row], ...] = (Column("name", 9, lambda row: row[0], lambda row: row[0]),
           Column("count", 9, lambda row: str(row[1]), lambda row: row[1]))  # fmt: skip
ROWS = st.lists(st.tuples(st.text("abC 1", max_size=4), st.integers(0, 20)), max_size=30)
ORDERS = st.builds(Order, st.integers(0, 1), st.booleans())


@given(ROWS, ORDERS, st.text("ac1 ", max_size=4), st.integers(0, 40))
def test_rows_are_those_that_fit_in_order_and_no_more_than_asked(
    rows: list[Row], order: Order, wanted: str, most: int
) -> None:
    found = arranged(rows, COLUMNS, order, wanted, most)
    fitting = [row for row in rows if all(word in f"{row[0]}\n{row[1]}".lower() for word in wanted.split())]
    assert found.fitting == len(fitting)
    assert len(found.rows) == min(most, len(fitting))
    values = [row[order.column] for row, _ in found.rows]
    assert values == sorted(values, reverse=order.falling)
    if most >= len(fitting):
        assert sorted(row for row, _ in found.rows) == sorted(fitting)
    else:
        best = sorted((row[order.column] for row in fitting), reverse=order.falling)
        assert values == best[:most]
    assert all(texts == (row[0], str(row[1])) for row, texts in found.rows)


@given(st.integers(1, 9))
def test_the_sort_key_visits_every_order_once_and_comes_back(columns: int) -> None:
    order, seen = Order(0), []
    for _ in range(2 * columns):
        seen.append(order)
        order = order.next(columns)
    assert order == Order(0)
    assert len(set(seen)) == 2 * columns


def test_a_click_on_a_head_orders_by_it_and_the_next_one_turns_round() -> None:
    order = Order(1, True).chosen(0)
    assert order == Order(0)
    assert order.chosen(0) == Order(0, True)
    assert order.chosen(0).chosen(0) == Order(0)
    assert [order.sign(0), order.chosen(0).sign(0), order.sign(1)] == [" ↑", " ↓", ""]
