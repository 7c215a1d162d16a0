"""Likeness, adjudication and look-alikes in words: counts only, handles are in the JSON."""

from matcher.calibration.report import Report
from matcher.calibration.resolutions import Ruling
from matcher.domain.template import score_text


def integrity_lines(report: Report) -> list[str]:
    """What a reader must know beside the counts, in two to five lines."""
    return [_likeness(report), *_adjudication(report), *_look_alikes(report)]


def _likeness(report: Report) -> str:
    found = report.realism
    if found.probability is None or found.ci95 is None:
        return f"likeness of cohort and list: unknown ({found.reason})"
    low, high = found.ci95
    return (
        f"likeness of cohort and list: a listed person scores above a tested one with probability "
        f"{found.probability:.3f} (95 % interval {low:.2f} to {high:.2f}; 0.5 for alike people, at most 0.75)"
    )


def _adjudication(report: Report) -> list[str]:
    found = report.adjudication
    if found.median is None:
        return [f"people twice in the cohort: not looked for ({found.reason})"]
    ruled = sum(pair.ruling is not Ruling.OPEN for pair in found.pairs)
    lines = [
        f"pairs of cohort people at or above the median mated score {score_text(found.median)}: {found.found:,}, "
        f"ruled on {ruled:,}; {found.joined:,} people set aside as another of the cohort"
    ]
    if found.found > ruled:
        lines.append("  look at them: matcher cohort show NAME --pairs LIST, then matcher calibrate --adjudicated FILE")
    if found.perhaps_listed:
        lines.append(
            f"{len(found.perhaps_listed):,} cohort people may be on the list under another id: they are counted"
        )
    return lines


def _look_alikes(report: Report) -> list[str]:
    found = report.look_alikes
    pairs = f"unknown ({found.reason})" if found.found is None else f"{found.found:,} pairs"
    lines = [f"look-alikes on the list at this threshold: {pairs}"]
    if found.magnets:
        lines.append(
            f"{len(found.magnets):,} listed people attract {found.magnet_from:,} or more of the {found.attracted:,} "
            "false alarms, more than chance allows"
        )
    if found.pairs or found.magnets:
        lines.append(f"  who they are: matcher watchlist show {report.list.name} --look-alikes")
    return lines
