"""Copulas that join a gate to an outcome behind it: P(S=1, Y=1) = C(u, v), P(S=1, Y=0) = u - C(u, v).

Frank, Clayton, Gumbel and Joe (Nelsen 2006, An Introduction to Copulas, ch. 4; Joe 2014, Dependence Modeling
with Copulas, ch. 4), the last three also turned by 90, 180 and 270 degrees: a family ties the two equations
in one corner of the unit square, turned it ties them in another. As a model of sample selection: Smith 2003,
Econometrics Journal 6:99-123; Marra & Radice 2017, Computational Statistics & Data Analysis 112:99-113.

An Archimedean family is three functions: the log probabilities C(u, v), u - C(u, v) and 1 - u - v + C(u, v)
of three of the quadrants that (u, v) cuts (the fourth follows by symmetry), each in a form without
subtraction of near equals. The turned families are these same functions at 1 - u or 1 - v. Probabilities come
and go as logarithms, of themselves and of their complements, so nothing is ever clipped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from types import MappingProxyType
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import bernoulli, erfcx, expit, factorial, log_expit, log_ndtr, spence, zetac

from se_outcomes.regression.jets import (
    Jet,
    exp,
    expm1,
    log,
    log1mexp_exp,
    log1p,
    log_expm1_exp,
    log_exprel,
    log_log1p_ratio,
    log_softplus,
    logaddexp,
    loglog_complement,
    softplus,
    variables,
    where,
)

Floats = NDArray[np.float64]
Entry = TypeVar("Entry")
#: Log probability of a quadrant, from log u, log(1 - u), log v, log(1 - v) and the working parameter.
LogProbability = Callable[[Jet, Jet, Jet, Jet, Jet], Jet]

#: Rows that are differentiated at a time: what a block needs stays within a few megabytes.
BLOCK = 16_384
#: The dependence that a search need not leave, as absolute Kendall's tau.
WEAKEST, STRONGEST = 0.0005, 0.95


@dataclass(frozen=True, eq=False)
class Copula:
    """A one-parameter copula as functions; t is its parameter mapped onto the real line.

    Attributes
    ----------
    name : str
        Key in ``COPULAS``.
    log_joint, log_remainder : callable
        log C(u, v) and log(u - C(u, v)), on jets: (log u, log(1 - u), log v, log(1 - v), t).
    parameter : callable
        The parameter as the literature has it, from t.
    kendall_tau : callable
        Kendall's rank correlation, from t; of one sign and monotone except that Frank's takes both.
    tau_range : (float, float)
        Open interval of the rank correlations that the copula takes.
    independence : float
        The t of independence: 0 for Frank, else -inf, which is a limit and no value to evaluate at.

    Examples
    --------
    >>> clayton = COPULAS["clayton"]
    >>> clayton.parameter(0.0), round(clayton.kendall_tau(0.0), 6), round(clayton.working(0.5), 6)
    (1.0, 0.333333, 0.693147)
    """

    name: str
    log_joint: LogProbability
    log_remainder: LogProbability
    parameter: Callable[[float], float]
    kendall_tau: Callable[[float], float]
    tau_range: tuple[float, float]
    independence: float

    def working(self, kendall_tau: float) -> float:
        """The t at which the copula has this rank correlation.

        Raises
        ------
        ValueError
            Outside the open interval ``tau_range``.

        Examples
        --------
        >>> round(COPULAS["gumbel90"].working(-0.75), 6)
        1.098612
        """
        low, high = self.tau_range
        if not low < kendall_tau < high:
            raise ValueError(
                f"The {self.name} copula takes a Kendall's tau between {low:g} and {high:g} (both excluded), "
                f"not {kendall_tau:g}."
            )
        sign = -1.0 if high == 0.0 else 1.0
        return _solve(lambda t: sign * self.kendall_tau(t), sign * kendall_tau)

    @cached_property
    def limits(self) -> tuple[float, float]:
        """The range of t to search: |tau| from .0005, or for Frank the opposite .95, to .95."""
        low, high = self.tau_range
        weakest = -STRONGEST if low == -high else WEAKEST
        sign = -1.0 if high == 0.0 else 1.0
        return self.working(sign * weakest), self.working(sign * STRONGEST)


def log_joint_probability(
    copula: Copula,
    y: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    t: float,
    *,
    gate: str = "probit",
    outcome: str = "probit",
    order: int = 2,
) -> tuple[Floats, ...]:
    """Log P(S = 1, Y = y) of cases who passed the gate, with its derivatives.

    Parameters
    ----------
    copula : Copula
        One of ``COPULAS``.
    y : (n,) array
        Outcomes, 0 or 1.
    a, b : (n,) array
        Linear indexes of the gate and of the outcome.
    t : float
        Working parameter of the copula.
    gate, outcome : {"probit", "logit"}
        Distribution of either equation.
    order : {2, 0}
        With derivatives, or the log probabilities alone.

    Returns
    -------
    tuple of (n,) arrays
        f, f_a, f_b, f_t, f_aa, f_ab, f_bb, f_at, f_bt, f_tt; with ``order=0`` only f.

    Raises
    ------
    ValueError
        On an unknown margin or order, y other than 0 and 1, shapes that differ, or a t that is not finite.

    Examples
    --------
    Frank at independence: 1/2 times 1/2, and dependence raises it by u v (1 - u)(1 - v) / 2 per unit of theta.

    >>> f, f_a, f_b, f_t, *_ = log_joint_probability(COPULAS["frank"], [1], [0.0], [0.0], 0.0)
    >>> round(float(f[0]), 6), round(float(f_t[0]), 6)
    (-1.386294, 0.125)
    """
    outcomes, gates, indexes = (np.asarray(column, float) for column in (y, a, b))
    _check(outcomes, gates, indexes, t, order)
    margins = _find(MARGINS, gate, "margin"), _find(MARGINS, outcome, "margin")
    result = np.empty((10 if order else 1, len(outcomes)))
    for value, function in ((1.0, copula.log_joint), (0.0, copula.log_remainder)):
        rows = np.flatnonzero(outcomes == value)
        for start in range(0, len(rows), BLOCK):
            block = rows[start : start + BLOCK]
            x, z, working = variables(gates[block], indexes[block], t, order=order)
            jet = function(*margins[0](x), *margins[1](z), working)
            for row, part in enumerate((jet.value, *jet.gradient, *jet.hessian)[: len(result)]):
                result[row, block] = 0.0 if part is None else part
    return tuple(result)


def find_copula(name: str) -> Copula:
    """The copula of this name.

    Raises
    ------
    ValueError
        Where there is none; names those there are.

    Examples
    --------
    >>> find_copula("joe180").tau_range
    (0.0, 1.0)
    """
    return _find(COPULAS, name, "copula")


def _find(known: Mapping[str, Entry], name: str, kind: str) -> Entry:
    if name not in known:
        raise ValueError(f"There is no {kind} {name!r}; there are {', '.join(known)}.")
    return known[name]


def _check(y: Floats, a: Floats, b: Floats, t: float, order: int) -> None:
    if y.ndim != 1 or y.shape != a.shape or y.shape != b.shape:
        raise ValueError(f"y, a and b must be vectors of one length, not of {y.shape}, {a.shape}, {b.shape}.")
    if not np.isin(y, (0.0, 1.0)).all():
        raise ValueError("y must be 0 or 1.")
    if not math.isfinite(t):
        raise ValueError(f"t must be finite, not {t}: independence and comonotonicity are limits.")
    if order not in (0, 2):
        raise ValueError(f"order must be 0 or 2, not {order}.")


# margins: an index to the logarithms of F and 1 - F


def _mills(x: Floats) -> Floats:
    """phi / Phi; by the scaled complementary error function, since logarithms lose digits in the far tail."""
    return math.sqrt(2 / math.pi) / erfcx(-x / math.sqrt(2))


def _log_normal(x: Jet, sign: float) -> Jet:
    """log Phi(sign x)."""
    m = _mills(sign * x.value)
    return x.chain(log_ndtr(sign * x.value), sign * m, -m * (m + sign * x.value))


def _log_logistic(x: Jet, sign: float) -> Jet:
    """log of the logistic distribution function at sign x."""
    up, down = expit(sign * x.value), expit(-sign * x.value)
    return x.chain(log_expit(sign * x.value), sign * down, -up * down)


#: From a linear index to log F and log(1 - F).
MARGINS: Mapping[str, Callable[[Jet], tuple[Jet, Jet]]] = MappingProxyType(
    {
        "probit": lambda x: (_log_normal(x, 1.0), _log_normal(x, -1.0)),
        "logit": lambda x: (_log_logistic(x, 1.0), _log_logistic(x, -1.0)),
    }
)


# families: three quadrants each


class Level(NamedTuple):
    """A probability p as log p and log(1 - p)."""

    log: Jet
    log_complement: Jet

    def flip(self) -> Level:
        """1 - p."""
        return Level(self.log_complement, self.log)

    def loglog(self) -> Jet:
        """log(-log p), where p is near 1 from 1 - p."""
        high = self.log.value > self.log_complement.value
        # each form sees a harmless -1 in the rows that the other one serves
        from_log = log(-where(high, -1.0, self.log))
        rest = where(high, self.log_complement, -1.0)
        return where(high, rest + log_log1p_ratio(-exp(rest)), from_log)


Quadrant = Callable[[Level, Level, Jet], Jet]


@dataclass(frozen=True)
class Family:
    """An exchangeable family of positive dependence; each probability's logarithm, from u, v and t.

    Attributes
    ----------
    corner, edge, opposite : callable
        log C(u, v), log(u - C(u, v)), log(1 - u - v + C(u, v)).
    parameter, kendall_tau : callable
        The parameter and the rank correlation, from t.
    """

    corner: Quadrant
    edge: Quadrant
    opposite: Quadrant
    parameter: Callable[[float], float]
    kendall_tau: Callable[[float], float]


def _clayton_shortfall(u: Level, v: Level, t: Jet) -> Jet:
    """Log of D = log(u / C) = log(1 + e^(y - x) (1 - e^-y)) / theta, x = -theta log u, y = -theta log v."""
    return log_softplus(exp(t) * (u.log - v.log) + log1mexp_exp(t + v.loglog())) - t


def _clayton_corner(u: Level, v: Level, t: Jet) -> Jet:
    """C = (u^-theta + v^-theta - 1)^(-1/theta) = u e^-D."""
    return u.log - exp(_clayton_shortfall(u, v, t))


def _clayton_edge(u: Level, v: Level, t: Jet) -> Jet:
    """u - C = u (1 - e^-D)."""
    return u.log + log1mexp_exp(_clayton_shortfall(u, v, t))


def _clayton_opposite(u: Level, v: Level, t: Jet) -> Jet:
    """C = u v (1 - (1 - u^theta)(1 - v^theta))^(-1/theta): the excess over u v is -log(...) / theta."""
    both = logaddexp(loglog_complement(t + u.loglog()), loglog_complement(t + v.loglog()))
    return _beyond_product(u, v, loglog_complement(both) - t)


def _beyond_product(u: Level, v: Level, log_excess: Jet) -> Jet:
    """1 - u - v + C = (1 - u)(1 - v) + u v (e^E - 1), E = log(C / (u v)) >= 0."""
    independent = u.log_complement + v.log_complement
    return logaddexp(independent, u.log + v.log + log_expm1_exp(log_excess))


def _gumbel_corner(u: Level, v: Level, t: Jet) -> Jet:
    """C = exp(-(x^theta + y^theta)^(1/theta)), x = -log u, y = -log v."""
    theta = 1.0 + exp(t)
    return -exp(logaddexp(theta * u.loglog(), theta * v.loglog()) / theta)


def _gumbel_edge(u: Level, v: Level, t: Jet) -> Jet:
    """u - C = u (1 - e^-D), D = x ((1 + (y/x)^theta)^(1/theta) - 1)."""
    theta, x, y = 1.0 + exp(t), u.loglog(), v.loglog()
    growth = log_softplus(theta * (y - x)) - log1p(exp(t))
    return u.log + log1mexp_exp(x + log_expm1_exp(growth))


def _gumbel_opposite(u: Level, v: Level, t: Jet) -> Jet:
    """The excess E = x + y - (x^theta + y^theta)^(1/theta) over the product."""
    x, y = u.loglog(), v.loglog()
    swap = y.value > x.value
    return _beyond_product(u, v, _log_gap(where(swap, y, x), where(swap, x, y), t, Jet(np.zeros(1))))


def _joe_corner(u: Level, v: Level, t: Jet) -> Jet:
    """C = 1 - (1 - p q)^(1/theta), p = 1 - (1 - u)^theta, q = 1 - (1 - v)^theta; all by log-logs."""
    log_theta = log1p(exp(t))
    p, q = (loglog_complement(log_theta + level.flip().loglog()) for level in (u, v))
    return -exp(loglog_complement(loglog_complement(logaddexp(p, q)) - log_theta))


def _joe_edge(u: Level, v: Level, t: Jet) -> Jet:
    """u - C = (1 - u) ((1 + p (1 - q) / (1 - p))^(1/theta) - 1)."""
    theta, log_theta = 1.0 + exp(t), log1p(exp(t))
    log_p = log1mexp_exp(log_theta + u.flip().loglog())
    growth = log_softplus(theta * (v.log_complement - u.log_complement) + log_p) - log_theta
    return u.log_complement + log_expm1_exp(growth)


def _joe_opposite(u: Level, v: Level, t: Jet) -> Jet:
    """1 - u - v + C = x + y - (x^theta + y^theta - x^theta y^theta)^(1/theta), x = 1 - u, y = 1 - v."""
    x, y = u.log_complement, v.log_complement
    swap = y.value > x.value
    large = where(swap, y, x)
    return _log_gap(large, where(swap, x, y), t, exp((1.0 + exp(t)) * large))


def _log_gap(log_x: Jet, log_y: Jet, t: Jet, missing: Jet) -> Jet:
    """Log of x + y - (x^theta + p y^theta)^(1/theta) for x >= y, p = 1 - missing.

    It is (x + y)(1 - e^-R) with R = log(1 + r) - log(1 + p r^theta) / theta, r = y/x; and R, which vanishes
    with theta - 1, is (1 - 1/theta) log(1 + r) + log(1 + r m) / theta, where
    m = (1 - r^(theta-1) + missing r^(theta-1)) / (1 + p r^theta): positive terms only.
    """
    surplus, log_r = exp(t), log_y - log_x
    decay, ratio = surplus * log_r, exp(log_r)
    share = (missing * exp(decay) - expm1(decay)) / (1.0 + (1.0 - missing) * exp(decay + log_r))
    # log(1 + r) as r lambda(r), so that r may underflow
    first, second = exp(log_log1p_ratio(ratio)), exp(log_log1p_ratio(ratio * share))
    log_loss = log_r + log((surplus * first + share * second) / (1.0 + surplus))
    return log_x + softplus(log_r) + log1mexp_exp(log_loss)


def _frank_corner(u: Level, v: Level, t: Jet) -> Jet:
    """C = -log(1 + (e^-(t u) - 1)(e^-(t v) - 1) / (e^-t - 1)) / t; |t| < 700, 0 included."""
    return _frank_negative(u, v, t) if t.value[0] < 0 else _frank_positive(u, v, t)


def _frank_negative(u: Level, v: Level, t: Jet) -> Jet:
    """With s = -t: C = log(1 + z) / s, z = (e^su - 1)(e^sv - 1) / (e^s - 1), all factors over their s."""
    s = -t
    log_ratio = u.log + v.log + log_exprel(s * exp(u.log)) + log_exprel(s * exp(v.log)) - log_exprel(s)
    return log_ratio + log_log1p_ratio(s * exp(log_ratio))


def _frank_positive(u: Level, v: Level, t: Jet) -> Jet:
    """C = log(1 + z) / t, z = (e^tu - 1)(1 - e^-tv) / (1 - e^-tv + e^(t(u-v)) (1 - e^-t(1-v)))."""
    p, q, rest = exp(u.log), exp(v.log), exp(v.log_complement)
    inside = v.log + log_exprel(-t * q)
    outside = t * (p - q) + v.log_complement + log_exprel(-t * rest)
    log_ratio = u.log + log_exprel(t * p) + inside - logaddexp(inside, outside)
    return log_ratio + log_log1p_ratio(t * exp(log_ratio))


# Kendall's tau and its inverse


def _frank_tau(theta: float) -> float:
    """1 - 4 (1 - D(theta)) / theta, D the Debye function of order one; by its power series near zero."""
    if abs(theta) < 2.0:
        k = np.arange(2, 42, 2)
        terms = bernoulli(40)[k] / (factorial(k) * (k + 1)) * float(theta) ** (k - 1)
        return float(4 * terms.sum())
    size = abs(theta)
    integral = math.pi**2 / 6 + size * math.log(-math.expm1(-size)) - float(spence(-math.expm1(-size)))
    return math.copysign(1 - 4 / size * (1 - integral / size), theta)


def _clayton_tau(t: float) -> float:
    """theta / (theta + 2)."""
    return float(expit(t - math.log(2)))


def _gumbel_tau(t: float) -> float:
    """1 - 1 / theta."""
    return float(expit(t))


def _joe_tau(t: float) -> float:
    """1 + 2 (psi(2) - psi(1 + 2/theta)) / (2 - theta).

    With h = 2/theta - 1 the difference of digammas is the sum over n of (-1)^(n+1) (zeta(n+1) - 1) h^n, |h| <= 1,
    which has no singularity at theta = 2; minus its value at h = 1 it does not cancel near theta = 1 either.
    """
    theta = 1.0 + math.exp(t)
    h = 1.0 - 2.0 * float(expit(t))
    n = np.arange(2, 62)
    geometric = np.cumsum(h ** (n - 2.0))  # (h^(n-1) - 1) / (h - 1)
    terms = (-1.0) ** (n + 1) * zetac(n + 1.0) * geometric
    return float(expit(t)) * (1.0 + 4.0 / theta * float(terms.sum()))


def _solve(increasing: Callable[[float], float], target: float) -> float:
    """The root by Brent's method within a bracket that is widened until it holds one."""
    low, high = -1.0, 1.0
    while increasing(low) > target:
        low *= 2
    while increasing(high) < target:
        high *= 2
    return float(brentq(lambda t: increasing(t) - target, low, high, xtol=1e-13, rtol=1e-14))


# the table


def _turned(family: Family, function: Callable[..., Jet], *jets: Jet) -> Jet:
    log_u, log_1mu, log_v, log_1mv, t = jets
    return function(family, Level(log_u, log_1mu), Level(log_v, log_1mv), t)


#: By degrees: C(u, v), then u - C(u, v) of the turned copula: v - C(1-u, v); u + v - 1 + C(1-u, 1-v);
#: u - C(u, 1-v).
ROTATIONS: Mapping[int, tuple[Callable[..., Jet], Callable[..., Jet]]] = MappingProxyType(
    {
        0: (lambda f, u, v, t: f.corner(u, v, t), lambda f, u, v, t: f.edge(u, v, t)),
        90: (lambda f, u, v, t: f.edge(v, u.flip(), t), lambda f, u, v, t: f.opposite(u.flip(), v, t)),
        180: (
            lambda f, u, v, t: f.opposite(u.flip(), v.flip(), t),
            lambda f, u, v, t: f.edge(v.flip(), u.flip(), t),
        ),
        270: (lambda f, u, v, t: f.edge(u, v.flip(), t), lambda f, u, v, t: f.corner(u, v.flip(), t)),
    }
)

FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "clayton": Family(_clayton_corner, _clayton_edge, _clayton_opposite, math.exp, _clayton_tau),
        "gumbel": Family(
            _gumbel_corner, _gumbel_edge, _gumbel_opposite, lambda t: 1.0 + math.exp(t), _gumbel_tau
        ),
        "joe": Family(_joe_corner, _joe_edge, _joe_opposite, lambda t: 1.0 + math.exp(t), _joe_tau),
    }
)


def _rotated(name: str, degrees: int) -> Copula:
    family, negative = FAMILIES[name], degrees in (90, 270)
    joint, remainder = ROTATIONS[degrees]
    return Copula(
        name=f"{name}{degrees or ''}",
        log_joint=partial(_turned, family, joint),
        log_remainder=partial(_turned, family, remainder),
        parameter=family.parameter,
        kendall_tau=(lambda t: -family.kendall_tau(t)) if negative else family.kendall_tau,
        tau_range=(-1.0, 0.0) if negative else (0.0, 1.0),
        independence=-math.inf,
    )


def _frank_joint(log_u: Jet, log_1mu: Jet, log_v: Jet, log_1mv: Jet, t: Jet) -> Jet:
    return _frank_corner(Level(log_u, log_1mu), Level(log_v, log_1mv), t)


def _frank_remainder(log_u: Jet, log_1mu: Jet, log_v: Jet, log_1mv: Jet, t: Jet) -> Jet:
    """u - C(u, v) is the copula of the opposite dependence at (u, 1 - v)."""
    return _frank_corner(Level(log_u, log_1mu), Level(log_1mv, log_v), -t)


_FRANK = Copula("frank", _frank_joint, _frank_remainder, float, _frank_tau, (-1.0, 1.0), 0.0)

#: Every copula by its name.
COPULAS: dict[str, Copula] = {
    copula.name: copula
    for copula in (_FRANK, *(_rotated(name, degrees) for name in FAMILIES for degrees in ROTATIONS))
}
