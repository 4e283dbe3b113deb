"""Intervals that may be looked at once, and intervals that may be looked at every day. Pure.

The cumulated mean of fixed groups over days has Cov(early, late) = Var(late): seen against
information 1 / Var it is a Brownian motion with drift (Scharfstein, Tsiatis, Robins, JASA 1997),
however strongly the days of one group hang together. So the normal mixture of Robbins (Ann.
Math. Stat. 1970), known as mixture SPRT (Johari, Koomen, Pekelis, Walsh, "Always Valid
Inference", Operations Research 2022) and as a confidence sequence (Howard, Ramdas, McAuliffe,
Sekhon, Ann. Stat. 2021), holds at all looks together. Variances are estimated from few groups;
each look's normal bound is turned into the bound of Student's t with the same tail (the
significance level approach of Jennison and Turnbull, Group Sequential Methods, 2000, ch. 11).
How well this holds is measured by `python -m bench experiments`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log, log1p, sqrt

from scipy.special import lambertw
from scipy.stats import norm, t


@dataclass(frozen=True)
class ErrorBudget:
    """How the allowed share of false alarms is spent: a little on all daily looks together, the
    rest on the planned end. The two add up, so everything an experiment ever says is wrong with
    at most the whole."""

    early: float = 0.01
    final: float = 0.04

    @property
    def whole(self) -> float:
        return self.early + self.final

    def shared(self, comparisons: int) -> ErrorBudget:
        """The same for each of several arms (Bonferroni)."""
        return ErrorBudget(self.early / comparisons, self.final / comparisons)


def fixed_half_width(variance: float, df: float, alpha: float) -> float:
    """Half the width of a 1 - alpha interval for one look at the planned end."""
    return float(t.isf(alpha / 2, max(df, 1.0))) * sqrt(variance)


def mixing_variance(planned_variance: float, alpha: float) -> float:
    """The mixture's variance that makes the sequence narrowest when the estimate's variance
    equals `planned_variance` (Howard et al. 2021, section 3.5). Fixed before the start."""
    branch = float(lambertw(-(alpha**2) * exp(-1.0), -1).real)
    return planned_variance * (-branch - 1.0)


def always_valid_half_width(variance: float, df: float, mixing: float, alpha: float) -> float:
    """Half the width, at one look, of a sequence that holds the truth at all looks together with
    probability 1 - alpha. `variance`: of the estimate at this look; `mixing`: from
    `mixing_variance`."""
    if variance <= 0 or mixing <= 0:
        return float("inf")
    bound = sqrt((1.0 + variance / mixing) * (2.0 * log(1.0 / alpha) + log1p(mixing / variance)))
    tail = float(norm.sf(bound))
    if tail <= 0.0:
        return float("inf")
    return float(t.isf(tail, max(df, 1.0))) * sqrt(variance)


def over_scales(variance: float, df: float, mixings: tuple[float, ...], alpha: float) -> float:
    """The same where no history says how large a difference may be: the allowed error is shared
    among several mixing variances, and the narrowest interval counts."""
    share = alpha / len(mixings)
    return min(always_valid_half_width(variance, df, mixing, share) for mixing in mixings)


@dataclass(frozen=True)
class Interval:
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0.0 or self.high < 0.0

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high


def around(middle: float, half: float) -> Interval:
    return Interval(middle - half, middle + half)


def relative(
    base: float, arm: float, noise: tuple[float, float, float], multiple: float
) -> Interval | None:
    """The interval of arm / base - 1 by Fieller (Q. J. Pharmacy 1940), `multiple` standard errors
    wide: it excludes zero exactly when the interval of the difference does. `noise`: covariance
    (base, both, arm). None where the base is not clearly above zero, so that any ratio might be
    true."""
    both, square = arm * base - multiple**2 * noise[1], base**2 - multiple**2 * noise[0]
    inner = both**2 - square * (arm**2 - multiple**2 * noise[2])
    if base <= 0.0 or square <= 0.0 or inner < 0.0:
        return None
    return around(both / square - 1.0, sqrt(inner) / square)
