"""`python -m tests.simulations.flipped_bytes`: one byte of one file of a home is another one.

1. Every file of a home with a waiting alert is gone through, at random positions (all of them in a short file).
2. Then somebody opens the home, signs everybody in, verifies, and opens every revision, picture and alert, and asks
   who was listed.
   *detected*: that ends with an error of the program. *harmless*: it does not, and every row of every table is what it
   was. *silent*: some row is another one and nobody noticed. *unclear*: it ends with anything else.
"""

import hashlib
import random
import shutil
import sys
import time
from argparse import ArgumentParser
from collections import Counter
from pathlib import Path

from sqlalchemy import text

from matcher.errors import MatcherError
from matcher.services.audit import verify
from matcher.services.listed import was_listed
from matcher.store.home import open_home as marked
from tests.services.world import ROLES
from tests.simulations.faults.bench import Bench, bench
from tests.simulations.faults.homes import open_home
from tests.simulations.faults.processes import in_child, unreadable

DATABASE = 10  # so many times as many positions: most of its bytes are of free pages
ENDS = ("detected", "harmless", "silent", "unclear")


def flipped_bytes(on: Bench, most: int, seed: int) -> dict[str, Counter[str]]:
    """How flips ended, by kind of file; what was silent or unclear is printed on stderr."""
    drawn = random.Random(seed)  # noqa: S311 - a simulation
    home = on.copy("decide")
    (rows,) = in_child(lambda: [_rows(home)])
    found: dict[str, Counter[str]] = {}
    for path in sorted(one for one in home.rglob("*") if one.is_file()):
        size = path.stat().st_size
        for at in sorted(drawn.sample(range(size), min(most * (DATABASE if path.name == "matcher.db" else 1), size))):
            other = home.with_name("flipped")
            shutil.copytree(home, other)
            _flip(other / path.relative_to(home), at, drawn.randint(1, 255))
            end, said = (str(one) for one in (*in_child(lambda other=other: _look(other, str(rows))), "")[:2])
            if end not in ENDS:
                end, said = "unclear", end
            found.setdefault(_kind(path), Counter())[end] += 1
            if end in ("silent", "unclear"):
                print(f"{path.name}, byte {at}: {end} {said}", file=sys.stderr)
            shutil.rmtree(other)
    return found


def _flip(path: Path, at: int, by: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= by
    path.write_bytes(content)


def _look(home: Path, rows: str) -> list[str]:
    try:
        marked(home)
        opened = open_home(home)
        sessions = [opened.session(name) for name in ROLES]
        verify(opened.place, lambda *_: None)
        wrong = unreadable(opened, sessions[0])
        with opened.place.work(write=False) as work:
            for line in work.alerts.lines():
                work.alerts.get(sessions[0].vault, line.alert_id)
        if wrong:
            return ["detected", wrong[0]]
        end = "harmless" if _rows(home) == rows else "silent"
        was_listed(sessions[0], "nobody", opened.place.clock().date())  # an entry of the log: last
    except MatcherError as error:
        return ["detected", f"{type(error).__name__}: {error}"]
    return [end, ""]


def _rows(home: Path) -> str:
    """One digest of every row of every table."""
    digest = hashlib.sha256()
    with open_home(home).store.engine.connect() as connection:
        tables = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")).scalars()
        for table in list(tables):
            rows = connection.exec_driver_sql(f'SELECT * FROM "{table}"').all()  # noqa: S608 - names of our own tables
            digest.update(repr((table, sorted(map(repr, rows)))).encode())
    return digest.hexdigest()


def _kind(path: Path) -> str:
    return path.stem.partition("-")[2] or path.name if path.suffix == ".box" else path.name


def main() -> int:
    asked = ArgumentParser()
    asked.add_argument("--most", type=int, default=100, help="positions in each file")
    asked.add_argument("--seed", type=int, default=None)
    given = asked.parse_args()
    seed = int(time.time()) if given.seed is None else given.seed
    print(f"seed {seed}", file=sys.stderr)
    with bench(("decide",)) as on:
        found = flipped_bytes(on, given.most, seed)
    print(f"| file | {' | '.join(ENDS)} |\n{'|---' * (1 + len(ENDS))}|")
    for kind, counts in found.items():
        print(f"| {kind} | {' | '.join(str(counts[end]) for end in ENDS)} |")
    return int(any(counts["silent"] or counts["unclear"] for counts in found.values()))


if __name__ == "__main__":
    sys.exit(main())
