"""Sets for functionals when a nuisance parameter is hardly known: intervals at each value of it that is not rejected.

Where a correlation is known from few offices, or sits at the edge of its range, neither its estimate nor its standard
error says where it may lie. So it is tested at every value t on a grid; values with p > alpha_1 stay. At each of them a
functional psi has an estimate and a standard error with t held, and the union over the values that stay of
psi(t) +- quantile(1 - alpha_2 / 2) se(psi | t) covers at 1 - alpha_1 - alpha_2 at least (Bonferroni; Berger & Boos
1994, J. Amer. Stat. Assoc. 89:1012-1016, for tests).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import PchipInterpolator
from scipy.stats import t as t_distribution

from se_outcomes.errors import EstimationError
from se_outcomes.inference.cluster_covariance import inverse_information
from se_outcomes.inference.clustered_fit import ClusteredFit

Floats = NDArray[np.float64]
Intervals = tuple[tuple[float, float], ...]

#: Of an error of 5 % a fifth goes to the nuisance parameter: what it costs is a quantile of 3.00 for 2.78 at four
#: degrees of freedom.
SHARE_OF_NUISANCE = 0.2
#: Points between the nodes at which sets are evaluated.
FINE = 2001


def accepted_intervals(t: ArrayLike, p_values: ArrayLike, *, alpha: float = 0.05) -> Intervals:
    """Where a test does not reject: intervals of t between whose ends p > alpha.

    Parameters
    ----------
    t : (m,) array
        Values of the parameter, increasing.
    p_values : (m,) array
        The test's p-value at each; in between they are taken to be linear.
    alpha : float

    Raises
    ------
    EstimationError
        ``not_identified`` if every value is rejected.

    Examples
    --------
    >>> accepted_intervals([0.0, 1.0, 2.0, 3.0], [0.0, 0.1, 0.1, 0.0])
    ((0.5, 2.5),)
    """
    places, p = np.asarray(t, float), np.asarray(p_values, float)
    found: list[tuple[float, float]] = []
    for (left, p_left), (right, p_right) in itertools.pairwise(zip(places, p, strict=True)):
        low, high = left, right
        if p_left <= alpha and p_right <= alpha:
            continue
        if p_left <= alpha or p_right <= alpha:
            crossing = left + (alpha - p_left) / (p_right - p_left) * (right - left)
            low, high = (crossing, right) if p_left <= alpha else (left, crossing)
        if found and found[-1][1] >= low:
            low = found.pop()[0]
        found.append((float(low), float(high)))
    if not found:
        raise EstimationError(
            "The test rejects every value of the correlation, so no set exists. The model does not fit these data.",
            reason="not_identified",
        )
    return tuple(found)


def project(
    t: ArrayLike, values: ArrayLike, std_errors: ArrayLike, accepted: Sequence[tuple[float, float]],
    *, dof: float, alpha: float,
) -> tuple[Floats, Floats]:  # fmt: skip
    """The hull of psi(t) +- quantile se(psi | t) over the intervals of t that are accepted.

    Parameters
    ----------
    t : (m,) array
        Nodes, increasing; they cover the accepted intervals.
    values, std_errors : (m, r) arrays
        Functionals and their standard errors with t held, at the nodes.
    accepted : sequence of (float, float)
        From :func:`accepted_intervals`.
    dof : float
        Degrees of freedom, G - 1.
    alpha : float
        Error of the intervals at each t.

    Returns
    -------
    (r,) arrays
        Lower and upper ends.

    Examples
    --------
    >>> low, high = project([0.0, 1, 2], [[0.0], [1], [2]], [[0.0], [0], [0]], [(0.5, 1.5)], dof=4, alpha=0.05)
    >>> low.round(3), high.round(3)
    (array([0.5]), array([1.5]))
    """
    nodes = np.asarray(t, float)
    # shape-preserving: a variance stays above nought between nodes far apart; and variances are smooth where standard
    # errors have a kink (a difference that vanishes at some t)
    value = PchipInterpolator(nodes, np.asarray(values, float))
    variance = PchipInterpolator(nodes, np.asarray(std_errors, float) ** 2)
    reach = t_distribution.ppf(1 - alpha / 2, dof)
    low, high = np.inf, -np.inf
    for first, last in accepted:
        grid = np.linspace(first, last, FINE)
        middle, half = value(grid), reach * np.sqrt(variance(grid))
        low = np.minimum(low, (middle - half).min(axis=0))
        high = np.maximum(high, (middle + half).max(axis=0))
    return np.asarray(low, float), np.asarray(high, float)


def design_effect(fit: ClusteredFit, parameter: int) -> float:
    """How many times as large as under independence a parameter's variance is, with CV1's factor G/(G-1); at least 1.

    Examples
    --------
    >>> from se_outcomes.regression.logit import fit_logit
    >>> fit = fit_logit([1, 0] * 3, [[1]] * 6, counts=[15, 5, 6, 14, 2, 18], clusters=[0, 0, 1, 1, 2, 2])
    >>> round(design_effect(fit, 0), 2)
    9.38
    """
    pull = inverse_information(fit)[:, parameter]
    n_clusters = len(fit.scores)
    clustered = n_clusters / (n_clusters - 1) * float(((fit.scores @ pull) ** 2).sum())
    return max(1.0, clustered / float(pull[parameter]))
