"""What a maximised two-equation likelihood knows: its highest maximum, the others, tests, profile and sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from se_outcomes.errors import EstimationError
from se_outcomes.regression.binary import COLLINEAR
from se_outcomes.regression.dependence import Node, Peak, inverse, solve_at
from se_outcomes.regression.dependence_profile import Profile, make_profile
from se_outcomes.regression.paired import PairModel, Point, by_cluster
from se_outcomes.regression.paired_checks import (
    fit_independent,
    gate_residual_left_over,
    refuse_collinear,
)
from se_outcomes.regression.paired_climb import State
from se_outcomes.regression.paired_search import (
    NOT_IDENTIFIED,
    refuse_unidentified,
    search,
    search_near,
    solve_pinned,
    step_intercepts,
)
from se_outcomes.results import Test

Floats = NDArray[np.float64]


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
    apart : State or None
        The two equations fitted as if they were independent; fitted when asked for (``independent``) if None.
    held : (p,) bool array
        Coefficients that the data at hand say nothing about, held at the value they had (refits without a cluster).
    pinned : bool
        Whether the dependence was held at a value (``refit(restrict=...)``).
    converged : bool
        Always true: a fit that does not converge is an ``EstimationError``, not a record.
    """

    model: PairModel = field(repr=False)
    peak: Peak = field(repr=False)
    peaks: tuple[Peak, ...] = field(repr=False)
    rough: tuple[Node, ...] = field(repr=False)
    apart: State | None = field(repr=False)
    held: NDArray[np.bool_] = field(repr=False)
    pinned: bool = False
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

    @cached_property
    def independent(self) -> State:
        """The two equations fitted as if they were independent."""
        return self.apart or fit_independent(self.model, self.peak.state.point)

    @property
    def loglik_independent(self) -> float:
        """The same with independent equations."""
        return self.independent.loglik

    @property
    def boundary(self) -> bool:
        """Whether the highest maximum sits where the dependence is perfect (or its range ends).

        Then no derivative vanishes there: coefficients and covariance are those with the dependence held.
        """
        return self.peak.edge and not self.pinned

    @property
    def free(self) -> NDArray[np.bool_]:
        """Parameters (p,) that were maximised over: False where restricted, held, or at the end of the range."""
        free = self.model.free_with_t.copy()
        free[-1] = not self.peak.edge
        return free

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
        moving = self.free
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
    def cluster_sizes(self) -> Floats:
        """Their numbers of cases (G,), in at least one equation."""
        cells = self.model.cells
        own = [cells.of_cluster(cluster) for cluster in range(cells.n_clusters)]
        return np.array([sum(float(block.counts.sum()) for block in blocks) for blocks in own])

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
        moving = self.free
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

    def refit(self, *, without: int | None = None, restrict: Mapping[int, float] | None = None) -> Self:
        """Fit again without a cluster, or with parameters held at given values.

        The climb starts from this maximum; only where it leads nowhere is the whole range of the dependence looked
        over again. So a replicate belongs to the same maximum, and hundreds of them are cheap.

        Parameters
        ----------
        without : int, optional
            Row of ``scores`` whose cluster is left out; its intercepts leave with it. Columns without variation among
            the rest are held at their value here and marked in ``held``.
        restrict : mapping of int to float, optional
            Position in ``parameters`` to the value it is held at. The last is the dependence's working parameter
            (atanh rho): held, it makes the fit ``pinned``, and refits of that hold it too.

        Raises
        ------
        EstimationError
            As the fit itself.
        """
        model, start, flat, pinned = self._prepare(without, dict(restrict or {}))
        if pinned:
            peak = solve_pinned(model, float(start.theta[-1]), start)
            refuse_unidentified(model, peak)
            return type(self)(model, peak, (peak,), (), None, _held(model, flat), True)
        near = search_near(model, start, edge=self.peak.edge)
        if near is not None:
            return type(self)(model, near, (near,), (), None, _held(model, flat))
        return replace(fit_pair(type(self), model, start=start, hold=True), held=_held(model, flat))

    def pin(self, node: Node) -> Self:
        """The fit at a node of the profile, its dependence held."""
        peak = Peak(node.t, node.state.loglik, node.state, True)
        return replace(self, peak=peak, peaks=(peak,), rough=(), pinned=True)

    def _prepare(
        self, without: int | None, restrict: dict[int, float]
    ) -> tuple[PairModel, Point, tuple[int, ...], bool]:
        """Model and starting point of a refit, columns that stand still in it, and whether it is pinned."""
        cells, intercepts = self.model.cells, self.peak.state.point.intercepts
        if without is not None:
            intercepts = intercepts[cells.group_cluster != without]
            cells = cells.without_cluster(without)
        theta, last = self.peak.state.point.theta.copy(), self.model.n_parameters - 1
        for position, value in restrict.items():
            if not 0 <= position <= last:
                raise ValueError(f"restrict: positions 0 to {last}; got {position}")
            theta[position] = value
        pinned = self.pinned or last in restrict
        fixed = tuple(sorted({*self.model.fixed, *restrict} - {last}))
        model = PairModel(self.model.family, cells, self.model.names, fixed)
        flat = refuse_collinear(model, hold=True)
        if flat:
            model = PairModel(model.family, cells, model.names, tuple({*fixed, *flat}))
        return model, Point(theta, intercepts), flat, pinned

    def approximate(self, *, without: int) -> Self:
        """The fit without a cluster to first order, theta - (J - J_g)^-1 s_g, its intercepts at their best.

        The one-step replicate of CV3L (MacKinnon, Nielsen & Webb 2024, arXiv 2406.00650, eq. 22).
        """
        free = self.free
        rest = (self.information.sum(axis=0) - self.information[without])[np.ix_(free, free)]
        scale = 1 / np.sqrt(np.maximum(np.diag(rest), np.finfo(float).tiny))
        step = np.linalg.pinv(rest * scale[:, None] * scale, rcond=COLLINEAR, hermitian=True)
        theta = self.peak.state.point.theta.copy()
        theta[free] -= scale * (step @ (scale * self.scores[without][free]))
        model, start, flat, pinned = self._prepare(without, {})
        state = step_intercepts(model, Point(theta, start.intercepts))
        peak = Peak(float(theta[-1]), state.loglik, state, self.peak.edge)
        return type(self)(model, peak, (peak,), (), None, _held(model, flat), pinned)


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
    independent, rough, peaks = search(model, start)
    refuse_unidentified(model, peaks[0])
    return kind(model, peaks[0], tuple(peaks), tuple(rough), independent, _held(model, flat))


def _held(model: PairModel, flat: Sequence[int]) -> NDArray[np.bool_]:
    held = np.zeros(model.n_parameters, dtype=bool)
    held[list(flat)] = True
    return held
