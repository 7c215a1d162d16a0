"""`matcher backup` and `matcher restore`, as processes."""

from pathlib import Path

import pytest

from tests.cli.runner import Cli


@pytest.mark.sqlite_only  # `restore` takes no address of a database, and every command of these tests has one there
def test_a_home_is_backed_up_and_restored(tmp_path: Path) -> None:
    cli, file, other = Cli(tmp_path / "home"), tmp_path / "one.backup", tmp_path / "again"
    assert cli("init").code == 0
    assert cli("user", "add", "boss", "--role", "admin").code == 0
    assert cli("user", "add", "ana", "--role", "reviewer", user="boss").code == 0
    assert cli("backup", "--out", file, user="ana").code == 3
    assert cli("audit", "checkpoint", "--out", tmp_path / "before").code == 0
    made = cli("backup", "--out", file, "--json", user="boss")
    assert (made.code, made.value["opens_for"]) == (0, ["boss"])
    assert file.stat().st_mode & 0o777 == 0o600
    assert cli("backup", "--out", file, user="boss").code == 8
    assert cli("restore", file, user="boss").code == 8  # the home is there
    for words, environment, code in (
        ({"user": None}, {}, 2),
        ({"user": "ana"}, {}, 3),
        ({"user": "boss"}, {"MATCHER_PASSPHRASE": "another correct horse"}, 3),
        ({"user": "boss"}, {"MATCHER_DATABASE": "postgresql+psycopg://somebody@localhost/matcher"}, 8),
    ):
        assert cli("restore", file, "--home", other, **words, **environment).code == code
    whole = file.read_bytes()
    for damaged in (whole[:-1], whole[:5], whole[:40] + b"x" + whole[41:], whole[:-9] + b"x" + whole[-8:]):
        file.write_bytes(damaged)
        refused = cli("restore", file, "--home", other, user="boss", MATCHER_ANCHOR_FOLDER=str(tmp_path / "none"))
        assert (refused.code, str(file) in refused.complaint) == (6, True)
    file.write_bytes(whole)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["before", "home", "one.backup"]
    assert cli("user", "suspend", "ana", user="boss").code == 0
    assert cli("audit", "checkpoint", "--out", tmp_path / "after").code == 0
    (tmp_path / "anchored").mkdir()
    anchoring = {"MATCHER_ANCHOR_FOLDER": str(tmp_path / "anchored")}
    done = cli("restore", file, "--home", other, "--json", user="boss", **anchoring)
    assert (done.code, done.value["log_entries"], done.value["backup"]) == (
        0,
        made.value["log_entry"],
        made.value["backup"],
    )
    again = Cli(other)
    assert again("audit", "verify").code == 0
    assert again("audit", "verify", "--anchor", tmp_path / "before").code == 0
    assert again("audit", "verify", "--anchor", tmp_path / "after").code == 6
    assert len(list((tmp_path / "anchored").iterdir())) == 1
    assert again("audit", "verify", "--anchor", tmp_path / "anchored").code == 0
    assert cli("audit", "verify", "--anchor", tmp_path / "anchored").code == 6
    assert (other / "log.key").read_bytes() == (cli.home / "log.key").read_bytes()
    assert (cli.home / "log.key").read_bytes() not in whole
    shown = again("audit", "show", "--json", "--action", "home.restored", user="boss").value["entries"]
    assert [entry["actor"] for entry in shown] == ["boss"]
    assert again("user", "suspend", "ana", user="boss").code == 0
