"""Counts of innocents, rehearsals and removals on stdout."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from matcher.cli.output import Output, rendered
from matcher.domain.template import MILLION, score_text

if TYPE_CHECKING:
    from matcher.services.innocents import InnocentsCount
    from matcher.services.rehearse import ListRehearsal
    from matcher.services.remove import Removal


def print_innocents(output: Output, found: "InnocentsCount") -> None:
    """A count of innocents."""
    from matcher.report.counts import flagged_table

    table = "" if output.as_json else rendered(flagged_table(found.groups))
    output.result(_innocents_value(found), "\n".join((_headline(found), table, *_innocents_notes(found))))


def _innocents_value(found: "InnocentsCount") -> dict[str, Any]:
    target = found.target
    return {
        "watchlist": target.watchlist.name,
        "state": found.state,
        "list_digest": target.revision.digest,
        "subjects": target.revision.subjects,
        "certificate": target.certificate,
        "report": target.certified.digest,
        "tier": target.certified.tier,
        "alpha": target.certified.alpha,
        "threshold": target.threshold / MILLION,
        "cohort": found.cohort.name,
        "cohort_source": found.cohort.terms.source,
        "cohort_digest": found.cohort_digest,
        "people": found.people,
        "calibrated_on": found.calibrated_on,
        "k": found.everyone.flagged.k,
        "n": found.everyone.flagged.n,
        "failures_to_acquire": found.everyone.fta.k,
        "groups": [asdict(group) for group in found.groups],
    }


def _headline(found: "InnocentsCount") -> str:
    flagged, target = found.everyone.flagged, found.target
    return (
        f"{flagged.k:,} of {flagged.n:,} people who are not on list {target.watchlist.name} would be flagged at "
        f"{score_text(target.threshold)}"
    )


def _innocents_notes(found: "InnocentsCount") -> list[str]:
    target, certified = found.target, found.target.certified
    basis = "never activated: counted as its report certifies it"
    if target.certificate is not None:
        basis = f"certificate {target.certificate[:16]}"
    notes = [
        f"list {target.watchlist.name} is {found.state}; {basis}; report {certified.digest[:16]}, "
        f"list digest {target.revision.digest[:16]}",
        f"certified: at most {100 * certified.alpha:g} % in every tested group ({certified.tier})",
        f"cohort {found.cohort.name} ({found.people:,} people), supplied by {found.cohort.terms.source}, "
        f"digest {found.cohort_digest[:16]}",
    ]
    if found.everyone.fta.k:
        notes.append(f"{found.everyone.fta.k} had no usable picture (failures to acquire): they are not in n")
    if found.calibrated_on:
        notes.append(
            f"{found.calibrated_on} of them are in the cohort that the threshold was chosen on: "
            "of those this is no new evidence"
        )
    above = [group.cell.label for group in found.groups if group.above_alpha]
    if above:
        notes.append(
            f"ABOVE what was certified (95 % lower bound): {'; '.join(above)}. "
            f"Stop the list (matcher watchlist suspend {target.watchlist.name}) and calibrate it on more people"
        )
    return [
        *notes,
        "p: Fisher's exact test of a group against everyone outside it, two-sided; a large p is no evidence of "
        "equal treatment. Wilson's interval is for comparison with published counts",
    ]


def print_rehearsal(output: Output, found: "ListRehearsal") -> None:
    """A rehearsal."""
    from matcher.calibration.rehearsal import WHICH_WAY, WHY_NOTHING
    from matcher.report.counts import rehearsal_table, rehearsed_groups_table

    told, revision = found.rehearsal, found.revision
    value = {
        "watchlist": found.watchlist.name,
        "rehearsal": True,
        "list_digest": revision.digest,
        "templates": revision.templates,
        "rejected": revision.rejected,
        **asdict(told),
        "why_it_proves_nothing": WHY_NOTHING,
        "which_way": WHICH_WAY,
    }
    pictures = (
        f"{told.people:,} people, {told.with_several:,} of them with several pictures; {revision.templates:,} pictures "
        f"searched, {revision.rejected:,} could not be used"
    )
    lines = [WHY_NOTHING, f"list {found.watchlist.name}: {pictures}", rendered(rehearsal_table(told.tiers))]
    if len(told.tiers[0].groups) > 1:
        lines.append(rendered(rehearsed_groups_table(told.tiers)))
    if told.left_out:
        lines.append(f"left out, too many labels: {', '.join(told.left_out)}")
    if not told.with_several:
        lines.append("misses: nobody on the list has two usable pictures")
    output.result(value, "\n".join((*lines, WHICH_WAY)))


def print_removal(output: Output, name: str, found: "Removal") -> None:
    """A removal: counts, never who."""
    revision = found.revision
    step = (
        f"an approver activates it without a new calibration: matcher watchlist activate {name}"
        if found.derivable
        else f"it needs a calibration before it can be activated: matcher calibrate {name} --cohort NAME"
    )
    value = {
        "name": name,
        "revision": revision.number,
        "digest": revision.digest,
        "subjects": revision.subjects,
        "templates": revision.templates,
        "subjects_removed": found.subjects,
        "items_removed": found.items,
        "derivable": found.derivable,
        "next": step,
    }
    output.result(
        value,
        f"{name}: revision {revision.number}, {revision.subjects} subjects, {revision.templates} templates "
        f"({found.subjects} subjects with {found.items} pictures removed)\ndigest {revision.digest}\n"
        f"whatever serves goes on serving until then; next: {step}",
    )
