"""Libraries write nothing over the screen, and what they wanted to say is counted by name only."""

import logging
import warnings

import pytest

from matcher.tui.silence import silence


def test_logs_and_warnings_are_counted_and_not_written(capfd: pytest.CaptureFixture[str]) -> None:
    own = logging.getLogger("noisy.package")
    own.addHandler(logging.StreamHandler())
    own.propagate = False
    bare = logging.getLogger("bare.package")
    before = (logging.root.handlers, warnings.showwarning, logging.lastResort)
    with silence() as silent:
        own.error("Esi Stavros")
        bare.warning("Esi Stavros")
        logging.error("Esi Stavros")
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            logging.captureWarnings(False)
            logging.captureWarnings(True)
            warnings.warn("Esi Stavros", stacklevel=1)
    written = "".join(capfd.readouterr())
    assert written == ""
    assert silent.kept_off == {"noisy.package": 1, "bare.package": 1, "root": 1, "py.warnings": 1}
    assert "Esi" not in silent.summary()
    assert silent.summary().startswith("4 messages of packages were kept off the screen: bare.package 1")
    assert (logging.root.handlers, warnings.showwarning, logging.lastResort) == before
    own.error("after")
    assert "after" in capfd.readouterr().err  # as loud as before


def test_nothing_to_say_is_nothing_said() -> None:
    with silence() as silent:
        pass
    assert silent.summary() == ""
