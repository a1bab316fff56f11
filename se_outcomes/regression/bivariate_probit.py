"""Two probits with correlated errors: the bivariate probit, and the recursive one of an acceptance's effect.

    Y1 = 1[x1'beta1 + u > 0],   Y2 = 1[x2'beta2 + e > 0],   (u, e) standard normal with correlation rho

(Ashford & Sowden 1970, Biometrics 26:535-546). In the recursive model the first outcome is among the second's
predictors (Maddala 1983, Limited-Dependent and Qualitative Variables, sec. 5.7): its likelihood is the same, term by
term, because P(Y1, Y2) = P(Y1) P(Y2 | Y1) whatever Y1 does to Y2.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from se_outcomes.regression.paired import PairModel
from se_outcomes.regression.paired_fit import PairedFit, fit_pair
from se_outcomes.regression.pairing import arrange_pairs
from se_outcomes.regression.selection_probit import SELECTION_PROBIT, SelectionProbitFit

Floats = NDArray[np.float64]

BIVARIATE_PROBIT = replace(
    SELECTION_PROBIT,
    name="bivariate probit",
    null="The errors of the two equations are uncorrelated (rho = 0)",
)


class BivariateProbitFit(PairedFit):
    """A maximised bivariate probit; parameters in the order beta1, beta2, atanh rho.

    Beside what :class:`~se_outcomes.regression.paired_fit.PairedFit` has:
    """

    @property
    def beta1(self) -> Floats:
        """Coefficients of the first equation (k1,)."""
        return self.first

    @property
    def beta2(self) -> Floats:
        """Coefficients of the second equation (k2,)."""
        return self.second

    @property
    def rho(self) -> float:
        """Correlation of the two equations' errors; -1 or 1 at the edge."""
        return self.dependence


class RecursiveProbitFit(SelectionProbitFit):
    """A maximised recursive probit; parameters in the order gamma, beta (the effect last), atanh rho.

    Beside what :class:`~se_outcomes.regression.selection_probit.SelectionProbitFit` has:
    """

    @property
    def effect(self) -> float:
        """Coefficient of the acceptance in the outcome, on the probit's scale."""
        return float(self.second[-1])


def fit_bivariate_probit(
    y1: ArrayLike,
    X1: ArrayLike,
    y2: ArrayLike,
    X2: ArrayLike,
    *,
    counts: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    intercepts: ArrayLike | None = None,
) -> BivariateProbitFit:
    """Fit two probits with correlated errors at the global maximum.

    Parameters
    ----------
    y1, y2 : (n,) array
        Outcomes, 0 or 1, both seen for everybody.
    X1, X2 : (n, k1), (n, k2) array
        Their designs with constants (without, where ``intercepts`` are given).
    counts : (n,) array, optional
        Cases of each row (a tally); 1 by default.
    clusters : (n,) integer array, optional
        Codes whose scores and information are kept apart.
    intercepts : (n,) integer array, optional
        Groups (offices), each with an intercept of its own in both equations, profiled out. A group without variation
        in one of them leaves that equation and is counted in ``n_left_out``.

    Returns
    -------
    BivariateProbitFit

    Raises
    ------
    ValueError
        On arrays of the wrong shape or with impossible values.
    EstimationError
        ``no_cases``, ``no_variation``, ``no_variation_within_offices``, ``collinearity``, ``separation`` (in either
        equation), ``not_identified``, ``not_converged``.

    Examples
    --------
    Without predictors rho is the tetrachoric correlation of a table: sin(pi/6) where a third of the cases is in each of
    the cells (0, 0) and (1, 1).

    >>> one = [[1.0]] * 4
    >>> fit = fit_bivariate_probit([0, 0, 1, 1], one, [0, 1, 0, 1], one, counts=[20, 10, 10, 20])
    >>> round(fit.rho, 6)
    0.5
    """
    y1 = np.asarray(y1, dtype=float)
    seen = np.ones(len(y1), dtype=bool)
    cells = arrange_pairs(y1, X1, y2, X2, seen=seen, counts=counts, clusters=clusters, intercepts=intercepts)
    return fit_pair(BivariateProbitFit, PairModel(BIVARIATE_PROBIT, cells, ("first", "second")))


def fit_recursive_probit(
    y: ArrayLike,
    X: ArrayLike,
    accepted: ArrayLike,
    Z: ArrayLike,
    *,
    counts: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    intercepts: ArrayLike | None = None,
) -> RecursiveProbitFit:
    """Fit the effect of an acceptance on an outcome seen for everybody, both with correlated errors.

    Parameters
    ----------
    y : (n,) array
        Outcome, 0 or 1, seen for everybody, accepted or not.
    X : (n, kx) array
        Design of the outcome with its constant (without, where ``intercepts`` are given); ``accepted`` is appended as
        its last column.
    accepted : (n,) array
        0 or 1.
    Z : (n, kz) array
        Design of the acceptance, with its constant as X. A variable in it and not in X (exclusion) carries the
        identification; without one it rests on the shape of the normal distribution.
    counts, clusters, intercepts : (n,) array, optional
        As in :func:`fit_bivariate_probit`.

    Returns
    -------
    RecursiveProbitFit

    Raises
    ------
    ValueError
        On arrays of the wrong shape or with impossible values.
    EstimationError
        As :func:`fit_bivariate_probit`; ``separation`` also where the acceptance settles the outcome.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> x, z = rng.normal(size=(2, 4000))
    >>> u, e = rng.multivariate_normal([0, 0], [[1, .5], [.5, 1]], size=4000).T
    >>> X, Z = np.column_stack([np.ones(4000), x]), np.column_stack([np.ones(4000), x, z])
    >>> accepted = 0.3 * x + 0.8 * z + u > 0
    >>> fit = fit_recursive_probit(0.5 * x + 0.6 * accepted + e > 0, X, accepted, Z)
    >>> round(fit.effect, 1), round(fit.rho, 1)
    (0.6, 0.5)
    """
    accepted, X = np.asarray(accepted, dtype=float), np.asarray(X, dtype=float)
    if X.ndim != 2 or accepted.shape != X.shape[:1]:
        raise ValueError(f"accepted must be (n,) and X (n, k); got {accepted.shape} and {X.shape}")
    design, seen = np.column_stack([X, accepted]), np.ones(len(accepted), dtype=bool)
    cells = arrange_pairs(
        accepted, Z, y, design, seen=seen, counts=counts, clusters=clusters, intercepts=intercepts
    )
    return fit_pair(RecursiveProbitFit, PairModel(BIVARIATE_PROBIT, cells, ("acceptance", "outcome")))
