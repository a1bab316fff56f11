"""The trivariate normal distribution function, its logarithm and derivatives, exact into the tails.

Plackett's identity dP/drho_ij = phi2(h_i, h_j; rho_ij) Phi(h_k | i, j) (Plackett 1954, Biometrika 41:351-360)
leads along a path of matrices from one whose probability is known. Two such paths are used.

The bulk: the pair (j, k) of the largest correlation is kept, and the third variable grows from independent
to its own correlations, these t times the final ones (Genz 2004, Statistics and Computing 14:251-260). If R is
its multiple correlation on the others, det = (1 - rho_jk^2)(1 - t^2 R^2): in the variable s = atanh(t R) the
integrand is analytic and bounded, so that a Gauss-Legendre rule whose length grows with atanh R is exact to
rounding.

The tail, where all terms must be positive, is in ``trivariate_tail``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import erfc, log_ndtr, ndtr

from se_outcomes.regression.bivariate_normal import (
    LOG_SQRT_2PI,
    cdf_unchecked,
    gauss_legendre,
    log_bivariate_normal_cdf,
)
from se_outcomes.regression.trivariate_tail import PAIRS, Matrix, log_tail

Array = NDArray[np.float64]
Index = NDArray[np.intp]

#: Rows treated together: their temporaries stay in the processor's cache.
BLOCK = 4096
#: Below this probability the direct sum, exact to 1e-15, would leave the logarithm fewer than 10 digits.
TAIL = 1e-5
#: Beyond this the exponents of the tail have no digit left behind the point.
LARGEST = 1e6
#: Largest logarithm of a ratio: its square stays finite. Only rounding in a nearly singular matrix exceeds it.
STEEPEST = 300.0
#: Beyond this Phi is 0 or 1 in double precision.
CERTAIN = 40.0
#: Nodes of the bulk: so many, and so many for each unit of atanh R.
NODES = (6.0, 9.0)


class Partial(NamedTuple):
    """rho23 as a function of (rho12, rho13, rho23_1): value, gradient (3,) and Hessian (3, 3)."""

    value: float
    gradient: Array
    hessian: Array


def trivariate_normal(
    h1: ArrayLike, h2: ArrayLike, h3: ArrayLike, rho12: float, rho13: float, rho23: float
) -> Array:
    """P(X1 <= h1, X2 <= h2, X3 <= h3) for standard normal X with these correlations.

    Parameters
    ----------
    h1, h2, h3 : (n,) array or number
        Limits, in standard deviations; may be infinite.
    rho12, rho13, rho23 : float
        Correlations, shared by all rows; together a positive definite matrix.

    Returns
    -------
    (n,) array
        Probabilities, with an absolute error below 3e-15.

    Raises
    ------
    ValueError
        Correlations that do not make a positive definite matrix, a missing limit, or lengths that do not
        agree.

    Notes
    -----
    Against 20-digit quadrature, at eight matrices with determinants down to 0.018, the error is below 5e-16. The
    rule is exact to rounding, 3e-15, for random matrices however close to singular (determinants to 1e-14): only
    a determinant that is zero or negative in double precision is refused.

    Examples
    --------
    >>> trivariate_normal([0.0, 0.0], [0.0, np.inf], [0.0, 0.0], 0.5, 0.5, 0.5)
    array([0.25      , 0.33333333])
    """
    limits = np.clip(_limits(h1, h2, h3, np.inf), -CERTAIN, CERTAIN)
    _, rule = _prepared(float(rho12), float(rho13), float(rho23))
    sides, probability = np.ones((3, 1)), np.empty(limits.shape[1])
    for start in range(0, len(probability), BLOCK):
        rows = slice(start, start + BLOCK)
        probability[rows] = _direct(limits[:, rows], sides, rule)
    return probability


def log_trivariate(
    h1: ArrayLike,
    h2: ArrayLike,
    h3: ArrayLike,
    rho12: float,
    rho13: float,
    rho23: float,
    *,
    signs: ArrayLike = 1.0,
    order: int = 2,
) -> tuple[Array, ...]:
    """log P(X1 <= h1, X2 <= h2, X3 <= h3) with its gradient and Hessian, however improbable.

    Parameters
    ----------
    h1, h2, h3 : (n,) array or number
        Limits, in standard deviations, up to 1e6 in size.
    rho12, rho13, rho23 : float
        Correlations, shared by all rows; together a positive definite matrix.
    signs : (3, n) array or number
        1; or -1 for X_i >= h_i in place of X_i <= h_i.
    order : {2, 1, 0}
        Order of the highest derivative.

    Returns
    -------
    value : (n,) array
        Logarithms, always finite.
    gradient : (n, 6) array
        By h1, h2, h3, rho12, rho13, rho23; from order 1.
    hessian : (n, 6, 6) array
        From order 2. Its columns ``hessian[:, i, j]`` are contiguous.

    Raises
    ------
    ValueError
        Correlations that do not make a positive definite matrix, a limit that is not finite, a sign that is
        not 1 or -1, or lengths that do not agree.

    Notes
    -----
    Where the probability is above 1e-5 the logarithm and the gradient have an absolute error of 1e-15 over the
    probability. In the tail they have an error of some 1e-16 times the logarithm, over the determinant where
    that is small (measured down to -66,000). Below a determinant of 1e-6 the tail loses more: 7 digits are left at
    1e-13. Second derivatives are differences of products of the first: the error is relative to those.

    Examples
    --------
    >>> value, gradient, hessian = log_trivariate([0.0, -40.0], [0.0, -40.0], [0.0, 0.0], 0.5, 0.5, 0.5)
    >>> value.round(6)
    array([   -1.386294, -1074.930332])
    >>> gradient.shape, hessian.shape
    ((2, 6), (2, 6, 6))
    """
    if order not in (0, 1, 2):
        raise ValueError(f"order must be 0, 1 or 2; found {order!r}")
    limits = _limits(h1, h2, h3, LARGEST)
    matrix, rule = _prepared(float(rho12), float(rho13), float(rho23))
    sides, n = np.broadcast_to(np.asarray(signs, dtype=float), limits.shape), limits.shape[1]
    if not (np.abs(sides) == 1).all():
        raise ValueError("signs must be 1 or -1")
    value, gradient = np.empty(n), np.empty((6, n if order else 0))
    hessian = np.empty((6, 6, n if order > 1 else 0))
    for start in range(0, n, BLOCK):
        rows = slice(start, start + BLOCK)
        block, side = limits[:, rows], sides[:, rows]
        probability = _direct(np.clip(block, -CERTAIN, CERTAIN), side, rule)
        low = np.flatnonzero(probability <= TAIL)
        value[rows] = np.log(np.maximum(probability, TAIL))
        if len(low):
            value[start + low] = log_tail(block[:, low], matrix, side[:, low])
        if order:
            gradient[:, rows], joint = _slopes(block, side, matrix, value[rows], low)
        if order > 1:
            _curvature(block, matrix, gradient[:, rows], joint, hessian[:, :, rows])
    return (value, gradient.T, hessian.transpose(2, 0, 1))[: order + 1]


def from_partial(rho12: float, rho13: float, rho23_1: float) -> Partial:
    """rho23 from the partial correlation of 2 and 3 given 1, so that any three make a positive definite matrix.

    rho23 = rho12 rho13 + rho23_1 sqrt((1 - rho12^2)(1 - rho13^2)).

    Parameters
    ----------
    rho12, rho13, rho23_1 : float
        Each between -1 and 1, these excluded.

    Returns
    -------
    Partial
        rho23 with its first and second derivatives by the three.

    Raises
    ------
    ValueError
        One of them not between -1 and 1.

    Examples
    --------
    >>> found = from_partial(0.6, 0.8, 0.5)
    >>> round(found.value, 12), found.gradient.round(3)
    (0.72, array([0.575, 0.067, 0.48 ]))
    """
    for name, rho in (("rho12", rho12), ("rho13", rho13), ("rho23_1", rho23_1)):
        if not abs(rho) < 1:
            raise ValueError(f"{name} must be between -1 and 1, these excluded; found {rho}")
    a, b, p = _complement(rho12), _complement(rho13), rho23_1
    by_12, by_13, cross = -rho12 * b / a, -rho13 * a / b, 1 + p * rho12 * rho13 / (a * b)
    gradient = np.array([rho13 + p * by_12, rho12 + p * by_13, a * b])
    hessian = np.array([[-p * b / a**3, cross, by_12], [cross, -p * a / b**3, by_13], [by_12, by_13, 0.0]])
    return Partial(float(rho12 * rho13 + p * a * b), gradient, hessian)


# --- arguments


def _complement(rho: float) -> float:
    return float(np.sqrt((1 - rho) * (1 + rho)))


def _limits(h1: ArrayLike, h2: ArrayLike, h3: ArrayLike, largest: float) -> Array:
    """The limits as (3, n); ValueError where they are out of range."""
    parts = [np.asarray(h, dtype=float) for h in (h1, h2, h3)]
    if max(part.ndim for part in parts) > 1:
        raise ValueError("h1, h2 and h3 must be numbers or one-dimensional arrays")
    for name, part in zip(("h1", "h2", "h3"), parts, strict=True):
        if not (np.abs(part) <= largest).all():
            expected = "numbers" if largest == np.inf else f"finite and at most {largest:g} in size"
            found = np.ravel(part)[np.argmin(np.ravel(np.abs(part) <= largest))]
            raise ValueError(f"{name} must be {expected}; found {found}")
    return np.stack(np.broadcast_arrays(*(np.atleast_1d(part) for part in parts)))


def _matrix(rho12: float, rho13: float, rho23: float) -> Matrix:
    rho = np.array([[1.0, rho12, rho13], [rho12, 1.0, rho23], [rho13, rho23, 1.0]])
    root = np.sqrt(np.maximum((1 - rho) * (1 + rho), 0.0))
    # det = (1 - rho_ij^2)(1 - rho_ik^2)(1 - rho_jk.i^2), from the pair (j, k) that is nearest to 1
    j, k, i = PAIRS[_largest(rho)]
    excess = rho[j, k] - rho[i, j] * rho[i, k]
    det = float((root[i, j] * root[i, k] - excess) * (root[i, j] * root[i, k] + excess))
    if not (all(abs(rho[i, j]) < 1 for i, j, _ in PAIRS) and det > 0):
        raise ValueError(
            "the correlations must make a positive definite matrix; "
            f"found rho12 = {rho12}, rho13 = {rho13}, rho23 = {rho23}"
        )
    adjugate = np.empty((3, 3))
    for i, j, k in PAIRS:
        adjugate[k, k] = root[i, j] ** 2
        adjugate[i, j] = adjugate[j, i] = rho[i, k] * rho[j, k] - rho[i, j]
    return Matrix(rho, det, adjugate / det, root)


def _largest(rho: Array) -> int:
    """Which of the PAIRS has the largest correlation."""
    return int(np.argmax([abs(rho[i, j]) for i, j, _ in PAIRS]))


# --- the bulk


class _Term(NamedTuple):
    """weight exp(the exponents times (h_a + h_b)^2, (h_a - h_b)^2) erfc(the slopes times h_a, h_b, h_c), by node."""

    places: tuple[int, int, int]
    exponents: Array
    weight: Array
    slopes: Array


class _Rule(NamedTuple):
    """Phi(h_alone) Phi2(h of the pair; rho) + the sum of the terms over their nodes."""

    alone: int
    pair: tuple[int, int]
    rho: float
    terms: tuple[_Term, ...]


def _rule(matrix: Matrix) -> _Rule:
    """The path of the one variable that has the smallest multiple correlation on the others."""
    rho, det, _, root = matrix
    j, k, i = PAIRS[_largest(rho)]
    unexplained = det / root[j, k] ** 2
    multiple = np.sqrt(max(1 - unexplained, rho[i, j] ** 2, rho[i, k] ** 2))
    if multiple < 1e-100:
        return _Rule(i, (j, k), rho[j, k], ())
    # atanh of the multiple correlation; nodes enough for 3e-16
    length = np.log1p(multiple) - np.log(unexplained) / 2
    nodes, weights = gauss_legendre(int(np.ceil(NODES[0] + NODES[1] * length)))
    s = nodes * length
    t, dt = np.tanh(s) / multiple, weights * length / (multiple * np.cosh(s) ** 2)
    terms = []
    for a, b, c in ((i, j, k), (i, k, j)):
        r, q, p = t * rho[a, b], t * rho[a, c], rho[b, c]
        left = (1 - r) * (1 + r)
        scale = np.sqrt(2 * left) * root[j, k] / np.cosh(s)
        slopes = np.stack([q - r * p, p - r * q, -left]) / scale
        weight = dt * rho[a, b] / (4 * np.pi * np.sqrt(left))
        exponents = np.stack([-1 / (4 * (1 + r)), -1 / (4 * (1 - r))])
        terms.append(_Term((a, b, c), exponents.T, weight, slopes.T))
    return _Rule(i, (j, k), rho[j, k], tuple(term for term in terms if term.weight.any()))


@lru_cache(maxsize=16)
def _prepared(rho12: float, rho13: float, rho23: float) -> tuple[Matrix, _Rule]:
    """Matrix and rule, kept: climbs often hold the correlations."""
    matrix = _matrix(rho12, rho13, rho23)
    return matrix, _rule(matrix)


def _direct(limits: Array, sides: Array, rule: _Rule) -> Array:
    """The probability of a block; with X_i turned to -X_i the terms change their signs, or that of erfc's argument."""
    signed, (j, k) = sides * limits, rule.pair
    total: Array = ndtr(signed[rule.alone]) * cdf_unchecked(
        signed[j], signed[k], rule.rho, sides[j] * sides[k]
    )
    for (a, b, c), exponents, weight, slopes in rule.terms:
        squares = np.stack([(limits[a] + limits[b]) ** 2, (limits[a] - limits[b]) ** 2])
        terms, parts = exponents @ squares, slopes @ (sides[c] * limits[[a, b, c]])
        np.exp(terms, out=terms)
        erfc(parts, out=parts)
        np.multiply(terms, parts, out=terms)
        total += sides[a] * sides[b] * (weight @ terms)
    return np.clip(total, 0.0, 1.0, out=total)


# --- derivatives


def _slopes(limits: Array, sides: Array, matrix: Matrix, value: Array, low: Index) -> tuple[Array, Array]:
    """The gradient of the logarithm (6, n), and phi3/P; rows ``low`` in logarithms all along."""
    slopes = np.empty((7, limits.shape[1]))
    _ratios(limits, sides, matrix, np.maximum(value, np.log(TAIL)), slopes, far=False)
    if len(low):
        far = np.empty((7, len(low)))
        _ratios(limits[:, low], sides[:, low], matrix, value[low], far, far=True)
        slopes[:, low] = far
    return slopes[:6], slopes[6]


def _ratios(limits: Array, sides: Array, matrix: Matrix, value: Array, out: Array, *, far: bool) -> None:
    """phi(h_i) Phi2(the others | i)/P, then phi2(h_i, h_j) Phi(h_k | i, j)/P, then phi3/P; with their signs."""
    rho, _, inverse, root = matrix
    for j, k, i in PAIRS:
        given_j = sides[j] * (limits[j] - rho[i, j] * limits[i]) / root[i, j]
        given_k = sides[k] * (limits[k] - rho[i, k] * limits[i]) / root[i, k]
        partial, sign = -inverse[j, k] / np.sqrt(inverse[j, j] * inverse[k, k]), sides[j] * sides[k]
        exponent = limits[i] ** 2 / -2 - LOG_SQRT_2PI - value
        if far:
            exponent += log_bivariate_normal_cdf(given_j, given_k, sign * partial)
            out[i] = sides[i] * np.exp(np.minimum(exponent, STEEPEST))
        else:
            out[i] = sides[i] * np.exp(exponent) * cdf_unchecked(given_j, given_k, partial, sign)
    for pair, (i, j, k) in enumerate(PAIRS):
        plus, minus = (limits[i] + limits[j]) ** 2, (limits[i] - limits[j]) ** 2
        exponent = plus * (-1 / (4 * (1 + rho[i, j]))) + minus * (-1 / (4 * (1 - rho[i, j])))
        exponent -= value + (2 * LOG_SQRT_2PI + np.log(root[i, j]))
        given_k, sign = sides[k] * _score(limits, inverse, k) / np.sqrt(inverse[k, k]), sides[i] * sides[j]
        if far:
            out[3 + pair] = sign * np.exp(np.minimum(exponent + log_ndtr(given_k), STEEPEST))
        else:
            out[3 + pair] = sign * np.exp(exponent) * ndtr(given_k)
    exponent += np.log(inverse[k, k]) / 2 - LOG_SQRT_2PI - given_k**2 / 2
    out[6] = sides.prod(axis=0) * np.exp(np.minimum(exponent, STEEPEST))


def _score(limits: Array, inverse: Array, i: int) -> Array:
    """Row i of the inverse times the limits: minus the slope of log phi3."""
    score: Array = inverse[i, 0] * limits[0] + inverse[i, 1] * limits[1] + inverse[i, 2] * limits[2]
    return score


def _curvature(limits: Array, matrix: Matrix, slopes: Array, joint: Array, out: Array) -> None:
    """The Hessian of the logarithm (6, 6, n), from its gradient and phi3/P."""
    rho, _, inverse, root = matrix
    score = [_score(limits, inverse, i) for i in range(3)]
    for i in range(3):
        np.multiply(limits[i], -slopes[i], out=out[i, i])
    for pair, (i, j, k) in enumerate(PAIRS, start=3):
        alone, slope = root[i, j] ** 2, slopes[pair]
        out[i, i] -= rho[i, j] * slope
        out[j, j] -= rho[i, j] * slope
        out[i, j] = slope
        at_i, at_j = (limits[i] - rho[i, j] * limits[j]) / alone, (limits[j] - rho[i, j] * limits[i]) / alone
        # the mean of k given i and j rises with h_i by -inverse_ik/inverse_kk
        by_i, by_j = inverse[i, k] / inverse[k, k] * joint, inverse[j, k] / inverse[k, k] * joint
        out[i, pair] = by_i - slope * at_i
        out[j, pair] = by_j - slope * at_j
        out[k, pair] = joint
        out[pair, pair] = slope * (rho[i, j] / alone) - out[j, pair] * at_i - by_i * score[j]
    # two correlations that share i: the slope of phi3 by h_i
    out[3, 4], out[3, 5], out[4, 5] = (-joint * part for part in score)
    for a in range(6):
        out[a, a:] -= slopes[a] * slopes[a:]
        out[a:, a] = out[a, a:]
    for i in range(3):
        # rounding must not take away the concavity in each limit
        np.minimum(out[i, i], 0.0, out=out[i, i])
