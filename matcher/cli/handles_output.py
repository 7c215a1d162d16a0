"""Handles with the subject ids behind them, for admins only: on stdout, never in a file of the program's own."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from matcher.cli.output import Output, table

if TYPE_CHECKING:
    from matcher.services.handles import Known, KnownCohortPairs, KnownLookAlikes, KnownPair


def print_look_alikes(output: Output, found: "KnownLookAlikes") -> None:
    """Look-alikes and magnets of a list."""
    value = {
        "report": found.report,
        "found": found.found,
        "reason": found.reason,
        "pairs": [_pair(one) for one in found.pairs],
        "magnets": [_person(who) | {"attracted": count} for who, count in found.magnets],
    }
    rows = [(one.one.subject_id, one.other.subject_id, _score(one)) for one in found.pairs]
    magnets = [(who.subject_id, who.handle, count) for who, count in found.magnets]
    counted = f"unknown ({found.reason})" if found.found is None else f"{found.found:,} pairs, {len(rows):,} shown"
    parts = [
        f"look-alikes at the threshold of report {found.report[:16]}: {counted}",
        table(("subject", "subject", "score"), rows) if rows else "",
        f"magnets, listed people who attract more false alarms than chance allows: {len(magnets):,}",
        table(("subject", "handle", "false alarms"), magnets) if magnets else "",
    ]
    output.result(value, "\n".join(part for part in parts if part))


def print_cohort_pairs(output: Output, found: "KnownCohortPairs") -> None:
    """Pairs of cohort people who look like one person, and people who may be on the list."""
    value = {
        "report": found.report,
        "found": found.found,
        "pairs": [_pair(one) | {"ruling": one.ruling} for one in found.pairs],
        "perhaps_listed": [_person(who) for who in found.perhaps_listed],
    }
    parts = [f"pairs of cohort people who look like one person: {found.found:,}, {len(found.pairs):,} shown"]
    if found.pairs:
        columns = ("subject", "handle", "subject", "handle", "score", "ruling")
        parts += [table(columns, _rows(found.pairs)), "Look at them, then: matcher calibrate LIST --adjudicated FILE"]
    parts.append(f"may be on the list under another id: {len(found.perhaps_listed):,}")
    if found.perhaps_listed:
        parts.append(table(("subject", "handle"), [(who.subject_id, who.handle) for who in found.perhaps_listed]))
    output.result(value, "\n".join(parts))


def _rows(pairs: Sequence["KnownPair"]) -> list[tuple[str, ...]]:
    return [
        (one.one.subject_id, one.one.handle, one.other.subject_id, one.other.handle, _score(one), one.ruling)
        for one in pairs
    ]


def _pair(pair: "KnownPair") -> dict[str, Any]:
    return {"one": _person(pair.one), "other": _person(pair.other), "score": pair.score / 1_000_000}


def _person(who: "Known") -> dict[str, Any]:
    return {"handle": who.handle, "subject_id": who.subject_id}


def _score(pair: "KnownPair") -> str:
    from matcher.domain.template import score_text

    return score_text(pair.score)
