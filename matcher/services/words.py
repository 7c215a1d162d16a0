"""Sentences that several screens share, word for word."""

from matcher.calibration.calibrate import worst_misses_at
from matcher.calibration.certified import CertifiedReport
from matcher.calibration.report import WorstMisses
from matcher.services.collections import find_list
from matcher.services.workplace import Workplace


def no_candidate(place: Workplace, list_name: str) -> str:
    """What "no candidate" means for a list that serves, with the misses of its worst tested group."""
    with place.work(write=False) as work:
        certificate = find_list(work, list_name).certificate
        stored = None if certificate is None else work.reports.get(certificate.terms.binding.report_digest)
    if certificate is None or stored is None:
        return no_candidate_words(None)
    worst = worst_misses_at(CertifiedReport.parse(stored.body).report, certificate.threshold)
    return no_candidate_words(worst, larger=bool(certificate.terms.derived_from))


def no_candidate_words(worst: WorstMisses | None, larger: bool = False) -> str:
    """The sentence for the misses of the worst tested group; `larger`: people were removed from the list since."""
    if worst is None:
        return "No candidate. Not proof of absence: how many listed people are missed could not be tested."
    missed = f"{worst.k} of {worst.n} listed people of the worst tested group were missed"
    if larger:
        missed += " (measured on the larger list from which people were removed since)"
    return f"No candidate. Not proof of absence: {missed}."
