"""Finishing an erasure that is committed: files exchanged, the database written anew, the home searched, a receipt.

1. Every step may be taken again: a program that ends in the middle leaves the rest to whoever opens the home next, or
   loads into it (`uncommitted.sweep`), and needs no key to do it.
2. Files are exchanged under the database's write lock, so that two programs never do it at once.
3. Only when nothing of the samples is found in any file is the receipt written. Whoever finishes another's erasure has
   no samples: then the receipt says that none was sought.
"""

from collections.abc import Sequence

from matcher.domain.erasure import Erasure, Sought
from matcher.domain.events import Action, event
from matcher.errors import IntegrityError
from matcher.services.workplace import Workplace


def finish(place: Workplace, erasure: Erasure, samples: Sequence[bytes] = ()) -> Sought:
    """Finishes one erasure. Raises StorageFailed, IntegrityError where something erased is still there."""
    with place.work() as work:
        emptied = work.erasures.parts(erasure.number)
        if any(one.number == erasure.number for one in work.erasures.unfinished()):
            place.revisions.exchange(erasure.erasure_id, work.erasures.left(erasure.number))
    if emptied:
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


def finish_all(place: Workplace) -> int:
    """Finishes what programs that ended in the middle left; how many erasures these were."""
    with place.work(write=False) as work:
        unfinished = work.erasures.unfinished()
    for one in unfinished:
        finish(place, one)
    return len(unfinished)
