"""The demo's story: the whole job on people who do not exist, each step with the services that a real list uses."""

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matcher.cli.output import Output

if TYPE_CHECKING:
    from matcher.bootstrap import Program
    from matcher.calibration.report import Report
    from matcher.domain.policy import Policy
    from matcher.domain.ports import FacePipeline
    from matcher.services.workplace import Session
    from matcher.store.manifest_files import Kind

LIST, COHORT, CASE = "demo-list", "demo-cohort", "DEMO-1"
# Published on purpose; a demo home is marked as one.
PASSPHRASE = "demo-passphrase"  # noqa: S105
LOADER, APPROVER, REVIEWERS = "loader", "approver", ("rosa", "ravi")
PUBLISHED_THRESHOLD = 363_000  # millionths: SFace's 1:1 operating point as OpenCV Zoo publishes it


@dataclass(eq=False)
class Story:
    """The demo in one home, step by step; `facts` is what `--json` prints."""

    program: "Program"
    output: Output
    folder: Path
    facts: dict[str, Any] = field(default_factory=dict)
    sessions: dict[str, "Session"] = field(default_factory=dict)

    def run(self) -> None:
        """Tells the whole story. Raises whatever a service raises: nothing here is pretended."""
        started = time.monotonic()
        self.facts = {"home": str(self.program.settings.home), "watchlist": LIST, "phases": []}
        policy = self.program.policy(self.folder / "demo-policy.toml")
        with self._phase("people and models"):
            self._people()
            pipeline = self.program.pipeline(self.output)
        with self._phase("load list"):
            self._load_list(pipeline, policy)
        self._refused_search(pipeline)
        with self._phase("load cohort"):
            self._load_cohort(pipeline, policy)
        with self._phase("calibrate twice"):
            self._default_verdict()
            report = self._certified(policy)
        with self._phase("activate"):
            self._activate()
        with self._phase("submit probes"):
            self._probes(pipeline)
        self._published(report)
        self.facts |= {
            "confirmed": 0,
            "seconds": round(time.monotonic() - started, 1),
            "peak_rss_mb": self.facts["phases"][-1]["peak_rss_mb"],
        }

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        """Notes how long a part took, and the most memory that the program had used by its end."""
        started = time.monotonic()
        yield
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024  # KiB on Linux
        seconds = round(time.monotonic() - started, 1)
        self.facts["phases"].append({"phase": name, "seconds": seconds, "peak_rss_mb": peak})

    def _people(self) -> None:
        from matcher.domain.people import Role
        from matcher.services.people import add_user
        from matcher.services.workplace import sign_in

        place = self.program.place
        roles = {LOADER: Role.ADMIN, APPROVER: Role.APPROVER} | dict.fromkeys(REVIEWERS, Role.REVIEWER)
        for name, role in roles.items():
            add_user(place, self.sessions.get(LOADER), name, frozenset({role}), PASSPHRASE)
            self.sessions[name] = sign_in(place, name, PASSPHRASE)
        self._say(f"people: {LOADER} (admin), {APPROVER}, reviewers {' and '.join(REVIEWERS)}; passphrase {PASSPHRASE}")

    def _load_list(self, pipeline: "FacePipeline", policy: "Policy") -> None:
        from matcher.domain.watchlist import ListTerms
        from matcher.services.collections import create_list
        from matcher.services.load import load_list

        terms = ListTerms(
            purpose="show what this program does, on people who do not exist",
            legal_basis="none needed: no real person is in it",
            owner="whoever runs the demo",
            expires=_in_a_month(),
            searches_per_day=20,
        )
        create_list(self.sessions[LOADER], LIST, terms)
        with self.output.progress("references") as progress:
            load_list(
                self.sessions[LOADER], LIST, self._source("list.csv", "watchlist", pipeline, policy), False, progress
            )

    def _refused_search(self, pipeline: "FacePipeline") -> None:
        from matcher.cli.exit_codes import exit_code_of
        from matcher.errors import NotSearchable

        try:
            self._submit(["P01.jpg"], lambda: pipeline)
        except NotSearchable as refusal:
            self.facts["refused_before"] = {"exit_code": int(exit_code_of(refusal)), "message": str(refusal)}
            self._say(f"a search before testing is refused: {refusal}")

    def _load_cohort(self, pipeline: "FacePipeline", policy: "Policy") -> None:
        from matcher.domain.cohort import CohortTerms
        from matcher.services.collections import create_cohort
        from matcher.services.load import load_cohort

        terms = CohortTerms(
            source="the project's generator", legal_basis="no real person is in it", expires=_in_a_month()
        )
        create_cohort(self.sessions[LOADER], COHORT, terms)
        source = self._source("cohort.csv", "cohort", pipeline, policy)
        with self.output.progress("people to test on") as progress:
            load_cohort(self.sessions[LOADER], COHORT, source, False, progress)

    def _default_verdict(self) -> None:
        from matcher.calibration.intervals import people_needed

        report = self._calibrate(self.program.policy(None))
        self.facts["default_verdict"] = report.verdict.status.value
        smallest = min(group.fpir.n for group in report.groups)
        needed = people_needed(report.verdict.alpha, 0, delta=report.verdict.delta)
        said = f"{report.verdict.sentence} The smallest group has {smallest} of {needed:,} people needed."
        self.facts["default_sentence"] = said
        self._say(f"the shipped policy: {said}")

    def _certified(self, policy: "Policy") -> "Report":
        report = self._calibrate(policy)
        verdict = report.verdict
        self.facts |= {
            "verdict": verdict.status.value,
            "tier": verdict.tier,
            "sentence": verdict.sentence,
            "binding_group": dict(verdict.binding_group or {}),
            "threshold": None if report.threshold.tau is None else report.threshold.tau / 1_000_000,
            "groups": [_group_facts(group) for group in report.groups],
        }
        self._say(f"the demo policy: {verdict.sentence}")
        return report

    def _activate(self) -> None:
        from matcher.services.activate import activate, prepare

        session = self.sessions[APPROVER]
        prepared = prepare(session, LIST)
        activate(session, prepared, prepared.number, prepared.missed_group)
        self.facts["consequence"] = prepared.consequence
        self._say(f"{APPROVER} signs: {prepared.consequence}")

    def _probes(self, pipeline: "FacePipeline") -> None:
        from matcher.services.words import no_candidate

        names = sorted(path.name for path in (self.folder / "probes").glob("*.jpg"))
        done = self._submit(names, lambda: pipeline)
        self.facts |= {
            "probes": len(names),
            "alerts": sum(one.alerts for one in done),
            "no_candidate": sum(one.searched - one.alerts for one in done),
            "rejected": [{"image": one.name, "reason": bad.reason.value} for one in done for bad in one.rejected],
            "no_candidate_means": no_candidate(self.program.place, LIST),
        }

    def _published(self, report: "Report") -> None:
        from matcher.calibration.groups import EVERYONE

        maxima = report.non_mated_maxima[EVERYONE]
        flagged = sum(score >= PUBLISHED_THRESHOLD for score in maxima)
        self.facts["at_published_threshold"] = {"threshold": 0.363, "k": flagged, "n": len(maxima)}

    def _submit(self, names: list[str], pipeline: "Callable[[], FacePipeline]") -> list[Any]:
        from matcher.services.submit import Errand, submit
        from matcher.vision.files import read_picture_file

        images = [(self.folder / "probes" / name, read_picture_file) for name in names]
        done = []
        with ExitStack() as stack:
            progress = stack.enter_context(self.output.progress("probes")) if len(names) > 1 else None
            for one in submit(self.sessions[LOADER], LIST, images, Errand(CASE, "demo"), pipeline):
                done.append(one)
                if progress is not None:
                    progress(len(done), len(names))
        return done

    def _calibrate(self, policy: "Policy") -> "Report":
        from matcher.bootstrap import shipped_people
        from matcher.services.calibrate import Question, calibrate_list

        return calibrate_list(self.sessions[LOADER], Question(LIST, COHORT, policy), shipped_people())

    def _source(self, manifest: str, kind: "Kind", pipeline: "FacePipeline", policy: "Policy") -> Any:
        from matcher.services.sources import PictureSource
        from matcher.store.manifest_files import read_manifest
        from matcher.vision.files import read_picture_file

        rows = read_manifest(self.folder / manifest, kind)
        return PictureSource(rows, read_picture_file, pipeline, policy.quality)

    def _say(self, text: str) -> None:
        self.output.say(text)


def demo_folder(stack: ExitStack) -> Path:
    """The shipped demo people as a folder, for as long as `stack` lasts."""
    return stack.enter_context(as_file(files("matcher_watchlists") / "demo"))


def _group_facts(group: Any) -> dict[str, object]:
    fnir = group.fnir
    return {
        "key": dict(group.key),
        "level": group.level.value,
        "n_people": group.n_people,
        "status": group.fpir.status.value,
        "fpir": {"k": group.fpir.k, "n": group.fpir.n, "upper95": group.fpir.upper95},
        "fnir": None if fnir is None else {"k": fnir.k, "n": fnir.n, "rate": fnir.rate},
    }


def _in_a_month() -> Any:
    return (datetime.now(UTC) + timedelta(days=30)).date()
