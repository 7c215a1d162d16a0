"""What to say of a ruling in one sentence, and the cheapest thing to do after one that did not certify."""

from collections.abc import Sequence
from dataclasses import dataclass

from matcher.calibration.engine import EngineTrial, engine_line
from matcher.calibration.groups import Cell, CellEvidence, Level
from matcher.calibration.intervals import people_needed
from matcher.calibration.verdict import Ruling, Status
from matcher.domain.template import score_text

OTHER_QUALITY = (
    "pictures of the list or the cohort were held to other quality limits than this policy's: load them with --policy"
)
LIKE_PEOPLE = (
    "a cohort like the people on the list (the same kind of pictures, cameras and people): "
    "what was tested says little about them"
)
EXACT_ENGINE = "calibrate without --index: the exact engine leaves nobody out"
_NAMED = 5  # cells named in a sentence; the report lists them all


@dataclass(frozen=True, slots=True)
class Setting:
    """Whose cohort it was, and what was done with the pictures.

    `pictures_seen`: by this program; `left_out`: declared columns that were not tested; `same_quality`: the pictures
    were held to the policy's quality limits; `unlike`: why the cohort is not like the people on the list, if it is not;
    `engine`: how an approximate engine decided, None for the exact one.
    """

    shipped: bool
    pictures_seen: bool
    left_out: tuple[str, ...]
    same_quality: bool
    unlike: str | None
    engine: EngineTrial | None = None

    @property
    def obstacles(self) -> tuple[str, ...]:
        """What stands in the way of a certificate whatever the numbers say."""
        beside = () if self.engine is None else self.engine.obstacles
        unlike = () if self.unlike is None else (self.unlike,)
        return (*(() if self.same_quality else (OTHER_QUALITY,)), *unlike, *beside)


def sentence(ruling: Ruling, setting: Setting, evidence: Sequence[CellEvidence], passing: Sequence[Ruling]) -> str:
    """The verdict: status, alpha, tier, whose cohort, threshold, what was not tested, pictures seen or not."""
    gate = ruling.gate
    whose = "the shipped demo cohort" if setting.shipped else "your own cohort"
    parts = [f"{ruling.status.value} at {100 * gate.alpha:g} % ({gate.tier}) by {whose}."]
    if ruling.tau is not None:
        parts.append(_threshold(ruling))
    if setting.engine is not None:
        parts.append(engine_line(setting.engine))
    untested = [f"column {column} (left out)" for column in setting.left_out]
    if ruling.not_tested:
        untested.append(cells_text(ruling.not_tested))
    if untested:
        parts.append(f"NOT TESTED: {'; '.join(untested)}.")
    parts.append("Pictures seen." if setting.pictures_seen else "Pictures not seen.")
    if ruling.status is Status.REFUTED:
        parts.append(f"{ruling.reasons[0]}. {_after_refuted(ruling, passing)}.")
    if ruling.status is Status.INSUFFICIENT:
        step = next_step(ruling, evidence, passing) if setting.unlike is None else LIKE_PEOPLE
        if setting.engine is not None and setting.engine.obstacles:
            step = EXACT_ENGINE
        parts.append(f"Not a failure: nobody was harmed. Cheapest next step: {step}")
        parts[-1] += "." if setting.same_quality else ", with pictures loaded under the quality limits of that policy."
    if ruling.status is Status.CERTIFIED:
        parts.append("Next: an approver who loaded none of the list activates it.")
    return " ".join(parts)


def _after_refuted(ruling: Ruling, passing: Sequence[Ruling]) -> str:
    """A list that is wrong too often is not mended by asking again: another threshold, tier or list is."""
    if passing:
        return f"Next: {_calibrate_at(passing[0])}"
    if ruling.gate.tau is not None:
        return "Next: let the evidence select a higher threshold (calibrate without --threshold)"
    return "Next: look at the list for pictures that resemble many people, or use another model; do not search it"


def _calibrate_at(passing: Ruling) -> str:
    return f"calibrate at {100 * passing.gate.alpha:g} % ({passing.gate.tier}), which this cohort passes"


def cells_text(cells: Sequence[Cell]) -> str:
    """The first few cells for people, and how many more."""
    named = "; ".join(cell.label for cell in cells[:_NAMED])
    return named if len(cells) <= _NAMED else f"{named}; and {len(cells) - _NAMED} more"


def next_step(ruling: Ruling, evidence: Sequence[CellEvidence], passing: Sequence[Ruling]) -> str:
    """The cheapest step towards a certificate, as the end of a sentence."""
    if not any(item.cell.level is Level.GROUP for item in evidence):
        return "declare a group column for the cohort"
    if passing:
        return _calibrate_at(passing[0])
    undeclared = [item.cell for item in evidence if item.cell.level is Level.UNDECLARED]
    tier, shortfalls = _cheapest(ruling, evidence)
    if shortfalls:
        wanted = " and ".join(f"{count} more people with {cell.label}" for cell, count in shortfalls)
        return f"{wanted} ({tier})"
    if undeclared:
        return f"declare {undeclared[0].key[0][0]} for the people who lack it"
    return "fewer searches a day" if ruling.gate.tau is None else "more people or a higher threshold"


def _threshold(ruling: Ruling) -> str:
    text = f"Threshold {score_text(ruling.tau)}" if ruling.tau is not None else "No threshold"
    if ruling.selection.set_by is None:
        return f"{text}, given beforehand."
    return f"{text}; group that set the threshold: {ruling.selection.set_by.label}."


def _cheapest(ruling: Ruling, evidence: Sequence[CellEvidence]) -> tuple[str, list[tuple[Cell, int]]]:
    """The tier that asks for the fewest more people, and how many of each group (all groups together give everyone)."""
    from matcher.domain.policy import TIER_LIMITS, Tier

    gate = ruling.gate
    groups = [item for item in evidence if item.cell.level is Level.GROUP]
    plans = []
    for place, (tier, limit) in enumerate(reversed(TIER_LIMITS)):
        needed = people_needed(limit, 0, delta=gate.next.delta_j)
        if tier is Tier.PILOT and gate.searches_per_day * limit > 1:
            # one expected false alarm a day, at the upper 95 % bound
            needed = max(needed, people_needed(1 / gate.searches_per_day, 0, delta=0.05))
        shortfalls = [(item.cell, needed - item.n) for item in groups if item.n < needed]
        if not shortfalls:  # large enough for this tier: it is something else that stands in the way
            return "", []
        plans.append((sum(count for _, count in shortfalls), place, tier.value, shortfalls))
    _, _, name, best = min(plans, key=lambda plan: plan[:2])
    return name, best
