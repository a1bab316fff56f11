"""Firth's logit: the likelihood times Jeffreys' prior, with finite coefficients where the outcomes separate.

Maximised is l*(beta) = l(beta) + 1/2 log|J(beta)|, J the Fisher information of all columns and group intercepts
(Firth 1993, Biometrika 80:27-38; against separation: Heinze & Schemper 2002, Statistics in Medicine 21:2409-2419). The
maximum is finite unless columns are collinear (Kosmidis & Firth 2021, Biometrika 108:71-82). Complete separation may
make several: found is the one uphill from zero, in profiles from the estimate. Group intercepts go block by block:

    log|J| = sum_g log J_aa,g + log|J_bb - J_ba J_aa^-1 J_ab|,

and the leverage of a case is h = w (1/J_aa,g + z' (J_bb - J_ba J_aa^-1 J_ab)^-1 z), with w = p (1 - p) and z the
columns less their weighted group means. The score of a case is y - p + h (1/2 - p).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import qr
from scipy.optimize import brentq
from scipy.stats import chi2

from se_outcomes.errors import EstimationError
from se_outcomes.regression.binary import COLLINEAR, NO_VARIATION, BinaryFit, maximise, unmoved_columns
from se_outcomes.regression.cells import Cells, arrange_cells
from se_outcomes.regression.logit import LOGIT
from se_outcomes.results import Test

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Start = tuple[Floats, Floats]
Solver = Callable[[Floats], Floats]

#: Steps go on until twice the gain they promise is below ``FINE`` (coefficients right to nine digits of a standard
#: error), or below ``DECREMENT`` and no longer falling; near collinearity rounding may leave ``COARSE``.
FINE, DECREMENT, COARSE = 1e-18, 1e-13, 1e-9
MAX_ITERATIONS = 400
MEMORY = 10  # earlier steps that the present one learns the curvature from
MAX_MOVE = 5.0  # of a linear predictor in one step: far out the information vanishes and the steps explode


@dataclass(frozen=True, eq=False)
class FirthFit(BinaryFit):
    """A maximised penalised likelihood; what :class:`.binary.BinaryFit` says holds, with these differences.

    ``scores`` are the modified ones, with the leverages of this fit held as they are; ``information`` is Fisher's,
    and ``covariance`` its inverse, which under separation is no basis of a Wald test. ``loglik`` is the penalised
    log-likelihood l*. Refits are penalised too: with coefficients restricted the penalty is still that of all
    columns; columns without variation that a refit holds leave the penalty.
    """

    penalised: Flags = field(repr=False, kw_only=True)  # columns (k,) whose information is in the penalty

    @cached_property
    def _point(self) -> _Point:
        return _evaluate(self.cells, self.beta, self.intercept_values, self.penalised)

    @cached_property
    def _profiled(self) -> tuple[Floats, Floats]:
        return self.cells.profile(self._point.residual, self.cells.counts * self._point.weight)

    @property
    def leverages(self) -> Floats:
        """Leverage h of a case of each cell (n,); over all cases they sum to the number of parameters."""
        return self._point.leverages

    @cached_property
    def loglik(self) -> float:
        """The maximised penalised log-likelihood l*."""
        return self._point.height

    @property
    def loglik_unpenalised(self) -> float:
        """The log-likelihood at the penalised coefficients, below its maximum."""
        return self._point.loglik

    @cached_property
    def predicting(self) -> BinaryFit:
        """The fit to predict with: intercepts estimated anew by maximum likelihood (FLIC), slopes as they are.

        The mean prediction, which the penalty pulls towards 1/2, is then the observed share (Puhr et al. 2017,
        Statistics in Medicine 36:2302-2317). Without group intercepts the first constant column of X is the intercept,
        also where this fit holds it at a value; where there is none, this is the fit itself.
        """
        fixed = dict(enumerate(self.beta.tolist()))
        if self.cells.group is None:
            constants = np.flatnonzero((np.ptp(self.cells.X, axis=0) == 0) & (self.cells.X[0] != 0))
            if not len(constants):
                return self
            del fixed[int(constants[0])]
        return maximise(self.cells, LOGIT, start=(self.beta, self.intercept_values), restrict=fixed)

    @staticmethod
    def _maximise(
        cells: Cells, *, start: Start, restrict: Mapping[int, float] | None = None, hold: bool = False
    ) -> FirthFit:
        beta, free = start[0].copy(), np.ones(len(start[0]), dtype=bool)
        for column, value in (restrict or {}).items():
            beta[column], free[column] = value, False
        held = unmoved_columns(cells, free, hold)
        free &= ~held
        penalised = _independent_columns(cells)
        point, iterations = _climb(cells, _evaluate(cells, beta, start[1], penalised), free, penalised)
        return FirthFit(point.beta, point.values, iterations, free, held, cells, LOGIT, penalised=penalised)


def fit_firth_logit(
    y: ArrayLike,
    X: ArrayLike,
    *,
    counts: ArrayLike | None = None,
    clusters: ArrayLike | None = None,
    intercepts: ArrayLike | None = None,
) -> FirthFit:
    """Fit a logit by Firth's penalised likelihood on cells: finite coefficients also under separation.

    Parameters
    ----------
    y, X, counts, clusters, intercepts : arrays
        As in :func:`se_outcomes.regression.logit.fit_logit`; groups without variation in y leave here too.

    Returns
    -------
    FirthFit
        ``loglik`` is penalised; predictions are those of ``predicting``.

    Raises
    ------
    EstimationError, ValueError
        As :func:`se_outcomes.regression.logit.fit_logit`, but never ``separation``.

    Examples
    --------
    A 2 x 2 table with an empty cell: the log odds ratio with 1/2 added everywhere, log(10.5 * 5.5 / (0.5 * 5.5)).

    >>> X = [[1, 1], [1, 1], [1, 0], [1, 0]]
    >>> fit = fit_firth_logit([1, 0, 1, 0], X, counts=[10, 0, 5, 5])
    >>> round(float(fit.beta[1]), 6), round(float(np.log(21)), 6)
    (3.044522, 3.044522)
    """
    cells = arrange_cells(y, X, counts=counts, clusters=clusters, intercepts=intercepts)
    return FirthFit._maximise(cells, start=(np.zeros(cells.X.shape[1]), np.zeros(len(cells.group_codes))))


def penalised_likelihood_ratio_test(fit: FirthFit, column: int, value: float = 0.0) -> Test:
    """Test one coefficient by the penalised likelihood ratio (Heinze & Schemper 2002), all columns' penalty in both.

    Under separation Wald's test means nothing: use this one. It is not robust to clustering.

    Parameters
    ----------
    fit : FirthFit
        A fit without restrictions.
    column, value : int, float
        Number of the coefficient, and its value under the null.

    Returns
    -------
    Test

    Raises
    ------
    ValueError
        If the fit is restricted itself, or says nothing about the column.

    Examples
    --------
    >>> X = [[1, 1], [1, 1], [1, 0], [1, 0]]
    >>> test = penalised_likelihood_ratio_test(fit_firth_logit([1, 0, 1, 0], X, counts=[10, 0, 5, 5]), 1)
    >>> round(test.statistic, 3), round(test.p_value, 3)
    (6.465, 0.011)
    """
    _require_unrestricted(fit, column)
    statistic = max(0.0, 2 * (fit.loglik - fit.refit(restrict={column: value}).loglik))
    null = f"the coefficient of column {column} is {value:g}"
    return Test(null, statistic, "chi-squared(1)", float(chi2.sf(statistic, 1)))


def profile_interval(fit: FirthFit, column: int, level: float = 0.95) -> tuple[float, float]:
    """Every value of a coefficient that the penalised likelihood-ratio test does not reject.

    Under separation Wald's means nothing: use this. It is not robust to clustering. Where several columns separate a
    far end may be found on a lower maximum, and is then too near.

    Parameters
    ----------
    fit : FirthFit
        A fit without restrictions.
    column, level : int, float
        Number of the coefficient; confidence level.

    Returns
    -------
    (low, high) : tuple of float

    Raises
    ------
    EstimationError, ValueError
        ``not_converged``; on a level outside (0, 1), or as :func:`penalised_likelihood_ratio_test`.

    Examples
    --------
    >>> X = [[1, 1], [1, 1], [1, 0], [1, 0]]
    >>> low, high = profile_interval(fit_firth_logit([1, 0, 1, 0], X, counts=[10, 0, 5, 5]), 1)
    >>> round(low, 3), round(high, 3)
    (0.604, 7.992)
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1; got {level}")
    _require_unrestricted(fit, column)
    allowed = float(np.sqrt(chi2.ppf(level, 1)))
    width = allowed * float(np.sqrt(fit.covariance[column, column]))
    return _profile_end(fit, column, -width, allowed), _profile_end(fit, column, width, allowed)


def predict_flac(fit: FirthFit) -> Floats:
    """Predicted probabilities of the cells by FLAC: maximum likelihood on data augmented as the penalty would.

    Every cell is added twice, with either outcome, at n h / 2 cases; an indicator of the added cells takes up their
    pull towards 1/2 (Puhr et al. 2017). Coefficients that ``fit`` did not maximise over stay at their values.

    Parameters
    ----------
    fit : FirthFit

    Returns
    -------
    (n,) array
        In the order of ``fit.cells``; over the cases their mean is the observed share.

    Examples
    --------
    >>> X = [[1, 1], [1, 1], [1, 0], [1, 0]]
    >>> fit = fit_firth_logit([1, 0, 1, 0], X, counts=[10, 0, 5, 5])
    >>> predict_flac(fit).round(3)  # 10 x 0.967 + 5 x 0.533 + 5 x 0.533 = 15 events
    array([0.967, 0.533, 0.533])
    """
    cells = fit.cells
    augmented = arrange_cells(
        np.concatenate([cells.y, cells.y, 1 - cells.y]),
        np.column_stack([np.tile(cells.X, (3, 1)), np.repeat([0.0, 1.0, 1.0], len(cells.y))]),
        counts=np.concatenate([cells.counts, *[cells.counts * fit.leverages / 2] * 2]),
        intercepts=None if cells.group is None else np.tile(cells.group, 3),
    )
    kept = {int(column): float(fit.beta[column]) for column in np.flatnonzero(~fit.free)}
    found = maximise(augmented, LOGIT, start=(np.append(fit.beta, 0.0), fit.intercept_values), restrict=kept)
    return LOGIT.mean(cells.X @ found.beta[:-1] + cells.spread(found.intercept_values))


def _require_unrestricted(fit: FirthFit, column: int) -> None:
    if not (fit.free | fit.held).all() or not fit.free[column]:
        raise ValueError(f"needs a fit without restrictions in which column {column} varies")


def _profile_end(fit: FirthFit, column: int, width: float, allowed: float) -> float:
    """Where, on the side of ``width``, the statistic's root is ``allowed``; it is almost linear: few steps."""
    estimate, centre = float(fit.beta[column]), np.concatenate([fit.beta, fit.intercept_values])
    ray = np.zeros_like(centre)

    def beyond(value: float) -> float:
        nonlocal ray
        if value == estimate:
            return -allowed
        # far out l* may have several maxima: start on the straight line through the latest fit
        start = np.split(centre + (value - estimate) * ray, [len(fit.beta)])
        found = fit._maximise(fit.cells, start=(start[0], start[1]), restrict={column: value}, hold=True)
        ray = (np.concatenate([found.beta, found.intercept_values]) - centre) / (value - estimate)
        return float(np.sqrt(max(0.0, 2 * (fit.loglik - found.loglik)))) - allowed

    for far in estimate + width * 2.0 ** np.arange(30):
        if beyond(far) > 0:
            return float(brentq(beyond, estimate, far, xtol=1e-9 * abs(width), rtol=1e-12))
    raise EstimationError(f"The profile of column {column} has no end in reach.", reason="not_converged")


def _independent_columns(cells: Cells) -> Flags:
    """Columns that vary, less those that others make up: these would change log|J| by a constant at most."""
    raw, profiled = cells.gram()
    chosen = np.diag(profiled) > NO_VARIATION * np.maximum(np.diag(raw), np.finfo(float).tiny)
    varying = np.flatnonzero(chosen)
    if len(varying) > 1:
        scale = 1 / np.sqrt(np.diag(profiled)[varying])
        gram = profiled[np.ix_(varying, varying)] * scale[:, None] * scale
        triangle, order = qr(gram, mode="r", pivoting=True)
        chosen[varying[order[np.abs(np.diag(triangle)) < COLLINEAR]]] = False
    return chosen


@dataclass(frozen=True, eq=False)
class _Point:
    """Coefficients, and there: weights p (1 - p), leverages, n (y - p + h (1/2 - p)), l and l* (``height``)."""

    beta: Floats
    values: Floats
    weight: Floats
    leverages: Floats
    residual: Floats
    loglik: float
    height: float


def _evaluate(cells: Cells, beta: Floats, values: Floats, penalised: Flags) -> _Point:
    eta = cells.X @ beta + cells.spread(values)
    weight, loglik = LOGIT.weight(eta), float(cells.counts @ LOGIT.loglik(cells.sign * eta))
    try:
        own, _, centred, inverse, half_log = _blocks(cells, cells.counts * weight, penalised)
    except np.linalg.LinAlgError:
        return _Point(beta, values, weight, weight, weight, loglik, -np.inf)
    leverages = weight * (cells.spread(1 / own) + ((centred @ inverse) * centred).sum(axis=1))
    residual = cells.sign * LOGIT.score(cells.sign * eta) - leverages * np.tanh(eta / 2) / 2
    return _Point(beta, values, weight, leverages, cells.counts * residual, loglik, loglik + half_log)


def _blocks(cells: Cells, weight: Floats, columns: Flags) -> tuple[Floats, Floats, Floats, Floats, float]:
    """An information's blocks: J_aa (groups,), group means, columns less these, inverse, and 1/2 log|J|."""
    X, own = cells.X[:, columns], cells.group_sums(weight)
    if not (own > 0).all():
        raise np.linalg.LinAlgError
    means = cells.group_sums(X * weight[:, None]) / own[:, None]
    centred = X - cells.spread(means)
    information = centred.T @ (centred * weight[:, None])
    scale = np.sqrt(np.maximum(np.diag(information), np.finfo(float).tiny))
    root = np.linalg.cholesky(information / scale[:, None] / scale)
    half = np.linalg.inv(root) / scale
    half_log = float(np.log(own).sum() / 2 + np.log(np.diag(root) * scale).sum())
    return own, means, centred, half.T @ half, half_log


def _climb(cells: Cells, here: _Point, free: Flags, penalised: Flags) -> tuple[_Point, int]:
    """Scoring steps, their metric corrected by the steps before (BFGS), with halving on l*."""
    if not np.isfinite(here.height):  # warm starts can lie far out, where the information vanishes
        here = _evaluate(cells, np.where(free, 0.0, here.beta), np.zeros_like(here.values), penalised)
    pairs: list[tuple[Floats, Floats]] = []
    before, decrement, iteration = np.inf, np.inf, 0
    while np.isfinite(here.height) and iteration < MAX_ITERATIONS:
        if decrement <= FINE or before <= decrement <= DECREMENT:
            break
        before, iteration = decrement, iteration + 1
        gradient, solve = _gradient(cells, here, free), _metric(cells, here, free)
        plain, step = solve(gradient), _corrected(gradient, solve, pairs)
        decrement = float(gradient @ plain)
        there = _risen(cells, here, step, float(gradient @ step), penalised)
        there = there or _risen(cells, here, plain, decrement, penalised)
        if there is None:
            break
        moved, here = np.concatenate([there.beta - here.beta, there.values - here.values]), there
        change = gradient - _gradient(cells, here, free)
        pairs = [*pairs[1 - MEMORY :], (moved, change)] if moved @ change > 0 else []
    if not decrement <= COARSE:
        said = "Firth's logit did not converge. Rescale the columns, or leave out those that hardly vary."
        raise EstimationError(said, reason="not_converged")
    return here, iteration


def _gradient(cells: Cells, point: _Point, free: Flags) -> Floats:
    """Derivatives of l* by coefficients, zero where not free, and intercepts."""
    return np.append(np.where(free, cells.X.T @ point.residual, 0.0), cells.group_sums(point.residual))


def _metric(cells: Cells, point: _Point, free: Flags) -> Solver:
    """Solves with the information of n (1 + h) cases: J alone, without the penalty's, makes steps too long."""
    weight = cells.counts * point.weight * (1 + point.leverages)
    own, means, _, inverse, _ = _blocks(cells, weight, free)

    def solve(gradient: Floats) -> Floats:
        by_beta, by_values = np.split(gradient, [len(free)])
        step = np.zeros(len(free))
        step[free] = inverse @ (by_beta[free] - means.T @ by_values)
        return np.concatenate([step, by_values / own - means @ step[free]])

    return solve


def _corrected(gradient: Floats, solve: Solver, pairs: list[tuple[Floats, Floats]]) -> Floats:
    """The two-loop recursion of limited-memory BFGS (Nocedal & Wright 2006, algorithm 7.4)."""
    rest, shares = gradient, []
    for moved, change in reversed(pairs):
        shares.append(moved @ rest / (moved @ change))
        rest = rest - shares[-1] * change
    step = solve(rest)
    for (moved, change), share in zip(pairs, reversed(shares), strict=True):
        step = step + (share - change @ step / (moved @ change)) * moved
    return step


def _risen(cells: Cells, here: _Point, step: Floats, slope: float, penalised: Flags) -> _Point | None:
    """The point after the step, halved until l* rises; None where it does not."""
    by_beta, by_values = np.split(step, [len(here.beta)])
    size = MAX_MOVE / max(MAX_MOVE, float(np.abs(cells.X @ by_beta + cells.spread(by_values)).max()))
    # rounding alone must not reject the last, tiny steps
    floor = here.height - 1e-12 * (1 + abs(here.height))
    for _ in range(40):
        there = _evaluate(cells, here.beta + size * by_beta, here.values + size * by_values, penalised)
        if there.height >= floor + 1e-4 * size * slope:
            return there
        size /= 2
    return None
