"""Nothing writes over the screen while the interface runs: what libraries log and warn is counted, not shown.

Their words may quote what they were given, so they are not kept either; how many there were, and whose, is said after.
"""

import logging
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class Silence(logging.Handler):
    """Takes every record and keeps the name of its logger."""

    def __init__(self) -> None:
        super().__init__()
        self.kept_off: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        """Counts."""
        self.kept_off[record.name] += 1

    def summary(self) -> str:
        """One line about what was kept off the screen; empty when nothing was."""
        if not self.kept_off:
            return ""
        names = ", ".join(f"{name} {count}" for name, count in sorted(self.kept_off.items()))
        return f"{self.kept_off.total()} messages of packages were kept off the screen: {names}"


@contextmanager
def silence() -> Iterator[Silence]:
    """While it lasts, every logger that would write somewhere writes to a `Silence`, and so do warnings."""
    found, silent = _with_handlers(), Silence()
    before = {logger: (logger.handlers, logger.propagate) for logger in found}
    last, logging.lastResort = logging.lastResort, None
    captured = warnings.showwarning
    logging.captureWarnings(True)
    try:
        for logger in found:
            logger.handlers = [silent] if logger is logging.root else []
            logger.propagate = True
        yield silent
    finally:
        logging.captureWarnings(False)
        warnings.showwarning = captured
        logging.lastResort = last
        for logger, (handlers, propagate) in before.items():
            logger.handlers, logger.propagate = handlers, propagate


def _with_handlers() -> list[logging.Logger]:
    named = [one for one in logging.root.manager.loggerDict.values() if isinstance(one, logging.Logger)]
    return [logging.root, *(one for one in named if one.handlers or not one.propagate)]
