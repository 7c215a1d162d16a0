"""The export, and the verifier that needs nothing of this program: it says yes to what is whole, no to every change."""

from __future__ import annotations

import hashlib
import json
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from matcher.calibration.intervals import k_star, lower_bound, upper_bound
from matcher.domain.case import Verdict
from matcher.domain.checkpoint import Checkpoint, Note, parse_note, signed
from matcher.domain.merkle import Tree, verify_consistency
from matcher.errors import BadInput, MissingRole, Refused
from matcher.services.export import export_log, export_public
from matcher.services.notary import LogNotary
from matcher.store.export_files import new_export
from matcher.store.log import canonical_json
from tests.services.notarised import log_key, notarise
from tests.services.world import World

VERIFIER = Path(__file__).parents[2] / "docs" / "audit" / "verify.py"
ALONE = (
    "import runpy, sys; sys.modules['matcher'] = None; sys.argv = sys.argv[1:]; "
    "runpy.run_path(sys.argv[0], run_name='__main__')"
)


def run_alone(*words: Path) -> subprocess.CompletedProcess[str]:
    """The verifier in a process in which `matcher` cannot be imported."""
    command = [sys.executable, "-I", "-c", ALONE, str(VERIFIER), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


class Audited:
    """A home in which a search led to a lead and another to nothing, its export, and an anchor from before the lead."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        self.notary: LogNotary = notarise(self.world)
        self.world.active()
        self.anchor: Note = self.notary.checkpoint(self.world.place.work)
        self.world.submit(self.world.templates[7])
        self.world.conclude(Verdict.SAME)
        self.world.submit(-self.world.templates[7], case="2026/2")
        self.folder = folder / "export"
        with new_export(self.folder) as open_file:
            self.done = export_log(self.world.sessions["audrey"], self.notary, open_file)
        (folder / "kept.checkpoint").write_text(self.anchor.text())

    def lines(self, name: str) -> list[Any]:
        return [json.loads(line) for line in (self.folder / name).read_text().splitlines()]


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Audited]:
    made = Audited(tmp_path_factory.mktemp("audited"))
    yield made
    made.world.store.close()


def test_the_verifier_alone_takes_what_is_whole(audited: Audited, tmp_path: Path) -> None:
    done = run_alone(audited.folder)
    assert done.returncode == 0, done.stderr
    assert f"All holds: {audited.done.entries} entries, 2 checkpoints, 2 uses, 3 acts." in done.stdout
    assert "whoever holds that machine could have rewritten everything" in done.stdout
    kept = run_alone(audited.folder, audited.folder.parent / "kept.checkpoint")
    assert f"The first {audited.anchor.checkpoint.size} entries are those" in kept.stdout


def test_an_archive_is_the_same(audited: Audited, tmp_path: Path) -> None:
    out = tmp_path / "export.zip"
    with new_export(out) as open_file:
        export_log(audited.world.sessions["audrey"], audited.notary, open_file)
    assert run_alone(out).returncode == 0
    assert [one.name for one in tmp_path.iterdir()] == ["export.zip"]


def test_every_use_tells_what_the_act_asks_for(audited: Audited) -> None:
    lead, nothing = audited.lines("uses.jsonl")
    assert lead["art_12_3_a"]["start"] <= lead["art_12_3_a"]["end"]
    assert lead["art_12_3_b"]["list"] == "missing"
    assert len(lead["art_12_3_b"]["list_digest"]) == 64
    assert lead["art_12_3_c"]["candidates"] == 1
    assert len(lead["art_12_3_c"]["sha256"]) == 64
    assert {step["person"] for step in lead["art_12_3_d"] if step["step"] == "judged"} == {"ana", "ben"}
    assert lead["result"] == "lead, two reviewers agree"
    assert (nothing["art_12_3_c"], nothing["art_12_3_d"], nothing["result"]) == (None, [], "no candidate")


def test_no_face_identifier_or_name_is_in_it(audited: Audited) -> None:
    for file in audited.folder.iterdir():
        text = file.read_text()
        assert "Planted Name" not in text
        assert "S007" not in text


def test_each_checkpoint_is_proved_to_begin_the_last(audited: Audited) -> None:
    last = audited.done.note.checkpoint
    for one in audited.lines("checkpoints.jsonl"):
        first = parse_note(one["note"], "it").checkpoint
        proof = [bytes.fromhex(step) for step in one["consistency_proof"]]
        assert verify_consistency(first.size, last.size, proof, first.root, last.root)


def _edit(name: str, change: Callable[[list[Any]], list[Any]]) -> Callable[[Path], None]:
    def act(folder: Path) -> None:
        lines = [json.loads(line) for line in (folder / name).read_text().splitlines()]
        text = "".join(json.dumps(one, sort_keys=True, separators=(",", ":")) + "\n" for one in change(lines))
        (folder / name).write_text(text)

    return act


def _set(place: int, **facts: Any) -> Callable[[list[Any]], list[Any]]:
    return lambda lines: [*lines[:place], lines[place] | facts, *lines[place:][1:]]


def rewrite(audited: Audited, folder: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """What somebody with the log's key can do: change entries, and make everything fit that only hashes and signs."""
    shutil.copytree(audited.folder, folder)
    previous, lines = "0" * 64, []
    for line in audited.lines("log.jsonl"):
        content = {name: value for name, value in change(line).items() if name != "hash"} | {"previous": previous}
        previous = hashlib.sha256(canonical_json(content).encode()).hexdigest()
        lines.append(content | {"hash": previous})
    tree, key = Tree(bytes.fromhex(line["hash"]) for line in lines), log_key(audited.world)
    note = signed(Checkpoint(audited.anchor.checkpoint.origin, tree.size, tree.root()), key.public, key.sign)
    uses = audited.lines("uses.jsonl")
    for use in uses:
        use["inclusion_proof"] = [step.hex() for step in tree.inclusion(use["entry"] - 1)]
    for name, found in (("log", lines), ("uses", uses), ("checkpoints", [{"note": note.text()}])):
        (folder / f"{name}.jsonl").write_text("".join(canonical_json(one) + "\n" for one in found))


def test_who_holds_the_logs_key_is_stopped_by_a_kept_checkpoint(audited: Audited, tmp_path: Path) -> None:
    rewrite(audited, tmp_path / "copy", lambda line: line | {"terminal": "/dev/tty9"})
    alone = run_alone(tmp_path / "copy")
    assert alone.returncode == 0
    assert "No checkpoint from elsewhere was compared" in alone.stdout
    kept = run_alone(tmp_path / "copy", audited.folder.parent / "kept.checkpoint")
    assert kept.returncode == 1
    assert "the log was rewritten" in kept.stderr


@pytest.mark.parametrize("action", ["alert.judged", "list.activated"])
def test_who_holds_the_logs_key_cannot_sign_for_a_person(audited: Audited, tmp_path: Path, action: str) -> None:
    rewrite(audited, tmp_path / "copy", lambda line: line | ({"actor": "cleo"} if line["action"] == action else {}))
    done = run_alone(tmp_path / "copy")
    assert done.returncode == 1
    assert "what was signed is not what is logged" in done.stderr


@pytest.mark.parametrize("action", ["user.added", "user.recovered"])
def test_nobody_is_given_a_second_key(audited: Audited, tmp_path: Path, action: str) -> None:
    forged = {"action": action, "details": canonical_json({"key": "00" * 32, "user": "ana"})}
    rewrite(audited, tmp_path / "copy", lambda line: line | (forged if line["action"] == "list.created" else {}))
    done = run_alone(tmp_path / "copy")
    assert done.returncode == 1
    assert "gives ana another key" in done.stderr


def _report(folder: Path) -> None:
    file = next(folder.glob("report-*.json"))
    file.write_text(file.read_text().replace('"k":0', '"k":1', 1))


CHANGES: dict[str, Callable[[Path], None]] = {
    "an entry edited": _edit("log.jsonl", _set(3, actor="eve")),
    "an entry gone": _edit("log.jsonl", lambda lines: [*lines[:4], *lines[5:]]),
    "two entries exchanged": _edit("log.jsonl", lambda lines: [*lines[:4], lines[5], lines[4], *lines[6:]]),
    "the tail cut": _edit("log.jsonl", lambda lines: lines[:-1]),
    "an entry more": _edit("log.jsonl", lambda lines: [*lines, lines[-1]]),
    "a use left out": _edit("uses.jsonl", lambda lines: lines[1:]),
    "a use told twice": _edit("uses.jsonl", lambda lines: [*lines, lines[-1]]),
    "a use of another list": _edit("uses.jsonl", _set(0, art_12_3_b={"list": "other"})),
    "a match hidden": _edit("uses.jsonl", _set(0, art_12_3_c=None)),
    "a use without its proof": _edit("uses.jsonl", _set(0, inclusion_proof=[])),
    "a certificate gone": _edit("certificates.jsonl", lambda lines: []),
    "a judgement gone": _edit("judgements.jsonl", lambda lines: lines[1:]),
    "a judgement's signature": _edit("judgements.jsonl", _set(0, signature="00" * 64)),
    "a judgement in another's name": _edit("judgements.jsonl", _set(0, signature="00" * 64, reviewer="cleo")),
    "a report": _report,
    "the last checkpoint": _edit("checkpoints.jsonl", lambda lines: lines[:-1]),
    "a checkpoint": _edit("checkpoints.jsonl", lambda lines: [{"note": lines[0]["note"].replace("\n1", "\n2", 1)}]),
}


@pytest.mark.parametrize("what", CHANGES)
def test_every_change_is_found(audited: Audited, tmp_path: Path, what: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(audited.folder, copy)
    CHANGES[what](copy)
    with pytest.raises(SystemExit, match="FAILED"):
        runpy.run_path(str(VERIFIER))["main"](str(copy))


def test_another_homes_history_is_told_by_the_checkpoint_that_was_kept(audited: Audited, tmp_path: Path) -> None:
    other = World(tmp_path)
    (tmp_path / "other.checkpoint").write_text(notarise(other).checkpoint(other.place.work).text())
    other.store.close()
    done = run_alone(audited.folder, tmp_path / "other.checkpoint")
    assert done.returncode == 1
    assert "FAILED: the log was rewritten" in done.stderr


def test_the_verifier_counts_as_the_program_does(audited: Audited) -> None:
    functions = runpy.run_path(str(VERIFIER))
    for k, n in ((0, 59), (1, 100), (7, 2995), (40, 60), (0, 1), (5, 5)):
        assert functions["upper"](k, n, 0.05) == pytest.approx(upper_bound(k, n), rel=1e-9)
        assert functions["upper"](k - 1, n, 0.95) == pytest.approx(lower_bound(k, n), rel=1e-9, abs=1e-12)
        star = k_star(n, 0.05, 0.05)
        assert star < 0 or functions["at_most"](star, n, 0.05) <= 0.05 < functions["at_most"](star + 1, n, 0.05)


@pytest.mark.parametrize("what", ["k", "n", "cp95", "upper95", "rate", "tau", "scores", "alpha"])
def test_a_report_that_was_counted_otherwise_is_refused(audited: Audited, what: str) -> None:
    recount = runpy.run_path(str(VERIFIER))["recount"]
    report = json.loads(next(audited.folder.glob("report-*.json")).read_text())
    assert recount(report) == report["threshold"]["tau"]
    cell = report["groups"][0]["fpir"]
    if what in ("k", "n"):
        cell[what] += 1
    elif what == "cp95":
        cell["cp95"][0] += 1e-6
    elif what in ("upper95", "rate"):
        cell[what] *= 1.000001
    elif what == "tau":
        report["threshold"]["tau"] += 100
    elif what == "scores":
        report["non_mated_maxima"]["all"] = report["non_mated_maxima"]["all"][:-1]
    else:
        report["verdict"]["alpha"] = 0.001
    with pytest.raises(SystemExit, match="FAILED"):
        recount(report)


def test_the_verifier_is_short_and_needs_nothing_else() -> None:
    text = VERIFIER.read_text()
    assert len([line for line in text.splitlines() if line.strip()]) < 150
    assert "import matcher" not in text


def test_only_who_may_read_the_whole_log_exports_it(audited: Audited, tmp_path: Path) -> None:
    for who, error in (("ana", MissingRole), ("vera", MissingRole)):
        with pytest.raises(error), new_export(tmp_path / who) as open_file:
            export_log(audited.world.sessions[who], audited.notary, open_file)
        assert list(tmp_path.iterdir()) == []
    assert audited.world.newest("refused")["attempt"] == "audit.export"  # type: ignore[arg-type]


def test_an_export_replaces_nothing(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(BadInput, match="is there already"), new_export(tmp_path / "there"):
        pass


def test_the_public_form_counts_and_leaves_small_cells_out(active: World, tmp_path: Path) -> None:
    notary = notarise(active)
    for number in range(11):
        active.submit(-active.templates[7], case=f"2026/{number}")
    active.submit(active.templates[7], case="2026/99")
    forms = {}
    for days, name in ((0, "this month"), (10, "over")):
        active.clock.now += timedelta(days=days)
        with new_export(tmp_path / name) as open_file:
            export_public(active.sessions["audrey"], notary, open_file)
        forms[name] = json.loads((tmp_path / name / "public.json").read_text())["cells"]
    assert forms["this month"] == []
    assert forms["over"] == [
        {"list": "missing", "month": "2026-11", "result": "no candidate", "uses": 11},
        {"list": "missing", "month": "2026-11", "result": "not concluded", "uses": None},
    ]
    assert "2026/99" not in (tmp_path / "over" / "public.json").read_text()


def test_a_reviewer_who_is_an_auditor_too_is_refused(world: World, tmp_path: Path) -> None:
    from matcher.domain.people import Role
    from matcher.services.people import add_user
    from matcher.services.workplace import sign_in
    from tests.services.world import PASSPHRASE

    notary = notarise(world)
    add_user(world.place, world.sessions["boss"], "both", frozenset({Role.AUDITOR, Role.REVIEWER}), PASSPHRASE)
    both = sign_in(world.place, "both", PASSPHRASE)
    with pytest.raises(Refused, match="who may judge"), new_export(tmp_path / "x") as open_file:
        export_log(both, notary, open_file)
