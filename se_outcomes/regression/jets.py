"""Second-order forward-mode differentiation in three variables: a value carries its gradient and its Hessian.

A function written once, for its value, yields exact first and second derivatives (Griewank & Walther 2008,
Evaluating Derivatives, ch. 13: Taylor arithmetic cut off after the second order). Next to the elementary
functions stand the compositions of logarithm and exponential whose parts would over- or underflow or cancel:
a probability p of e^-2000 is then as good a number as one of 1/2, and so is one of 1 - e^-2000. Three
notations help: X = e^z throughout; z = log(-log p) is called the log-log of p; lambda(z) = log(1 + z) / z.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.polynomial.polynomial import polyder, polyval
from numpy.typing import ArrayLike, NDArray
from scipy.special import bernoulli, expit, exprel, factorial

Floats = NDArray[np.float64]
#: A derivative; None where it is zero by structure (of a function of ``a`` by ``b``), which costs nothing.
Part = Floats | None
#: Value, first and second derivative of a function of one variable, each (n,).
Triple = tuple[Floats, Floats, Floats]

#: The variables of each of the six second derivatives: aa, ab, bb, at, bt, tt.
PAIRS = ((0, 0), (0, 1), (1, 1), (0, 2), (1, 2), (2, 2))


@dataclass(frozen=True, eq=False)
class Jet:
    """A function of three variables (a, b, t) at n points, to second order.

    Attributes
    ----------
    value : (n,) array
        (1,) where it depends on ``t`` alone: it broadcasts.
    gradient : tuple of 3
        By a, b, t; each (n,) or None where it is zero by structure.
    hessian : tuple of 6
        In the order of ``PAIRS``; likewise.

    Examples
    --------
    >>> a, b, t = variables([1.0], [2.0], 3.0)
    >>> product = a * b * t
    >>> float(product.value[0]), [float(part[0]) for part in product.gradient]
    (6.0, [6.0, 3.0, 2.0])
    """

    value: Floats
    gradient: tuple[Part, ...] = (None,) * 3
    hessian: tuple[Part, ...] = (None,) * 6

    __array_ufunc__ = None  # array * jet is the jet's business

    def chain(self, value: Floats, first: Floats, second: Floats) -> Jet:
        """f(self) of a function f with this value and these derivatives at ``self.value``; each (n,)."""
        gradient = tuple(_times(first, part) for part in self.gradient)
        hessian = tuple(
            _plus(_times(first, part), _times(second, self.gradient[i], self.gradient[j]))
            for part, (i, j) in zip(self.hessian, PAIRS, strict=True)
        )
        return Jet(value, gradient, hessian)

    def __neg__(self) -> Jet:
        return self * -1.0

    def __add__(self, other: Jet | ArrayLike) -> Jet:
        if not isinstance(other, Jet):
            return Jet(self.value + np.asarray(other, float), self.gradient, self.hessian)
        return Jet(
            self.value + other.value,
            tuple(map(_plus, self.gradient, other.gradient)),
            tuple(map(_plus, self.hessian, other.hessian)),
        )

    def __mul__(self, other: Jet | ArrayLike) -> Jet:
        if not isinstance(other, Jet):
            factor = np.asarray(other, float)
            return Jet(
                self.value * factor,
                tuple(_times(factor, part) for part in self.gradient),
                tuple(_times(factor, part) for part in self.hessian),
            )
        gradient = tuple(_product_slope(self, other, i) for i in range(3))
        hessian = tuple(_product_curvature(self, other, pair) for pair in range(6))
        return Jet(self.value * other.value, gradient, hessian)

    def __sub__(self, other: Jet | ArrayLike) -> Jet:
        return self + (-other if isinstance(other, Jet) else -np.asarray(other, float))

    def __truediv__(self, other: Jet | ArrayLike) -> Jet:
        return self * (other**-1.0 if isinstance(other, Jet) else 1 / np.asarray(other, float))

    def __pow__(self, power: float | Jet) -> Jet:
        """To a constant power (any base it allows), or to a jet (positive base)."""
        if isinstance(power, Jet):
            return exp(power * log(self))
        x = self.value
        return self.chain(x**power, power * x ** (power - 1), power * (power - 1) * x ** (power - 2))

    def __radd__(self, other: ArrayLike) -> Jet:
        return self + other

    def __rmul__(self, other: ArrayLike) -> Jet:
        return self * other

    def __rsub__(self, other: ArrayLike) -> Jet:
        return -self + other

    def __rtruediv__(self, other: ArrayLike) -> Jet:
        return self**-1.0 * other


def variables(a: ArrayLike, b: ArrayLike, t: float, *, order: int = 2) -> tuple[Jet, Jet, Jet]:
    """The three variables themselves, to start from.

    Parameters
    ----------
    a, b : (n,) array
        Points.
    t : float
        The variable that all points share.
    order : {2, 0}
        With 0 nothing is differentiated: what is made of these jets has a value only.

    Examples
    --------
    >>> a, b, t = variables([0.0, 1.0], [1.0, 1.0], 2.0)
    >>> (a * a + t * b).value
    array([2., 3.])
    """
    columns = [np.asarray(a, float), np.asarray(b, float), np.array([t], float)]
    one = np.ones(1) if order else None
    gradients = [tuple(one if i == j else None for j in range(3)) for i in range(3)]
    x, y, z = (Jet(column, gradient) for column, gradient in zip(columns, gradients, strict=True))
    return x, y, z


def where(condition: NDArray[np.bool_], x: Jet | float, y: Jet | float) -> Jet:
    """``x`` in the rows where the condition holds, ``y`` in the others.

    Examples
    --------
    >>> a, b, _ = variables([1.0, 2.0], [5.0, 6.0], 0.0)
    >>> where(np.array([True, False]), a, b).value
    array([1., 6.])
    """
    one, other = (side if isinstance(side, Jet) else Jet(np.full(1, side)) for side in (x, y))

    def choose(p: Part, q: Part) -> Part:
        if p is None and q is None:
            return None
        return np.where(condition, 0.0 if p is None else p, 0.0 if q is None else q)

    return Jet(
        np.where(condition, one.value, other.value),
        tuple(map(choose, one.gradient, other.gradient)),
        tuple(map(choose, one.hessian, other.hessian)),
    )


def exp(x: Jet) -> Jet:
    """e^x.

    Examples
    --------
    >>> exp(variables([0.0], [0.0], 0.0)[0]).value
    array([1.])
    """
    value = np.exp(x.value)
    return x.chain(value, value, value)


def log(x: Jet) -> Jet:
    """The natural logarithm, x > 0.

    Examples
    --------
    >>> log(variables([1.0], [0.0], 0.0)[0]).value
    array([0.])
    """
    inverse = 1 / x.value
    return x.chain(np.log(x.value), inverse, -(inverse**2))


def log1p(x: Jet) -> Jet:
    """log(1 + x), x > -1.

    Examples
    --------
    >>> log1p(variables([1e-20], [0.0], 0.0)[0]).value
    array([1.e-20])
    """
    inverse = 1 / (1 + x.value)
    return x.chain(np.log1p(x.value), inverse, -(inverse**2))


def expm1(x: Jet) -> Jet:
    """e^x - 1.

    Examples
    --------
    >>> expm1(variables([1e-20], [0.0], 0.0)[0]).value
    array([1.e-20])
    """
    value = np.exp(x.value)
    return x.chain(np.expm1(x.value), value, value)


def log1mexp(x: Jet) -> Jet:
    """log(1 - e^-x), x > 0 (Maechler 2012, Accurately computing log(1 - exp(-|a|)): each half its own form).

    Examples
    --------
    >>> log1mexp(variables([50.0], [0.0], 0.0)[0]).value.round(25)
    array([-1.929e-22])
    """
    decay, rest = np.exp(-x.value), -np.expm1(-x.value)
    half = x.value > np.log(2)
    value = np.where(half, np.log1p(-np.where(half, decay, 0.5)), np.log(rest))
    return x.chain(value, decay / rest, -decay / rest**2)


def softplus(x: Jet) -> Jet:
    """log(1 + e^x).

    Examples
    --------
    >>> softplus(variables([-1000.0, 1000.0], [0.0, 0.0], 0.0)[0]).value
    array([   0., 1000.])
    """
    share = expit(x.value)
    return x.chain(np.logaddexp(0, x.value), share, share * expit(-x.value))


def logaddexp(x: Jet, y: Jet) -> Jet:
    """log(e^x + e^y).

    Examples
    --------
    >>> a, b, _ = variables([-1000.0], [-1000.0], 0.0)
    >>> logaddexp(a, b).value.round(3)
    array([-999.307])
    """
    difference = y - x
    share, rest = expit(difference.value), expit(-difference.value)
    # the shares weight the parts, not their difference: one of them may be negligible and huge at once
    linear = x * rest + y * share
    bent = difference.chain(np.zeros(1), np.zeros(1), share * rest)
    return Jet(
        np.logaddexp(x.value, y.value), linear.gradient, tuple(map(_plus, linear.hessian, bent.hessian))
    )


def log_softplus(x: Jet) -> Jet:
    """log(log(1 + e^x)): x far below zero, log x far above.

    Examples
    --------
    >>> log_softplus(variables([-1000.0], [0.0], 0.0)[0]).value
    array([-1000.])
    """
    return x.chain(*_piecewise(x.value, x.value < np.log(SERIES), _log_softplus_low, _log_softplus_high))


def log1mexp_exp(z: Jet) -> Jet:
    """log(1 - e^-X), X = e^z: z far below zero, -e^-X far above.

    Examples
    --------
    >>> log1mexp_exp(variables([-1000.0], [0.0], 0.0)[0]).value
    array([-1000.])
    """
    return z.chain(*_piecewise(z.value, z.value < 0, _log1mexp_exp_low, _log1mexp_exp_high))


def log_expm1_exp(z: Jet) -> Jet:
    """log(e^X - 1), X = e^z: z far below zero, X far above.

    Examples
    --------
    >>> log_expm1_exp(variables([-1000.0, 5.0], [0.0, 0.0], 0.0)[0]).value.round(6)
    array([-1000.      ,   148.413159])
    """
    return exp(z) + log1mexp_exp(z)


def loglog_complement(z: Jet) -> Jet:
    """log(-log(1 - e^-X)), X = e^z: from the log-log of a probability to that of its complement, and back.

    Examples
    --------
    >>> z = loglog_complement(variables([-1000.0, 5.0], [0.0, 0.0], 0.0)[0])
    >>> z.value.round(6), loglog_complement(z).value.round(6)
    (array([   6.907755, -148.413159]), array([-1000.,     5.]))
    """
    return z.chain(*_piecewise(z.value, z.value < np.log(40.0), _loglog_low, _loglog_high))


def log_exprel(x: Jet) -> Jet:
    """log((e^x - 1) / x), smooth at zero; x < 700.

    Examples
    --------
    >>> log_exprel(variables([0.0], [0.0], 0.0)[0]).value
    array([0.])
    """
    return x.chain(*_log_exprel(x.value))


def log_log1p_ratio(z: Jet) -> Jet:
    """log(log(1 + z) / z) = log lambda(z), z > -1, smooth at zero.

    Examples
    --------
    >>> log_log1p_ratio(variables([0.0], [0.0], 0.0)[0]).value
    array([0.])
    """
    return z.chain(*_log_log1p_ratio(z.value))


def _times(*parts: Part) -> Part:
    """The product; None, a zero, if any of them is."""
    product: Part = parts[0]
    for part in parts[1:]:
        if product is None or part is None:
            return None
        product = product * part
    return product


def _plus(*parts: Part) -> Part:
    """The sum; None adds nothing."""
    total: Part = None
    for part in parts:
        total = part if total is None else total if part is None else total + part
    return total


def _product_slope(x: Jet, y: Jet, i: int) -> Part:
    return _plus(_times(y.value, x.gradient[i]), _times(x.value, y.gradient[i]))


def _product_curvature(x: Jet, y: Jet, pair: int) -> Part:
    i, j = PAIRS[pair]
    return _plus(
        _times(y.value, x.hessian[pair]),
        _times(x.value, y.hessian[pair]),
        _times(x.gradient[i], y.gradient[j]),
        _times(x.gradient[j], y.gradient[i]),
    )


def _piecewise(
    x: Floats, low: NDArray[np.bool_], below: Callable[[Floats], Triple], above: Callable[[Floats], Triple]
) -> Triple:
    """One form in the rows where ``low`` holds, another in the rest; each is evaluated in its own rows only."""
    if low.all():
        return below(x)
    if not low.any():
        return above(x)
    parts = np.empty((3, *x.shape))
    parts[:, low] = below(x[low])
    parts[:, ~low] = above(x[~low])
    return parts[0], parts[1], parts[2]


def _sum_series(x: Floats, coefficients: NDArray[np.floating]) -> Floats:
    return np.asarray(polyval(x, coefficients), float)


#: Below it in absolute value lambda is summed as a series; 0.2^25 is beyond double precision.
SERIES = 0.2
_LAMBDA = (-1.0) ** np.arange(26) / np.arange(1, 27)
_LAMBDA_1, _LAMBDA_2 = polyder(_LAMBDA), polyder(_LAMBDA, 2)


def _log_log1p_ratio(z: Floats) -> Triple:
    return _piecewise(z, np.abs(z) < SERIES, _lambda_series, _lambda_closed)


def _lambda_series(z: Floats) -> Triple:
    value, first, second = (_sum_series(z, series) for series in (_LAMBDA, _LAMBDA_1, _LAMBDA_2))
    slope = first / value
    return np.log(value), slope, second / value - slope**2


def _lambda_closed(z: Floats) -> Triple:
    logarithm, inverse = np.log1p(z), 1 / (1 + z)
    first = inverse / logarithm
    return np.log(logarithm / z), first - 1 / z, (1 / z) ** 2 - first * (inverse + first)


#: log((e^x - 1) / x) = x/2 + sum over k of B_2k x^2k / (2k (2k)!); below 1 in absolute value 12 terms suffice.
_EVEN = np.arange(2.0, 26.0, 2.0)
_EXPREL = np.zeros(25)
_EXPREL[1], _EXPREL[2::2] = 0.5, bernoulli(24)[2::2] / (_EVEN * factorial(_EVEN))
_EXPREL_1, _EXPREL_2 = polyder(_EXPREL), polyder(_EXPREL, 2)


def _log_exprel(x: Floats) -> Triple:
    return _piecewise(x, np.abs(x) < 1, _exprel_series, _exprel_closed)


def _exprel_series(x: Floats) -> Triple:
    return _sum_series(x, _EXPREL), _sum_series(x, _EXPREL_1), _sum_series(x, _EXPREL_2)


def _exprel_closed(x: Floats) -> Triple:
    return np.log(exprel(x)), -1 / np.expm1(-x) - 1 / x, 1 / x**2 - 1 / (2 * np.sinh(x / 2)) ** 2


def _log_softplus_low(x: Floats) -> Triple:
    odds = np.exp(x)
    value, first, second = _lambda_series(odds)
    return x + value, 1 + odds * first, odds * first + odds**2 * second


def _log_softplus_high(x: Floats) -> Triple:
    value = np.logaddexp(0, x)
    first = expit(x) / value
    return np.log(value), first, first * (expit(-x) - first)


def _log1mexp_exp_low(z: Floats) -> Triple:
    x = np.exp(z)
    value, first, second = _exprel_series(-x)
    return z + value, 1 - x * first, -x * first + x**2 * second


def _log1mexp_exp_high(z: Floats) -> Triple:
    x = np.exp(z)
    rest = -np.expm1(-x)
    first = x * np.exp(-x) / rest
    return np.log1p(-np.exp(-x)), first, first * (1 - x / rest)


def _loglog_low(z: Floats) -> Triple:
    x = np.exp(z)
    log_complement = np.where(z < 0, z + np.log(exprel(-x)), np.log1p(-np.exp(-np.maximum(x, 1.0))))
    first = 1 / (exprel(x) * log_complement)
    return np.log(-log_complement), first, first * (1 - 1 / exprel(-x) - first)


def _loglog_high(z: Floats) -> Triple:
    x = np.exp(z)  # the complement's logarithm is e^-x to double precision
    return -x, -x, -x
