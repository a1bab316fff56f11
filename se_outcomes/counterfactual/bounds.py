"""Bounds on effects from a treated and an untreated group with a 0-1 outcome, and intervals for what lies between.

What is never seen is the treated's outcome without treatment, and the untreated's with it. Each assumption narrows
the two (Manski 1990, AER P&P 80:319-323; Manski & Pepper 2000, Econometrica 68:997-1010):

* none: they lie between 0 and 1;
* monotone selection: the treated are at least as well off as the untreated would be, in either state, so that
  E[Y1 | A = 0] <= E[Y1 | A = 1] and E[Y0 | A = 1] >= E[Y0 | A = 0];
* monotone response: treatment harms nobody, Y1 >= Y0;
* both.

Outcomes that are not known lie between 0 and 1 too, so under no assumption they count as 0 in the lower end of their
group's mean and as 1 in the upper (Horowitz & Manski 2000, JASA 95:77-84). The other assumptions say nothing of them:
there they are taken to be like the known outcomes of their group.

Every bound is attained by some population that agrees with the data (they are sharp).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import gammaln, stdtr, stdtrit

Floats = NDArray[np.float64]

ASSUMPTIONS = ("none", "monotone_selection", "monotone_response", "both")
#: E[Y1] of everyone; the effect on all, on the treated, on the untreated.
ESTIMANDS = ("mean_treated", "all", "treated", "untreated")
#: A correlation so near to 1 or -1 counts as that.
DEGENERATE = 1 - 1e-9
#: Probability beyond which T1 is not looked at.
NEGLIGIBLE = 1e-14


def bound_average(
    totals: ArrayLike, estimand: str, assumption: str = "none", *, unknown: ArrayLike = (0.0, 0.0)
) -> Floats:
    """Lower and upper bound of a mean outcome or an average effect.

    Parameters
    ----------
    totals : (..., 4) array
        Cases treated, of them known to have the outcome, cases untreated, of them known to have it. Without the last
        (NaN), bounds of "mean_treated" under "none" and "monotone_selection" still exist.
    estimand : {"mean_treated", "all", "treated", "untreated"}
        The mean outcome if everyone were treated, or the effect on these.
    assumption : {"none", "monotone_selection", "monotone_response", "both"}
    unknown : (..., 2) array
        Of the treated, and of the untreated, cases whose outcome is not known.

    Returns
    -------
    (..., 2) array
        Lower above upper where the data contradict the assumption.

    Examples
    --------
    Of 40 treated 20, of 60 untreated 15 have the outcome.

    >>> bound_average([40, 20, 60, 15], "mean_treated")
    array([0.2, 0.8])
    >>> bound_average([40, 20, 60, 15], "mean_treated", "both")
    array([0.35, 0.5 ])
    >>> bound_average([40, 20, 60, 15], "all")
    array([-0.35,  0.65])

    The outcome of 10 more treated is not known.

    >>> bound_average([50, 20, 50, 15], "mean_treated", unknown=[10, 0])
    array([0.2, 0.8])
    """
    if estimand not in ESTIMANDS or assumption not in ASSUMPTIONS:
        raise ValueError(
            f"expected one of {ESTIMANDS} and of {ASSUMPTIONS}; got {estimand!r}, {assumption!r}"
        )
    n1, y1, n0, y0 = np.moveaxis(np.asarray(totals, float), -1, 0)
    u1, u0 = np.moveaxis(np.asarray(unknown, float), -1, 0)
    at_worst = assumption == "none"
    treated, untreated = _between_ends(n1, y1, u1, at_worst), _between_ends(n0, y0, u0, at_worst)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = n1 / (n1 + n0)
    selection, response = (
        assumption in ("monotone_selection", "both"),
        assumption in ("monotone_response", "both"),
    )
    zero, one = np.zeros_like(share), np.ones_like(share)
    # the untreated's outcome with treatment, and the treated's without
    with_low, with_high = (untreated[0] if response else zero), (treated[1] if selection else one)
    without_low, without_high = (untreated[0] if selection else zero), (treated[1] if response else one)
    if estimand == "mean_treated":
        ends = share * treated[0] + (1 - share) * with_low, share * treated[1] + (1 - share) * with_high
    elif estimand == "treated":
        ends = treated[0] - without_high, treated[1] - without_low
    elif estimand == "untreated":
        ends = with_low - untreated[1], with_high - untreated[0]
    else:
        ends = (
            share * (treated[0] - without_high) + (1 - share) * (with_low - untreated[1]),
            share * (treated[1] - without_low) + (1 - share) * (with_high - untreated[0]),
        )
    return np.stack(ends, axis=-1)


def _between_ends(n: Floats, y: Floats, unknown: Floats, at_worst: bool) -> tuple[Floats, Floats]:
    """A group's mean outcome: unknown outcomes all 0, then all 1; or, not at worst, like the known ones, twice."""
    with np.errstate(invalid="ignore", divide="ignore"):
        if at_worst:
            return y / n, (y + unknown) / n
        return y / (n - unknown), y / (n - unknown)


@dataclass(frozen=True)
class SetInterval:
    """An interval that covers the parameter wherever it lies between two estimated bounds.

    Attributes
    ----------
    low, high : float
        Its ends; low above high where the bounds cross by more than their errors.
    critical : float
        Standard errors that each end is moved outwards.
    """

    low: float
    high: float
    critical: float


def set_interval(
    lower: float, upper: float, covariance: ArrayLike, dof: float, *, level: float = 0.95
) -> SetInterval:
    """Confidence interval for a parameter that lies between two bounds.

    Imbens & Manski (2004, Econometrica 72:1845-1857) in the form of Stoye (2009, Econometrica 77:1299-1315): the
    bounds' errors are jointly normal with the covariance given. A width that its own error could explain (below the
    critical t) counts as zero, for their critical value is too small where the width is zero and estimated (Stoye's
    third interval). See :func:`critical_value` for t in place of the normal distribution.

    Parameters
    ----------
    lower, upper : float
    covariance : (2, 2) array
        Of the estimated bounds.
    dof : float
        Degrees of freedom of the covariance.
    level : float

    Examples
    --------
    Wide bounds: the parameter is near one end at most, and the other end's error does not matter.

    >>> found = set_interval(0.2, 0.8, [[0.01**2, 0], [0, 0.01**2]], dof=1e6)
    >>> round(found.low, 4), round(found.critical, 3)
    (0.1836, 1.645)
    """
    variance = np.asarray(covariance, float)
    errors = np.sqrt(np.diag(variance))
    width = max(upper - lower, 0.0)
    of_width = np.sqrt(max(variance[0, 0] + variance[1, 1] - 2 * variance[0, 1], 0.0))
    if width <= float(stdtrit(dof, (1 + level) / 2)) * of_width:
        width = 0.0
    product = errors[0] * errors[1]
    correlation = float(np.clip(variance[0, 1] / product, -1, 1)) if product > 0 else 0.0
    critical = critical_value(width, errors, correlation, dof, level=level)
    return SetInterval(float(lower - critical * errors[0]), float(upper + critical * errors[1]), critical)


def critical_value(
    width: float, std_errors: ArrayLike, correlation: float, dof: float, *, level: float = 0.95
) -> float:
    """Standard errors by which either bound is moved outwards, for coverage ``level`` wherever the parameter lies.

    The smallest c with P(T1 <= c, T2 >= -c - width / s2) and P(T1 <= c + width / s1, T2 >= -c) both at least
    ``level``: coverage where the parameter is at the lower bound and at the upper (Stoye 2009, with one c for both
    ends; with correlation 1 and equal errors it is Imbens & Manski's). (T1, T2) are bivariate t with ``dof`` degrees of
    freedom and the bounds' correlation: normal bounds, both measured with the errors of the same few offices.
    From the one-sided t quantile (wide bounds) to the two-sided one (a point).

    Parameters
    ----------
    width : float
        Upper less lower bound, zero or more.
    std_errors : (2,) array
        Of the bounds; zero for a bound that is known.
    correlation : float
    dof : float
    level : float

    Examples
    --------
    >>> round(critical_value(0.0, [1, 1], 1.0, 1e6), 3), round(critical_value(10.0, [1, 1], 1.0, 1e6), 3)
    (1.96, 1.645)
    """
    s1, s2 = np.asarray(std_errors, float)
    one_sided, two_sided = (float(stdtrit(dof, share)) for share in (level, (1 + level) / 2))

    def shortfall(c: float) -> float:
        at_lower = _between(c, c + width / s2 if s2 > 0 else np.inf, correlation, dof) if s1 > 0 else 1.0
        at_upper = _between(c, c + width / s1 if s1 > 0 else np.inf, correlation, dof) if s2 > 0 else 1.0
        return min(at_lower, at_upper) - level

    if shortfall(one_sided) >= -1e-12:
        return one_sided
    if shortfall(two_sided) <= 1e-12:
        return two_sided
    return float(brentq(shortfall, one_sided, two_sided, xtol=1e-10))


def _between(c: float, d: float, correlation: float, dof: float) -> float:
    """P(T1 <= c, T2 >= -d) of a bivariate t: the law of T2 given T1, averaged over T1 by quadrature.

    T2 given T1 = t is t with dof + 1 degrees of freedom, about correlation * t, with the scale
    sqrt((1 - correlation^2) (dof + t^2) / (dof + 1)). With t = sqrt(dof) tan(angle) the density of T1 is proportional
    to cos(angle)^(dof - 1).
    """
    if np.isinf(d):
        return float(stdtr(dof, c))
    if correlation >= DEGENERATE:
        return float(stdtr(dof, c) - stdtr(dof, -d))
    if correlation <= -DEGENERATE:
        return float(stdtr(dof, min(c, d)))
    edges = np.arctan(_panel_edges(c, d, correlation, dof) / np.sqrt(dof))
    nodes, weights = _PANEL
    length = np.diff(edges)[:, None]
    angle = edges[:-1, None] + length * nodes
    t = np.sqrt(dof) * np.tan(angle)
    scale = np.sqrt((1 - correlation**2) * (dof + t**2) / (dof + 1))
    density = np.exp((dof - 1) * np.log(np.cos(angle)))
    found = float((length * weights * density * stdtr(dof + 1, (d + correlation * t) / scale)).sum())
    return found * float(np.exp(gammaln((dof + 1) / 2) - gammaln(dof / 2)) / np.sqrt(np.pi))


def _panel_edges(c: float, d: float, correlation: float, dof: float) -> Floats:
    """Where T1 is cut for the quadrature: ever closer about the point where T2 passes -d, which may be steep."""
    least = float(stdtrit(dof, NEGLIGIBLE))
    if abs(correlation) < 1e-6:
        return np.array([least, 0.0, c])
    steep = -d / correlation
    reach = np.sqrt((1 / correlation**2 - 1) * (dof + steep**2) / (dof + 1))
    near = steep + reach * np.array([-100, -20, -4, 0, 4, 20, 100])
    return np.concatenate([[least], near[(near > least) & (near < c)], [c]])


def _unit_panel(n_nodes: int) -> tuple[Floats, Floats]:
    """Gauss-Legendre nodes and weights on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(n_nodes)
    return (nodes + 1) / 2, weights / 2


_PANEL = _unit_panel(40)
