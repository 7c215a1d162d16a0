"""Rates as people read them, the same in the terminal and in a document."""

from decimal import ROUND_CEILING, Decimal
from html import escape

from matcher.calibration.intervals import Estimate
from matcher.review.safe_text import neutralise


def share(rate: float | None) -> str:
    """A rate for people; `-` where it is undefined (never for a score)."""
    return "-" if rate is None else f"{100 * rate:.3g} %"


def share_up(bound: float | None) -> str:
    """An upper bound for people, rounded up to two decimals: it is never understated."""
    if bound is None:
        return "-"
    percent = (100 * Decimal(repr(bound))).quantize(Decimal("0.01"), ROUND_CEILING)
    return f"{float(percent):g} %"


def measured(value: float | None) -> str:
    """A measure that is no rate; `-` where it is undefined."""
    return "-" if value is None else f"{value:.4g}"


def with_interval(rate: Estimate) -> str:
    """k/n and the exact 95 % interval."""
    if rate.cp95 is None:
        return counted(rate)
    low, high = (100 * bound for bound in rate.cp95)
    return f"{counted(rate)} ({low:.1f}-{high:.1f} %)"


def counted(rate: Estimate) -> str:
    """k/n; why not, where nothing was counted or there is no threshold to count at."""
    if rate.n == 0:
        return "nobody"
    return f"{rate.n} (no threshold)" if rate.k is None else f"{rate.k}/{rate.n}"


def safe(text: str) -> str:
    """Text of any origin for HTML: escaped, control characters made visible."""
    return escape(neutralise(text))
