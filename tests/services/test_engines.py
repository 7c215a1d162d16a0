"""An approximate engine serves only where it decided as the exact one for every group, and only as it was tested."""

import json
import runpy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from matcher.calibration.certified import CertifiedReport
from matcher.calibration.engine import CertifiedEngine
from matcher.calibration.report import parse_report
from matcher.calibration.verdict import Status
from matcher.cli.output import rendered
from matcher.domain.certificate import Certificate
from matcher.domain.engine import engine_name, factory_from
from matcher.domain.records import StoredReport
from matcher.errors import InsufficientEvidence, IntegrityError, NotSearchable, Refused
from matcher.index.approximate import ApproximateIndex
from matcher.report.engine_lines import engine_rows
from matcher.report.html import report_html
from matcher.report.table import report_table
from matcher.services.activate import prepare, prepare_renewal, renew
from matcher.services.audit import verify
from matcher.services.collections import find_list
from matcher.services.remove import remove_subjects
from matcher.services.reports import replay
from matcher.services.search import open_list, search
from matcher.services.workplace import Session
from tests.cli.runner import Cli
from tests.services.world import MODEL, NOBODY, World

GOOD = factory_from("IVF4,Flat;nprobe=4")
BAD = factory_from("IVF16,Flat;nprobe=1")
LINKED = factory_from("HNSW8;efSearch=512")
VERIFIER = Path(__file__).parents[2] / "docs" / "audit" / "verify.py"
Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def tested(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.create()
    world.load()
    world.cohort()
    return world


def stored(world: World) -> StoredReport:
    with world.place.work(write=False) as work:
        digest = find_list(work, "missing").latest_report
        found = work.reports.get(digest or "")
    assert found is not None
    return found


def stored_by(world: World, factory: str) -> StoredReport:
    with world.place.work(write=False) as work:
        reports = work.reports.of_list(find_list(work, "missing").list_id)
    return next(one for one in reports if (engine := parse_report(one.body).engine) and engine.factory == factory)


def signed_for(world: World, report: StoredReport, engine: str, more: int = 0) -> None:
    """The serving list under a certificate that no service would have signed."""
    with world.place.work(write=False) as work:
        found = find_list(work, "missing")
    assert found.certificate is not None
    assert found.serving is not None
    vera, terms = world.sessions["vera"], found.certificate.terms
    threshold = terms.binding.threshold + more
    binding = replace(terms.binding, engine=engine, report_digest=report.digest, threshold=threshold)
    terms = replace(terms, binding=binding, previous=found.certificate.digest())
    forged = Certificate(terms, vera.who.sign(terms.signed_bytes()), vera.user.public_key)
    with world.place.work() as work:
        work.lists.save(found.activated(found.serving, forged, world.clock()))
        work.commit()


def test_an_engine_that_leaves_people_out_is_refused_and_its_groups_are_named(tested: World) -> None:
    report = tested.calibrate(engine=BAD)
    assert report.engine is not None
    differ = {one.cell.label: (one.non_mated.k or 0, one.mated.k or 0) for one in report.engine.cells}
    assert differ["everyone"][1] > 0
    assert differ["everyone"] == tuple(map(sum, zip(differ["group a"], differ["group b"], strict=True)))
    assert report.verdict.status is Status.INSUFFICIENT
    for group in ("group a", "group b"):
        assert any(
            reason.startswith(f"{group}: engine {BAD.text} decides otherwise")
            and f"in {differ[group][1]} of 200" in reason
            for reason in report.verdict.reasons
        )
    assert report.verdict.would_pass == ()
    assert "calibrate without --index" in report.verdict.sentence
    page, table = report_html(report), rendered(report_table(report))
    for shown in (page, table):
        assert f"{differ['group a'][1]}/200" in shown
        assert "24 of 800 decisions differ" in " ".join(shown.split())
    assert "The engine beside the exact one" in page
    exact = tested.calibrate()
    assert exact.verdict.status is Status.CERTIFIED
    assert "ngine" not in report_html(exact)


def test_it_cannot_be_activated_by_any_path(tested: World) -> None:
    tested.calibrate(engine=BAD)
    vera, body = tested.sessions["vera"], stored(tested).body
    with pytest.raises(InsufficientEvidence, match=r"decisions differ .*: group a; group b"):
        prepare(vera, "missing")
    with pytest.raises(InsufficientEvidence, match=r"decisions differ .*: group a; group b"):
        CertifiedReport.parse(body)
    trial = parse_report(body).engine
    assert trial is not None
    with pytest.raises(InsufficientEvidence, match="decides otherwise"):
        CertifiedEngine(trial)
    with pytest.raises(InsufficientEvidence, match="not compared"):
        CertifiedEngine(replace(trial, cells=()))
    with pytest.raises(IntegrityError, match="verdict"):
        CertifiedReport.parse(_changed(body, lambda plain: plain["verdict"].update(status="CERTIFIED", reasons=[])))
    # An approver's own program signs, past the services: the database takes no certificate of such a report.
    tested.calibrate()
    tested.activate()
    with pytest.raises(Refused, match="only a report that certifies the list can be signed"):
        signed_for(tested, stored_by(tested, trial.factory), engine_name(trial.factory, trial.structure))


@pytest.mark.parametrize("factory", [GOOD, LINKED], ids=lambda one: one.text)
def test_an_engine_that_decides_alike_is_activated_and_searched(tested: World, factory: Any) -> None:
    report = tested.calibrate(engine=factory)
    assert report.verdict.status is Status.CERTIFIED
    assert report.engine is not None
    everyone = report.engine.cells[0]
    assert (everyone.non_mated.k, everyone.mated.k, everyone.mated.n) == (0, 0, 400)
    assert everyone.mated.named == 400
    assert everyone.mated.upper95 == pytest.approx(1 - 0.05 ** (1 / 400))
    prepared = prepare(tested.sessions["vera"], "missing")
    assert f"searched by engine {factory.text}" in prepared.consequence
    assert "up to 1.49 % of searches for listed people may differ (worst group)" in prepared.consequence
    tested.activate()
    opened = open_list(tested.sessions["boss"], "missing")
    assert isinstance(opened.index, ApproximateIndex)
    assert (
        opened.certificate.terms.binding.engine
        == opened.index.engine
        == CertifiedReport.parse(stored(tested).body).engine_name
    )
    assert tested.submit(tested.templates[3])[0].alerts == 1
    assert verify(tested.place, lambda *_: None).certificates == 1
    again = replay(tested.sessions["boss"], stored(tested).body, NOBODY)
    assert (again.given, again.differences) == (again.again, ())


def test_raising_and_removing_people_ask_for_a_new_test(tested: World) -> None:
    tested.calibrate(engine=GOOD)
    tested.activate()
    vera = tested.sessions["vera"]
    with pytest.raises(NotSearchable, match="compared at the threshold of its report alone"):
        prepare_renewal(vera, "missing", 950_000)
    prepared = prepare_renewal(vera, "missing")
    renewed = renew(vera, prepared, prepared.number, prepared.missed_group)
    assert renewed.terms.binding.engine.startswith(GOOD.text)
    remove_subjects(tested.sessions["boss"], "missing", ["S003"])
    with pytest.raises(NotSearchable, match="approximate engine was tested on the larger list"):
        prepare(vera, "missing")


def test_an_engine_is_not_searched_at_a_threshold_that_it_was_not_tested_at(tested: World) -> None:
    tested.calibrate(engine=GOOD)
    tested.activate()
    engine = CertifiedReport.parse(stored(tested).body).engine_name
    signed_for(tested, stored(tested), engine, more=100)
    with pytest.raises(IntegrityError, match="tested at another threshold"):
        open_list(tested.sessions["boss"], "missing")


def test_an_exact_certificate_is_what_it_was(tested: World) -> None:
    report = tested.calibrate()
    assert "engine" not in json.loads(report.canonical())
    tested.activate()
    opened = open_list(tested.sessions["boss"], "missing")
    assert b"engine" not in opened.certificate.terms.signed_bytes()
    assert (opened.certificate.terms.binding.engine, opened.binding.engine) == ("", "")


def test_a_search_by_another_engine_than_was_signed_is_refused(tested: World) -> None:
    tested.calibrate(engine=GOOD)
    tested.activate()
    boss = tested.sessions["boss"]
    opened = open_list(boss, "missing")
    now = tested.clock()
    for name in ("", opened.binding.engine.replace("nprobe=4", "nprobe=3"), f"{GOOD.text} {'0' * 64}"):
        with pytest.raises(IntegrityError, match="another engine"):
            search(opened.certificate, replace(opened, binding=replace(opened.binding, engine=name)),
                   tested.templates[:1], MODEL, now)  # fmt: skip
    other = replace(tested.place, approximate=_Rebuilt)
    with pytest.raises(IntegrityError, match="another engine"):
        _searched(replace(boss, place=other), tested)
    with pytest.raises(Refused, match="no approximate engine"):
        open_list(replace(boss, place=replace(tested.place, approximate=None)), "missing")


@pytest.mark.parametrize("signed", ["", f"IVF4,Flat;nprobe=3 {'0' * 64}"])
def test_an_approver_cannot_sign_for_another_engine_than_the_report_tested(tested: World, signed: str) -> None:
    tested.calibrate(engine=GOOD)
    tested.activate()
    signed_for(tested, stored(tested), signed)
    with pytest.raises(IntegrityError, match="another engine than its report tested"):
        open_list(tested.sessions["boss"], "missing")


CHANGES: dict[str, Change] = {
    "the factory": lambda plain: plain.update(factory="IVF4,Flat;nprobe=9"),
    "an unknown factory": lambda plain: plain.update(factory="PQ4"),
    "the structure": lambda plain: plain.update(structure="xyz"),
    "a group left out": lambda plain: plain["cells"].pop(),
    "a difference taken back": lambda plain: plain["cells"][1]["mated"].update(k=1),
    "bounds": lambda plain: plain["cells"][1]["mated"].update(upper95=0.0001),
    "searches": lambda plain: plain["cells"][1]["mated"].update(n=9_999),
    "named": lambda plain: plain["cells"][1]["non_mated"].update(named=0),
    "named with mates": lambda plain: plain["cells"][1]["mated"].update(named=3),
    "a group's sums": lambda plain: plain["cells"][1].update(
        non_mated=plain["cells"][2]["non_mated"] | {"named": plain["cells"][1]["non_mated"]["named"] + 1}
    ),
    "no counts": lambda plain: [
        one[part].update(k=None, rate=None, cp95=None, upper95=None, named=None)
        for one in plain["cells"]
        for part in ("mated", "non_mated")
    ],
}


def test_a_changed_engine_is_noticed(tested: World) -> None:
    tested.calibrate(engine=GOOD)
    body = stored(tested).body
    assert CertifiedReport.parse(body).engine is not None
    for change in CHANGES.values():
        with pytest.raises(IntegrityError):
            CertifiedReport.parse(_changed(body, lambda plain, change=change: change(plain["engine"])))
    with pytest.raises(IntegrityError):  # the sentence tells of it
        CertifiedReport.parse(_changed(body, lambda plain: plain.pop("engine")))


def test_another_factory_is_another_attempt(tested: World) -> None:
    assert tested.calibrate(engine=BAD).attempt.j == 1
    assert tested.calibrate(engine=BAD).attempt.j == 1
    assert tested.calibrate(engine=GOOD).attempt.j == 2


def test_a_public_copy_leaves_small_groups_out_of_it(tested: World) -> None:
    report = tested.calibrate(engine=GOOD)
    assert report.engine is not None
    hidden = report.engine.cells[1].cell.name
    assert [row[0] for row in engine_rows(report.engine)] == ["everyone", "group a", "group b"]
    assert [row[0] for row in engine_rows(report.engine, {hidden})] == ["everyone", "group b"]


def test_a_group_in_which_nobody_is_named_tests_nothing(tested: World) -> None:
    report = tested.calibrate(threshold=1_000_000, engine=GOOD)
    assert report.verdict.status is Status.INSUFFICIENT
    assert (
        f"group a: engine {GOOD.text} was not tested, no search for somebody who is listed names anybody"
        in report.verdict.reasons
    )


def test_false_alarms_alone_test_nothing_for_a_group_without_listed_people(tested: World) -> None:
    trial = tested.calibrate(engine=GOOD).engine
    assert trial is not None
    everyone, group, *others = trial.cells
    nobody = replace(group.mated, k=0, n=0, rate=None, cp95=None, upper95=None, named=0)
    changed = replace(group, non_mated=replace(group.non_mated, named=1), mated=nobody)
    with pytest.raises(InsufficientEvidence, match="was not tested, no search for somebody who is listed"):
        CertifiedEngine(replace(trial, cells=(everyone, changed, *others)))


def test_an_unknown_index_is_refused_before_anything_is_opened(tmp_path: Path) -> None:
    result = Cli(tmp_path / "none")("calibrate", "missing", "--cohort", "staff", "--index", "PQ16")
    assert result.code == 8
    assert "PQ16 is no index that may be certified" in result.err


@pytest.mark.parametrize(
    "change", ["a difference", "another factory", "left out", "not compared", "a group left out", "no cell"]
)
def test_an_auditor_who_counts_again_notices(tested: World, change: str) -> None:
    tested.calibrate(engine=GOOD)
    report = json.loads(stored(tested).body)
    engine_of = runpy.run_path(str(VERIFIER))["engine_of"]
    name = CertifiedReport.parse(stored(tested).body).engine_name
    assert engine_of(report) == name
    if change == "another factory":
        report["engine"]["factory"] = LINKED.text
    elif change == "left out":
        del report["engine"]
    elif change in ("a group left out", "no cell"):
        del report["engine"]["cells"][1 if change == "a group left out" else 0 :]
    else:
        report["engine"]["cells"][1]["mated"]["k"] = 1 if change == "a difference" else None
    if change in ("another factory", "left out"):
        assert engine_of(report) != name
    else:
        with pytest.raises(SystemExit, match="not shown to be as the exact one"):
            engine_of(report)


class _Rebuilt(ApproximateIndex):
    """What another release or machine would build: the same factory, other lists."""

    @classmethod
    def opened(cls, factory: Any, screen: Any, rows: Any) -> ApproximateIndex:  # type: ignore[override]
        turned = replace(screen, subjects=screen.subjects)
        templates = rows.take(np.arange(len(screen.subjects), dtype=np.int32))[::-1].copy()
        return ApproximateIndex.build(factory, templates, turned.subjects[::-1].copy(), screen.revision_digest)


def _searched(session: Session, world: World) -> None:
    opened = open_list(session, "missing")
    search(opened.certificate, opened, world.templates[:1], MODEL, world.clock())


def _changed(body: bytes, change: Change) -> bytes:
    plain = json.loads(body)
    change(plain)
    return json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()
