"""The logarithm of the trivariate normal distribution function where the probability is small.

Plackett's identity dP/drho_ij = phi2(h_i, h_j; rho_ij) Phi(h_k | i, j) (Plackett 1954, Biometrika 41:351-360)
leads along a path on which one correlation alone grows, from where its partial correlation given the third
variable is -1. Every term is positive, so nothing cancels. With rho_ik = sin A and rho_jk = sin B the start is
singular, cos B X_i + cos A X_j = sin(A + B) X_k, and its probability is zero, bivariate, or the integral of a
log-concave function of X_k, depending on the sign of cos B h_i + cos A h_j - sin(A + B) h_k. Each of the three
correlations gives such a path.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from se_outcomes.regression.bivariate_normal import LOG_SQRT_2PI, gauss_legendre, log_bivariate_normal_cdf

Array = NDArray[np.float64]
Index = NDArray[np.intp]

#: The tail integrals leave out what is below exp(-40) = 4e-18 of their peak.
DROP = 40.0
#: Rows treated together: their temporaries stay in the processor's cache.
BLOCK = 256
#: The grid, by row, on which the integrand is first seen; it is moved to where the integrand is.
CELLS = 32
GRID = np.linspace(0.0, 1.0, CELLS + 1)
#: Nodes per panel of the tail integrals, and the longest panel in log t.
PANEL_NODES = 24
PANEL_LENGTH = 2.0
#: A panel holds no more than this many standard deviations of the integrand and of an argument of Phi, which
#: is 1 beyond FLAT. For that no cell of the grid may need more than so many panels; it is moved, at most so often.
BEND = 5.0
FLAT = 9.0
COARSE = 0.4
SWEEPS = 12
#: (i, j, k): the correlations' pairs in their order, each with the third variable.
PAIRS = ((0, 1, 2), (0, 2, 1), (1, 2, 0))


class Matrix(NamedTuple):
    """Three variables' correlations (3, 3), their determinant and inverse, and sqrt(1 - rho^2) of each."""

    rho: Array
    det: float
    inverse: Array
    root: Array

    def turned(self, signs: Array) -> Matrix:
        """The correlations of the variables times these signs (3,)."""
        turn = np.outer(signs, signs)
        return Matrix(turn * self.rho, self.det, turn * self.inverse, self.root)


def log_tail(limits: Array, matrix: Matrix, sides: Array) -> Array:
    """log Phi3 where it is small: for each row the path whose start is simplest.

    Parameters
    ----------
    limits : (3, n) array
        Limits, in standard deviations; finite.
    matrix : Matrix
        The correlations, positive definite.
    sides : (3, n) array
        1, or -1 for X_i >= h_i in place of X_i <= h_i.

    Returns
    -------
    (n,) array
        Logarithms, with an error of some 1e-15 times their size (divided by the determinant where that is
        small).

    Examples
    --------
    >>> matrix = Matrix(np.eye(3), 1.0, np.eye(3), np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]]))
    >>> log_tail(np.full((3, 1), -40.0), matrix, np.ones((3, 1))) / log_ndtr(-40.0)
    array([3.])
    """
    value = np.empty(limits.shape[1])
    kind = (sides < 0).T @ np.array([1, 2, 4])
    for code in np.unique(kind):
        rows = np.flatnonzero(kind == code)
        signs = sides[:, rows[0]]
        value[rows] = _log_tail(signs[:, None] * limits[:, rows], matrix.turned(signs))
    return value


def _log_tail(limits: Array, matrix: Matrix) -> Array:
    """The same where all signs are 1."""
    starts = [_Start.of(matrix, *pair) for pair in PAIRS]
    kinds = np.stack([start.kind(limits) for start in starts])
    choice = np.argmin(kinds, axis=0)
    value = np.empty(limits.shape[1])
    for number, start in enumerate(starts):
        for kind in range(3):
            members = np.flatnonzero((choice == number) & (kinds[number] == kind))
            for begin in range(0, len(members), BLOCK):
                rows = members[begin : begin + BLOCK]
                block = limits[:, rows]
                value[rows] = np.logaddexp(_log_start(block, start, kind), _log_path(block, start))
    return value


class _Start(NamedTuple):
    """Where the partial correlation of i and j given k is -1: root_j X_i + root_i X_j = tilt X_k."""

    i: int
    j: int
    k: int
    rho_i: float
    rho_j: float
    root_i: float
    root_j: float
    tilt: float
    rho: float
    path: float

    @classmethod
    def of(cls, matrix: Matrix, i: int, j: int, k: int) -> _Start:
        rho, det, _, root = matrix
        a, b = rho[i, k], rho[j, k]
        product = root[i, k] * root[j, k]
        tilt, excess = a * root[j, k] + b * root[i, k], rho[i, j] - a * b
        # log t at the end, where the partial correlation (1 - t^2)/(1 + t^2) is the matrix's own
        path = np.log(np.sqrt(det) if excess > 0 else product - excess) - np.log(
            product + excess if excess > 0 else np.sqrt(det)
        )
        return cls(i, j, k, a, b, root[i, k], root[j, k], tilt, a * b - product, path)

    def gap(self, limits: Array) -> Array:
        return self.root_j * limits[self.i] + self.root_i * limits[self.j] - self.tilt * limits[self.k]

    def kind(self, limits: Array) -> Index:
        """0: nothing there; 1: the limit of k does not bind; 2: all three limits bind."""
        return np.where(self.gap(limits) > 0, 2, 0 if self.tilt <= 0 else 1)


def _log_start(limits: Array, start: _Start, kind: int) -> Array:
    """log of the probability at the start."""
    h, k, own = limits[start.i], limits[start.j], limits[start.k]
    if kind == 0:
        return np.full(len(h), -np.inf)
    if kind == 1:
        return log_bivariate_normal_cdf(h, k, np.clip(start.rho, -1.0, 1.0))

    def integrand(x: Array, row: Index) -> tuple[Array, tuple[Array, ...]]:
        a = (h[row, None] - start.rho_i * x) / start.root_i
        b = (k[row, None] - start.rho_j * x) / start.root_j
        between = log_bivariate_normal_cdf(a.ravel(), b.ravel(), -1.0).reshape(x.shape)
        # where both are far out Phi(a) - Phi(-b) is phi(a) (1 - e^-y)/|a|
        y = np.clip(-np.minimum(a, b) * (a + b), 0.0, DROP)
        return between - x**2 / 2, (np.minimum(a, FLAT), np.minimum(b, FLAT), y * 0.3)

    rows = np.arange(len(h))
    width = start.root_j * h + start.root_i * k
    if start.tilt < 0:
        least = width / start.tilt
    else:
        # exp(-x^2/2) alone is negligible beyond
        inside = np.minimum(own, 0.0) - 1
        least = -np.sqrt(2 * (DROP - integrand(inside[:, None], rows)[0][:, 0]))
    return _log_integral(integrand, least, own) - LOG_SQRT_2PI


def _log_path(limits: Array, start: _Start) -> Array:
    """log of what the correlation of i and j adds from the start on, an integral over log t."""
    h, k, own = limits[start.i], limits[start.j], limits[start.k]
    shift, product = start.tilt * start.gap(limits), start.root_i * start.root_j
    plus, minus, slope = (h + k) ** 2 / 4, (h - k) ** 2 / 4, start.rho_j * h + start.rho_i * k

    def integrand(u: Array, row: Index) -> tuple[Array, tuple[Array, ...]]:
        # with t = e^u the partial correlation is -1 + 2/(1 + t^2), and rho that of the start plus ``more``
        square = np.exp(2 * u)
        whole = 1 + square
        more = 2 * product / whole
        above, below = start.tilt**2 / (1 - start.rho) + more, 1 - start.rho - more
        root = np.sqrt(above * below)
        distance = more * (slope[row, None] - own[row, None] * (2 * start.rho + more)) - shift[row, None]
        argument = distance * whole / (root * np.sqrt(square) * (2 * product))
        exponent = plus[row, None] / above + minus[row, None] / below
        value = log_ndtr(argument) - exponent + np.log(square / (root * whole * whole))
        return value, (np.minimum(argument, FLAT),)

    least = np.full(len(h), start.path)
    most = np.maximum(least, 0.0) + DROP + 5
    return _log_integral(integrand, least, most, longest=PANEL_LENGTH) + np.log(2 * product / np.pi)


#: The logarithm of an integrand, and what it bends with.
Integrand = Callable[[Array, Index], tuple[Array, tuple[Array, ...]]]


def _log_integral(integrand: Integrand, low: Array, high: Array, longest: float = np.inf) -> Array:
    """log of the integral of a function with one peak, by row; -inf where there is none."""
    row, begin, end = _panels(integrand, low, high, longest)
    nodes, weights = gauss_legendre(PANEL_NODES)
    length = end - begin
    value, _ = integrand(begin[:, None] + length[:, None] * nodes, row)
    top = np.full(len(low), -np.finfo(float).max)
    np.maximum.at(top, row, value.max(axis=1))
    part = length * (np.exp(value - top[row, None]) * weights).sum(axis=1)
    total = np.bincount(row, weights=part, minlength=len(low))
    some = total > 0
    return np.where(some, np.log(np.where(some, total, 1.0)) + top, -np.inf)


def _panels(integrand: Integrand, low: Array, high: Array, longest: float) -> tuple[Index, Array, Array]:
    """Row, begin and end of each panel: close together where the integrand is steep or bends, none elsewhere."""
    x = low[:, None] + (high - low)[:, None] * GRID
    pace = np.empty((len(low), CELLS))
    rows = np.arange(len(low))
    for _ in range(SWEEPS):
        pace[rows] = _pace(x[rows], *integrand(x[rows], rows), longest)
        rows = rows[pace[rows].max(axis=1) > COARSE]
        if not len(rows):
            break
        _, begin, end = _divided(x[rows], pace[rows], np.full(len(rows), CELLS))
        x[rows, :-1], x[rows, -1] = begin.reshape(-1, CELLS), end[CELLS - 1 :: CELLS]
    return _divided(x, pace, np.ceil(pace.sum(axis=1)).astype(np.intp))


def _pace(x: Array, value: Array, bends: tuple[Array, ...], longest: float) -> Array:
    """The number of panels that each cell of the grid needs; 0 where the integrand is negligible."""
    top = np.maximum(value.max(axis=1, keepdims=True), -np.finfo(float).max)
    depth = np.sqrt(2 * np.minimum(top - value, DROP))
    change = sum(np.abs(np.diff(part, axis=1)) for part in (depth, *bends)) / BEND
    negligible = np.minimum(depth[:, :-1], depth[:, 1:]) >= np.sqrt(2 * DROP)
    return np.where(negligible, 0.0, change + np.diff(x, axis=1) / longest + 1 / CELLS)


def _divided(x: Array, pace: Array, count: Index) -> tuple[Index, Array, Array]:
    """Each row's range cut into ``count`` parts of the same sum of the pace: row, begin and end of the parts."""
    row = np.repeat(np.arange(len(x)), count)
    place = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    passed = np.concatenate([np.zeros((len(x), 1)), np.cumsum(pace, axis=1)], axis=1)
    # all rows one after the other make one rising function
    offset = np.concatenate([[0.0], np.cumsum(passed[:, -1] + 1)[:-1]])
    targets = place * (passed[:, -1] / np.maximum(count, 1))[row] + offset[row]
    begin = np.interp(targets, (passed + offset[:, None]).ravel(), x.ravel())
    first, last = np.argmax(pace > 0, axis=1), CELLS - np.argmax(pace[:, ::-1] > 0, axis=1)
    begin = np.where(place == 0, x[row, first[row]], begin)
    return row, begin, np.where(place == count[row] - 1, x[row, last[row]], np.roll(begin, -1))
