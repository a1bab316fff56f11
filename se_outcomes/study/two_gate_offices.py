"""How the answers of the model of both gates vary from office to office.

As with one gate (:mod:`se_outcomes.study.selection_offices`), by what the cases can carry:

* Where each gate has an exclusion of its own and no correlation comes near the end of its range, in the fit or without
  any office: the office jackknife (CV3) of everything, with t(G - 1).
* Else the two correlations with placement are held on a grid (and that of the gates too, where nothing much moves
  referral alone). A node is tested by the joint score bootstrap of all that is held; at those not rejected the answers
  have the linear office jackknife's interval (CV3L) with these held, and the set is the union. So the answer without
  exclusions is a picture over the grid, and the set that it gives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RegularGridInterpolator
from scipy.stats import chi2
from scipy.stats import t as t_distribution

from se_outcomes.errors import EstimationError
from se_outcomes.inference.jackknife import jackknife
from se_outcomes.inference.projection import SHARE_OF_NUISANCE
from se_outcomes.inference.score_bootstrap import Draws, compare, score_hypothesis
from se_outcomes.regression.two_gate_fit import CorrelationGrid, TwoGateFit
from se_outcomes.study.contrasts import office_draws
from se_outcomes.study.selection_offices import INSIDE

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
#: From a fit to everything that is told (r,).
Telling = Callable[[TwoGateFit], Floats]

#: Correlations with placement at which all is solved, besides those of the maximum; finer where there is one gate.
NODES, NODES_MERGED = (-0.9, -0.4, 0.4, 0.9), np.tanh(np.linspace(-2.0, 2.0, 13)).tolist()
#: Correlations of the gates, where nothing much moves referral alone.
OF_GATES = (-0.5, 0.5)
#: A node this near to the maximum, on the atanh scale, gives way to it.
NEAR = 0.1
#: A node whose deviance over the design effect is beyond this is out of the question: far from the maximum the
#: likelihood may be flat, and a test of its slope has no power.
HOPELESS = float(chi2.ppf(0.999, 2))
ALPHA = 0.05
#: Points between the ends of the grid at which sets are evaluated, each way.
FINE = 121


@dataclass(frozen=True, eq=False)
class Grid:
    """What is told with correlations held, over a (c, a, b) grid.

    Attributes
    ----------
    rho_12 : (c,) array
        The gates' correlations; one that is missing where it is not held.
    rho_13, rho_23_1 : (a,) and (b,) arrays
    deviance, p_values : (c, a, b) arrays
        2 (l_max - l); of the joint score bootstrap, zero where that is hopeless.
    values, std_errors : (c, a, b, r) arrays
        Missing where hopeless.
    """

    rho_12: Floats
    rho_13: Floats
    rho_23_1: Floats
    deviance: Floats
    p_values: Floats
    values: Floats
    std_errors: Floats

    def hull(self, alpha: float, reach: float) -> tuple[Floats, Floats]:
        """Lowest and highest end (r,) of value +- reach std_error wherever p > alpha; linear between nodes.

        Raises
        ------
        EstimationError
            ``not_identified`` if every node is rejected.
        """
        lows, highs = [], []
        for p, value, error in zip(self.p_values, *self._filled(), strict=True):
            kept = self._between(p) > alpha
            if kept.any():
                half = reach * self._between(error)[kept]
                lows.append((self._between(value)[kept] - half).min(axis=0))
                highs.append((self._between(value)[kept] + half).max(axis=0))
        if not lows:
            raise EstimationError(
                "The test rejects every set of correlations, so no answer exists. The model does not fit these data.",
                reason="not_identified",
            )
        return np.min(lows, axis=0), np.max(highs, axis=0)

    def _between(self, values: Floats) -> Floats:
        """Values (a, b, ...) on a finer grid, linear between nodes."""
        second = np.linspace(self.rho_23_1[0], self.rho_23_1[-1], FINE)
        if len(self.rho_13) == 1:
            return RegularGridInterpolator((self.rho_23_1,), values[0])(second)[None]
        first = np.linspace(self.rho_13[0], self.rho_13[-1], FINE)
        points = np.stack(np.meshgrid(first, second, indexing="ij"), axis=-1)
        return RegularGridInterpolator((self.rho_13, self.rho_23_1), values)(points)

    def _filled(self) -> tuple[Floats, Floats]:
        """Values and errors; where hopeless those of the nearest node that is not (its p-value keeps it out)."""
        told = np.argwhere(np.isfinite(self.std_errors).all(axis=-1))
        places = np.indices(self.deviance.shape).reshape(3, -1).T
        nearest = tuple(told[((places[:, None] - told[None]) ** 2).sum(axis=2).argmin(axis=1)].T)
        return (
            self.values[nearest].reshape(self.values.shape),
            self.std_errors[nearest].reshape(self.values.shape),
        )


@dataclass(frozen=True, eq=False)
class AcrossOffices:
    """What a fit tells, with its variation between offices.

    Attributes
    ----------
    estimate, std_error : (r,) arrays
        At the maximum; the office jackknife's, missing where not ``inside``.
    low, high : (r,) arrays
        95 % intervals.
    dof : float
        G - 1.
    inside : bool
        Whether intervals are the jackknife's; else they are projected from the grid.
    not_rejected : (r,) and (r,) arrays
        Ends over all nodes that are not rejected at 5 %: the sets of what is held. As ``low`` and ``high`` if
        ``inside``.
    grid : Grid or None
        None where it was not needed and not asked for.
    """

    estimate: Floats
    std_error: Floats
    low: Floats
    high: Floats
    dof: float
    inside: bool
    not_rejected: tuple[Floats, Floats]
    grid: Grid | None


def look_across_offices(
    fit: TwoGateFit, tell: Telling, *, identified: bool, hold_gates: bool, grid: bool
) -> AcrossOffices:
    """Everything that is told, without every office; over the grid where the jackknife does not carry, or if asked.

    Parameters
    ----------
    fit : TwoGateFit
    tell : callable
    identified : bool
        Whether every gate has an exclusion.
    hold_gates : bool
        Whether nothing much moves referral alone, so that the gates' correlation is held on the grid too.
    grid : bool
        Solve the grid even where the jackknife carries.

    Raises
    ------
    EstimationError
        ``one_office``; ``not_identified`` where the grid is needed and every node is rejected.
    """
    dof = fit.n_clusters - 1.0
    estimate = tell(fit)
    error = _jackknife(fit, tell) if identified else None
    solved = solve_grid(fit, tell, hold_gates=hold_gates) if grid or error is None else None
    if error is not None:
        half = t_distribution.ppf(1 - ALPHA / 2, dof) * error
        ends = estimate - half, estimate + half
        return AcrossOffices(estimate, error, *ends, dof, True, ends, solved)
    assert solved is not None
    spent = ALPHA * SHARE_OF_NUISANCE
    ends = solved.hull(spent, float(t_distribution.ppf(1 - (ALPHA - spent) / 2, dof)))
    not_rejected = solved.hull(ALPHA, float(t_distribution.ppf(1 - ALPHA / 2, dof)))
    missing = np.full(len(estimate), np.nan)
    return AcrossOffices(estimate, missing, *ends, dof, False, not_rejected, solved)


def _jackknife(fit: TwoGateFit, tell: Telling) -> Floats | None:
    """Standard errors with the correlations estimated anew; None where one leaves its range."""
    if fit.boundary or np.abs(fit.parameters[-3:]).max() >= INSIDE:
        return None

    def functional(refit: TwoGateFit) -> Floats:
        worst = np.inf if refit.boundary else np.abs(refit.parameters[-3:]).max()
        return np.append(tell(refit), worst)

    try:
        with np.errstate(invalid="ignore"):
            found = jackknife(functional, fit)
    except EstimationError:
        return None
    if not (found.replicates[:, -1] < INSIDE).all():
        return None
    return found.std_error[:-1]


def solve_grid(fit: TwoGateFit, tell: Telling, *, hold_gates: bool) -> Grid:
    """Fit, test and tell at every node of a grid over the correlations that are not out of the question."""
    draws = office_draws(fit.n_clusters)
    hold_gates = hold_gates and not fit.model.merged
    rho_12 = np.array(OF_GATES) if hold_gates else np.full(1, np.nan)
    first = fit.model.correlations[0]
    bases = [fit.refit(restrict={first: float(np.arctanh(rho))}) if hold_gates else fit for rho in rho_12]
    rho_13, rho_23_1 = _place_nodes(fit)
    solved = [base.grid(rho_13, rho_23_1) for base in bases]
    deviance = np.stack([2 * (fit.loglik - grid.loglik) for grid in solved])
    p_values, effects = np.ones(deviance.shape), np.zeros(deviance.shape)
    for place in np.ndindex(deviance.shape):
        p_values[place], effects[place] = _test(_at(solved, place), draws, hold_gates)
    spread = max(1.0, effects[deviance < HOPELESS].max(initial=1.0))
    p_values[deviance / spread > HOPELESS] = 0
    values, errors = (np.full((*deviance.shape, len(tell(fit))), np.nan) for _ in range(2))
    for place in map(tuple, np.argwhere(p_values > 0)):
        node = jackknife(tell, _at(solved, place), kind="CV3L")
        values[place], errors[place] = node.estimate, node.std_error
    return Grid(rho_12, rho_13, rho_23_1, np.maximum(deviance, 0.0), p_values, values, errors)


def _at(solved: Sequence[CorrelationGrid], place: tuple[int, ...]) -> TwoGateFit:
    slice_, row, column = place
    return solved[slice_].fits[row][column]


def _place_nodes(fit: TwoGateFit) -> tuple[Floats, Floats]:
    """Values of both correlations with placement, those of the maximum among them."""
    if fit.model.merged:
        return np.zeros(1), _with_maximum(NODES_MERGED, fit.parameters[-1])
    return _with_maximum(NODES, fit.parameters[-2]), _with_maximum(NODES, fit.parameters[-1])


def _with_maximum(nodes: Sequence[float], at_maximum: float) -> Floats:
    places = np.arctanh(nodes)
    top = np.clip(at_maximum, places[0], places[-1])
    return np.tanh(np.sort(np.append(places[np.abs(places - top) > NEAR], top)))


def _test(node: TwoGateFit, draws: Draws, hold_gates: bool) -> tuple[float, float]:
    """p-value of the correlations held, and the design effect of their score (0 if information is not positive)."""
    last = len(node.parameters) - 1
    columns = list(range(last - (0 if node.model.merged else 2 if hold_gates else 1), last + 1))
    try:
        scored = score_hypothesis(node, columns, recentre="share")
    except EstimationError:
        return 1.0, 0.0  # no test, no rejection
    p_value = compare(scored.observed, scored.statistics(draws.values), draws)
    own = _own_information(node.peak.state.evaluation.profiled_hessian, np.array(columns), node.free)
    if not np.linalg.eigvalsh(own).min() > 0:
        return p_value, 0.0
    return p_value, float(np.trace(np.linalg.solve(own, scored.own.T @ scored.own)) / len(columns))


def _own_information(hessian: Floats, columns: NDArray[np.int64], free: Flags) -> Floats:
    """Information of some parameters after those that are free."""
    rest = np.flatnonzero(free)
    cross = hessian[np.ix_(columns, rest)]
    explained = cross @ np.linalg.solve(hessian[np.ix_(rest, rest)], cross.T)
    return np.asarray(explained - hessian[np.ix_(columns, columns)], dtype=np.float64)
