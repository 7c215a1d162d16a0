"""One open transaction, as the repositories use it."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

from sqlalchemy import Connection, Executable, Row

from matcher.store.failures import translated

Result = TypeVar("Result")
Values = Mapping[str, Any] | Sequence[Mapping[str, Any]]


class Transaction:
    """Statements of one unit of work. After `commit` or `end` nothing more can be run (RuntimeError)."""

    def __init__(self, connection: Connection) -> None:
        self._connection: Connection | None = connection

    def rows(self, statement: Executable) -> Sequence[Row[Any]]:
        """Every row of a query."""
        with translated():
            return self._open().execute(statement).all()

    def row(self, statement: Executable) -> Row[Any] | None:
        """The only row of a query, or None."""
        with translated():
            return self._open().execute(statement).one_or_none()

    def number(self, statement: Executable) -> int:
        """The one number that a query gives."""
        with translated():
            return int(self._open().execute(statement).scalar_one())

    def run(self, statement: Executable, values: Values | None = None) -> int:
        """Runs a change and returns how many rows it touched. One that is refused leaves the transaction as it was."""
        connection = self._open()
        with translated(), _step(connection):
            return connection.execute(statement, values).rowcount

    def directly(self, do: Callable[[Connection], Result]) -> Result:
        """Hands the connection to what makes tables or asks what the database itself is like."""
        with translated():
            return do(self._open())

    def commit(self) -> None:
        """Makes every change durable and ends the transaction."""
        with translated(saving=True):
            self._open().commit()
        self.end()

    def end(self) -> None:
        """Undoes whatever was not committed. Twice is once."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with translated():
                connection.close()

    def _open(self) -> Connection:
        if self._connection is None:
            raise RuntimeError("this unit of work is over")
        return self._connection


def _step(connection: Connection) -> AbstractContextManager[object]:
    """SQLite undoes a refused statement alone; PostgreSQL does where there is a savepoint before it."""
    return nullcontext() if connection.dialect.name == "sqlite" else connection.begin_nested()
