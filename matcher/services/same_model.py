"""Whether what is at work here may meet what a revision holds: the same model, and templates that agree.

1. Another identity (embedder, detector, input keys, rewrite, provider) is refused, and the refusal says how to get it.
2. The same identity on a machine whose templates differ beyond the tolerance (`domain/touchstone.py`) is refused too.
"""

from typing import Protocol

from matcher.domain.same_model import how_to_get, what_differs
from matcher.domain.template import ModelIdentity
from matcher.domain.touchstone import unlike
from matcher.errors import Refused


class Made(Protocol):
    """A revision, or a source to load."""

    @property
    def model(self) -> ModelIdentity: ...
    @property
    def touchstone(self) -> bytes: ...


def require_same_model(what: str, held: ModelIdentity, here: ModelIdentity) -> None:
    """Passes where templates made here may meet those that `what` holds. Raises Refused."""
    if held == here:
        return
    if held.pictures_seen != here.pictures_seen:
        raise Refused(
            f"{what} holds templates that were made from photographs: embeddings made elsewhere are never compared"
            if held.pictures_seen
            else f"{what} holds embeddings made elsewhere: no photograph can be compared with them"
        )
    raise Refused(
        f"{what} holds templates of another model or preprocessing ({what_differs(held, here)}): "
        f"{how_to_get(held, here)}, or load everything anew (--replace) and calibrate it"
    )


def require_same_templates(what: str, held: Made, touchstone: bytes) -> None:
    """Passes where this machine, of this touchstone, makes the templates that `what` holds. Raises Refused."""
    if (difference := unlike(held.touchstone, touchstone, held.model.dim)) is not None:
        raise Refused(
            f"what this machine makes of the shipped faces is {difference}, from what {what} was made with: use the "
            "machine that made it, or load everything anew here (--replace) and calibrate it"
        )


def require_comparable(list_name: str, listed: Made, cohort_name: str, tested: Made) -> None:
    """Passes where a list may be tested on a cohort. Raises Refused."""
    both = f"list {list_name} and cohort {cohort_name}"
    if listed.model != tested.model:
        if not (listed.model.pictures_seen and tested.model.pictures_seen):
            raise Refused(
                f"{both} hold templates of different models ({what_differs(listed.model, tested.model)}): load both "
                "from pictures with one model, or both as embeddings of one model"
            )
        raise Refused(
            f"{both} hold templates of different models ({what_differs(listed.model, tested.model)}): "
            f"{how_to_get(listed.model, tested.model)} and load the cohort again (--replace)"
        )
    if (difference := unlike(listed.touchstone, tested.touchstone, listed.model.dim)) is not None:
        raise Refused(
            f"{both} were made on machines that differ: what they make of the shipped faces is {difference}, from each "
            "other; load the cohort again on the machine that made the list (--replace)"
        )
