"""The probit of two sequential gates and placement: who is referred, who of them is accepted, who is placed.

    R = 1[z1'g1 + u1 > 0],  A = 1[z2'g2 + u2 > 0] seen if R = 1,  Y = 1[x'b + u3 > 0]

with (u1, u2, u3) standard normal and correlations rho12, rho13, rho23: the selection probit of van de Ven & van Praag
(1981, J. Econometrics 17:229-252) with a second gate. In the recursive model placement is seen for everybody and
acceptance is among its predictors.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from se_outcomes.regression.two_gate import TwoGateModel
from se_outcomes.regression.two_gate_cells import arrange_two_gates
from se_outcomes.regression.two_gate_fit import TwoGateFit, fit_model


def fit_two_gate_probit(
    placed: ArrayLike,
    X: ArrayLike,
    referred: ArrayLike | None,
    Z1: ArrayLike | None,
    accepted: ArrayLike,
    Z2: ArrayLike,
    *,
    counts: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    intercepts: ArrayLike | None = None,
) -> TwoGateFit:
    """Fit placement, seen for the accepted, behind two gates.

    Parameters
    ----------
    placed : (n,) array
        0 or 1; not looked at where not accepted. NaN where it is not known of an accepted case, which then counts in
        the gates alone.
    X : (n, k3) array
        Design of the placement with its constant (without, where ``intercepts`` are given), for everybody.
    referred : (n,) array or None
        0 or 1. None where the two gates are merged: then the model is that of acceptance and placement alone.
    Z1 : (n, k1) array or None
        Design of the referral; None where the gates are merged.
    accepted : (n,) array
        0 or 1; not looked at where not referred. NaN where a referred case is undecided, which then counts in the
        referral alone.
    Z2 : (n, k2) array
        Design of the acceptance; not looked at where not referred.
    counts : (n,) array, optional
        Cases of each row (a tally); 1 by default.
    clusters : (n,) integer array, optional
        Codes whose scores and information are kept apart.
    intercepts : (n,) integer array, optional
        Groups (offices), each with an intercept of its own in every equation, profiled out. A group without variation
        in an equation leaves that equation and is counted in ``n_left_out``.

    Returns
    -------
    TwoGateFit

    Raises
    ------
    ValueError
        On arrays of the wrong shape or with impossible values.
    EstimationError
        ``no_cases``; ``no_variation``, ``no_variation_within_offices``, ``collinearity``, ``separation`` with
        ``details["equation"]``; ``not_identified``, ``not_converged``.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> x, z1, z2 = rng.normal(size=(3, 4000))
    >>> u1, u2, u3 = rng.multivariate_normal(np.zeros(3), [[1, .5, .3], [.5, 1, .5], [.3, .5, 1]], size=4000).T
    >>> ones = np.ones(4000)
    >>> referred = 0.4 * x + 0.6 * z1 + u1 > 0
    >>> accepted, placed = 0.3 * x + 0.6 * z2 + u2 > 0, 0.5 * x + u3 > 0
    >>> fit = fit_two_gate_probit(
    ...     placed, np.column_stack([ones, x]), referred, np.column_stack([ones, x, z1]),
    ...     accepted, np.column_stack([ones, x, z2]),
    ... )
    >>> abs(fit.rho_12 - 0.5) < 0.2, abs(fit.rho_23 - 0.5) < 0.3
    (True, True)
    """
    accepted, gate = np.array(accepted, float), np.asarray(1 if referred is None else referred, float)
    seen = (accepted == 1) & (gate == 1)
    return _fit(
        np.where(seen, np.asarray(placed, float), np.nan), X, referred, Z1, accepted, Z2,
        recursive=False, counts=counts, clusters=clusters, intercepts=intercepts,
    )  # fmt: skip


def fit_recursive_two_gate_probit(
    placed: ArrayLike,
    X: ArrayLike,
    referred: ArrayLike | None,
    Z1: ArrayLike | None,
    accepted: ArrayLike,
    Z2: ArrayLike,
    *,
    counts: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    intercepts: ArrayLike | None = None,
) -> TwoGateFit:
    """Fit what acceptance does to a placement seen for everybody, behind two gates.

    Parameters
    ----------
    placed : (n,) array
        0 or 1, accepted or not; NaN where it is not known: the case then counts in the gates alone.
    X : (n, k3) array
        Design of the placement; ``accepted`` (0 where not referred) is appended as its last column.
    accepted : (n,) array
        0 or 1 for the referred; not looked at elsewhere. Undecided cases are not accepted: give 0.
    referred, Z1, Z2, counts, clusters, intercepts
        As in :func:`fit_two_gate_probit`.

    Returns
    -------
    TwoGateFit
        Its ``beta`` ends with the acceptance's effect on the probit scale.

    Raises
    ------
    ValueError, EstimationError
        As :func:`fit_two_gate_probit`.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> x, z1, z2 = rng.normal(size=(3, 4000))
    >>> u1, u2, u3 = rng.multivariate_normal(np.zeros(3), [[1, .5, .3], [.5, 1, .5], [.3, .5, 1]], size=4000).T
    >>> ones = np.ones(4000)
    >>> referred = 0.4 * x + 0.6 * z1 + u1 > 0
    >>> accepted = referred & (0.3 * x + 0.6 * z2 + u2 > 0)
    >>> placed = 0.5 * x + 0.6 * accepted + u3 > 0
    >>> fit = fit_recursive_two_gate_probit(
    ...     placed, np.column_stack([ones, x]), referred, np.column_stack([ones, x, z1]),
    ...     accepted, np.column_stack([ones, x, z2]),
    ... )
    >>> bool(abs(fit.beta[-1] - 0.6) < 0.3)
    True
    """
    accepted, X = np.array(accepted, float), np.asarray(X, float)
    if X.ndim != 2 or accepted.shape != X.shape[:1]:
        raise ValueError(f"accepted must be (n,) and X (n, k); got {accepted.shape} and {X.shape}")
    if referred is not None:
        accepted = np.where(np.asarray(referred, float) == 1, accepted, 0.0)
    if np.isnan(accepted).any():
        raise ValueError("accepted must be 0 or 1 for all who are referred; the undecided are not accepted")
    return _fit(
        placed, np.column_stack([X, accepted]), referred, Z1, accepted, Z2,
        recursive=True, counts=counts, clusters=clusters, intercepts=intercepts,
    )  # fmt: skip


def _fit(
    placed: ArrayLike,
    X: ArrayLike,
    referred: ArrayLike | None,
    Z1: ArrayLike | None,
    accepted: ArrayLike,
    Z2: ArrayLike,
    *,
    recursive: bool,
    counts: ArrayLike | None,
    clusters: ArrayLike | None,
    intercepts: ArrayLike | None,
) -> TwoGateFit:
    cells = arrange_two_gates(
        placed, X, referred, Z1, accepted, Z2, counts=counts, clusters=clusters, intercepts=intercepts
    )
    return fit_model(TwoGateModel(cells, recursive))
