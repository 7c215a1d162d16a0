"""Balanced logistic regression on one standardised score, for many weightings of the same people at once.

1. log10 LR = intercept + slope z, because both classes weigh one half whatever their numbers (prior odds 1).
2. The ridge is explicit: the slope alone is penalised, by slope^2 / (2 C n) beside the mean losses, with C = 1,000 and
   n scores. That is weak (a library's usual C = 1 flattens the line of a small cohort), and keeps perfectly separable
   scores finite. The intercept is free.
3. A slope is never negative: where mates score lower than other people, the line is 0 everywhere and says nothing.
4. Lines are kept to six decimals of a logarithm: what a solver leaves in the last places depends on the processor, and
   a report must replay to the byte.

Newton's method with step halving on the convex objective (McCullagh and Nelder 1989, section 4.4).
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

C = 1_000.0
MOST_STEPS = 200
SMALLEST_STEP = 1e-9
DECIMALS = 6
_ROWS_AT_ONCE = 128  # 128 x 128 doubles stay in a core's cache
_LN10 = math.log(10)


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """One line per weighting, in log10 LR: `intercepts` and `slopes`, both (weightings,)."""

    intercepts: Values
    slopes: Values

    def at(self, z: Values) -> Values:
        """log10 LR (weightings, scores)."""
        return self.intercepts[:, None] + self.slopes[:, None] * z


def fit(z: Values, mated: Values, nonmated: Values, slopes: Values | None = None) -> Lines:
    """Lines for weights (weightings, scores) of the scores `z` in either class; with given `slopes`, intercepts only.

    Every weighting must hold somebody of each class. Raises ArithmeticError where no line is found.
    """
    parts = []
    for start in range(0, len(mated), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        problem = _Problem.of(z, mated[rows], nonmated[rows])
        if slopes is None:
            parts.append(problem.lines())
        else:
            natural = slopes[rows] * _LN10
            parts.append((problem.intercepts(natural), natural))
    intercepts, fitted = (np.concatenate(column) / _LN10 for column in zip(*parts, strict=True))
    return Lines(*(_kept(np.where(fitted > 0, column, 0.0)) for column in (intercepts, fitted)))


def _kept(values: Values) -> Values:
    """Rule 4; + 0.0, because a zero has no sign."""
    return np.asarray(np.round(values, DECIMALS) + 0.0, dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """Weights (rows, scores): `both` of a score in either class, `mates` the first moment of mates, half their sum."""

    z: Values
    both: Values
    mates: Values
    ridge: Values

    @classmethod
    def of(cls, z: Values, mated: Values, nonmated: Values) -> "_Problem":
        sums = mated.sum(axis=1), nonmated.sum(axis=1)
        halves = mated / (2 * sums[0][:, None])
        return cls(z, halves + nonmated / (2 * sums[1][:, None]), halves @ z, 1 / (C * (sums[0] + sums[1])))

    def rows(self, which: npt.NDArray[np.intp]) -> "_Problem":
        return _Problem(self.z, self.both[which], self.mates[which], self.ridge[which])

    def lines(self) -> tuple[Values, Values]:
        """Intercept and slope of each row, natural logarithms."""
        best = np.zeros((2, len(self.both)))
        going, problem = np.arange(len(self.both)), self
        state = problem.look(best)
        step, share = state.newton(), np.ones(len(going))
        for _ in range(MOST_STEPS):
            trial = problem.look(state.at + share * step)
            # 1e-12: at the minimum the objective no longer tells two neighbours apart
            better = trial.objective <= state.objective + 1e-12
            state = state.replaced(trial, better)
            step = np.where(better, state.newton(), step)
            share = np.where(better, 1.0, share / 2)
            done = (np.abs(share * step) < SMALLEST_STEP).all(axis=0)
            best[:, going[done]] = state.at[:, done]
            if done.all():
                return best[0], best[1]
            left = np.flatnonzero(~done)
            going, problem, state = going[left], problem.rows(left), state.rows(left)
            step, share = step[:, left], share[left]
        raise ArithmeticError(f"no logistic line after {MOST_STEPS} steps")

    def look(self, at: Values) -> "_State":
        """Objective, gradient and curvature of each row at (intercept, slope)."""
        # In place, each division and choice made once: most of a calibration's time is spent in these lines.
        eta = at[1][:, None] * self.z
        eta += at[0][:, None]
        odds = np.abs(eta)
        np.exp(np.negative(odds, out=odds), out=odds)
        right = eta >= 0
        whole = 1 + odds
        weighed = np.where(right, 1.0, odds)
        weighed /= whole
        weighed *= self.both
        curved = np.where(right, odds, 1.0)
        curved *= weighed
        curved /= whole
        loss = np.maximum(eta, 0, out=eta)
        loss += np.log(whole, out=whole)
        loss *= self.both
        ridge = self.ridge
        return _State(
            at,
            loss.sum(axis=1) - at[0] / 2 - at[1] * self.mates + ridge * at[1] ** 2 / 2,
            np.stack((weighed.sum(axis=1) - 0.5, weighed @ self.z - self.mates + ridge * at[1])),
            np.stack((curved.sum(axis=1), curved @ self.z, curved @ self.z**2 + ridge)),
        )

    def intercepts(self, slopes: Values) -> Values:
        """The intercept of each row at a given slope: Newton's method inside a bracket of the only root."""
        reach = np.abs(slopes) * np.abs(self.z).max() + 40  # at +-reach every chance is 0 or 1
        low, high, at = -reach, reach, -slopes * (self.both @ self.z)
        for _ in range(MOST_STEPS):
            state = self.look(np.stack((at, slopes)))
            slope, curve = state.gradient[0], state.curvature[0]
            low, high = np.where(slope < 0, at, low), np.where(slope < 0, high, at)
            with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
                newton = at - slope / curve
            inside = (newton > low) & (newton < high)  # false where the curve is flat: NaN or infinity
            after = np.where(inside, newton, (low + high) / 2)
            if (np.abs(after - at) < SMALLEST_STEP).all():
                return np.asarray(after)
            at = after
        raise ArithmeticError(f"no intercept after {MOST_STEPS} steps")


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """`at` and `gradient` (2, rows); `curvature` (3, rows): both diagonals around the mixed one."""

    at: Values
    objective: Values
    gradient: Values
    curvature: Values

    def newton(self) -> Values:
        """The full step to the minimum of the local parabola."""
        first, mixed, second = self.curvature
        across, along = self.gradient
        size = first * second - mixed**2
        return np.stack(((mixed * along - second * across) / size, (mixed * across - first * along) / size))

    def replaced(self, other: "_State", where: npt.NDArray[np.bool_]) -> "_State":
        return _State(
            np.where(where, other.at, self.at),
            np.where(where, other.objective, self.objective),
            np.where(where, other.gradient, self.gradient),
            np.where(where, other.curvature, self.curvature),
        )

    def rows(self, which: npt.NDArray[np.intp]) -> "_State":
        return _State(self.at[:, which], self.objective[which], self.gradient[:, which], self.curvature[:, which])
