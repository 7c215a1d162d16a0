"""Exact binomial intervals and the two questions the gate asks of them.

1. Clopper-Pearson (1934) only: exact, so valid at zero errors, where a Wilson bound "at 95 %" holds 93 %.
2. No trials means undefined (None), never zero.
3. Every figure is kept to ten significant digits: the last bits differ between SciPy releases, and a report must replay
   to the byte. Whether a cell passes is decided on the unrounded distribution function.
"""

from dataclasses import dataclass

from matcher.errors import BadInput


@dataclass(frozen=True, slots=True)
class Estimate:
    """k events in n trials: `cp95` is two-sided, `upper95` one-sided.

    They are None where n == 0, and where k is unknown because there is no threshold to count at.
    """

    k: int | None
    n: int
    rate: float | None
    cp95: tuple[float, float] | None
    upper95: float | None


def estimate(k: int | None, n: int) -> Estimate:
    """The estimate of k in n. Raises BadInput unless 0 <= k <= n."""
    if n < 0 or (k is not None and not 0 <= k <= n):
        raise BadInput(f"{k} events in {n} trials is impossible: count again")
    if k is None or n == 0:
        return Estimate(k, n, None, None, None)
    return Estimate(k, n, steady(k / n), two_sided(k, n), upper_bound(k, n))


def upper_bound(k: int, n: int, delta: float = 0.05) -> float:
    """One-sided upper bound at confidence 1 - delta; n > 0."""
    from scipy.special import betaincinv

    return 1.0 if k >= n else steady(float(betaincinv(k + 1, n - k, 1 - delta)))


def lower_bound(k: int, n: int, delta: float = 0.05) -> float:
    """One-sided lower bound at confidence 1 - delta; n > 0."""
    from scipy.special import betaincinv

    return 0.0 if k <= 0 else steady(float(betaincinv(k, n - k + 1, delta)))


def two_sided(k: int, n: int, delta: float = 0.05) -> tuple[float, float]:
    """The two-sided interval at confidence 1 - delta; n > 0."""
    return lower_bound(k, n, delta / 2), upper_bound(k, n, delta / 2)


def certifies(k: int, n: int, alpha: float, delta: float) -> bool:
    """True where the upper bound at confidence 1 - delta is at most alpha (asked as BinomCDF(k; n, alpha) <= delta)."""
    return 0 <= k < n and _at_most(k, n, alpha) <= delta


def refutes(k: int, n: int, alpha: float) -> bool:
    """True where the one-sided 95 % lower bound is above alpha."""
    return n > 0 and lower_bound(k, n) > alpha


def k_star(n: int, alpha: float, delta: float) -> int:
    """The most false alarms that n people may raise and still certify alpha; -1 where even none is not enough."""
    if not certifies(0, n, alpha, delta):
        return -1
    good, bad = 0, n
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if certifies(middle, n, alpha, delta) else (good, middle)
    return good


def people_needed(alpha: float, k: int, *, delta: float) -> int:
    """The fewest people in whom k false alarms still certify alpha at confidence 1 - delta."""
    bad, good = k, k + 1
    while not certifies(k, good, alpha, delta):
        bad, good = good, 2 * good
    while good - bad > 1:
        middle = (good + bad) // 2
        bad, good = (bad, middle) if certifies(k, middle, alpha, delta) else (middle, good)
    return good


def steady(value: float) -> float:
    """`value` to ten significant digits."""
    return float(f"{value:.10g}")


def _at_most(k: int, n: int, alpha: float) -> float:
    from scipy.special import betaincc

    return float(betaincc(k + 1, n - k, alpha))
