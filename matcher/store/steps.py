"""From each older version of the tables to the next: forward only, one step a version (`database.bring_up` takes them).

1. A step makes or alters tables while no rule is in force. The rules are made anew behind the last step, from the code
   of now. All of it is one transaction, which ends with exactly the tables and rules of now, or is undone.
2. Rules that are not those of their version (`RULES`) were removed or changed by somebody: they are not made whole in
   silence.
3. Whoever adds a version adds its step and the digests of the one before (`database.rules_digest`), and sees to it that
   on the tables of every version in `STEPS` this program still signs in, logs and backs up (`services/backup.py`; from
   a server into the tables of now, `postgres_copy.py`): all that is done before a step, where no erasure is unfinished.
   Where a later step alters a table, an earlier one that makes it from `schema` has to make it as it was.
"""

from collections.abc import Callable, Mapping

from sqlalchemy import Connection

from matcher.store import schema


def _resealed_parts(connection: Connection) -> None:
    schema.resealed_parts.create(connection)


STEPS: Mapping[int, Callable[[Connection], None]] = {4: _resealed_parts}
# sha256 of the rules of a version, as each engine holds them.
RULES: Mapping[int, Mapping[str, str]] = {
    4: {
        "sqlite": "34c05c043d404d48f5600b63aafed357d0203b3d1b784f84c1fea2982c3612bb",
        "postgresql": "8493d4d87d82f5f4c19496477d2e4a703afa21905de551351c080a2b45ff2acc",
    }
}
OLDEST = min(STEPS)
