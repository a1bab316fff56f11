"""CR2's adjustment of a logit with its square root taken on the scale of the response, from cells.

A bias-reduced covariance adjusts a cluster's residuals by any matrix A that makes their working covariance
Theta - X* M X*' that of the errors, Theta (here X* = w x, Theta = w = p(1 - p), M = J^-1). Such an A is not unique. The
one that clubSandwich takes is Theta^(1/2) B^(-1/2) Theta^(1/2) with B = Theta^(1/2) (Theta - X* M X*') Theta^(1/2), and
does not follow from the cluster's information alone. It is applied without the n_g x n_g matrix: an inverse square root
is an integral of resolvents, and those of B, a diagonal less k columns, are k x k by Woodbury's identity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.special import ellipj, ellipkm1

if TYPE_CHECKING:
    from se_outcomes.regression.binary import BinaryFit

Floats = NDArray[np.float64]

#: Nodes of the integral: the error falls as exp(-2 pi^2 N / (log of the condition number + 3)).
NODES = 40
#: A cluster that alone knows a combination of coefficients to this share has no inverse square root.
SINGULAR = 1e-9


def adjust_on_response_scale(fit: BinaryFit, combinations: Floats) -> tuple[Floats, Floats] | None:
    """Adjusted influence by cluster and its working covariance.

    Parameters
    ----------
    fit : BinaryFit
        A logit without group intercepts.
    combinations : (m, k) array
        Linear combinations of the coefficients, one a row.

    Returns
    -------
    (G, m) array, (m, G, G) array; or None
        None for other fits, or where a cluster alone identifies some coefficient (``SINGULAR``).

    References
    ----------
    Pustejovsky & Tipton (2018), J. Bus. Econ. Stat. 36:672-683, with clubSandwich's working model for a GLM. Hale,
    Higham & Trefethen (2008), SIAM J. Numer. Anal. 46:2505-2523, method 3, for the nodes.
    """
    if fit.cells.group is not None or fit.family.name != "logit":
        return None
    total = fit.information.sum(axis=0)[np.ix_(fit.free, fit.free)]
    if _smallest_left(fit, total) < SINGULAR:
        return None
    inverse = np.linalg.inv(total)
    spread = inverse @ combinations[:, fit.free].T  # M c, (k, m)
    influence, pulls, own = [], [], []
    for block in _blocks(fit):
        X, counts = fit.cells.X[block][:, fit.free], fit.cells.counts[block]
        mean = fit.family.mean(fit.linear_predictor()[block])
        weight = mean * (1 - mean)
        adjusted = _adjust(X, counts, weight, total, X @ spread)
        influence.append((counts * (fit.cells.y[block] - mean)) @ adjusted)
        pulls.append(X.T @ (adjusted * (counts * weight)[:, None]))
        own.append((counts * weight) @ adjusted**2)
    pulled = np.array(pulls)  # (G, k, m)
    working = -np.einsum("gkm,kl,hlm->mgh", pulled, inverse, pulled)
    places = np.arange(len(pulled))
    working[:, places, places] += np.array(own).T
    return np.array(influence), working


def _blocks(fit: BinaryFit) -> list[slice]:
    starts = fit.cells.cluster_starts
    return [slice(a, b) for a, b in zip(starts, np.append(starts[1:], len(fit.cells.y)), strict=True)]


def _smallest_left(fit: BinaryFit, total: Floats) -> float:
    """The smallest share of information about any combination that lies outside a cluster."""
    root = np.linalg.inv(np.linalg.cholesky(total))
    shares = root @ fit.information[:, fit.free][:, :, fit.free] @ root.T
    return float(1 - np.linalg.eigvalsh(shares).max())


def _adjust(X: Floats, counts: Floats, weight: Floats, total: Floats, right: Floats) -> Floats:
    """w^(1/2) B^(-1/2) w^(1/2) right, for one cluster's cells: (n, m)."""
    Z = weight[:, None] ** 1.5 * X
    v = np.sqrt(weight)[:, None] * right
    scaled = X.T @ (X * (counts * weight)[:, None])
    left = np.linalg.eigvals(np.linalg.solve(total, total - scaled)).real.min()
    low, high = weight.min() ** 2 * left, weight.max() ** 2
    found = np.zeros_like(v)
    for shift, factor in zip(*_nodes(low, high), strict=True):
        diagonal = 1 / (weight**2 + shift)
        inner = (counts * diagonal)[:, None] * Z
        held = diagonal[:, None] * v
        back = np.linalg.solve(total - Z.T @ inner, inner.T @ v)
        found += factor * (held + diagonal[:, None] * (Z @ back))
    return np.sqrt(weight)[:, None] * found


def _nodes(low: float, high: float) -> tuple[Floats, Floats]:
    """Shifts t and factors f with B^(-1/2) = sum f (B + t)^-1 for spectra within [low, high]."""
    ratio = min(low / high, 0.5)  # the mapping needs room between the ends
    low = high * ratio
    length = float(ellipkm1(ratio))
    places = (np.arange(NODES) + 0.5) * length / NODES
    sn, cn, dn, _ = ellipj(places, 1 - ratio)
    factors: Floats = 2 * length * np.sqrt(low) / (np.pi * NODES) * dn / cn**2
    return np.asarray(low * (sn / cn) ** 2, float), factors
