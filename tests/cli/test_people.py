"""`matcher user passphrase` and `matcher user remove`, as processes."""

from pathlib import Path

import pytest

from tests.cli.runner import PASSPHRASE, Cli

NEW = "another correct horse"


@pytest.fixture
def staffed(tmp_path: Path) -> Cli:
    cli = Cli(tmp_path / "home")
    assert cli("init").code == 0
    assert cli("user", "add", "boss", "--role", "admin").code == 0
    for name, role in (("ana", "reviewer"), ("audrey", "auditor")):
        assert cli("user", "add", name, "--role", role, user="boss").code == 0
    return cli


def test_a_person_changes_their_own_passphrase(staffed: Cli) -> None:
    changed = staffed("user", "passphrase", "--json", user="ana", MATCHER_NEW_PASSPHRASE=NEW)
    assert (changed.code, changed.value) == (0, {"name": "ana", "passphrase": "changed"})
    old = staffed("user", "passphrase", user="ana", MATCHER_NEW_PASSPHRASE="a third horse")
    assert old.code == 3
    assert "does not open the key of ana" in old.complaint
    same = staffed("user", "passphrase", user="ana", MATCHER_PASSPHRASE=NEW, MATCHER_NEW_PASSPHRASE=NEW)
    assert same.code == 8
    back = staffed("user", "passphrase", user="ana", MATCHER_PASSPHRASE=NEW, MATCHER_NEW_PASSPHRASE=PASSPHRASE)
    assert back.code == 0
    assert staffed("audit", "verify").code == 0


def test_removing_asks_says_what_stays_and_is_for_good(staffed: Cli) -> None:
    asked = staffed("user", "remove", "ana", user="boss")
    assert asked.code == 2
    removed = staffed("user", "remove", "ana", "--yes", "--json", user="boss")
    assert removed.value == {"name": "ana", "removed": True, "held_home_key": True}
    assert "matcher rotate-key seals the home anew" in removed.err
    auditor = staffed("user", "remove", "audrey", "--yes", "--json", user="boss")
    assert (auditor.value["held_home_key"], auditor.err) == (False, "")
    listed = {one["name"]: one["removed"] for one in staffed("user", "list", "--json").value["users"]}
    assert listed == {"ana": True, "audrey": True, "boss": False}
    for words, code in (
        (("user", "restore", "ana"), 3),
        (("user", "remove", "boss", "--yes"), 3),
        (("user", "remove", "eve", "--yes"), 8),
        (("user", "add", "ana", "--role", "reviewer"), 8),
    ):
        assert staffed(*words, user="boss").code == code, words
    gone = staffed("user", "passphrase", user="ana", MATCHER_NEW_PASSPHRASE=NEW)
    assert (gone.code, "was removed" in gone.complaint) == (3, True)
    assert staffed("audit", "verify").code == 0


def test_the_recovery_code_of_init_works_once_and_prints_the_next(tmp_path: Path) -> None:
    cli = Cli(tmp_path / "home")
    first = cli("init", "--json").value["recovery_code"]
    early = cli("user", "recover", "chief", MATCHER_RECOVERY_CODE=first)
    assert (early.code, "no home key yet" in early.complaint) == (3, True)
    assert cli("user", "add", "boss", "--role", "admin").code == 0
    done = cli("user", "recover", "chief", "--json", MATCHER_RECOVERY_CODE=first.lower(), MATCHER_NEW_PASSPHRASE=NEW)
    assert done.code == 0
    assert done.value["recovery_code"] not in ("", first)
    again = cli("user", "recover", "second", MATCHER_RECOVERY_CODE=first)
    assert (again.code, "was used" in again.complaint) == (3, True)
    assert cli("user", "remove", "boss", "--yes", user="chief", MATCHER_PASSPHRASE=NEW).code == 0
    assert cli("audit", "verify").code == 0
