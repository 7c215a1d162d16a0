"""`matcher bench quality`: what each quality limit would do to a cohort's pictures, error against reject, by group.

Every face that can become a template does, whatever its quality; limits are applied afterwards, on paper. The pictures
are read once, nothing is stored.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from matcher import kernels
from matcher.calibration.discard import Compared, LimitEffect, Point, limit_effect, rejected_unevenly
from matcher.calibration.enrolment import failures
from matcher.calibration.intervals import Estimate, steady
from matcher.calibration.trials import TrialPlan, members_of, plan_trials
from matcher.domain.face import Face, Picture, QualityMeasures
from matcher.domain.policy import Quality
from matcher.domain.ports import FacePipeline
from matcher.domain.rejection import NothingUsable, Rejected
from matcher.domain.revision import Item
from matcher.domain.template import MILLION, THRESHOLD_STEP, Floats, Millionths
from matcher.errors import BadInput
from matcher.kernels.pairs import pair_counts
from matcher.services.sources import Row
from matcher.vision.quality import LIMITS, Limit

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """A cohort's samples: who, their measures and unit templates float32 (n, d), and the pictures that gave none."""

    items: tuple[Item, ...]
    measures: tuple[QualityMeasures, ...] = field(repr=False)
    templates: Floats
    rejected: tuple[tuple[str, Rejected], ...]
    model: str

    def plan(self) -> TrialPlan:
        """One probe and one mated comparison for each person, drawn as in a calibration."""
        digests = sorted((item.subject_id, item.digest) for item in self.items)
        drawn_by = hashlib.sha256(repr(digests).encode()).hexdigest()
        return plan_trials(drawn_by, members_of(self.items), frozenset())

    def values(self, limit: Limit) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """What a limit is held against, float64 (n,)."""
        found = [limit.value(one) for one in self.measures]
        return np.array([np.nan if value is None else value for value in found], np.float64)


def read_samples(
    rows: Sequence[Row],
    read: Callable[[Path], Picture | Rejected],
    pipeline: FacePipeline,
    quality: Quality,
    progress: Progress,
) -> Samples:
    """Every picture once, without the quality limits. Raises BadInput where none gives a template."""
    digests: list[str] = []

    def pictures() -> Iterator[Picture | Rejected]:
        for number, row in enumerate(rows):
            if row.image is None:
                raise BadInput(f"subject {row.subject_id} has no image column to read")
            picture = read(row.image)
            bare = f"unread:{number}".encode() if isinstance(picture, Rejected) else picture.data
            digests.append(hashlib.sha256(bare).hexdigest())
            yield picture

    wide = Quality.loosest().model_copy(update={"several_faces": quality.several_faces})
    items: list[Item] = []
    faces: list[Face] = []
    rejected: list[tuple[str, Rejected]] = []
    for number, result in pipeline.references(pictures(), wide):
        row, lost = rows[number], isinstance(result, Rejected)
        reason = result.reason if isinstance(result, Rejected) else None
        place = None if lost else len(faces)
        items.append(Item(row.subject_id, digests[number], (), row.attributes, row.session, place, reason, None))
        if isinstance(result, Rejected):
            rejected.append((row.subject_id, result))
        else:
            faces.append(result)
        progress(number + 1, len(rows))
    if not faces:
        raise NothingUsable(f"no usable picture in {len(rows)} rows", rejected)
    measures = tuple(face.quality for face in faces)
    templates = np.ascontiguousarray([face.template for face in faces], np.float32)
    return Samples(tuple(items), measures, templates, tuple(rejected), pipeline.identity.text())


def quality_report(samples: Samples, quality: Quality, fmr: float, threshold: Millionths | None) -> dict[str, Any]:
    """Curves of every limit at one threshold: the given one, else the lowest at which FMR is at most `fmr`."""
    plan = samples.plan()
    compared = _compared(samples, plan)
    probes = np.ascontiguousarray(samples.templates[compared.probes])
    chosen, false_matches = operating_point(probes, fmr, threshold)
    effects = [
        limit_effect((limit.name, limit.least), samples.values(limit), compared, chosen, limit.of(quality))
        for limit in LIMITS
    ]
    return {
        "model": samples.model,
        "pictures": len(samples.items),
        "templates": len(samples.templates),
        "people": len(plan.people),
        "probes": len(compared.probes),
        "mated": int((compared.references >= 0).sum()),
        "threshold": chosen / MILLION,
        "threshold_origin": "given" if threshold is not None else f"FMR at most {fmr:g} among these people",
        "fmr": _told(false_matches),
        "failures": _failures(samples, plan),
        "limits": [_effect(limit, effect, samples) for limit, effect in zip(LIMITS, effects, strict=True)],
        "uneven": [asdict(one) for one in rejected_unevenly(effects)],
    }


def operating_point(probes: Floats, fmr: float, threshold: Millionths | None) -> tuple[Millionths, Estimate]:
    """The threshold, and the comparisons of different people that reach it (they depend on each other: no interval).

    Raises BadInput where even the highest threshold is reached too often.
    """
    people = np.arange(len(probes), dtype=np.int32)
    counts = pair_counts(probes, people, np.zeros(len(probes), np.int32), width=THRESHOLD_STEP)
    total = len(probes) * (len(probes) - 1) // 2
    if threshold is None:
        if not total:
            raise BadInput("one person alone gives no false match: give --threshold")
        reached = np.cumsum(counts.of(0, 0)[::-1])[::-1]
        allowed = np.flatnonzero(reached <= fmr * total)
        if not len(allowed):
            raise BadInput(f"no threshold keeps FMR at or below {fmr:g} among these people: give --threshold")
        threshold = int(allowed[0]) * THRESHOLD_STEP - MILLION
    k = counts.reaching(0, 0, threshold) if total else 0
    return threshold, Estimate(k, total, steady(k / total) if total else None, None, None)


def _compared(samples: Samples, plan: TrialPlan) -> Compared:
    people = [person for person in plan.people if person.probe.row is not None]
    probes = np.array([person.probe.row for person in people], np.intp)
    references = [
        -1 if person.reference is None or person.reference.row is None else person.reference.row for person in people
    ]
    mates = np.array(references, np.intp)
    scores = np.zeros(len(people), np.int32)
    mated = np.flatnonzero(mates >= 0)
    scores[mated] = kernels.paired_scores(
        np.ascontiguousarray(samples.templates[probes]),
        mated.astype(np.int32),
        np.ascontiguousarray(samples.templates[mates[mated]]),
    )
    return Compared(tuple(person.labels for person in people), probes, mates, scores)


def _failures(samples: Samples, plan: TrialPlan) -> list[dict[str, Any]]:
    """FTA (the probe gave no template) and FTE (no picture of the person did), by group."""
    labels = [person.labels for person in plan.people]
    acquire = failures(labels, [person.probe.row is None for person in plan.people])
    enrol = failures(labels, [not person.rows for person in plan.people])
    return [{"key": _key(pair), "fta": _told(acquire[pair]), "fte": _told(enrol[pair])} for pair in acquire]


def _effect(limit: Limit, effect: LimitEffect, samples: Samples) -> dict[str, Any]:
    values = samples.values(limit)
    numbers = values[~np.isnan(values)]
    spread = [steady(float(one)) for one in np.percentile(numbers, (5, 50, 95))] if len(numbers) else None
    return {
        "limit": limit.name,
        "measure": limit.measure,
        "rejects": "below" if limit.least else "above",
        "reason": limit.reason.value,
        "p5_p50_p95": spread,
        "correlation": effect.correlation,
        "comparisons": effect.comparisons,
        "correlation_reason": effect.reason,
        "fnmr_before": _told(effect.before),
        "policy": None if effect.policy is None else _point(effect.policy),
        "curve": [_point(point) for point in effect.curve],
    }


def _point(point: Point) -> dict[str, Any]:
    groups = [
        {"key": _key((one.column, one.label)), "rejected": _told(one.rejected), "fnmr": _told(one.fnmr)}
        for one in point.groups
    ]
    return {
        "wanted": point.wanted,
        "bound": point.bound,
        "rejected": _told(point.rejected),
        "fnmr": _told(point.fnmr),
        "groups": groups,
    }


def _key(pair: tuple[str, str]) -> dict[str, str]:
    return {pair[0]: pair[1]} if pair[0] else {}


def _told(found: Estimate) -> dict[str, Any]:
    return {"k": found.k, "n": found.n, "rate": found.rate, "cp95": found.cp95}
