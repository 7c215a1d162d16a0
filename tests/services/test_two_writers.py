"""Two processes that write at once lose nothing."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from matcher.domain.events import Action
from matcher.services.audit import verify
from tests.databases import address_of, both_engines
from tests.services.world import Clock, World

pytestmark = both_engines
ROOT = Path(__file__).resolve().parents[2]
SEARCHES = 100
_WRITER = """
import sys
from pathlib import Path
from matcher.domain.face import Picture
from matcher.services.submit import Errand, submit
from tests.databases import address_of, both_engines, both_engines
from tests.services.world import VectorPipeline, vectors
from tests.simulations.faults.homes import open_home

opened = open_home(Path(sys.argv[1]), address=sys.argv[4] or None)
session = opened.session("boss")
print("ready", flush=True)
sys.stdin.read(1)
images = [(Path(f"{at}.jpg"), lambda _, at=at: Picture("probe", vectors(1, seed=900 + at)[0].tobytes()))
          for at in range(int(sys.argv[3]))]
for one in submit(session, "missing", images, Errand(sys.argv[2], "seen"), VectorPipeline):
    print("done", flush=True)
"""


def test_two_processes_of_100_searches_each_lose_nothing(tmp_path: Path) -> None:
    active = World(tmp_path, Clock(datetime.now(UTC))).active()  # its certificate must serve by the real clock
    words = [sys.executable, "-c", _WRITER, str(active.folder / "home")]
    both = [
        subprocess.Popen(
            [*words, case, str(SEARCHES), address_of(active.folder / "home") or ""],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for case in ("2026/a", "2026/b")
    ]
    for process in both:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in both:
        assert process.stdin is not None
        process.stdin.write("!")
        process.stdin.flush()
    said = [process.communicate(timeout=300)[0].count("done") for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert said == [SEARCHES, SEARCHES]
    assert active.log_actions().count(Action.SEARCHED) == 2 * SEARCHES
    assert verify(active.place, lambda *_: None).searches == 2 * SEARCHES
