"""The rules of `triggers.py` on PostgreSQL, and whether a database has its tables and rules as they were made.

1. Every rule is a function of its own with a fixed search path: no temporary table can stand in for a real one.
2. Whoever writes, with raw SQL too, holds the head of the log from their first statement on and is READ COMMITTED: a
   rule that counts rows counts everybody's. No table is emptied by TRUNCATE, which asks no rule about rows.
3. To check a database, its tables and rules are made once more in the temporary schema of a transaction that is rolled
   back, and the server describes both: the same server, so the same spelling.
"""

from collections.abc import Iterator, Sequence
from functools import cache

from sqlalchemy import Connection

from matcher.store import schema
from matcher.store.rule import Rule, resolved
from matcher.store.triggers import rules

SCHEMA = "matcher"
MARK = "watchlist matcher, version "  # the schema's comment: whose it is, and of which version
_TEMPORARY = "pg_temp"
_PATH = f"{SCHEMA}, pg_temp"
_BYTES = ("body",)  # columns of JSON that are kept as bytes
_REFUSED = "integrity_constraint_violation"
_ONE_WRITER = f"""
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION USING MESSAGE = 'a home is written at READ COMMITTED, one transaction after the other',
      ERRCODE = '{_REFUSED}';
  END IF;
  PERFORM 1 FROM log_head FOR UPDATE;
  RETURN NULL;
END
"""
_NEVER_CLEARED = f"""
BEGIN
  RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ': a table is never cleared', ERRCODE = '{_REFUSED}';
END
"""


def make_tables(connection: Connection, where: str = SCHEMA) -> None:
    """Every table and rule, in a schema that exists and is the first of the connection's search path."""
    schema.metadata.create_all(connection, checkfirst=False)
    for statement in _statements(where):
        connection.exec_driver_sql(statement)


def make_rules(connection: Connection) -> None:
    """Every rule, behind the tables, and the mark of whose the database is and of which version."""
    for statement in _statements(SCHEMA):
        connection.exec_driver_sql(statement)
    mark(connection)


def mark(connection: Connection) -> None:
    """Says whose the schema is, and of which version."""
    connection.exec_driver_sql(f"COMMENT ON SCHEMA {SCHEMA} IS '{MARK}{schema.SCHEMA_VERSION}'")


def version_in(connection: Connection) -> int:
    """The version in the mark."""
    said = connection.exec_driver_sql(f"SELECT obj_description('{SCHEMA}'::regnamespace, 'pg_namespace')").scalar_one()
    return int(str(said).removeprefix(MARK))


def drop_rules(connection: Connection) -> None:
    """Takes every rule away, in a transaction that makes them anew."""
    names = f"SELECT proname FROM pg_proc WHERE pronamespace = '{SCHEMA}'::regnamespace"  # noqa: S608
    for name in connection.exec_driver_sql(names).scalars().all():
        connection.exec_driver_sql(f'DROP FUNCTION {SCHEMA}."{name}"() CASCADE')  # and the triggers that call it


def rule_texts(connection: Connection) -> list[str]:
    """Every rule that is in force."""
    return _described(connection, SCHEMA, (_TRIGGERS, _FUNCTIONS))


def as_made(connection: Connection) -> bool:
    """Rule 3. The database's user needs the right to make temporary tables."""
    found = _described(connection, SCHEMA, _EVERYTHING)
    with connection.begin_nested() as made_once_more:
        connection.exec_driver_sql(f"SET LOCAL search_path = {_TEMPORARY}")
        make_tables(connection, _TEMPORARY)
        made = _described(connection, _TEMPORARY, _EVERYTHING)
        made_once_more.rollback()
    return found == made


@cache
def _statements(where: str) -> tuple[str, ...]:
    return tuple(
        [_function(where, "one_writer", _ONE_WRITER), _function(where, "never_cleared", _NEVER_CLEARED)]
        + [statement for table in schema.metadata.tables for statement in _of_table(where, table)]
        + [statement for rule in rules() for statement in _of_rule(where, rule)]
    )


def _function(where: str, name: str, body: str) -> str:
    return f"CREATE FUNCTION {where}.{name}() RETURNS trigger LANGUAGE plpgsql SET search_path = {_PATH} AS $${body}$$"


def _of_table(where: str, table: str) -> Iterator[str]:
    # Of several triggers of one moment the first by name goes first; statements go before rows.
    yield (
        f"CREATE TRIGGER {table}_one_writer BEFORE INSERT OR UPDATE OR DELETE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {where}.one_writer()"
    )
    yield (
        f"CREATE TRIGGER {table}_never_cleared BEFORE TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {where}.never_cleared()"
    )


def _of_rule(where: str, rule: Rule) -> Iterator[str]:
    condition = resolved(rule.condition, column_of)
    row = "OLD" if rule.moment == "DELETE" else "NEW"
    body = (
        f"\nBEGIN\n  IF {condition} THEN\n    RAISE EXCEPTION USING MESSAGE = '{rule.sentence}', "
        f"ERRCODE = '{_REFUSED}';\n  END IF;\n  RETURN {row};\nEND\n"
    )
    yield _function(where, rule.name, body)
    yield (
        f"CREATE TRIGGER {rule.name} BEFORE {rule.moment} ON {rule.table} "
        f"FOR EACH ROW EXECUTE FUNCTION {where}.{rule.name}()"
    )


def column_of(kind: str, document: str, path: str) -> str:
    """What stands in braces in a condition (`rule.py`), in this server's words."""
    if kind == "names":
        return f"json_array_elements_text({document}::json) AS loader(value)"
    if kind == "hex":
        return f"encode({document}, 'hex')"
    text = f"convert_from({document}, 'UTF8')" if document in _BYTES else document
    value = f"({text}::json #>> '{{{path.replace('.', ',')}}}')"
    return {
        "text": f'{value} COLLATE "C"',  # as the columns are; a server's own order would be another
        "number": f"{value}::bigint",
        "flag": f"COALESCE({value}::boolean::integer, 0)",
    }[kind]


# What is in a schema, one text a thing. `{0}` is the schema's number.
_THINGS = (
    "'relation', relname, relkind, relrowsecurity, relforcerowsecurity, reloptions FROM pg_class "
    "WHERE relnamespace = {0}",
    "'column', relname, attnum, attname, format_type(atttypid, atttypmod), attnotnull, atthasdef, attidentity, "
    "attgenerated, attisdropped, collname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid "
    "LEFT JOIN pg_collation ON pg_collation.oid = attcollation WHERE relnamespace = {0} AND attnum > 0",
    "'constraint', conrelid::regclass, conname, convalidated, condeferrable, pg_get_constraintdef(oid) "
    "FROM pg_constraint WHERE connamespace = {0}",
    "'index', indisunique, indisvalid, indisready, pg_get_indexdef(indexrelid) "
    "FROM pg_index JOIN pg_class ON pg_class.oid = indrelid WHERE relnamespace = {0}",
    "'reference', tgrelid::regclass, conname, tgfoid::regproc, tgenabled "
    "FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid JOIN pg_constraint ON pg_constraint.oid = tgconstraint "
    "WHERE relnamespace = {0} AND tgisinternal",
    "'rewriting', rulename, ev_class::regclass, pg_get_ruledef(pg_rewrite.oid) "
    "FROM pg_rewrite JOIN pg_class ON pg_class.oid = ev_class WHERE relnamespace = {0}",
    "'policy', polname, polrelid::regclass FROM pg_policy JOIN pg_class ON pg_class.oid = polrelid "
    "WHERE relnamespace = {0}",
    "'child', inhrelid::regclass, inhparent::regclass FROM pg_inherits JOIN pg_class ON pg_class.oid = inhparent "
    "WHERE relnamespace = {0}",
)
_TRIGGERS = (
    "'trigger', tgenabled, pg_get_triggerdef(pg_trigger.oid) "
    "FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid WHERE relnamespace = {0} AND NOT tgisinternal"
)
# Their texts name no schema; one that did would be another function.
_FUNCTIONS = (
    "'function', proname, prokind, provolatile, prosecdef, proconfig, prosrc, lanname "
    "FROM pg_proc JOIN pg_language ON pg_language.oid = prolang WHERE pronamespace = {0}"
)


_EVERYTHING = (*_THINGS, _TRIGGERS, _FUNCTIONS)


def _described(connection: Connection, name: str, things: Sequence[str]) -> list[str]:
    number = "pg_my_temp_schema()" if name == _TEMPORARY else f"'{name}'::regnamespace"
    found = []
    for thing in things:
        texts = _texts(connection, thing.format(number))
        found += texts if thing == _FUNCTIONS else [text.replace(f"{name}.", "") for text in texts]
    return sorted(found)


def _texts(connection: Connection, columns: str) -> list[str]:
    select, _, rest = columns.partition(" FROM ")
    return [row[0] for row in connection.exec_driver_sql(f"SELECT ROW({select})::text FROM {rest}")]  # noqa: S608
