"""How the answers of a selection model vary from office to office.

Two ways, by what the cases can carry:

* Where an exclusion restriction is given and the correlation stays inside its range in the fit and without every one of
  the offices: the office jackknife (CV3) of everything, the correlation estimated anew each time, with t(G - 1).
* Else, since then neither the correlation nor its error is to be trusted: every correlation is tested by the score
  bootstrap, and at each that is not rejected the answers have the linear office jackknife's interval (CV3L) with the
  correlation held; their union is the set (:mod:`se_outcomes.inference.projection`).

The set of the correlation itself is always the score bootstrap's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator
from scipy.stats import chi2
from scipy.stats import t as t_distribution

from se_outcomes.errors import EstimationError
from se_outcomes.inference.jackknife import jackknife, jackknife_covariance
from se_outcomes.inference.projection import SHARE_OF_NUISANCE, Intervals, accepted_intervals, project
from se_outcomes.inference.score_bootstrap import Draws, compare, score_hypothesis
from se_outcomes.regression.dependence import Node, solve_at
from se_outcomes.regression.paired_fit import PairedFit
from se_outcomes.regression.paired_marginal import Quantity, mean_values
from se_outcomes.regression.paired_replicates import replicate_averages
from se_outcomes.study.contrasts import office_draws

Floats = NDArray[np.float64]
#: From averages (..., m) and coefficients (..., p - 1) to what is told (..., r).
Telling = Callable[[Floats, Floats], Floats]

#: A correlation is inside its range up to this working parameter (rho = .989). Beyond, the likelihood is a plateau on
#: which no test has power: perfect dependence is tested here.
INSIDE = 2.6
#: Deviance, over the design effect, beyond which a correlation is out of the question whatever its score test says:
#: far from the maximum the likelihood may be flat, and a test of its slope has no power; and below which it is
#: plausible.
HOPELESS, PLAUSIBLE = float(chi2.ppf(0.999, 1)), float(chi2.ppf(0.95, 1))
ALPHA = 0.05
#: A maximum this near an interval lies in it; correlations this near are told as one interval.
NEAR, GAP = 1e-6, 0.05


@dataclass(frozen=True, eq=False)
class AcrossOffices:
    """What a fit tells, with its variation between offices, over the dependence t.

    Attributes
    ----------
    t, deviance, p_values : (m,) arrays
        Nodes; 2 (l_max - l) over the design effect; p-value of the score bootstrap, zero where that is hopeless.
    peaks : (q,) array
        Local maxima.
    values, std_errors : (m, r) arrays
        With the dependence held at the node (linear office jackknife).
    estimate, std_error : (r,) arrays
        At the maximum; by the office jackknife with the dependence estimated anew (NaN where not ``inside``).
    n_offices : int
    inside : bool
        Whether intervals are the jackknife's; else they are projected.
    """

    t: Floats
    deviance: Floats
    p_values: Floats
    peaks: Floats
    values: Floats
    std_errors: Floats
    estimate: Floats
    std_error: Floats
    n_offices: int
    inside: bool

    @property
    def dof(self) -> float:
        """Degrees of freedom, G - 1."""
        return self.n_offices - 1.0

    @property
    def reach(self) -> float:
        """Half the width of a 95 % interval, in standard errors."""
        return float(t_distribution.ppf(1 - ALPHA / 2, self.dof))

    @cached_property
    def accepted(self) -> Intervals:
        """The 95 % set of the dependence."""
        return self._accepted(ALPHA)

    def _accepted(self, alpha: float) -> Intervals:
        """Values not rejected, in one piece with a maximum or with a value that the likelihood leaves plausible.

        Where the likelihood falls off, and falls on, a score test may lose its power again: what is not rejected there
        is cut off from both, and left.
        """
        found = accepted_intervals(self.t, self.p_values, alpha=alpha)
        supported = np.append(self.peaks, self.t[self.deviance <= PLAUSIBLE])
        kept = tuple(
            (low, high)
            for low, high in found
            if ((supported >= low - NEAR) & (supported <= high + NEAR)).any()
        )
        return _without_gaps(kept or found)

    @cached_property
    def sets(self) -> tuple[Floats, Floats]:
        """Lower and upper ends (r,) of the 95 % intervals."""
        if self.inside:
            half = self.reach * self.std_error
            return self.estimate - half, self.estimate + half
        spent = ALPHA * SHARE_OF_NUISANCE
        kept = self._accepted(spent)
        return project(self.t, self.values, self.std_errors, kept, dof=self.dof, alpha=ALPHA - spent)

    @cached_property
    def _curves(self) -> tuple[PchipInterpolator, PchipInterpolator]:
        # shape-preserving: a variance stays above nought between nodes far apart
        return PchipInterpolator(self.t, self.values), PchipInterpolator(self.t, self.std_errors**2)

    def at(self, t: Floats) -> tuple[Floats, Floats]:
        """Values and standard errors with the dependence held at any t within the nodes, (len(t), r) each."""
        value, variance = self._curves
        inside = np.clip(t, self.t[0], self.t[-1])
        return value(inside), np.sqrt(variance(inside))

    def test_at(self, t: Floats) -> Floats:
        """p-values at any t."""
        return np.interp(t, self.t, self.p_values)


def look_across_offices(
    fit: PairedFit, quantities: list[Quantity], tell: Telling, *, identified: bool
) -> AcrossOffices:
    """Everything that is told, at every node and without every office.

    Parameters
    ----------
    fit : PairedFit
    quantities : list of Quantity
        The averages computed.
    tell : callable
        What is told of averages and coefficients.
    identified : bool
        Whether an exclusion restriction was given.

    Raises
    ------
    EstimationError
        ``one_office``.
    """
    draws = office_draws(fit.n_clusters)
    nodes = _nodes(fit)
    deviance = np.array([2 * (fit.loglik - node.loglik) for node in nodes])
    pinned = [fit.pin(node) for node in nodes]
    tested = [_test(one, draws) for one in pinned]
    likely = [effect for (_, effect), d in zip(tested, deviance, strict=True) if d < PLAUSIBLE]
    deviance = deviance / max([1.0, *likely])
    t = np.array([node.t for node in nodes])
    p_values = np.array([p for p, _ in tested])
    if fit.boundary:  # the maximum itself is not rejected, though the slope up to it is steep
        p_values[t >= INSIDE if fit.peak.t > 0 else t <= -INSIDE] = 1.0
    p_values = _level_off(t, p_values)
    values, errors = zip(*(replicate_told(one, quantities, tell) for one in pinned), strict=True)
    estimate, error = _jackknife(fit, quantities, tell) if identified else (None, None)
    at_top = tell(mean_values(fit.model, fit.peak.state.point, quantities), fit.parameters[:-1])
    return AcrossOffices(
        t=t,
        deviance=deviance,
        p_values=np.where(deviance > HOPELESS, 0.0, p_values),
        peaks=np.array([peak.t for peak in fit.peaks]),
        values=np.array(values),
        std_errors=np.array(errors),
        estimate=at_top if estimate is None else estimate,
        std_error=np.full(len(at_top), np.nan) if error is None else error,
        n_offices=fit.n_clusters,
        inside=error is not None,
    )


def _nodes(fit: PairedFit) -> list[Node]:
    """The profile's nodes, solved to the end, and the rest of the range where its walk was given up."""
    model, family = fit.model, fit.model.family
    nodes = [solve_at(model, node.t, node.state.point) for node in fit.profile.nodes]
    for outward, end in ((1, -1), (-1, 0)):
        for t in sorted(family.nodes, key=lambda t: t * outward):
            last = nodes[end]
            if (t - last.t) * outward <= 0:
                continue
            try:
                node = solve_at(model, t, last.state.point.moved(last.tangent, t - last.t))
            except EstimationError:
                break  # so near perfect dependence, and so unlikely, nothing is lost
            nodes.insert(len(nodes) if outward == 1 else 0, node)
    return nodes


def _without_gaps(intervals: Intervals) -> Intervals:
    """Intervals whose correlations lie closer together than ``GAP`` as one: a hole so small says nothing."""
    joined = [intervals[0]]
    for low, high in intervals[1:]:
        if np.tanh(low) - np.tanh(joined[-1][1]) < GAP:
            joined[-1] = (joined[-1][0], high)
        else:
            joined.append((low, high))
    return tuple(joined)


def _level_off(t: Floats, p_values: Floats) -> Floats:
    """p-values beyond :data:`INSIDE` as at the last node within."""
    within = np.flatnonzero(np.abs(t) <= INSIDE)
    if not len(within):
        return p_values
    found = p_values.copy()
    found[: within[0]], found[within[-1] + 1 :] = p_values[within[0]], p_values[within[-1]]
    return found


def _test(pinned: PairedFit, draws: Draws) -> tuple[float, float]:
    """p-value of the dependence held, and the design effect of its score (0 where its information is not positive)."""
    last = len(pinned.parameters) - 1
    try:
        scored = score_hypothesis(pinned, [last], recentre="share")
    except EstimationError:
        return 1.0, 0.0  # no test, no rejection
    p_value = compare(scored.observed, scored.statistics(draws.values), draws)
    hessian, free = pinned.peak.state.evaluation.profiled_hessian, pinned.model.free
    own = -hessian[-1, -1] + hessian[-1, free] @ np.linalg.solve(
        hessian[np.ix_(free, free)], hessian[free, -1]
    )
    return p_value, float((scored.own**2).sum() / own) if own > 0 else 0.0


def replicate_told(pinned: PairedFit, quantities: list[Quantity], tell: Telling) -> tuple[Floats, Floats]:
    """What is told at a node, and its standard errors by the linear office jackknife."""
    found = replicate_averages(pinned, quantities)
    values = tell(found.values, found.coefficients)
    replicates = tell(found.replicates, found.coefficient_replicates)
    return values, np.sqrt(np.diag(jackknife_covariance(values, replicates)))


def _jackknife(
    fit: PairedFit, quantities: list[Quantity], tell: Telling
) -> tuple[Floats | None, Floats | None]:
    """Estimate and standard errors with the dependence estimated anew; None where it leaves its range."""

    def functional(refit: PairedFit) -> Floats:
        told = tell(mean_values(refit.model, refit.peak.state.point, quantities), refit.parameters[:-1])
        return np.append(told, np.inf if refit.boundary else refit.peak.t)

    if fit.boundary or abs(fit.peak.t) >= INSIDE:
        return None, None
    try:
        with np.errstate(invalid="ignore"):
            found = jackknife(functional, fit)
    except EstimationError:
        return None, None
    if not (np.abs(found.replicates[:, -1]) < INSIDE).all():
        return None, None
    return found.estimate[:-1], found.std_error[:-1]
