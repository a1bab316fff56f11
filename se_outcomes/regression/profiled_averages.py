"""Averages over the profile of the dependence, and their sets when it is not known.

At a fixed dependence t an average psi(t) has a standard error from the coefficients' curvature and from who the cases
are. Over all t the set

    {psi : min over t of 2 (l_max - l(t)) + (psi(t) - psi)^2 / se(psi | t)^2 <= chi-squared quantile}

is the union over t of psi(t) +- se sqrt(quantile - deviance(t)). It keeps its level where rho is hardly identified and
a Wald interval does not. It holds for independent cases, given the groups' intercepts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.stats import chi2

from se_outcomes.regression.dependence import Node
from se_outcomes.regression.dependence_profile import Profile
from se_outcomes.regression.paired_fit import PairedFit
from se_outcomes.regression.paired_marginal import Quantity, average_at

Floats = NDArray[np.float64]

#: Points between the ends of a set at which it is evaluated.
FINE = 1001


@dataclass(frozen=True, eq=False)
class ProfiledAverages:
    """Averages over the profile of the dependence.

    Attributes
    ----------
    profile : Profile
    t : (m,) array
        The nodes where they were computed.
    values, std_errors : (m, r) arrays
        Averages and their standard errors with t held.
    n_cases : (r,) array
        Cases that each is over (empty for combinations).
    """

    profile: Profile
    t: Floats
    values: Floats
    std_errors: Floats
    n_cases: Floats

    @cached_property
    def _curves(self) -> tuple[CubicSpline, CubicSpline]:
        # variances are smooth where standard errors have a kink (a difference that vanishes at some t)
        return CubicSpline(self.t, self.values), CubicSpline(self.t, self.std_errors**2)

    def at(self, t: Floats) -> tuple[Floats, Floats]:
        """Values and standard errors at any t within the nodes, (len(t), r) each."""
        value, variance = self._curves
        return value(t), np.sqrt(np.maximum(variance(t), 0.0))

    def quadratic_sets(self, level: float = 0.95) -> tuple[Floats, Floats]:
        """Lower and upper ends (r,) of the profile-quadratic sets (their hull, where a set is in pieces)."""
        bound = chi2.ppf(level, 1)
        low = np.full(self.values.shape[1], np.inf)
        high = -low
        for first, last in self.profile.likelihood_set(level):
            t = np.linspace(max(first, self.t[0]), min(last, self.t[-1]), FINE)
            value, error = self.at(t)
            reach = error * np.sqrt(np.maximum(bound - self.profile.deviance(t), 0.0))[:, None]
            low, high = (
                np.minimum(low, (value - reach).min(axis=0)),
                np.maximum(high, (value + reach).max(axis=0)),
            )
        return low, high


def profile_averages(
    fit: PairedFit, quantities: Sequence[Quantity], *, weights: Floats | None = None, everywhere: bool = False
) -> ProfiledAverages:
    """Averages at the profile's nodes.

    Parameters
    ----------
    fit : PairedFit
    quantities : sequence of Quantity
    weights : (r, m) array, optional
        Linear combinations of the m quantities, one per row; each quantity by itself by default.
    everywhere : bool
        At all nodes (for drawing), not only where the likelihood leaves the dependence plausible.

    Examples
    --------
    >>> from se_outcomes.regression.paired_marginal import placement
    >>> from se_outcomes.regression.selection_probit import fit_selection_probit
    >>> rng = np.random.default_rng(3)
    >>> z, x, u, v = rng.normal(size=(4, 1000))
    >>> ones = np.ones(1000)
    >>> selected, y = x + z + u > 0, 0.5 * x + 0.6 * u + 0.8 * v > 0
    >>> fit = fit_selection_probit(y, np.column_stack([ones, x]), selected, np.column_stack([ones, x, z]))
    >>> low, high = profile_averages(fit, [placement()]).quadratic_sets()
    >>> bool(low[0] < 0.5 < high[0]), bool(high[0] - low[0] < 0.2)
    (True, True)
    """
    nodes = fit.profile.nodes if everywhere else plausible_nodes(fit.profile)
    found = [average_at(fit.model, node, quantities) for node in nodes]
    if weights is not None:
        found = [averages.combine(weights) for averages in found]
    return ProfiledAverages(
        fit.profile,
        np.array([node.t for node in nodes]),
        np.array([averages.values for averages in found]),
        # a difference that is nought by construction may have a variance of minus rounding
        np.sqrt(np.maximum([np.diag(averages.covariance) for averages in found], 0.0)),
        found[0].n_cases,
    )


def plausible_nodes(profile: Profile, level: float = 0.999) -> list[Node]:
    """The nodes inside the likelihood set, and one more on each side of it."""
    sets = profile.likelihood_set(level)
    low, high = sets[0][0], sets[-1][1]
    inside = np.flatnonzero((profile.t >= low) & (profile.t <= high))
    first, last = max(inside[0] - 1, 0), min(inside[-1] + 1, len(profile.nodes) - 1)
    return list(profile.nodes[first : last + 1])


def functional_set(
    fit: PairedFit, functional: Callable[[Floats, float], float], *, level: float = 0.95
) -> tuple[float, float]:
    """Profile-quadratic set of any smooth function of the coefficients and the dependence.

    Parameters
    ----------
    fit : PairedFit
    functional : callable (coefficients, dependence)
        From the coefficients (p - 1,), in the order of ``fit.parameters``, and the correlation (copula parameter) to
        a number. Its gradient is taken by central differences a thousandth of a standard error wide.
    level : float

    Examples
    --------
    >>> from se_outcomes.regression.selection_probit import fit_selection_probit
    >>> rng = np.random.default_rng(3)
    >>> z, x, u, v = rng.normal(size=(4, 1000))
    >>> ones = np.ones(1000)
    >>> selected, y = x + z + u > 0, 0.5 * x + 0.6 * u + 0.8 * v > 0
    >>> fit = fit_selection_probit(y, np.column_stack([ones, x]), selected, np.column_stack([ones, x, z]))
    >>> low, high = functional_set(fit, lambda coefficients, rho: coefficients[4])
    >>> low < 0.5 < high
    True
    """
    nodes = plausible_nodes(fit.profile)
    values, errors = [], []
    for node in nodes:
        theta, rho = node.state.point.theta[:-1], fit.model.family.dependence(node.t)
        steps = 1e-3 * np.sqrt(np.diag(node.covariance))
        gradient = np.zeros(len(theta))
        for position in np.flatnonzero(steps > 0):
            move = np.zeros(len(theta))
            move[position] = steps[position]
            gradient[position] = (functional(theta + move, rho) - functional(theta - move, rho)) / (
                2 * steps[position]
            )
        values.append(functional(theta, rho))
        errors.append(np.sqrt(gradient @ node.covariance @ gradient))
    found = ProfiledAverages(
        fit.profile,
        np.array([node.t for node in nodes]),
        np.array(values)[:, None],
        np.array(errors)[:, None],
        np.zeros(0),
    )
    low, high = found.quadratic_sets(level)
    return float(low[0]), float(high[0])
