"""Binary likelihoods on cells, with group intercepts profiled out, and what few-office inference needs of
them.

The model is P(y = 1) = F(x'beta + a[group]) with F symmetric (logistic, normal). A cell is a distinct row of
the data with its count: the likelihood depends on a case only through its row, so nothing is lost by counting
first. Group intercepts (office effects) never become columns: Newton's method eliminates them block by block,
so 177 of them cost one number each. The log-likelihood is concave for both families, so what Newton finds is
the maximum where there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from se_outcomes.errors import EstimationError
from se_outcomes.regression.cells import Cells, arrange_cells, only_cluster, without_cluster
from se_outcomes.regression.response_adjustment import adjust_on_response_scale
from se_outcomes.regression.separation import find_separating_columns, separates

Floats = NDArray[np.float64]

#: A fit has converged when the step that is left would raise the log-likelihood by less than this; Newton's
#: method converges quadratically, so the coefficients are then right to about twelve digits of a standard
#: error.
DECREMENT = 1e-13
MAX_ITERATIONS = 60
#: Below these shares of its raw information a column has no variation left, or a set of columns is collinear.
NO_VARIATION, COLLINEAR = 1e-12, 1e-10


@dataclass(frozen=True)
class Family:
    """A symmetric distribution function F as functions; ``m`` is the margin (2y - 1) times the linear
    predictor.

    Attributes
    ----------
    name : str
        ``"logit"`` or ``"probit"``.
    suspicious : float
        At a maximum no cell has a linear predictor this large unless its outcome is as good as certain; beyond it the
        exact check for separation is made. Under separation the predictors grow without end (Albert & Anderson
        1984), and Newton's method stops where the gain that is left vanishes: a probit's at about 7, a logit's at
        about 30.
    mean, slope, curvature : callable
        F, its first and its second derivative at the linear predictor.
    loglik, score, weight : callable
        log F(m), its derivative, and minus its second derivative (the observed information), at the margin.
    """

    name: str
    suspicious: float
    mean: Callable[[Floats], Floats]
    slope: Callable[[Floats], Floats]
    curvature: Callable[[Floats], Floats]
    loglik: Callable[[Floats], Floats]
    score: Callable[[Floats], Floats]
    weight: Callable[[Floats], Floats]


@dataclass(frozen=True, eq=False)
class BinaryFit:
    """A maximised binary likelihood: k coefficients, G clusters, intercepts profiled out.

    Attributes
    ----------
    beta : (k,) array
        Coefficients of the columns of X.
    intercept_values : array
        The intercept of each group in ``intercept_codes``.
    free, held : (k,) bool arrays
        Coefficients that were maximised over; and those that the data at hand say nothing about, held at the
        value they had (refits without a cluster).
    converged : bool
        Always true: a fit that does not converge is an ``EstimationError``, not a record.
    """

    beta: Floats
    intercept_values: Floats = field(repr=False)
    iterations: int
    free: NDArray[np.bool_] = field(repr=False)
    held: NDArray[np.bool_] = field(repr=False)
    cells: Cells = field(repr=False)
    family: Family = field(repr=False)
    converged: bool = True

    @property
    def parameters(self) -> Floats:
        """The same as ``beta`` (k,), under the name that every likelihood's fit has."""
        return self.beta

    @property
    def predicting(self) -> BinaryFit:
        """The fit whose predictions averages are made of: this one."""
        return self

    @cached_property
    def _margin(self) -> Floats:
        return self.cells.sign * self.linear_predictor()

    @cached_property
    def _profiled(self) -> tuple[Floats, Floats]:
        # not made before it is asked for: the jackknife's hundreds of refits need coefficients only
        cells, family = self.cells, self.family
        residual = cells.counts * cells.sign * family.score(self._margin)
        return cells.profile(residual, cells.counts * family.weight(self._margin))

    @property
    def scores(self) -> Floats:
        """Score of each cluster at ``beta`` (G, k), s_b - J_ba J_aa^-1 s_a; they sum to zero where free."""
        return self._profiled[0]

    @property
    def information(self) -> Floats:
        """Observed information of each cluster (G, k, k), J_bb - J_ba J_aa^-1 J_ab."""
        return self._profiled[1]

    @cached_property
    def covariance(self) -> Floats:
        """Model-based covariance (k, k): inverse summed information; zero for held and fixed coefficients."""
        covariance = np.zeros((len(self.beta), len(self.beta)))
        chosen = np.ix_(self.free, self.free)
        covariance[chosen] = np.linalg.inv(self.information.sum(axis=0)[chosen])
        return covariance

    @cached_property
    def loglik(self) -> float:
        """The maximised log-likelihood, per case (counts included)."""
        return float(self.cells.counts @ self.family.loglik(self._margin))

    @property
    def clusters(self) -> NDArray[np.int64]:
        """Codes (G,) of the clusters left in the equation, in the order of ``scores``."""
        return self.cells.cluster_codes

    @property
    def cluster_sizes(self) -> Floats:
        """Their numbers of cases (G,)."""
        return self.cells.cluster_sums(self.cells.counts)

    @property
    def intercept_codes(self) -> NDArray[np.int64]:
        """Codes of the groups with an intercept of their own; empty without ``intercepts``."""
        return self.cells.group_codes

    @property
    def n_cases(self) -> int:
        """Cases in the equation."""
        return round(float(self.cells.counts.sum()))

    @property
    def n_events(self) -> int:
        """Cases with y = 1 in the equation."""
        return round(float(self.cells.counts @ self.cells.y))

    @property
    def n_groups_left_out(self) -> int:
        """Groups without variation in y, which left the equation."""
        return self.cells.n_groups_left_out

    @property
    def n_cases_left_out(self) -> int:
        """Their cases."""
        return self.cells.n_cases_left_out

    @property
    def n_clusters(self) -> int:
        """Clusters left in the equation, G."""
        return len(self.clusters)

    def linear_predictor(self, X: Floats | None = None) -> Floats:
        """x'beta + intercept for every cell, in the order of ``cells``; at another ``X`` (n, k) if given."""
        return (self.cells.X if X is None else X) @ self.beta + self.cells.spread(self.intercept_values)

    def refit(self, *, without: int | None = None, restrict: Mapping[int, float] | None = None) -> BinaryFit:
        """Fit again without a cluster, or with coefficients held at given values.

        Parameters
        ----------
        without : int, optional
            Row of ``scores`` (0 ... G - 1) whose cluster is left out; its intercepts leave with it. Columns
            without variation among the rest are held at their value here and marked in ``held``.
        restrict : mapping of int to float, optional
            Column number to the value it is held at; scores and information keep all k columns.

        Raises
        ------
        EstimationError
            Where the rest separates, is collinear or has no variation, or Newton's method does not converge.
        """
        cells = self.cells if without is None else without_cluster(self.cells, without)
        values = (
            self.intercept_values
            if without is None
            else self.intercept_values[self.cells.kept_groups(without)]
        )
        return self._maximise(cells, start=(self.beta, values), restrict=restrict, hold=True)

    def adjust(self, combinations: Floats) -> tuple[Floats, Floats] | None:
        """CR2's influence (G, m) of combinations (m, k), its root on the response's scale; and working covariance.

        None where that does not exist; see :mod:`se_outcomes.regression.response_adjustment`.
        """
        return adjust_on_response_scale(self, combinations)

    def alone(self, cluster: int) -> BinaryFit:
        """Fit to one cluster (a row of ``scores``) by itself.

        Raises
        ------
        EstimationError
            As :meth:`refit`; columns without variation in the cluster are held, and marked in ``held``.
        """
        own = self.cells.group_clusters() == cluster
        start = (self.beta, self.intercept_values[own])
        return self._maximise(only_cluster(self.cells, cluster), start=start, hold=True)

    def approximate(self, *, without: int) -> BinaryFit:
        """The fit without a cluster to first order: beta + (J - J_g)^-1 (S - s_g), other intercepts profiled
        anew.

        With S = 0 at the maximum this is the one-step replicate of CV3L (MacKinnon, Nielsen & Webb 2024,
        arXiv 2406.00650, eq. 22); it exists also where the refit does not.
        """
        total = self.information.sum(axis=0)
        scale = 1 / np.sqrt(np.diag(total))  # the pseudo-inverse must not depend on the columns' units
        rest = (total - self.information[without]) * scale[:, None] * scale
        step = scale * (
            np.linalg.pinv(rest, rcond=COLLINEAR, hermitian=True) @ (scale * self.scores[without])
        )
        beta = self.beta - step
        cells = without_cluster(self.cells, without)
        values = self.intercept_values[self.cells.kept_groups(without)]
        fixed = {column: float(value) for column, value in enumerate(beta)}
        return self._maximise(cells, start=(beta, values), restrict=fixed)

    def _maximise(
        self,
        cells: Cells,
        *,
        start: tuple[Floats, Floats],
        restrict: Mapping[int, float] | None = None,
        hold: bool = False,
    ) -> BinaryFit:
        # the one place where a penalised likelihood's refits differ
        return maximise(cells, self.family, start=start, restrict=restrict, hold=hold)


def fit_binary(
    family: Family,
    y: ArrayLike,
    X: ArrayLike,
    *,
    counts: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    intercepts: ArrayLike | None = None,
) -> BinaryFit:
    """Maximise a binary likelihood on cells; see :func:`se_outcomes.regression.logit.fit_logit`."""
    cells = arrange_cells(y, X, counts=counts, clusters=clusters, intercepts=intercepts)
    start = (np.zeros(cells.X.shape[1]), np.zeros(len(cells.group_codes)))
    return maximise(cells, family, start=start)


def maximise(
    cells: Cells,
    family: Family,
    *,
    start: tuple[Floats, Floats],
    restrict: Mapping[int, float] | None = None,
    hold: bool = False,
) -> BinaryFit:
    """Newton's method on (beta, intercepts) from ``start``; held and restricted coefficients do not move."""
    beta, values = start[0].copy(), start[1].copy()
    free = np.ones(len(beta), dtype=bool)
    for column, value in (restrict or {}).items():
        beta[column], free[column] = value, False
    held = unmoved_columns(cells, free, hold)
    beta, values, iterations = _climb(cells, family, beta, values, free & ~held)
    return BinaryFit(
        beta=beta,
        intercept_values=values,
        iterations=iterations,
        free=free & ~held,
        held=held,
        cells=cells,
        family=family,
    )


def unmoved_columns(cells: Cells, free: NDArray[np.bool_], hold: bool) -> NDArray[np.bool_]:
    """Columns without variation (held if ``hold``, else refused); refuses collinear columns, by number."""
    raw, profiled = cells.gram()
    flat = free & (np.diag(profiled) <= NO_VARIATION * np.maximum(np.diag(raw), np.finfo(float).tiny))
    if flat.any() and not hold:
        raise _collinearity(np.flatnonzero(flat))
    moving = np.flatnonzero(free & ~flat)
    if len(moving):
        scale = 1 / np.sqrt(np.diag(profiled)[moving])
        values, vectors = np.linalg.eigh(profiled[np.ix_(moving, moving)] * scale[:, None] * scale)
        if values[0] < COLLINEAR:
            involved = np.abs(vectors[:, values < COLLINEAR]).max(axis=1) > 1e-3
            raise _collinearity(moving[involved])
    return flat


def _climb(
    cells: Cells, family: Family, beta: Floats, values: Floats, free: NDArray[np.bool_]
) -> tuple[Floats, Floats, int]:
    """Newton steps with halving until the decrement vanishes; raises if it does not, or on separation."""
    eta = cells.X @ beta + cells.spread(values)
    loglik = cells.counts @ family.loglik(cells.sign * eta)
    step_beta, step_values = np.zeros_like(beta), np.zeros_like(values)
    decrement, iteration = np.inf, 0
    while not decrement <= DECREMENT and iteration < MAX_ITERATIONS:
        iteration += 1
        found = _newton_step(cells, family, eta, free)
        if found is None:
            break
        step_beta, step_values, decrement = found
        size = 1.0
        for _ in range(30):
            trial_eta = cells.X @ (beta + size * step_beta) + cells.spread(values + size * step_values)
            trial = cells.counts @ family.loglik(cells.sign * trial_eta)
            # rounding alone must not reject the last, tiny steps
            if np.isfinite(trial) and trial >= loglik - 1e-12 * (1 + abs(loglik)):
                break
            size /= 2
        beta, values = beta + size * step_beta, values + size * step_values
        eta, loglik = trial_eta, trial
    converged = decrement <= DECREMENT
    if not converged or np.abs(eta).max() > family.suspicious:
        _refuse_separation(cells, free, step_beta, step_values)
    if not converged:
        raise EstimationError(
            f"The {family.name} did not converge in {MAX_ITERATIONS} steps. Rescale the columns, or leave "
            "out those that hardly vary.",
            reason="not_converged",
        )
    return beta, values, iteration


def _newton_step(
    cells: Cells, family: Family, eta: Floats, free: NDArray[np.bool_]
) -> tuple[Floats, Floats, float] | None:
    """Step in beta and intercepts, and twice the gain it promises; None where the information is singular."""
    margin = cells.sign * eta
    residual = cells.counts * cells.sign * family.score(margin)
    weight = cells.counts * family.weight(margin)
    X = cells.X if free.all() else cells.X[:, free]
    weighted = X * weight[:, None]
    score, information = X.T @ residual, X.T @ weighted
    step_beta = np.zeros(cells.X.shape[1])
    group_score, group_weight = cells.group_sums(residual), cells.group_sums(weight)
    if np.any(group_weight <= 0):
        return None
    cross = cells.group_sums(weighted)
    score = score - cross.T @ (group_score / group_weight)
    information = information - cross.T @ (cross / group_weight[:, None])
    try:
        np.linalg.cholesky(information)
        step = np.linalg.solve(information, score)
    except np.linalg.LinAlgError:
        return None
    step_beta[free] = step
    step_values = (group_score - cross @ step) / group_weight
    return step_beta, step_values, float(score @ step + (group_score**2 / group_weight).sum())


def _refuse_separation(cells: Cells, free: NDArray[np.bool_], step_beta: Floats, step_values: Floats) -> None:
    """Raise if columns separate: by the last step, which runs along the direction, else exactly."""
    if not free.any():
        return
    size = np.abs(step_beta) * np.abs(cells.X).max(axis=0)
    if separates(cells.sign * (cells.X @ step_beta + cells.spread(step_values))):
        columns = np.flatnonzero(size > 1e-4 * size.max())
    else:
        columns = np.flatnonzero(free)[find_separating_columns(cells.y, cells.X[:, free], cells.group)]
    if len(columns):
        raise EstimationError(
            f"Columns {[int(column) for column in columns]} of X separate the outcomes: beyond some value "
            "of them everyone has the same outcome, and no finite coefficient fits best. Leave the columns "
            "out or merge their levels.",
            reason="separation",
            columns=tuple(int(column) for column in columns),
        )


def _collinearity(columns: NDArray[np.int64]) -> EstimationError:
    return EstimationError(
        f"Columns {[int(column) for column in columns]} of X are collinear (after the intercepts): their "
        "coefficients cannot be told apart. Leave one of them out.",
        reason="collinearity",
        columns=tuple(int(column) for column in columns),
    )
