"""Trials: a copy of a home, an operation, a fault, a look."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.simulations.faults.homes import make_stages
from tests.simulations.faults.operations import OPERATIONS
from tests.simulations.faults.processes import Child, Ended, Plan, in_child, look, plan_of, timed
from tests.simulations.faults.watching import Failing, Watch


@dataclass
class Tally:
    """What became of the trials of one fault and operation."""

    fault: str
    operation: str
    times: int = 0
    cut_short: int = 0  # the operation did not come to its end
    wrong: list[str] = field(default_factory=list)

    def line(self) -> str:
        counts = [sum(one.startswith(word) for one in self.wrong) for word in ("lost", "half done")]
        other = len(self.wrong) - sum(counts)
        cells = (self.fault, self.operation, self.times, self.cut_short, *counts, other)
        return f"| {' | '.join(map(str, cells))} |"


_COLUMNS = ("fault", "operation", "times", "cut short", "lost", "half done", "unverified or not mended")
HEAD = f"| {' | '.join(_COLUMNS)} |\n{'|---' * len(_COLUMNS)}|"


@dataclass(frozen=True)
class Bench:
    """Stages in a folder, a plan of each operation, and in every how many trials it is done again afterwards."""

    folder: Path
    plans: dict[str, Plan]
    again_every: int

    def copy(self, name: str) -> Path:
        """A home of the operation's stage, of its own."""
        home = Path(tempfile.mkdtemp(dir=self.folder)) / "home"
        shutil.copytree(self.folder / OPERATIONS[name].stage, home)
        return home

    def trial(
        self, name: str, fault: Callable[[Child, Path], Ended], tally: Tally, failing: Failing | None = None
    ) -> Ended:
        """One operation with a fault in it (or calls `failing` in it), and what is wrong afterwards."""
        home = self.copy(name)
        ended = fault(Child(home, name, Watch(home, failing) if failing else None), home)
        tally.wrong += look(home, name, self.plans[name], ended, tally.times % self.again_every == 0)
        tally.times += 1
        tally.cut_short += not ended.done or ended.code != 0
        shutil.rmtree(home.parent)
        return ended


@contextmanager
def bench(names: tuple[str, ...] = tuple(OPERATIONS), again_every: int = 1) -> Iterator[Bench]:
    """Makes the homes, and runs each operation undisturbed."""
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        made = Path(folder)
        if failed := in_child(lambda: make_stages(made)):
            raise RuntimeError(f"the homes could not be made: {failed}")
        plans: dict[str, Plan] = {}
        found = Bench(made, plans, again_every)
        for name in names:
            plan = plan_of(found.copy(name), name)
            seconds = sorted(timed(found.copy(name), name) for _ in range(3))[1]
            plans[name] = Plan(plan.boundaries, plan.actions, seconds)
        yield found
