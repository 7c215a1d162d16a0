"""`python -m tests.simulations.waiting`: the interface with very many alerts waiting, on a real home, through Pilot.

Real database, keys, desk and screens; the faces are vectors. All alerts but the first are copies made by SQL, each with
a photograph's weight of bytes of its own. Times are from the key to the painted screen, in milliseconds: those that
passed, up to a sixtieth of a second of waiting for the next painting among them, and those of the processor.
"""

import argparse
import asyncio
import json
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from sqlcipher3 import dbapi2
from textual.widgets import DataTable, Input, OptionList

from matcher.bootstrap import match_confidence
from matcher.review.pixels import Colours
from matcher.services.reception import Lobby
from matcher.store.engine import DATABASE
from matcher.tui.app import ReviewApp
from matcher.tui.heap import keep_what_is_loaded
from matcher.tui.screens.queue import QueueScreen
from tests.services.world import PASSPHRASE, World

COPIES = (
    "CREATE TEMP TABLE n (i INTEGER)",
    "INSERT INTO n WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :copies) SELECT i FROM n",
    """
    INSERT INTO alerts (alert_id, submitted_at, probe, place, list_id, revision_id, certificate_digest, report_digest,
        policy_digest, threshold, case_reference, reason, searches_of_case, submitted_by)
    SELECT 'copy' || i,
        strftime('%Y-%m-%dT%H:%M:%S', submitted_at, '-' || i || ' seconds') || substr(submitted_at, 20),
        randomblob(:photograph), place, list_id, revision_id, certificate_digest, report_digest,
        policy_digest, threshold, case_reference, reason, searches_of_case, submitted_by
    FROM n, (SELECT * FROM alerts LIMIT 1)
    """,
    """
    INSERT INTO candidates SELECT 'copy' || i, candidate_id || i, subject, score, rank
    FROM n, (SELECT * FROM candidates)
    """,
)


def many_alerts(folder: Path, count: int, photograph: int) -> World:
    """A home with one searched alert and `count` - 1 copies of it, a second apart."""
    world = World(folder).active()
    world.submit(world.templates[0])
    # A process of its own: the transaction's memory is not the interface's.
    with ProcessPoolExecutor(1) as pool:
        pool.submit(copy_alert, folder / "home" / DATABASE, count - 1, photograph).result()
    return world


def copy_alert(database: Path, copies: int, photograph: int) -> None:
    """Makes the copies, past the program."""
    connection = dbapi2.connect(str(database), isolation_level=None)
    connection.execute("BEGIN")
    for statement in COPIES:
        connection.execute(statement, {"copies": copies, "photograph": photograph})
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # or whoever writes next moves two gigabytes first
    connection.close()


async def driven(world: World) -> dict[str, Any]:
    """Signs in, looks at the queue, moves, filters and sorts."""
    app = ReviewApp(Lobby(world.place, match_confidence), colours=Colours.FULL)
    keep_what_is_loaded()
    async with app.run_test(size=(120, 40)) as pilot:

        def painted() -> bool:
            screen = app.screen
            return not screen._dirty_widgets and not any(widget._repaint_required for widget in screen.walk_children())

        async def until(condition: Callable[[], bool]) -> None:
            while not (condition() and painted()):
                await asyncio.sleep(0.002)  # not 0: a busy loop would keep the desk's thread from its turn

        async def answered(key: str) -> tuple[float, float]:
            began, worked = time.perf_counter(), time.process_time()
            app.simulate_key(key)
            await pilot._wait_for_screen()
            await until(painted)
            return 1e3 * (time.perf_counter() - began), 1e3 * (time.process_time() - worked)

        names = app.screen.query_one("#names", OptionList)
        await until(lambda: names.option_count > 0)
        names.highlighted = next(
            at for at, one in enumerate(Lobby(world.place, match_confidence).names()) if one == "ana"
        )
        field = app.screen.query_one("#passphrase", Input)
        field.value = PASSPHRASE
        field.focus()
        await pilot._wait_for_screen()
        began = time.perf_counter()
        app.simulate_key("enter")
        await until(
            lambda: isinstance(app.screen, QueueScreen) and any(one.row_count for one in app.screen.query(DataTable))
        )
        first = 1e3 * (time.perf_counter() - began)
        keys = {}
        for name, pressed in (("move", ["down", "pagedown", "up"] * 7), ("filter", ["/", *"0:0", "escape"] * 3)):
            passed, worked = zip(*[await answered(key) for key in pressed], strict=True)
            keys[name] = {
                kind: {"median": statistics.median(taken), "highest": max(taken)}
                for kind, taken in (("passed", passed), ("processor", worked))
            }
        return {"rows": app.screen.query_one(DataTable).row_count, "first_paint_ms": first, "keys_ms": keys}


def main() -> None:
    """Prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alerts", type=int, default=100_000)
    parser.add_argument("--photograph", type=int, default=20_000, help="bytes of each sealed photograph")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        world = many_alerts(Path(folder), given.alerts, given.photograph)
        began = time.perf_counter()
        waiting = world.desk("ana").queue().waiting
        seconds = time.perf_counter() - began
        found = asyncio.run(driven(world))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    told = {"waiting": waiting, "queue_s": seconds, "load": os.getloadavg()[0], "peak_mb": peak}
    print(json.dumps(told | found, indent=1))


if __name__ == "__main__":
    main()
