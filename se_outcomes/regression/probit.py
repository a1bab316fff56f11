"""The probit model: P(y = 1) = Phi(x'beta)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_ndtr, ndtr

from se_outcomes.regression.binary import BinaryFit, Family, fit_binary


def _density(eta: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.exp(-(eta**2) / 2) / np.sqrt(2 * np.pi)


def _mills(margin: NDArray[np.float64]) -> NDArray[np.float64]:
    """phi / Phi, by logarithms so that it holds in the far tail."""
    return np.exp(-(margin**2) / 2 - np.log(2 * np.pi) / 2 - log_ndtr(margin))


PROBIT = Family(
    name="probit",
    suspicious=6.0,
    mean=ndtr,
    slope=_density,
    curvature=lambda eta: -eta * _density(eta),
    loglik=log_ndtr,
    score=_mills,
    weight=lambda margin: _mills(margin) * (_mills(margin) + margin),
)


def fit_probit(
    y: ArrayLike,
    X: ArrayLike,
    *,
    counts: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    intercepts: ArrayLike | None = None,
) -> BinaryFit:
    """Fit a probit by maximum likelihood on cells; arguments, result and errors as :func:`fit_logit`.

    The information is the observed one (not the expected one of Fisher scoring; for the logit they are
    equal).

    Examples
    --------
    >>> fit = fit_probit([1, 0], [[1], [1]], counts=[84.13447460685429, 15.86552539314571])
    >>> round(float(fit.beta[0]), 6)
    1.0
    """
    return fit_binary(PROBIT, y, X, counts=counts, clusters=clusters, intercepts=intercepts)
