"""What a maximised two-equation likelihood knows: its highest maximum, the others, tests, profile and sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from se_outcomes.errors import EstimationError
from se_outcomes.regression.dependence import (
    Node,
    Peak,
    Profile,
    climb_from,
    find_peaks,
    inverse,
    look_around,
    make_profile,
    refuse_flat,
    solve_at,
)
from se_outcomes.regression.paired import PairModel, Point, by_cluster
from se_outcomes.regression.paired_checks import (
    fit_independent,
    gate_residual_left_over,
    refuse_collinear,
)
from se_outcomes.regression.paired_climb import State
from se_outcomes.results import Test

Floats = NDArray[np.float64]

#: With so many cells the first look over the dependence is at a sample of so many; peaks that are lower in it by
#: more than the third number are left.
SAMPLED_FROM, SAMPLE, CLOSE = 8_000, 3_000, 30.0
#: Between the sample and the whole lies a larger sample, a sixteenth of the whole: it brings the climb near the top at
#: a sixteenth of the price.
STEP_UP = 16
#: Below this share of the information that it would have alone, the dependence is not identified.
NOT_IDENTIFIED = 1e-9


@dataclass(frozen=True)
class LocalMaximum:
    """A maximum of the likelihood.

    Attributes
    ----------
    dependence : float
        The correlation (a copula's parameter) there.
    loglik : float
    edge : bool
        Whether it sits where the dependence is perfect.
    """

    dependence: float
    loglik: float
    edge: bool


@dataclass(frozen=True, eq=False)
class PairedFit:
    """A maximised likelihood of two equations: p parameters, G clusters, intercepts profiled out.

    Attributes
    ----------
    peak : Peak
        The highest maximum.
    peaks : tuple of Peak
        All local maxima, the highest first.
    rough : tuple of Node
        The profile as it was looked at first.
    independent : State
        The two equations fitted as if they were independent.
    held : (p,) bool array
        Coefficients that the data at hand say nothing about, held at the value they had (refits without a cluster).
    converged : bool
        Always true: a fit that does not converge is an ``EstimationError``, not a record.
    """

    model: PairModel = field(repr=False)
    peak: Peak = field(repr=False)
    peaks: tuple[Peak, ...] = field(repr=False)
    rough: tuple[Node, ...] = field(repr=False)
    independent: State = field(repr=False)
    held: NDArray[np.bool_] = field(repr=False)
    converged: bool = True

    def __repr__(self) -> str:
        edge = ", at the edge" if self.boundary else ""
        return (
            f"{type(self).__name__}({self.n_cases:,} cases, log-likelihood {self.loglik:.4f}, "
            f"dependence {self.dependence:.4f}{edge}, {len(self.peaks)} local maxima)"
        )

    # ------------------------------------------------------------------------------------------- estimates

    @property
    def first(self) -> Floats:
        """Coefficients of the first equation."""
        return self.peak.state.point.theta[: self.model.cells.widths[0]]

    @property
    def second(self) -> Floats:
        """Coefficients of the second equation."""
        return self.peak.state.point.theta[self.model.cells.widths[0] : -1]

    @property
    def parameters(self) -> Floats:
        """All of them (p,), the working parameter of the dependence last, in the order of ``covariance``."""
        return self.peak.state.point.theta

    @property
    def intercept_values(self) -> Floats:
        """Intercepts of each group in ``intercept_codes`` (q, 2); infinite where the group left the equation."""
        cells = self.model.cells
        present = np.column_stack([cells.in_gate, cells.in_outcome])
        return np.where(present, self.peak.state.point.intercepts, np.inf)

    @property
    def intercept_codes(self) -> NDArray[np.int64]:
        """Codes of the groups with intercepts; empty without ``intercepts``."""
        return self.model.cells.group_codes

    @property
    def dependence(self) -> float:
        """The dependence as the field knows it (correlation, copula parameter)."""
        return self._dependence_at(self.peak.t)

    def _dependence_at(self, t: float) -> float:
        """The dependence, perfect at the edges of a range that runs to perfect dependence."""
        family = self.model.family
        ends = dict(zip(family.limits, family.ends, strict=True))
        return ends.get(t, float(family.dependence(t)))

    @property
    def loglik(self) -> float:
        """The maximised log-likelihood, per case (counts included)."""
        return float(self.peak.loglik)

    @property
    def loglik_independent(self) -> float:
        """The same with independent equations."""
        return self.independent.loglik

    @property
    def boundary(self) -> bool:
        """Whether the highest maximum sits where the dependence is perfect (or its range ends).

        Then no derivative vanishes there: coefficients and covariance are those with the dependence held.
        """
        return self.peak.edge

    @property
    def local_maxima(self) -> tuple[LocalMaximum, ...]:
        """All maxima that were found, the highest first."""
        return tuple(
            LocalMaximum(self._dependence_at(peak.t), float(peak.loglik), peak.edge) for peak in self.peaks
        )

    @cached_property
    def covariance(self) -> Floats:
        """Model-based covariance (p, p) by the observed information.

        Zero for what was held: coefficients, and the dependence at the boundary.
        """
        moving = self.model.free_with_t.copy()
        moving[-1] = not self.boundary
        covariance = np.zeros((len(moving), len(moving)))
        chosen = np.ix_(moving, moving)
        covariance[chosen] = inverse(-self.peak.state.evaluation.profiled_hessian[chosen])
        return covariance

    @cached_property
    def _by_cluster(self) -> tuple[Floats, Floats]:
        return by_cluster(self.model, self.peak.state.point)

    @property
    def scores(self) -> Floats:
        """Score of each cluster (G, p), after the intercepts; they sum to zero (but the dependence's at the edge)."""
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

    @property
    def n_cases(self) -> int:
        """Cases in at least one equation."""
        return round(sum(float(block.counts.sum()) for block in self.model.cells.blocks))

    @property
    def n_outcomes(self) -> int:
        """Cases in the second equation."""
        cells = self.model.cells
        return round(float(cells.joint.counts.sum() + cells.outcome.counts.sum()))

    @property
    def n_left_out(self) -> dict[str, int]:
        """Groups without variation and their cases, by equation (see ``PairedCells``)."""
        return dict(self.model.cells.n_left_out)

    @cached_property
    def condition(self) -> float:
        """Condition number of the observed information, scaled to a unit diagonal: how well the data tell the
        parameters apart (at the boundary the coefficients: the dependence is held there)."""
        moving = self.model.free if self.boundary else self.model.free_with_t
        information = -self.peak.state.evaluation.profiled_hessian[np.ix_(moving, moving)]
        scale = 1 / np.sqrt(np.abs(np.diag(information)))
        values = np.abs(np.linalg.eigvalsh(information * scale[:, None] * scale))
        return float(values.max() / max(values.min(), np.finfo(float).tiny))

    # ----------------------------------------------------------------------------------------------- tests

    def likelihood_ratio_test(self) -> Test:
        """Likelihood-ratio test of independent equations, chi-squared(1): two-sided, the null is no edge."""
        self._require_interior_null()
        statistic = max(2 * (self.loglik - self.loglik_independent), 0.0)
        return self._test(statistic)

    @cached_property
    def _at_independence(self) -> Node:
        return solve_at(self.model, self.model.family.independence, self.independent.point)

    def score_test(self) -> Test:
        """Score test of independent equations: from the two equations fitted apart, without the joint fit.

        With normal errors the derivative of the log-likelihood by the correlation is, at zero, the product of the two
        equations' generalised residuals; its information given the gates is the weighted sum of squares of the gate's
        residual that the outcome's columns (and intercepts) leave over. Unlike the observed information it is never
        negative.

        Raises
        ------
        EstimationError
            ``not_identified`` if the outcome's columns leave nothing over; ``boundary`` for families without it.
        """
        self._require_interior_null()
        if self.model.family.outcome_weight is None:
            raise EstimationError(
                "This family has no score test. Use the likelihood-ratio test.", reason="boundary"
            )
        left_over, raw = gate_residual_left_over(self.model, self.independent.point)
        if not left_over > NOT_IDENTIFIED * raw:
            raise EstimationError(
                "Where the equations are independent the outcome's columns explain all that the gate leaves over: "
                "there is no score test.",
                reason="not_identified",
            )
        return self._test(float(self._at_independence.slope**2 / left_over))

    def wald_test(self) -> Test:
        """Wald test on the working parameter (atanh rho), never on rho itself.

        It is far from its nominal size where the selection is hardly identified; prefer the likelihood ratio.

        Raises
        ------
        EstimationError
            ``boundary``: at the edge there is no standard error.
        """
        self._require_interior_null()
        if self.boundary:
            raise EstimationError(
                "The likelihood is highest where the dependence is perfect: there is no standard error and no Wald "
                "test. Use the likelihood-ratio test and the likelihood set.",
                reason="boundary",
            )
        return self._test(float(self.peak.t**2 / self.covariance[-1, -1]))

    def _require_interior_null(self) -> None:
        if not np.isfinite(self.model.family.independence):
            raise EstimationError(
                "Independence is the end of this family's range: no chi-squared test of it exists. Test it with the "
                "normal or Frank's copula.",
                reason="boundary",
            )

    def _test(self, statistic: float) -> Test:
        return Test(
            null=self.model.family.null,
            statistic=statistic,
            distribution="chi-squared(1)",
            p_value=float(chi2.sf(statistic, 1)),
        )

    # ------------------------------------------------------------------------------------ profile and sets

    @cached_property
    def profile(self) -> Profile:
        """The profile likelihood over the dependence, with the coefficients at every node."""
        return make_profile(self.model, self.rough, self.peaks)

    def dependence_set(self, level: float = 0.95) -> tuple[tuple[float, float], ...]:
        """Profile-likelihood set of the dependence: intervals, open where they end at perfect dependence.

        Parameters
        ----------
        level : float
            Confidence level; the set holds every value that a likelihood-ratio test at 1 - level does not reject.
        """
        return tuple(
            (self._dependence_at(low), self._dependence_at(high))
            for low, high in self.profile.likelihood_set(level)
        )

    # ---------------------------------------------------------------------------------------------- refits

    def refit(self, *, without: int | None = None, restrict: Mapping[int, float] | None = None) -> PairedFit:
        """Fit again without a cluster, or with coefficients held at given values.

        Parameters
        ----------
        without : int, optional
            Row of ``scores`` whose cluster is left out; its intercepts leave with it. Columns without variation among
            the rest are held at their value here and marked in ``held``.
        restrict : mapping of int to float, optional
            Position in ``parameters`` (not the last, the dependence: see ``profile``) to the value it is held at.

        Raises
        ------
        EstimationError
            As the fit itself.
        """
        cells, point = self.model.cells, self.peak.state.point
        intercepts = point.intercepts
        if without is not None:
            intercepts = intercepts[cells.group_cluster != without]
            cells = cells.without_cluster(without)
        theta = point.theta.copy()
        for position, value in (restrict or {}).items():
            if not 0 <= position < len(theta) - 1:
                raise ValueError(f"restrict: positions 0 to {len(theta) - 2}; got {position}")
            theta[position] = value
        model = PairModel(self.model.family, cells, self.model.names, tuple(restrict or ()))
        return fit_pair(type(self), model, start=Point(theta, intercepts), hold=True)


class GateFit(PairedFit):
    """A fit whose first equation is a gate and whose second is an outcome.

    Beside what :class:`PairedFit` has:
    """

    @property
    def gamma(self) -> Floats:
        """Coefficients of the gate (kz,)."""
        return self.first

    @property
    def beta(self) -> Floats:
        """Coefficients of the outcome (kx,), an endogenous acceptance's last."""
        return self.second


Fit = TypeVar("Fit", bound=PairedFit)


def fit_pair(kind: type[Fit], model: PairModel, *, start: Point | None = None, hold: bool = False) -> Fit:
    """Maximise a two-equation likelihood globally: look around over the dependence, then climb every peak.

    Raises
    ------
    EstimationError
        ``collinearity``, ``separation``, ``not_identified``, ``not_converged``.
    """
    flat = refuse_collinear(model, hold=hold)
    if flat:
        model = PairModel(model.family, model.cells, model.names, tuple({*model.fixed, *flat}))
    start = start or Point(np.zeros(model.n_parameters), np.zeros((model.cells.n_groups, 2)))
    independent, rough, peaks = _search(model, start)
    held = np.zeros(model.n_parameters, dtype=bool)
    held[list(flat)] = True
    fit = kind(model, peaks[0], tuple(peaks), tuple(rough), independent, held)
    _refuse_unidentified(fit)
    return fit


def _search(model: PairModel, start: Point) -> tuple[State, list[Node], list[Peak]]:
    """Independent equations, the first look over the dependence, and every peak of it."""
    # group intercepts may not be estimable from a sample
    if model.cells.n_cells >= SAMPLED_FROM and not model.cells.n_groups:
        try:
            return _search_by_sample(model, start)
        except EstimationError:
            pass  # a sample may separate, or be flat, where the whole is not
    independent = fit_independent(model, start)
    rough = look_around(model, independent)
    refuse_flat(rough)
    return independent, rough, find_peaks(model, rough)


def _search_by_sample(model: PairModel, start: Point) -> tuple[State, list[Node], list[Peak]]:
    """Look around in a sample of the cells, then climb in all of them from every peak that may be the highest.

    With many cells the log-likelihood of two peaks differs by far more than a sample could mistake: peaks that the
    sample has lower by more than ``CLOSE`` are not climbed (and not listed). Making the profile looks over the whole
    range in all cells, and refuses if anything there is higher.
    """
    sample = PairModel(model.family, model.cells.sample(SAMPLE), model.names, model.fixed)
    refuse_collinear(sample)
    apart = fit_independent(sample, start)
    nodes = look_around(sample, apart)
    refuse_flat(nodes)
    candidates = find_peaks(sample, nodes)
    close = [peak for peak in candidates if candidates[0].loglik - peak.loglik < CLOSE]
    if model.cells.n_cells // STEP_UP > 2 * SAMPLE:
        larger = PairModel(
            model.family, model.cells.sample(model.cells.n_cells // STEP_UP), model.names, model.fixed
        )
        apart = fit_independent(larger, apart.point)
        close = [climb_from(larger, peak) for peak in close]
    peaks: list[Peak] = []
    for candidate in close:
        peak = climb_from(model, candidate)
        if all(abs(peak.t - other.t) > 1e-6 for other in peaks):
            peaks.append(peak)
    return fit_independent(model, apart.point), [], sorted(peaks, key=lambda peak: -peak.loglik)


def _refuse_unidentified(fit: PairedFit) -> None:
    """A maximum so flat in a coefficient, or in the dependence, that its curvature is rounding."""
    hessian = fit.peak.state.evaluation.profiled_hessian
    inverse(-hessian[np.ix_(fit.model.free, fit.model.free)])  # refuses where a coefficient has no curvature
    if fit.boundary:
        return
    moving = fit.model.free_with_t
    information = -hessian[np.ix_(moving, moving)]
    try:
        inside = inverse(information)[-1, -1]
    except EstimationError:
        inside = np.inf
    if not 1 / inside > NOT_IDENTIFIED * information[-1, -1]:
        raise EstimationError(
            "The likelihood is as good as the same for every dependence between the equations: the data say nothing "
            "about it. Add a variable that moves the gate and not the outcome (exclusion).",
            reason="not_identified",
        )
