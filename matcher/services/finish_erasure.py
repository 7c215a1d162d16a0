"""Finishing an erasure that is committed: files exchanged, the database written anew, the home searched, a receipt.

What is said of erasures holds for a rotation of the home key too, which is one of the home (`domain/erasure.py`).

1. Every step may be taken again: a program that ends in the middle leaves the rest to whoever opens the home next, or
   loads into it (`uncommitted.sweep`), and needs no key to do it.
2. Files are exchanged under the database's write lock, so that two programs never do it at once.
3. Only when nothing of the samples is found in any file is the receipt written. Whoever finishes another's erasure has
   no samples: then the receipt says that none was sought.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from matcher.domain.erasure import Erasure, Sought
from matcher.domain.events import Action, event
from matcher.errors import IntegrityError

if TYPE_CHECKING:
    from matcher.services.workplace import Workplace


def finish(place: "Workplace", erasure: Erasure, samples: Sequence[bytes] = ()) -> Sought:
    """Finishes one erasure. Raises StorageFailed, IntegrityError where something erased is still there."""
    with place.work() as work:
        of_home = work.home.get().home_id == erasure.collection_id
        rewritten = of_home or work.erasures.parts(erasure.number) > 0
        if any(one.number == erasure.number for one in work.erasures.unfinished()):
            place.revisions.exchange(erasure.erasure_id, work.erasures.left(erasure.number))
    if rewritten:
        with place.work(write=False) as work:
            work.scrub()
    sought = place.revisions.sought(samples)
    if sought.found:
        raise IntegrityError(f"{sought.found} samples of what was erased are still in the home: erase again")
    with place.work() as work:
        if any(one.number == erasure.number for one in work.erasures.unfinished()):
            work.erasures.finish(erasure.number, place.clock())
            work.log.append(
                event(
                    Action.ERASURE_FINISHED,
                    erasure.by,
                    erasure=erasure.number,
                    files_searched=sought.files,
                    samples_sought=sought.samples,
                )
            )
        work.commit()
    return sought


@contextmanager
def dropped_unless_committed(place: "Workplace", erasure_id: str) -> Iterator[None]:
    """Removes what was sealed for an erasure that was not committed. After a Ctrl-C it may be: then it stays."""
    try:
        yield
    finally:
        with place.work(write=False) as work:
            committed = any(one.erasure_id == erasure_id for one in work.erasures.all())
        if not committed:
            place.revisions.drop(erasure_id)


def finish_all(place: "Workplace") -> int:
    """Finishes what programs that ended in the middle left; how many erasures these were."""
    with place.work(write=False) as work:
        unfinished = work.erasures.unfinished()
    for one in unfinished:
        finish(place, one)
    return len(unfinished)
