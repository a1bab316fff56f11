"""The probit with sample selection (heckprobit): an outcome seen only for those whom a gate let through.

    S = 1[z'gamma + u > 0],   Y = 1[x'beta + e > 0] seen where S = 1,   (u, e) standard normal, correlation rho

(van de Ven & van Praag 1981, J. Econometrics 17:229-252). With a = z'gamma, b = x'beta and q = 2Y - 1 a case's
log-likelihood is log Phi(-a) where not selected and log Phi2(a, qb; q rho) where selected.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import erfcx, log_ndtr

from se_outcomes.regression.bivariate_normal import log_bivariate_normal_cdf, log_cdf_derivatives
from se_outcomes.regression.paired import PairFamily, PairModel, Terms
from se_outcomes.regression.paired_fit import GateFit, fit_pair
from se_outcomes.regression.pairing import arrange_pairs

Floats = NDArray[np.float64]

#: Margins beyond the first are not told apart; below the second phi/Phi + margin has lost half its digits.
LARGEST, FAR = 1e50, -1e4
#: atanh rho at which the correlation is as good as perfect (rho = 0.999988).
EDGE = 6.0
NODES = (-6.0, -4.5, -3.4, -2.6, -2.1, -1.5, -0.9, -0.45, 0.0, 0.45, 0.9, 1.5, 2.1, 2.6, 3.4, 4.5, 6.0)


class SelectionProbitFit(GateFit):
    """A maximised selection probit; parameters in the order gamma, beta, atanh rho.

    Beside what :class:`~se_outcomes.regression.paired_fit.GateFit` has:
    """

    @property
    def rho(self) -> float:
        """Correlation of the two equations' errors; -1 or 1 at the edge."""
        return self.dependence


def fit_selection_probit(
    y: ArrayLike,
    X: ArrayLike,
    selected: ArrayLike,
    Z: ArrayLike,
    *,
    observed: ArrayLike | None = None,
    counts: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    intercepts: ArrayLike | None = None,
) -> SelectionProbitFit:
    """Fit a probit with sample selection at its global maximum.

    Parameters
    ----------
    y : (n,) array
        Outcome, 0 or 1; not looked at where not selected (it may be missing there).
    X : (n, kx) array
        Design of the outcome with its constant (without, where ``intercepts`` are given). Where not selected it is
        needed only for averages over everybody.
    selected : (n,) array
        1 where the gate let the case through, else 0.
    Z : (n, kz) array
        Design of the gate, with its constant as X.
    observed : (n,) bool array, optional
        False where the outcome of a selected case is not known: it counts in the gate alone.
    counts : (n,) array, optional
        Cases of each row (a tally); 1 by default.
    clusters : (n,) integer array, optional
        Codes whose scores and information are kept apart.
    intercepts : (n,) integer array, optional
        Groups (offices), each with an intercept of its own in both equations, profiled out. A group whose gate
        (outcome) does not vary leaves that equation and is counted in ``n_left_out``.

    Returns
    -------
    SelectionProbitFit

    Raises
    ------
    ValueError
        On arrays of the wrong shape or with impossible values.
    EstimationError
        ``no_cases``, ``no_variation``, ``no_variation_within_offices``, ``collinearity``, ``separation`` (in either
        equation on its own rows), ``not_identified`` (the likelihood is the same for every rho), ``not_converged``.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> z, x = rng.normal(size=(2, 2000))
    >>> u, e = rng.multivariate_normal([0, 0], [[1, .5], [.5, 1]], size=2000).T
    >>> Z, X = np.column_stack([np.ones(2000), x, z]), np.column_stack([np.ones(2000), x])
    >>> selected, y = 0.5 * x + 0.7 * z + u > 0, 0.4 * x + e > 0
    >>> fit = fit_selection_probit(y, X, selected, Z)
    >>> [[round(float(end), 2) for end in interval] for interval in fit.dependence_set()]
    [[0.3, 0.68]]
    """
    selected = np.asarray(selected, dtype=float)
    seen = selected == 1
    if observed is not None:
        seen &= np.asarray(observed, dtype=bool)
    cells = arrange_pairs(
        selected, Z, y, X, seen=seen, counts=counts, clusters=clusters, intercepts=intercepts
    )
    return fit_pair(SelectionProbitFit, PairModel(SELECTION_PROBIT, cells))


def probit_alone(sign: Floats, predictor: Floats) -> Terms:
    """log Phi(sign * predictor) with two derivatives."""
    margin = np.clip(sign * predictor, -LARGEST, LARGEST)
    mills = inverse_mills(margin)
    far = margin < FAR
    weight = mills * (mills + np.where(far, 0.0, margin))
    weight[far] = 1 - 1 / margin[far] ** 2
    return log_ndtr(margin), sign * mills, -weight


def inverse_mills(margin: Floats) -> Floats:
    """phi / Phi, without cancellation however far the margin is below zero."""
    return np.sqrt(2 / np.pi) / erfcx(-margin / np.sqrt(2))


def probit_weight(predictor: Floats) -> Floats:
    """Expected information of a probit's predictor, phi^2 / (Phi (1 - Phi))."""
    return inverse_mills(predictor) * inverse_mills(-predictor)


def bivariate_probit_joint(s: Floats, y: Floats, a: Floats, b: Floats, t: float, order: int) -> Terms:
    """log Phi2(s a, y b; s y tanh t) and its derivatives by a, b and t."""
    rho, sign = np.tanh(t), s * y
    if order == 0:
        return (log_bivariate_normal_cdf(s * a, y * b, sign * rho),)
    found = log_cdf_derivatives(s * a, y * b, sign * rho)
    by_t = 1 / np.cosh(t) ** 2  # d rho / dt, without the cancellation in 1 - rho^2
    return (
        found.value,
        s * found.h,
        y * found.k,
        sign * found.rho * by_t,
        found.hh,
        sign * found.hk,
        found.kk,
        y * found.h_rho * by_t,
        s * found.k_rho * by_t,
        found.rho_rho * by_t**2 - 2 * rho * by_t * sign * found.rho,
    )


SELECTION_PROBIT = PairFamily(
    name="selection probit",
    joint=bivariate_probit_joint,
    gate=probit_alone,
    outcome=probit_alone,
    independence=0.0,
    limits=(-EDGE, EDGE),
    nodes=NODES,
    dependence=np.tanh,
    ends=(-1.0, 1.0),
    null="The errors of gate and outcome are uncorrelated (rho = 0)",
    outcome_weight=probit_weight,
)
