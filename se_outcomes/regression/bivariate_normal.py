"""The bivariate normal distribution function, its logarithm and derivatives, exact into both tails.

Everything rests on one integral. With p = (h + k)/2, m = (h - k)/2 and rho = (1 - t^2)/(1 + t^2), Plackett's
identity dPhi2/drho = phi2 (Plackett 1954, Biometrika 41:351-360) reads

    -dPhi2/dt = (1/pi) exp(-(p^2 (1 + t^2) + m^2 (1 + 1/t^2))/2) / (1 + t^2).

Between rho = 0 (t = 1, where Phi2 = Phi(h) Phi(k)) and rho it is analytic and bounded in log t, so that a
Gauss-Legendre rule whose length grows with atanh(rho) is exact to rounding for every rho: that is the bulk.
From rho = -1 (t = infinity, where Phi2 = max(0, Phi(h) - Phi(-k))) up to rho every term is positive, so
nothing cancels: that is the tail. There, with s = |p| t - |m|/t, the exponent is -(s^2 + (|p| + |m|)^2)/2,
which gives the place of the peak and the ends of the range in closed form.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np
from numpy.polynomial.legendre import leggauss
from numpy.typing import ArrayLike, NDArray
from scipy.special import erfcx, log_ndtr, ndtr

Array = NDArray[np.float64]
Rows = slice | NDArray[np.intp]

#: Rows treated together: their temporaries stay in the processor's cache.
BLOCK = 8192
#: Below this probability the direct sum, exact to 1e-16, would leave the logarithm fewer than 10 digits.
TAIL = 1e-5
#: Beyond this the squares and fourth powers in the derivatives would overflow.
LARGEST = 1e50
#: Beyond this Phi is 0 or 1 in double precision.
CERTAIN = 40.0
#: The tail integral leaves out what is below exp(-36) = 2e-16 of its peak ...
DROP = 36.0
#: ... and ends of the range shorter than this part of the whole.
SLIVER = 1e-15
#: Nodes per panel of the tail integral, and the largest ratio of a panel's ends.
PANEL_NODES = 24
PANEL_RATIO = 5.0
LOG_SQRT_2PI = float(np.log(2 * np.pi) / 2)


class LogCdf(NamedTuple):
    """log Phi2(h, k; rho) and its partial derivatives, each an (n,) array.

    ``value`` is the logarithm itself; ``h``, ``k``, ``rho`` are its first derivatives, ``hh``, ``hk``, ``kk``,
    ``h_rho``, ``k_rho``, ``rho_rho`` its second.
    """

    value: Array
    h: Array
    k: Array
    rho: Array
    hh: Array
    hk: Array
    kk: Array
    h_rho: Array
    k_rho: Array
    rho_rho: Array


def bivariate_normal_cdf(h: ArrayLike, k: ArrayLike, rho: ArrayLike) -> Array:
    """P(X <= h, Y <= k) for standard normal X and Y with correlation rho.

    Parameters
    ----------
    h, k : (n,) array or number
        Limits, in standard deviations; may be infinite.
    rho : (n,) array or number
        Correlation, from -1 to 1. Fastest where its absolute value is the same in all rows.

    Returns
    -------
    (n,) array
        Probabilities, with an absolute error below 1e-15.

    Raises
    ------
    ValueError
        A correlation outside [-1, 1], a missing value, or lengths that do not agree.

    Notes
    -----
    Integral over the correlation from 0 (Plackett 1954; Drezner & Wesolowsky 1990, Journal of Statistical
    Computation and Simulation 35:101-107), in the variable atanh(rho).

    Examples
    --------
    >>> bivariate_normal_cdf([0.0, 0.0, np.inf], [0.0, 0.0, 0.0], [0.5, -1.0, 0.3])
    array([0.33333333, 0.        , 0.5       ])
    """
    h, k, rho = _checked(h, k, rho, largest=np.inf, closed=True)
    h, k = np.clip(h, -CERTAIN, CERTAIN), np.clip(k, -CERTAIN, CERTAIN)
    probability = np.empty(len(h))
    for rows, rule in _plan(rho, len(h)):
        probability[rows] = _direct(h[rows], k[rows], ndtr(h[rows]), ndtr(k[rows]), rule)
    return probability


def cdf_unchecked(h: Array, k: Array, rho: float, sign: Array) -> Array:
    """The same for a block of rows with correlations sign * rho, sign being -1 or 1; not checked.

    Examples
    --------
    >>> cdf_unchecked(np.zeros(2), np.zeros(2), 0.5, np.array([1.0, -1.0]))
    array([0.33333333, 0.16666667])
    """
    h, k = np.clip(h, -CERTAIN, CERTAIN), np.clip(k, -CERTAIN, CERTAIN)
    return _direct(h, k, ndtr(h), ndtr(k), _common_rule(abs(rho))._replace(sign=np.sign(rho) * sign))


def log_bivariate_normal_cdf(h: ArrayLike, k: ArrayLike, rho: ArrayLike) -> Array:
    """Logarithm of P(X <= h, Y <= k), to 10 digits or better however improbable.

    Parameters
    ----------
    h, k : (n,) array or number
        Limits, in standard deviations: up to 1e50 in size, or infinite.
    rho : (n,) array or number
        Correlation, from -1 to 1.

    Returns
    -------
    (n,) array
        Logarithms; -inf only where the probability is zero (a limit of -inf, or rho = -1 with h + k <= 0).

    Raises
    ------
    ValueError
        A correlation outside [-1, 1], a missing value, a finite limit beyond 1e50, or lengths that do not
        agree.

    Examples
    --------
    >>> log_bivariate_normal_cdf([0.0, -40.0, -5.0], [0.0, -40.0, 3.0], [0.5, 0.5, -0.9])
    array([   -1.09861229, -1074.93033213,   -24.13171532])
    """
    h, k, rho = _checked(h, k, rho, largest=LARGEST, closed=True, infinite=True)
    nowhere = np.isneginf(h) | np.isneginf(k)
    h, k = np.clip(h, -10 * LARGEST, 10 * LARGEST), np.clip(k, -10 * LARGEST, 10 * LARGEST)
    value = np.empty(len(h))
    for rows, rule in _plan(rho, len(h)):
        value[rows] = _log_cdf_rows(h[rows], k[rows], _of_rows(rho, rows), rule)
    value[nowhere] = -np.inf
    return value


def log_bivariate_normal_density(h: ArrayLike, k: ArrayLike, rho: ArrayLike) -> Array:
    """Logarithm of the standard bivariate normal density at (h, k).

    Parameters
    ----------
    h, k : (n,) array or number
        Place, in standard deviations, up to 1e50 in size.
    rho : (n,) array or number
        Correlation, between -1 and 1 (where there is no density).

    Returns
    -------
    (n,) array

    Raises
    ------
    ValueError
        A correlation not inside (-1, 1), a place that is not finite, or lengths that do not agree.

    Examples
    --------
    >>> log_bivariate_normal_density([0.0, 1.0], [0.0, 1.0], 0.6)
    array([-1.61473352, -2.23973352])
    """
    h, k, rho = _checked(h, k, rho, largest=LARGEST)
    # as two squares: h^2 - 2 rho h k + k^2 would cancel near |rho| = 1
    square = ((h + k) ** 2 / (1 + rho) + (h - k) ** 2 / (1 - rho)) / 4
    return -square - np.log1p(-rho) / 2 - np.log1p(rho) / 2 - 2 * LOG_SQRT_2PI


def bivariate_normal_density(h: ArrayLike, k: ArrayLike, rho: ArrayLike) -> Array:
    """The standard bivariate normal density at (h, k); arguments and errors as its logarithm's.

    Examples
    --------
    >>> bivariate_normal_density([0.0], [0.0], 0.0) * 2 * np.pi
    array([1.])
    """
    return np.exp(log_bivariate_normal_density(h, k, rho))


def log_cdf_derivatives(h: ArrayLike, k: ArrayLike, rho: ArrayLike) -> LogCdf:
    """log P(X <= h, Y <= k) with its gradient and Hessian in h, k and rho.

    Parameters
    ----------
    h, k : (n,) array or number
        Limits, in standard deviations, up to 1e50 in size.
    rho : (n,) array or number
        Correlation, between -1 and 1; fastest where its absolute value is the same in all rows.

    Returns
    -------
    LogCdf
        Always finite. The block of ``hh``, ``hk``, ``kk`` is negative semidefinite, as the logarithm of Phi2
        is concave in (h, k). Second derivatives are differences of products of the first: far out these are
        large, and the difference keeps an absolute error of 1e-15 to 1e-14 times their size.

    Raises
    ------
    ValueError
        A correlation not inside (-1, 1), a limit that is not finite, or lengths that do not agree.

    Examples
    --------
    >>> found = log_cdf_derivatives([0.0], [0.0], 0.0)
    >>> found.value, found.h, found.rho
    (array([-1.38629436]), array([0.79788456]), array([0.63661977]))
    """
    h, k, rho = _checked(h, k, rho, largest=LARGEST)
    found = LogCdf(*(np.empty(len(h)) for _ in LogCdf._fields))
    for rows, rule in _plan(rho, len(h)):
        parts = _derivative_rows(h[rows], k[rows], _of_rows(rho, rows), rule)
        for column, part in zip(found, parts, strict=True):
            column[rows] = part
    return found


# --- arguments and blocks


def _checked(
    h: ArrayLike,
    k: ArrayLike,
    rho: ArrayLike,
    *,
    largest: float,
    closed: bool = False,
    infinite: bool = False,
) -> tuple[Array, Array, Array]:
    """h and k as (n,) arrays, rho as (n,) or a single number; ValueError where they are out of range."""
    h, k, rho = (np.asarray(part, dtype=float) for part in (h, k, rho))
    shape = np.broadcast_shapes(h.shape, k.shape, rho.shape)
    if len(shape) > 1:
        raise ValueError(f"h, k and rho must be numbers or one-dimensional arrays, not of shape {shape}")
    n = shape[0] if shape else 1
    rho = rho.reshape(()) if rho.size == 1 else rho
    for name, limit in (("h", h), ("k", k)):
        if not _within(limit, largest) and not (infinite and _within(limit[np.isfinite(limit)], largest)):
            expected = "numbers" if largest == np.inf else f"finite and at most {largest:g} in size"
            raise ValueError(f"{name} must be {expected}; found {_first_outside(limit, largest)}")
        if infinite and np.isnan(limit).any():
            raise ValueError(f"{name} must be numbers; found nan")
    if not _within(rho, 1.0 if closed else np.nextafter(1.0, 0.0)):
        interval = "from -1 to 1" if closed else "between -1 and 1, these excluded"
        raise ValueError(f"rho must be {interval}; found {_first_outside(rho, 1.0, closed)}")
    return np.broadcast_to(h, n), np.broadcast_to(k, n), rho


def _within(part: Array, largest: float) -> bool:
    """Whether all are at most this large; false for NaN."""
    return bool(part.max(initial=0.0) <= largest and part.min(initial=0.0) >= -largest)


def _first_outside(part: Array, largest: float, closed: bool = True) -> float:
    size = np.abs(part).ravel()
    return float(part.ravel()[np.argmax(~(size <= largest if closed else size < largest))])


def _of_rows(rho: Array, rows: Rows) -> Array:
    return rho if rho.ndim == 0 else rho[rows]


class _Rule(NamedTuple):
    """The integral from rho = 0 as sum_i weight_i exp(along_i (h + sign k)^2 + across_i (h - sign k)^2).

    The constants are (nodes,) where |rho| is the same for all rows, else (nodes, n); there are none at
    rho = 0, and ``limit`` marks |rho| = 1.
    """

    along: Array
    across: Array
    weight: Array
    sign: Array
    limit: bool


def _plan(rho: Array, n: int) -> Iterator[tuple[Rows, _Rule]]:
    """Blocks of rows with their rule; rows of like |rho| go together where |rho| differs."""
    size = np.abs(rho)
    if n and (size.ndim == 0 or size.min() == size.max()):
        rule = _common_rule(float(size.flat[0]))._replace(sign=np.sign(rho))
        for start in range(0, n, BLOCK):
            rows = slice(start, start + BLOCK)
            yield rows, rule if rho.ndim == 0 else rule._replace(sign=rule.sign[rows])
    elif n:
        kind = _count(size)
        for value in np.unique(kind):
            members = np.flatnonzero(kind == value)
            for start in range(0, len(members), BLOCK):
                index = members[start : start + BLOCK]
                yield index, _rule(size[index], np.sign(rho[index]))


def _count(size: Array) -> NDArray[np.intp]:
    """Nodes needed for 3e-16: 5 and 9.5 for each unit of atanh|rho|; 0 at rho = 0, -1 at |rho| = 1."""
    inside = size < 1
    count = np.ceil(5 + 9.5 * np.arctanh(np.where(inside, size, 0.0)))
    return np.where(inside, np.where(size > 0, count, 0), -1).astype(np.intp)


@cache
def gauss_legendre(count: int) -> tuple[Array, Array]:
    """Nodes and weights of the Gauss-Legendre rule on (0, 1)."""
    nodes = leggauss(count)[0].astype(np.longdouble)
    # leggauss leaves errors of some 1e-15 in the nodes; a Newton step takes them away
    value, slope = _legendre(count, nodes)
    nodes -= value / slope
    weights = 2 / ((1 - nodes**2) * _legendre(count, nodes)[1] ** 2)
    return ((1 + nodes) / 2).astype(float), (weights / 2).astype(float)


def _legendre(
    degree: int, x: NDArray[np.longdouble]
) -> tuple[NDArray[np.longdouble], NDArray[np.longdouble]]:
    """The Legendre polynomial and its derivative, by the three-term recurrence."""
    before, value = np.ones_like(x), x
    for n in range(2, degree + 1):
        after = ((2 * n - 1) * x * value - (n - 1) * before) / n
        before, value = value, after.astype(np.longdouble)
    return value, degree * (x * value - before) / (x**2 - 1)


@lru_cache(maxsize=64)
def _common_rule(size: float) -> _Rule:
    """The rule for rows with the same |rho| and, unless replaced, the sign 1."""
    return _rule(np.array(size), np.array(1.0))


def _rule(size: Array, sign: Array) -> _Rule:
    """The rule for a single |rho|, or for rows that need the same number of nodes."""
    count = int(np.ravel(_count(size))[0])
    if count <= 0:
        return _Rule(np.empty(0), np.empty(0), np.empty(0), sign, limit=count < 0)
    nodes, weights = gauss_legendre(count)
    length = np.arctanh(size)
    t = np.exp(-np.multiply.outer(nodes, length))
    square = t * t
    weight = np.multiply.outer(weights, length / np.pi) * t / (1 + square)
    return _Rule(-(1 + square) / 8, -(1 + 1 / square) / 8, weight, sign, limit=False)


# --- the bulk


def _direct(h: Array, k: Array, cdf_h: Array, cdf_k: Array, rule: _Rule) -> Array:
    """Phi2 of a block, given Phi(h) and Phi(k)."""
    if rule.limit:
        return np.where(rule.sign > 0, np.minimum(cdf_h, cdf_k), np.maximum(cdf_h - ndtr(-k), 0.0))
    probability = cdf_h * cdf_k
    if len(rule.weight):
        signed = rule.sign * k
        along, across = (h + signed) ** 2, (h - signed) ** 2
        total, term, other = np.zeros(len(h)), np.empty(len(h)), np.empty(len(h))
        for a, b, weight in zip(rule.along, rule.across, rule.weight, strict=True):
            np.multiply(along, a, out=term)
            np.multiply(across, b, out=other)
            np.add(term, other, out=term)
            np.exp(term, out=term)
            np.multiply(term, weight, out=term)
            np.add(total, term, out=total)
        probability += rule.sign * total
    return np.clip(probability, 0.0, 1.0, out=probability)


def _log_cdf_rows(h: Array, k: Array, rho: Array, rule: _Rule) -> Array:
    if rule.limit:
        return _log_limit(h, k, rule.sign)
    probability = _direct(h, k, ndtr(h), ndtr(k), rule)
    value = np.log(np.maximum(probability, TAIL))
    low = np.flatnonzero(probability <= TAIL)
    if len(low):
        value[low] = _tail(h[low], k[low], np.broadcast_to(rho, len(h))[low]).value
    return value


def _log_limit(h: Array, k: Array, sign: Array) -> Array:
    """log Phi2 at rho = 1 and -1."""
    low, high = np.minimum(h, k), np.maximum(h, k)
    return np.where(sign > 0, log_ndtr(low), _log_scaled_cdf(low) + _log_share(low, high) - low**2 / 2)


def _derivative_rows(h: Array, k: Array, rho: Array, rule: _Rule) -> tuple[Array, ...]:
    """The ten columns of LogCdf for a block."""
    root = np.sqrt((1 - rho) * (1 + rho))
    u, v = (k - rho * h) / root, (h - rho * k) / root
    probability = _direct(h, k, ndtr(h), ndtr(k), rule)
    low = np.flatnonzero(probability <= TAIL)
    np.maximum(probability, TAIL, out=probability)  # where it is raised, the tail's numbers follow below
    share = np.exp(h**2 / -2) / (np.sqrt(2 * np.pi) * probability)
    slope_h = share * ndtr(u)
    slope_k = np.exp(k**2 / -2) * ndtr(v) / (np.sqrt(2 * np.pi) * probability)
    density = share * np.exp(u**2 / -2) / (np.sqrt(2 * np.pi) * root)
    value = np.log(probability)
    if len(low):
        tail = _tail(h[low], k[low], np.broadcast_to(rho, len(h))[low])
        for column, part in zip((value, slope_h, slope_k, density, u, v), tail, strict=True):
            column[low] = part
    return value, slope_h, slope_k, density, *_second(h, k, rho, root, u, v, slope_h, slope_k, density)


def _second(
    h: Array,
    k: Array,
    rho: Array,
    root: Array,
    u: Array,
    v: Array,
    slope_h: Array,
    slope_k: Array,
    density: Array,
) -> tuple[Array, ...]:
    """Second derivatives of the logarithm from P_h/P, P_k/P and phi2/P."""
    # rounding must not take away the concavity in (h, k)
    hh = np.minimum(-slope_h * (h + slope_h) - rho * density, 0.0)
    kk = np.minimum(-slope_k * (k + slope_k) - rho * density, 0.0)
    bound = np.sqrt(-hh) * np.sqrt(-kk)
    hk = np.clip(density - slope_h * slope_k, -bound, bound)
    h_rho = -density * (v / root + slope_h)
    k_rho = -density * (u / root + slope_k)
    rho_rho = density * ((rho + u * v) / root**2 - density)
    return hh, hk, kk, h_rho, k_rho, rho_rho


# --- the tail


class _Tail(NamedTuple):
    """log P, then P_h/P, P_k/P, phi2/P and the arguments u = (k - rho h)/D, v = (h - rho k)/D."""

    value: Array
    slope_h: Array
    slope_k: Array
    density: Array
    u: Array
    v: Array


def _tail(h: Array, k: Array, rho: Array) -> _Tail:
    """log Phi2 and its ratios where the probability is small.

    All logarithms are taken relative to one exponent, that of the largest term, so that ratios are formed
    from numbers of ordinary size: with a and b for the smaller and the larger limit and z_a = (b - rho a)/D,
    z_b = (a - rho b)/D, note a^2 + z_a^2 = b^2 + z_b^2.
    """
    swap = k < h
    a, b = np.minimum(h, k), np.maximum(h, k)
    p, m = (a + b) / 2, (a - b) / 2
    start = np.sqrt((1 - rho) / (1 + rho))
    z_a, z_b = p * start - m / start, p * start + m / start
    peak, log_integral = _log_integral(np.abs(p), np.abs(m), start)
    apart = (a - b) * (a + b) / 2  # (a^2 - b^2)/2
    exponent = np.where(p > 0, -(a**2), -(a**2) - peak**2) / 2
    with_start = np.logaddexp(_log_scaled_cdf(a) + _log_share(a, b), apart - peak**2 / 2 + log_integral)
    rest = np.where(p > 0, with_start, log_integral)
    joint = np.maximum(z_a, 0.0) ** 2 / -2
    log_a = np.where(z_a < 0, _log_scaled_cdf(np.minimum(z_a, 0.0)), log_ndtr(z_a))
    log_b = np.where(z_b < 0, joint + _log_scaled_cdf(np.minimum(z_b, 0.0)), apart + log_ndtr(z_b))
    slope_a, slope_b = np.exp(log_a - rest - LOG_SQRT_2PI), np.exp(log_b - rest - LOG_SQRT_2PI)
    density = np.exp(joint - rest - 2 * LOG_SQRT_2PI - np.log1p(-rho) / 2 - np.log1p(rho) / 2)
    first, second = np.where(swap, slope_b, slope_a), np.where(swap, slope_a, slope_b)
    return _Tail(exponent + rest, first, second, density, np.where(swap, z_b, z_a), np.where(swap, z_a, z_b))


def _log_scaled_cdf(x: Array) -> Array:
    """log Phi(x) + x^2/2, without the cancellation for negative x."""
    return np.where(
        x < 0, np.log(erfcx(np.maximum(-x, 0.0) / np.sqrt(2)) / 2), log_ndtr(x) + np.maximum(x, 0.0) ** 2 / 2
    )


def _log_share(a: Array, b: Array) -> Array:
    """log of (Phi(a) - Phi(-b))/Phi(a), the probability at rho = -1, for a <= b; -inf where a + b <= 0."""
    ratio = (a - b) * (a + b) / 2 + _log_scaled_cdf(-b) - _log_scaled_cdf(a)
    share = -np.expm1(np.minimum(ratio, 0.0))
    some = (a + b > 0) & (share > 0)
    return np.where(some, np.log(np.where(some, share, 1.0)), -np.inf)


def _log_integral(p: Array, m: Array, start: Array) -> tuple[Array, Array]:
    """(1/pi) times the integral of exp(-(s^2 - peak^2)/2)/(1 + t^2) over t > start: peak, and its logarithm.

    s = p t - m/t rises with t, from its value at ``start``; ``peak`` is the s >= 0 nearest to zero in reach.
    In the angle atan(t) the integrand is log-concave, which bounds what the ends leave out by exp(-DROP).
    """
    # with p = 0 the largest integrand is at infinity: stop where the rest is negligible
    farthest = np.maximum(np.maximum(start, m), 1.0) / SLIVER
    mode = np.minimum(np.sqrt(m) / np.sqrt(np.maximum(p, 1e-200)), farthest)
    center = np.maximum(mode, start)
    rise, fall = p * center, m / center
    first = np.minimum(p * start - m / start, 0.0)
    peak = np.where(mode > start, 0.0, np.maximum(p * start - m / start, 0.0))
    width = 2 * DROP / (np.sqrt(peak**2 + 2 * DROP) + peak)
    above = np.minimum(_log_ratio(rise, fall, peak, width), np.log(np.maximum(1.0, 1 / center) / SLIVER))
    below = np.maximum(
        _log_ratio(rise, fall, peak, np.maximum(first, -width)), np.log(SLIVER * np.minimum(1.0, 1 / center))
    )
    below = np.where(mode > start, below, 0.0)
    total = _panels(center, rise, fall, peak, above) + _panels(center, rise, fall, peak, below)
    return peak, np.log(total / np.pi)


def _log_ratio(rise: Array, fall: Array, peak: Array, change: Array) -> Array:
    """log(t/center) at which s = rise (t/center) - fall/(t/center) has changed by so much since t = center.

    ``peak`` is rise - fall, its value there: given apart, as in the far tail their rounding exceeds it.
    """
    tiny = 1e-200  # all terms may be zero: then there is no end in reach
    end = peak + change
    root = np.sqrt(end**2 + 4 * rise * fall)
    rest = rise + fall - change
    gain = np.where(
        rest > 0, 2 * change / np.maximum(rest + root, tiny), (root - rest) / np.maximum(2 * rise, tiny)
    )
    # far below, 1 + gain would cancel
    far = gain < -0.5
    ratio = np.where(far, 2 * fall / np.where(far, root - end, 1.0), 1.0)
    return np.where(far, np.log(np.maximum(ratio, tiny)), np.log1p(np.where(far, 0.0, gain)))


def _panels(center: Array, rise: Array, fall: Array, peak: Array, span: Array) -> Array:
    """The integral between ``center`` and ``center exp(span)``, in panels of bounded ratio; (n,), >= 0."""
    count = np.ceil(np.abs(span) / np.log(PANEL_RATIO)).astype(np.intp)
    row = np.repeat(np.arange(len(span)), count)
    place = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    step = (span / np.maximum(count, 1))[row]
    # t/center and t/center - 1 side by side: each is exact where the other cancels
    ratio, gain = np.exp(place * step), np.expm1(place * step)
    length = ratio * np.expm1(step)
    rise, fall, peak, at = rise[row], fall[row], peak[row], center[row]
    total = np.zeros(len(row))
    for node, weight in zip(*gauss_legendre(PANEL_NODES), strict=True):
        part = node * length
        t = ratio + part
        change = (gain + part) * (rise + fall / t)
        total += weight * np.exp(-change * (peak + change / 2)) / (1 + (at * t) ** 2)
    sums: Array = np.bincount(row, weights=np.abs(length) * at * total, minlength=len(span)).astype(float)
    return sums
