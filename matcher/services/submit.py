"""Submitting probes: probe -> candidates -> alert, or nothing kept.

1. A search needs a case reference and a reason; both are logged.
2. A face without a candidate at or above the threshold leaves only its log entry: no picture, no template, no digest.
3. A face with candidates becomes one alert, stored in the same transaction as its log entry.
4. The answer says how many alerts were queued, never who.
5. Every face of a picture is searched, unless whoever submits picks the largest; how many were left out is told.
6. Every search is numbered under its report, and the looks that it makes due are taken (`services/watch.py`).
7. With a search a known-answer item may be queued (`services/known_answers.py`); the answer does not tell.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from matcher.domain.events import Action, event
from matcher.domain.face import Face, Picture
from matcher.domain.ids import new_handle, new_id, utc_text
from matcher.domain.people import Role
from matcher.domain.ports import FacePipeline
from matcher.domain.records import AlertRecord, CandidateRecord
from matcher.domain.rejection import Rejected
from matcher.domain.search import Hit, Work
from matcher.domain.tables import UnitOfWork
from matcher.domain.words import check_line
from matcher.errors import BadInput, NotSearchable
from matcher.services.collections import find_list
from matcher.services.known_answers import due_item, queue_item
from matcher.services.same_model import require_same_model, require_same_templates
from matcher.services.search import OpenedList, open_list, search, time_of_list
from matcher.services.watch import take_looks
from matcher.services.workplace import Session, refusals_logged, still_here


@dataclass(frozen=True, slots=True)
class Submission:
    """What became of one picture: faces searched, alerts queued, faces or pictures rejected, and the work it took.

    `left_out` faces were neither searched nor looked at, because only the largest was picked.
    """

    name: str
    searched: int
    alerts: int
    rejected: tuple[Rejected, ...]
    work: Work | None
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Errand:
    """Why somebody searches: a case reference and a reason, one line each. Raises BadInput when either is missing.

    `largest`: of a picture with several faces only the largest is meant.
    """

    case: str
    reason: str
    largest: bool = False

    def __post_init__(self) -> None:
        for word in ("case", "reason"):
            text = getattr(self, word)
            if not text.strip():
                raise BadInput(f"a search needs a {word}: give --{word}")
            check_line(f"--{word}", text)


def submit(
    session: Session,
    list_name: str,
    images: Iterable[tuple[Path, Callable[[Path], Picture | Rejected]]],
    errand: Errand,
    open_pipeline: Callable[[], FacePipeline],
) -> Iterator[Submission]:
    """One `Submission` per picture as it is done. Raises NotSearchable, MissingRole, Refused, IntegrityError.

    The pipeline is opened after the list: a list that may not be searched is refused before any model is loaded.
    """
    with refusals_logged(session, "submit", list_name):
        session.user.require(Role.ADMIN, Role.REVIEWER)
        _still_here(session)
        opened = open_list(session, list_name)
    pipeline = open_pipeline()
    with refusals_logged(session, "submit", list_name):
        require_same_model(f"list {list_name}", opened.revision.model, pipeline.identity)
        require_same_templates(f"list {list_name}", opened.revision, pipeline.touchstone)
    for path, read in images:
        began = session.place.clock()
        picture = read(path)
        found = [picture] if isinstance(picture, Rejected) else pipeline.faces(picture, opened.policy.quality)
        left_out = len(found) - 1 if errand.largest else 0
        found = found[: len(found) - left_out]
        faces = [face for face in found if isinstance(face, Face)]
        rejected = tuple(one for one in found if isinstance(one, Rejected))
        alerts, work = _search_faces(session, opened, errand, pipeline, (picture, faces, began)) if faces else (0, None)
        yield Submission(path.name, len(faces), alerts, rejected, work, left_out)


def _still_here(session: Session) -> None:
    with session.place.work(write=False) as work:
        still_here(session, work)


def _search_faces(
    session: Session,
    opened: OpenedList,
    errand: Errand,
    pipeline: FacePipeline,
    probe: tuple[Picture | Rejected, Sequence[Face], datetime],
) -> tuple[int, Work]:
    picture, faces, began = probe
    now = session.place.clock()
    templates = np.stack([face.template for face in faces])
    answer = search(opened.certificate, opened, templates, pipeline.identity, now)
    item = due_item(session, opened, any(answer.hits), now)
    queued = 0
    with refusals_logged(session, "submit", opened.watchlist.name), session.place.work() as work:
        still_here(session, work)
        watchlist = find_list(work, opened.watchlist.name)
        _, serving = watchlist.require_active(time_of_list(work, now))
        if serving.digest() != opened.certificate.digest():
            raise NotSearchable(f"list {watchlist.name} was activated anew meanwhile: submit again")
        for face, hits in zip(faces, answer.hits, strict=True):
            count = work.alerts.count_search(watchlist.list_id, errand.case)
            alert_id = None
            if hits and isinstance(picture, Picture):
                alert = _alert(session, opened, errand, (picture, face), (hits, count, now))
                work.alerts.add(session.vault, alert)
                alert_id = alert.alert_id
                queued += 1
            known, item = queue_item(session, work, item), None
            _log_search(
                work, opened, (session.user.name, errand, began), (count, len(faces), len(hits), alert_id), known
            )
        stopped = take_looks(work, opened.binding.report_digest, session.user.name, now)
        work.commit()
    if stopped:
        raise NotSearchable(f"list {watchlist.name} is suspended with this search: {stopped}")
    return queued, answer.work


def _log_search(
    work: UnitOfWork,
    opened: OpenedList,
    act: tuple[str, Errand, datetime],
    found: tuple[int, int, int, str | None],
    known: Mapping[str, str],
) -> None:
    """Numbers a search and logs it; `found`: which search of its case, faces, candidates, the alert's id.

    `known` is of a known-answer item that was queued with it.
    """
    actor, errand, began = act
    count, faces, candidates, alert_id = found
    work.log.append(
        event(
            Action.SEARCHED,
            actor,
            began=utc_text(began),
            list=opened.watchlist.name,
            list_digest=opened.binding.list_digest,
            certificate=opened.certificate.digest(),
            case=errand.case,
            reason=errand.reason,
            search_of_case=count,
            faces=faces,
            candidates=candidates,
            alert=alert_id,
            fingerprint=None if alert_id is None else work.alerts.fingerprint(alert_id),
            place=work.watch.add_search(opened.binding.report_digest, errand.case, alert_id),
            **known,
        )
    )


def _alert(
    session: Session,
    opened: OpenedList,
    errand: Errand,
    probe: tuple[Picture, Face],
    found: tuple[Sequence[Hit], int, datetime],
) -> AlertRecord:
    picture, face = probe
    hits, count, now = found
    random = session.place.random
    binding = opened.binding
    return AlertRecord(
        alert_id=new_id(random),
        list_id=opened.watchlist.list_id,
        revision_id=opened.certificate.terms.revision_id,
        certificate_digest=opened.certificate.digest(),
        report_digest=binding.report_digest,
        policy_digest=binding.policy_digest,
        threshold=binding.threshold,
        case=errand.case,
        reason=errand.reason,
        searches_of_case=count,
        submitted_by=session.user.name,
        submitted_at=now,
        probe=picture.data,
        place=face.place,
        candidates=tuple(
            CandidateRecord(new_handle(random), opened.subjects[hit.subject], hit.score, rank)
            for rank, hit in enumerate(hits, start=1)
        ),
    )
