"""One rule of the database, in SQL that SQLite and PostgreSQL share; `triggers.py` and `role_triggers.py` state all.

What they do not share stands in braces, made by the functions here: SQLite's words for it are here, PostgreSQL's in
`postgres_rules.py`. Otherwise: IS DISTINCT FROM for what may be NULL, `length(x) = 0` for no bytes,
`there` for the row that is there already (OLD and NEW are taken).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

ALWAYS = "1 = 1"
_BRACES = re.compile(r"\{(names|text|number|flag|hex) ([\w.]+)(?: ([\w.]+))?\}")


@dataclass(frozen=True, slots=True)
class Rule:
    """Before each row of `moment` ("INSERT", "UPDATE", "DELETE"): refused with the sentence if the condition is so."""

    name: str
    moment: str
    table: str
    condition: str
    sentence: str


refuse = Rule  # reads as what the lists of rules do


def once(*columns: str) -> str:
    """That one of these columns had a value and is to have another."""
    changed = "(OLD.{0} IS NOT NULL AND NEW.{0} IS DISTINCT FROM OLD.{0})"
    return " OR ".join(changed.format(column) for column in columns)


def names_in(column: str) -> str:
    """The table of the names in a JSON array, `loader.value`."""
    return f"{{names {column}}}"


def text_of(document: str, path: str) -> str:
    """A text in a column of JSON; NULL where it has none."""
    return f"{{text {document} {path}}}"


def number_of(document: str, path: str) -> str:
    """A whole number in a column of JSON; NULL where it has none."""
    return f"{{number {document} {path}}}"


def flag_of(document: str, path: str) -> str:
    """1 where a column of JSON says true, 0 where it says false or nothing."""
    return f"{{flag {document} {path}}}"


def hex_of(column: str) -> str:
    """Bytes in hexadecimal, in small letters."""
    return f"{{hex {column}}}"


def resolved(condition: str, column: Callable[[str, str, str], str]) -> str:
    """The condition with every brace as `column` says it of its kind, its document and its path."""
    return _BRACES.sub(lambda found: column(found[1], found[2], found[3] or ""), condition)


def sqlite_condition(rule: Rule) -> str:
    """The condition in SQLite's words. Documents kept as bytes are read as text, which they are."""

    def column(kind: str, document: str, path: str) -> str:
        if kind == "names":
            return f"json_each({document}) AS loader"
        if kind == "hex":
            return f"lower(hex({document}))"
        value = f"json_extract(CAST({document} AS TEXT), '$.{path}')"
        return f"COALESCE({value}, 0)" if kind == "flag" else value

    return resolved(rule.condition, column)
