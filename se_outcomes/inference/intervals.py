"""Intervals and tests from an estimate, its standard error and its degrees of freedom."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit
from scipy.stats import t as t_distribution

Floats = NDArray[np.float64]


def t_interval(
    estimate: ArrayLike, std_error: ArrayLike, dof: float, *, level: float = 0.95, n_joint: int = 1
) -> tuple[Floats, Floats]:
    """Lower and upper end of the t interval.

    Parameters
    ----------
    estimate, std_error : (m,) arrays
    dof : float
        Degrees of freedom, G - 1 for office-clustered standard errors.
    level : float
        Coverage.
    n_joint : int
        Number of intervals that are to cover together at ``level``, by Bonferroni's inequality.

    Examples
    --------
    >>> low, high = t_interval(1.0, 0.5, dof=4)
    >>> round(float(low), 4), round(float(high), 4)
    (-0.3882, 2.3882)
    """
    half = t_distribution.ppf(1 - (1 - level) / (2 * n_joint), dof) * np.asarray(std_error, float)
    return np.asarray(estimate, float) - half, np.asarray(estimate, float) + half


def t_p_value(statistic: ArrayLike, dof: float) -> Floats:
    """Two-sided p-value of a t statistic.

    Examples
    --------
    >>> round(float(t_p_value(2.776445, dof=4)), 6)
    0.05
    """
    return 2 * t_distribution.sf(np.abs(np.asarray(statistic, float)), dof)


def share_interval(share: ArrayLike, logit_std_error: ArrayLike, dof: float) -> tuple[Floats, Floats]:
    """t interval of a share made on the logit scale, so that it stays between 0 and 1.

    Examples
    --------
    >>> low, high = share_interval(0.5, 0.0, dof=4)
    >>> float(low), float(high)
    (0.5, 0.5)
    """
    low, high = t_interval(logit(np.asarray(share, float)), logit_std_error, dof)
    return expit(low), expit(high)
