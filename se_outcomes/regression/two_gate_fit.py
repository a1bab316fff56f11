"""What a maximised likelihood of two gates knows: estimates, scores by cluster, refits, held correlations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from se_outcomes.errors import EstimationError
from se_outcomes.regression.dependence import inverse
from se_outcomes.regression.paired import Point
from se_outcomes.regression.paired_climb import State, newton_step
from se_outcomes.regression.two_gate import (
    CORRELATIONS,
    EDGE,
    TwoGateModel,
    by_cluster,
    correlations_at,
    evaluate,
)
from se_outcomes.regression.two_gate_checks import refuse_unidentified
from se_outcomes.regression.two_gate_climb import (
    LONGEST,
    SHARP,
    SHARP_ENOUGH,
    TwoGatePeak,
)
from se_outcomes.regression.two_gate_refits import leave_cluster_out, restrict_model
from se_outcomes.regression.two_gate_search import climb_to_peak, fit_apart, search

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class CorrelatedMaximum:
    """A maximum of the likelihood.

    Attributes
    ----------
    rho_12, rho_13, rho_23 : float
        The correlations there.
    loglik : float
    edge : bool
        Whether a correlation is at the end of its range there.
    """

    rho_12: float
    rho_13: float
    rho_23: float
    loglik: float
    edge: bool


@dataclass(frozen=True, eq=False)
class TwoGateFit:
    """A maximised likelihood of two gates and placement: p parameters, G clusters, intercepts profiled out.

    Attributes
    ----------
    peak : TwoGatePeak
        The highest maximum.
    peaks : tuple of TwoGatePeak
        All local maxima found, the highest first.
    loglik_apart : float or None
        Log-likelihood of the three probits (all correlations zero); None in refits.
    held : (p,) bool array
        Coefficients that the data at hand say nothing about, held at the value they had (refits without a cluster).
    converged : bool
        Always true: a fit that does not converge is an ``EstimationError``, not a record.
    """

    model: TwoGateModel = field(repr=False)
    peak: TwoGatePeak = field(repr=False)
    peaks: tuple[TwoGatePeak, ...] = field(repr=False)
    loglik_apart: float | None = field(repr=False)
    held: Flags = field(repr=False)
    converged: bool = True

    def __repr__(self) -> str:
        edge = ", at the edge" if self.boundary else ""
        return (
            f"{type(self).__name__}({self.n_cases:,} cases, log-likelihood {self.loglik:.4f}, "
            f"rho_12 {self.rho_12:.3f}, rho_13 {self.rho_13:.3f}, rho_23 {self.rho_23:.3f}{edge}, "
            f"{len(self.peaks)} local maxima)"
        )

    # ------------------------------------------------------------------------------------------- estimates

    @property
    def parameters(self) -> Floats:
        """All of them (p,): gamma1, gamma2, beta, then atanh of rho_12, rho_13 and rho_23_1."""
        return self.peak.theta

    @property
    def places(self) -> dict[str, slice | int]:
        """Where each part stands in ``parameters``: slices of coefficients, positions of correlations."""
        slices = dict(zip(("gamma1", "gamma2", "beta"), self.model.slices, strict=True))
        return {**slices, **dict(zip(CORRELATIONS, self.model.correlations, strict=True))}

    @property
    def gamma1(self) -> Floats:
        """Coefficients of the referral (k1,); none where the gates are merged."""
        return self.parameters[self.model.slices[0]]

    @property
    def gamma2(self) -> Floats:
        """Coefficients of the acceptance (k2,)."""
        return self.parameters[self.model.slices[1]]

    @property
    def beta(self) -> Floats:
        """Coefficients of the placement (k3,), the acceptance's effect last in the recursive model."""
        return self.parameters[self.model.slices[2]]

    @property
    def intercept_values(self) -> Floats:
        """Intercepts (q, 3) of each group in ``intercept_codes``; where it left an equation its infinite limit.

        NaN where nothing was seen of the group in the equation.
        """
        cells = self.model.cells
        return np.where(cells.present, self.peak.state.point.intercepts, cells.limits)

    @property
    def intercept_codes(self) -> NDArray[np.int64]:
        """Codes of the groups with intercepts; empty without ``intercepts``."""
        return self.model.cells.group_codes

    @property
    def rho_12(self) -> float:
        """Correlation of referral and acceptance; 0 where the gates are merged."""
        return float(np.tanh(self.parameters[-3]))

    @property
    def rho_13(self) -> float:
        """Correlation of referral and placement; 0 where the gates are merged."""
        return float(np.tanh(self.parameters[-2]))

    @property
    def rho_23(self) -> float:
        """Correlation of acceptance and placement."""
        return float(correlations_at(self.parameters[-3:]).rho[2])

    @property
    def rho_23_1(self) -> float:
        """Partial correlation of acceptance and placement given referral's."""
        return float(np.tanh(self.parameters[-1]))

    @property
    def loglik(self) -> float:
        """The maximised log-likelihood, per case (counts included)."""
        return float(self.peak.loglik)

    @property
    def boundary(self) -> bool:
        """Whether a correlation is at the end of its range, where no derivative vanishes.

        Then coefficients and covariance are those with it held there.
        """
        return bool(self.peak.edges.any())

    @property
    def at_boundary(self) -> tuple[str, ...]:
        """Names of the correlations at the end of their range."""
        return tuple(name for name, edge in zip(CORRELATIONS, self.peak.edges, strict=True) if edge)

    @property
    def free(self) -> Flags:
        """Parameters (p,) that were maximised over: False where restricted, held, or at the end of the range."""
        free = self.model.free.copy()
        free[-3:] &= ~self.peak.edges
        return free

    @property
    def local_maxima(self) -> tuple[CorrelatedMaximum, ...]:
        """All maxima that were found, the highest first."""
        found = []
        for peak in self.peaks:
            first, second, third = correlations_at(peak.theta[-3:]).rho.tolist()
            found.append(CorrelatedMaximum(first, second, third, float(peak.loglik), bool(peak.edges.any())))
        return tuple(found)

    @cached_property
    def covariance(self) -> Floats:
        """Model-based covariance (p, p) by the observed information; zero for what was held."""
        chosen = np.ix_(self.free, self.free)
        covariance = np.zeros((len(self.free), len(self.free)))
        covariance[chosen] = inverse(-self.peak.state.evaluation.profiled_hessian[chosen])
        return covariance

    @cached_property
    def _by_cluster(self) -> tuple[Floats, Floats]:
        return by_cluster(self.model, self.peak.state.point)

    @property
    def scores(self) -> Floats:
        """Score of each cluster (G, p), after the intercepts; they sum to zero where free."""
        return self._by_cluster[0]

    @property
    def information(self) -> Floats:
        """Observed information of each cluster (G, p, p), after the intercepts."""
        return self._by_cluster[1]

    @property
    def clusters(self) -> NDArray[np.int64]:
        """Codes (G,) of the clusters, in the order of ``scores``."""
        return self.model.cells.cluster_codes

    @property
    def n_clusters(self) -> int:
        """Clusters, G."""
        return len(self.clusters)

    @cached_property
    def cluster_sizes(self) -> Floats:
        """Their numbers of cases (G,), in at least one equation."""
        cells = self.model.cells
        used = cells.contributing.any(axis=1)
        sizes = np.bincount(cells.cluster[used], cells.counts[used], minlength=cells.n_clusters)
        return np.asarray(sizes, float)

    @property
    def n_cases(self) -> int:
        """Cases in at least one equation."""
        return round(float(self.cluster_sizes.sum()))

    @property
    def n_left_out(self) -> dict[str, int]:
        """Groups without variation and their cases, by equation (see ``TwoGateCells``)."""
        return self.model.cells.n_left_out

    # ---------------------------------------------------------------------------------------------- refits

    def refit(self, *, without: int | None = None, restrict: Mapping[int, float] | None = None) -> TwoGateFit:
        """Fit again without a cluster, or with parameters held at given values.

        The climb starts from this maximum; only where it leads nowhere are peaks looked for again.

        Parameters
        ----------
        without : int, optional
            Row of ``scores`` whose cluster is left out; its intercepts leave with it. Columns without variation among
            the rest are held at their value here and marked in ``held``.
        restrict : mapping of int to float, optional
            Position in ``parameters`` to the value it is held at; the last three are atanh of rho_12, rho_13 and
            rho_23_1. Refits of that hold them too.

        Raises
        ------
        EstimationError
            As the fit itself.
        """
        return self._refit(without, restrict or {}, SHARP)

    def _refit(self, without: int | None, restrict: Mapping[int, float], tolerance: float) -> TwoGateFit:
        model, start, held = self._prepare(without, restrict)
        if np.abs(start.theta - self.parameters)[-3:].max() > LONGEST and not restrict:
            start = Point(self.parameters, start.intercepts)  # the first order ran off
        again = replace(self, model=model, loglik_apart=None, held=held)
        try:
            peak = climb_to_peak(model, start, tolerance=tolerance)
            refuse_unidentified(model, peak)
        except EstimationError:
            apart, _ = fit_apart(model, start.theta)
            peaks = search(model, apart)
            refuse_unidentified(model, peaks[0])
            return replace(again, peak=peaks[0], peaks=tuple(peaks))
        return replace(again, peak=peak, peaks=(peak,))

    def _prepare(
        self, without: int | None, restrict: Mapping[int, float]
    ) -> tuple[TwoGateModel, Point, Flags]:
        """Model and starting point of a refit, and which coefficients are held in it."""
        model, start = restrict_model(self.model, self.peak, restrict)
        if without is None:
            return model, start, self.held
        known = self.information.sum(axis=0), self.information[without], self.scores[without]
        model, start, flat = leave_cluster_out(
            model, start, self.free, without, *known, self.peak.state.evaluation
        )
        held = self.held.copy()
        held[list(flat)] = True
        return model, start, held

    def approximate(self, *, without: int) -> TwoGateFit:
        """The fit without a cluster to first order, theta - (J - J_g)^-1 s_g, the intercepts going along.

        The one-step replicate of CV3L (MacKinnon, Nielsen & Webb 2024, arXiv 2406.00650, eq. 22).
        """
        model, start, held = self._prepare(without, {})
        found = evaluate(model, start)
        state = State(start, found, *newton_step(found, model.free), 0)
        peak = TwoGatePeak(state, self.peak.edges)
        return replace(self, model=model, peak=peak, peaks=(peak,), loglik_apart=None, held=held)

    # ------------------------------------------------------------------------------------ held correlations

    def profile(self, name: str, values: ArrayLike | None = None) -> CorrelationProfile:
        """Fits with one correlation held at values, everything else estimated again.

        Parameters
        ----------
        name : {"rho_12", "rho_13", "rho_23_1"}
        values : (m,) array, optional
            Values of the correlation, in (-1, 1); by default 19 from -.9 to .9.

        Raises
        ------
        EstimationError
            As :meth:`refit`.
        """
        if name not in CORRELATIONS:
            raise ValueError(f"name must be one of {', '.join(CORRELATIONS)}; got {name!r}")
        asked = np.linspace(-0.9, 0.9, 19) if values is None else np.asarray(values, float)
        position = self.model.correlations[CORRELATIONS.index(name)]
        fits = self._hold((position,), asked[:, None])
        loglik = np.array([fit.loglik for fit in fits])
        return CorrelationProfile(name, asked, loglik, self._deviance(loglik), fits)

    def grid(self, rho_13: ArrayLike, rho_23_1: ArrayLike) -> CorrelationGrid:
        """Fits with both correlations with placement held at the values of a grid, everything else estimated again.

        Parameters
        ----------
        rho_13 : (a,) array
            Values of the correlation of referral and placement, in (-1, 1); only 0 where the gates are merged.
        rho_23_1 : (b,) array
            Values of the partial correlation of acceptance and placement given referral.
        """
        first, second = np.asarray(rho_13, float), np.asarray(rho_23_1, float)
        points = np.array([(one, other) for one in first for other in second])
        fits = self._hold(self.model.correlations[1:], points)
        rows = tuple(fits[start : start + len(second)] for start in range(0, len(fits), len(second)))
        loglik = np.array([[fit.loglik for fit in row] for row in rows])
        return CorrelationGrid(first, second, loglik, self._deviance(loglik), rows)

    def _deviance(self, loglik: Floats) -> Floats:
        return np.maximum(2 * (self.loglik - loglik), 0.0)

    def _hold(self, positions: tuple[int, ...], points: Floats) -> tuple[TwoGateFit, ...]:
        """Fits with correlations held at points (m, d), each started from the nearest one found."""
        if not (np.abs(points) < np.tanh(EDGE)).all():
            raise ValueError("correlations are held at values between -1 and 1")
        if self.model.merged and (points[:, np.array(positions) < self.model.correlations[2]] != 0).any():
            raise ValueError("where the gates are merged the referral's correlations can only be 0")
        own, working = self.parameters[list(positions)], np.arctanh(points)
        found: dict[int, TwoGateFit] = {}
        for place in np.argsort(np.abs(working - own).sum(axis=1), kind="stable").tolist():
            away = {other: float(np.abs(working[other] - working[place]).sum()) for other in found}
            start = found[min(away, key=lambda other: away[other])] if away else self
            restrict = dict(zip(positions, working[place].tolist(), strict=True))
            found[place] = start._refit(None, restrict, SHARP_ENOUGH)
        return tuple(found[place] for place in range(len(points)))


@dataclass(frozen=True, eq=False)
class CorrelationProfile:
    """Fits with one correlation held.

    Attributes
    ----------
    name : str
        ``"rho_12"``, ``"rho_13"`` or ``"rho_23_1"``.
    values, loglik, deviance : (m,) arrays
        The correlation; the log-likelihood; 2 (free maximum - loglik), not below zero: chi-squared(1) at the true value
        where cases are independent.
    fits : tuple of TwoGateFit
    """

    name: str
    values: Floats
    loglik: Floats
    deviance: Floats
    fits: tuple[TwoGateFit, ...] = field(repr=False)


@dataclass(frozen=True, eq=False)
class CorrelationGrid:
    """Fits with both correlations with placement held.

    Attributes
    ----------
    rho_13, rho_23_1 : (a,), (b,) arrays
        Of referral and placement; of acceptance and placement given referral.
    loglik, deviance : (a, b) arrays
        The log-likelihood; 2 (free maximum - loglik), not below zero: chi-squared(2) at the true values where cases are
        independent.
    fits : tuple of tuples of TwoGateFit
        A row for each rho_13.
    """

    rho_13: Floats
    rho_23_1: Floats
    loglik: Floats
    deviance: Floats
    fits: tuple[tuple[TwoGateFit, ...], ...] = field(repr=False)


def fit_model(model: TwoGateModel) -> TwoGateFit:
    """Maximise the likelihood: three probits, a look around over the correlations, a climb of every peak.

    Raises
    ------
    EstimationError
        ``no_variation``, ``collinearity``, ``separation``, ``not_identified``, ``not_converged``.
    """
    apart, loglik = fit_apart(model, np.zeros(model.n_parameters))
    peaks = search(model, apart)
    refuse_unidentified(model, peaks[0])
    nothing = np.zeros(model.n_parameters, dtype=bool)
    return TwoGateFit(model, peaks[0], tuple(peaks), loglik, nothing)
