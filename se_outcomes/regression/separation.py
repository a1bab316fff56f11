"""Does a combination of columns predict the outcome without error? Exact, by linear programming on cells.

A binary likelihood has no finite maximum exactly when some direction d != 0 has (2y - 1) x'd >= 0 in every
cell (Albert & Anderson 1984, Biometrika 71:1-10; Konis 2007, DPhil thesis, Oxford). Such directions form a
cone; a column's coefficient runs off to infinity exactly when the cone leaves its plane d_j = 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.optimize import linprog

#: HiGHS satisfies constraints to 1e-7 with columns scaled to at most 1; a direction shorter than this is
#: none.
TOLERANCE = 1e-6


def find_separating_columns(
    y: ArrayLike, X: ArrayLike, intercepts: ArrayLike | None = None
) -> NDArray[np.bool_]:
    """Which columns of X have no finite coefficient.

    Parameters
    ----------
    y : (n,) array
        Outcomes, 0 or 1; only distinct rows matter, so counts are not needed.
    X : (n, k) array
        Design of full column rank (with its constant unless ``intercepts`` are given).
    intercepts : (n,) integer array, optional
        Groups with an intercept of their own.

    Returns
    -------
    (k,) bool array
        True for columns whose coefficient is infinite at the supremum of the likelihood; all False where the
        maximum exists.

    Examples
    --------
    >>> X = np.column_stack([np.ones(6), [0, 0, 0, 1, 1, 1]])
    >>> find_separating_columns([0, 1, 0, 1, 1, 1], X)
    array([False,  True])
    """
    constraints, k = _signed_rows(np.asarray(y, float), np.asarray(X, float), intercepts)
    width = constraints.shape[1]
    # every direction can be scaled into this box; the intercepts need room for the columns they offset
    bounds = [(-1.0, 1.0)] * k + [(-k - 1.0, k + 1.0)] * (width - k)
    total = np.asarray(constraints.sum(axis=0)).ravel()
    if _largest(total / max(1.0, np.abs(total).max()), constraints, bounds) < TOLERANCE:
        return np.zeros(k, dtype=bool)
    found = np.zeros(k, dtype=bool)
    for column in range(k):
        direction = np.zeros(width)
        direction[column] = 1.0
        found[column] = (
            max(_largest(sign * direction, constraints, bounds) for sign in (1.0, -1.0)) > TOLERANCE
        )
    return found


def separates(signed_predictor: ArrayLike) -> bool:
    """Whether a direction separates, given (2y - 1) x'd of every cell: none below zero, some above.

    Examples
    --------
    >>> separates([0.0, 2.0, 1.0]), separates([0.0, 2.0, -1.0]), separates([0.0, 0.0])
    (True, False, False)
    """
    signed = np.asarray(signed_predictor, float)
    largest = np.abs(signed).max()
    return bool(np.isfinite(largest) and largest > 0 and signed.min() >= -TOLERANCE * largest)


def _signed_rows(
    y: NDArray[np.float64], X: NDArray[np.float64], intercepts: ArrayLike | None
) -> tuple[sparse.csr_array, int]:
    """(2y - 1) times the distinct rows of [X, intercept dummies], columns of X scaled to at most 1."""
    k = X.shape[1]
    scaled = X / np.maximum(np.abs(X).max(axis=0), np.finfo(float).tiny)
    group = np.zeros(len(y)) if intercepts is None else np.asarray(intercepts, float)
    rows = np.unique(np.column_stack([2 * y - 1, group, scaled]), axis=0)
    sign, group, scaled = rows[:, 0], rows[:, 1], rows[:, 2:]
    signed = sparse.csr_array(scaled * sign[:, None])
    if intercepts is None:
        return signed, k
    _, position = np.unique(group, return_inverse=True)
    dummies = sparse.csr_array((sign, (np.arange(len(sign)), position)))
    return sparse.csr_array(sparse.hstack([signed, dummies])), k


def _largest(
    objective: NDArray[np.float64], constraints: sparse.csr_array, bounds: list[tuple[float, float]]
) -> float:
    """The largest value of objective'd over the cone constraints d >= 0 within the box."""
    limits = np.zeros(constraints.shape[0])
    # the stubs do not know that HiGHS takes a sparse matrix
    solution = linprog(-objective, A_ub=-constraints, b_ub=limits, bounds=bounds)  # type: ignore[call-overload]
    if solution.status != 0:
        raise RuntimeError(f"linear programme for separation: {solution.message}")
    return float(-solution.fun)
