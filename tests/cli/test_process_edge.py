"""Unexpected errors end with one line and exit code 1, and leave no personal data in the log file."""

from pathlib import Path

import pytest

from matcher.cli import main as edge


def test_an_internal_error_says_where_to_look_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(**_: object) -> None:
        raise RuntimeError("Planted Name")

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setattr(edge.cli, "main", fails)
    with pytest.raises(SystemExit) as ended:
        edge.main()
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert said.startswith("matcher: internal error (RuntimeError)")
    logged = next(tmp_path.rglob("matcher.log")).read_text()
    assert "RuntimeError at" in logged
    assert "test_process_edge.py" in logged
    assert "Planted Name" not in said + logged
