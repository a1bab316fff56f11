"""Selection of a binary outcome with any of fourteen ways in which gate and outcome may hang together.

    P(S = 1, Y = 1) = C(F(z'gamma), G(x'beta)),   F and G normal or logistic

(Smith 2003, Econometrics Journal 6:99-123). What the data say about those who were not selected depends on the
copula C, and the data hardly choose among copulas: fits over several of them show how much of an answer is
the form's. For the copulas of :mod:`se_outcomes.regression.copulas` the likelihood with the dependence held is not
concave; where its Hessian is not negative the climb turns its eigenvalues.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial
from typing import cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, log_expit

from se_outcomes.regression.copulas import COPULAS, Copula, log_joint_probability
from se_outcomes.regression.paired import PairFamily, PairModel, Terms
from se_outcomes.regression.paired_fit import GateFit, fit_pair
from se_outcomes.regression.pairing import arrange_pairs
from se_outcomes.regression.selection_probit import SELECTION_PROBIT, probit_alone

Floats = NDArray[np.float64]

#: Where the profile is looked at: Kendall's tau in so many steps over the range.
N_NODES = 13


@dataclass(frozen=True)
class CopulaFamily(PairFamily):
    """A family with Kendall's tau as a function of t, and its values at the limits."""

    kendall_tau: Callable[[float], float] = float
    tau_ends: tuple[float, float] = (-1.0, 1.0)


class CopulaSelectionFit(GateFit):
    """A maximised copula selection model; parameters in the order gamma, beta, working parameter of the copula.

    Beside what :class:`~se_outcomes.regression.paired_fit.GateFit` has:
    """

    @property
    def theta(self) -> float:
        """The copula's parameter as the literature has it; that of perfect dependence or independence at the edge."""
        return self.dependence

    @property
    def kendall_tau(self) -> float:
        """Kendall's rank correlation of the two equations' errors; -1, 0 or 1 at the edge."""
        family = cast(CopulaFamily, self.model.family)
        ends = dict(zip(family.limits, family.tau_ends, strict=True))
        return ends[self.peak.t] if self.boundary else float(family.kendall_tau(self.peak.t))

    @property
    def n_free(self) -> int:
        """Parameters that were maximised over, the dependence and the intercepts included."""
        cells = self.model.cells
        return int(self.model.free_with_t.sum() + cells.in_gate.sum() + cells.in_outcome.sum())

    @property
    def aic(self) -> float:
        """Akaike's criterion, 2 (free parameters - log-likelihood)."""
        return 2 * (self.n_free - self.loglik)


def fit_copula_selection(
    y: ArrayLike,
    X: ArrayLike,
    selected: ArrayLike,
    Z: ArrayLike,
    *,
    copula: str = "frank",
    gate: str = "probit",
    outcome: str = "probit",
    observed: ArrayLike | None = None,
    counts: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    intercepts: ArrayLike | None = None,
) -> CopulaSelectionFit:
    """Fit a binary outcome with sample selection, gate and outcome joined by a copula.

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
    copula : str
        ``"normal"`` (then with probits only, as :func:`~se_outcomes.regression.selection_probit.fit_selection_probit`)
        or one of :data:`~se_outcomes.regression.copulas.COPULAS`. All but the normal and Frank's take dependence of one
        sign only: with the other sign their maximum is at independence, ``boundary``.
    gate, outcome : {"probit", "logit"}
        Distribution of either equation.
    observed, counts, clusters, intercepts : (n,) array, optional
        As in :func:`~se_outcomes.regression.selection_probit.fit_selection_probit`.

    Returns
    -------
    CopulaSelectionFit

    Raises
    ------
    ValueError
        On an unknown copula or margin, on arrays of the wrong shape or with impossible values.
    EstimationError
        As :func:`~se_outcomes.regression.selection_probit.fit_selection_probit`.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> z, x = rng.normal(size=(2, 2000))
    >>> u, e = rng.multivariate_normal([0, 0], [[1, .5], [.5, 1]], size=2000).T
    >>> Z, X = np.column_stack([np.ones(2000), x, z]), np.column_stack([np.ones(2000), x])
    >>> selected, y = 0.5 * x + 0.7 * z + u > 0, 0.4 * x + e > 0
    >>> {name: round(fit_copula_selection(y, X, selected, Z, copula=name).kendall_tau, 1)
    ...  for name in ("normal", "frank", "gumbel")}
    {'normal': 0.3, 'frank': 0.3, 'gumbel': 0.4}
    """
    family = copula_family(copula, gate, outcome)
    selected = np.asarray(selected, dtype=float)
    seen = selected == 1
    if observed is not None:
        seen &= np.asarray(observed, dtype=bool)
    cells = arrange_pairs(
        selected, Z, y, X, seen=seen, counts=counts, clusters=clusters, intercepts=intercepts
    )
    return fit_pair(CopulaSelectionFit, PairModel(family, cells))


def logit_alone(sign: Floats, predictor: Floats) -> Terms:
    """Log of the logistic distribution function at sign * predictor, with two derivatives."""
    margin = sign * predictor
    return log_expit(margin), sign * expit(-margin), -expit(margin) * expit(-margin)


MARGINS = {"probit": probit_alone, "logit": logit_alone}


def copula_family(copula: str, gate: str = "probit", outcome: str = "probit") -> CopulaFamily:
    """The two-equation family of a copula and two margins.

    Raises
    ------
    ValueError
        On an unknown copula or margin, or the normal copula with other margins than probits.

    Examples
    --------
    >>> copula_family("clayton").ends
    (0.0, inf)
    """
    for margin in (gate, outcome):
        if margin not in MARGINS:
            raise ValueError(f"gate and outcome must be one of {', '.join(MARGINS)}; got {margin!r}")
    if copula == "normal":
        if (gate, outcome) != ("probit", "probit"):
            raise ValueError("the normal copula is built for probits only; take another copula, or probits")
        return _normal()
    if copula not in COPULAS:
        raise ValueError(f"copula must be one of normal, {', '.join(COPULAS)}; got {copula!r}")
    found = COPULAS[copula]
    two_sided = np.isfinite(found.independence)
    perfect = found.tau_range[1] or found.tau_range[0]
    return CopulaFamily(
        name=f"{copula} copula selection model",
        joint=partial(_joint, found, gate, outcome),
        gate=MARGINS[gate],
        outcome=MARGINS[outcome],
        independence=found.independence,
        limits=found.limits,
        nodes=_nodes(found),
        dependence=found.parameter,
        ends=(-np.inf if two_sided else float(found.parameter(-np.inf)), np.inf),
        null="Gate and outcome are independent given their predictors",
        kendall_tau=found.kendall_tau,
        tau_ends=(-1.0 if two_sided else 0.0, perfect),
    )


def _joint(
    copula: Copula, gate: str, outcome: str, s: Floats, y: Floats, a: Floats, b: Floats, t: float, order: int
) -> Terms:
    return log_joint_probability(copula, (y + 1) / 2, a, b, t, gate=gate, outcome=outcome, order=order)


def _nodes(copula: Copula) -> tuple[float, ...]:
    """Values of t evenly spread in Kendall's tau from limit to limit; zero is one of them where it can be."""
    low, high = copula.limits
    first, last = copula.kendall_tau(low), copula.kendall_tau(high)
    inner = [copula.working(float(tau)) for tau in np.linspace(first, last, N_NODES)[1:-1]]
    nodes = np.array([low, *inner, high])
    if np.isfinite(copula.independence):
        nodes[np.argmin(np.abs(nodes - copula.independence))] = copula.independence
    return tuple(float(t) for t in nodes)


def _normal() -> CopulaFamily:
    parts = {part.name: getattr(SELECTION_PROBIT, part.name) for part in fields(PairFamily)}
    return CopulaFamily(**parts, kendall_tau=lambda t: 2 / np.pi * np.arcsin(np.tanh(t)))
