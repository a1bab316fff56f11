"""The logit model: P(y = 1) = 1 / (1 + exp(-x'beta))."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, log_expit

from se_outcomes.regression.binary import BinaryFit, Family, fit_binary


def _slope(eta: NDArray[np.float64]) -> NDArray[np.float64]:
    """F(1 - F), by the exponential of -|eta| so that it neither overflows nor cancels."""
    odds = np.exp(-np.abs(eta))
    return odds / (1 + odds) ** 2


LOGIT = Family(
    name="logit",
    suspicious=20.0,
    mean=expit,
    slope=_slope,
    curvature=lambda eta: _slope(eta) * -np.tanh(eta / 2),
    loglik=log_expit,
    score=lambda margin: expit(-margin),
    weight=_slope,
)


def fit_logit(
    y: ArrayLike,
    X: ArrayLike,
    *,
    counts: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    intercepts: ArrayLike | None = None,
) -> BinaryFit:
    """Fit a logit by maximum likelihood on cells.

    Parameters
    ----------
    y : (n,) array
        Outcomes, 0 or 1.
    X : (n, k) array
        Design, with its own constant column unless ``intercepts`` are given.
    counts : (n,) array, optional
        Cases per cell; one each if absent.
    clusters : (n,) integer array, optional
        Office codes. Absent: everyone in one cluster (G = 1), which carries no clustered inference.
    intercepts : (n,) integer array, optional
        Groups with an intercept of their own, each within one cluster. They are profiled out: ``scores`` and
        ``information`` are those of ``beta`` alone. Groups without variation in y leave and are counted.

    Returns
    -------
    BinaryFit
        With ``beta``, model-based ``covariance``, ``loglik``, ``scores`` (G, k), ``information`` (G, k, k).

    Raises
    ------
    EstimationError
        ``no_variation``, ``no_variation_within_offices``, ``collinearity``, ``separation`` (both with the
        numbers of the columns in ``details["columns"]``) or ``not_converged``.
    ValueError
        On arrays of the wrong shape or with impossible values.

    Examples
    --------
    A 2 x 2 table: the coefficient is the log odds ratio, log(30 * 20 / (10 * 20)).

    >>> fit = fit_logit([1, 0, 1, 0], [[1, 1], [1, 1], [1, 0], [1, 0]], counts=[30, 10, 20, 20])
    >>> round(float(fit.beta[1]), 6), round(float(np.log(3)), 6)
    (1.098612, 1.098612)
    """
    return fit_binary(LOGIT, y, X, counts=counts, clusters=clusters, intercepts=intercepts)
