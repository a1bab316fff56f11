"""The conditional logit: group intercepts conditioned away rather than estimated (Chamberlain 1980).

With few cases per group the intercepts of an ordinary logit pull its slopes away from zero (incidental
parameters); the likelihood given each group's number of events does not contain them. Computed by
statsmodels' ``ConditionalLogit``, which works on rows, so cells are written out.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from statsmodels.discrete.conditional_models import ConditionalLogit

from se_outcomes.errors import EstimationError
from se_outcomes.regression.binary import COLLINEAR

Floats = NDArray[np.float64]

#: The recursion visits (cases x events) states in each group; beyond this sum it takes too long.
MAX_STATES = 30_000
#: The recursion is as deep as a group has cases.
MAX_GROUP = 250


@dataclass(frozen=True, eq=False)
class ConditionalFit:
    """A maximised conditional likelihood; fields as those of ``regression.binary.BinaryFit``."""

    beta: Floats
    covariance: Floats = field(repr=False)
    loglik: float
    scores: Floats = field(repr=False)
    information: Floats = field(repr=False)
    n_cases: int
    held: NDArray[np.bool_] = field(repr=False)
    clusters: NDArray[np.int64] = field(repr=False)
    cluster_sizes: Floats = field(repr=False)

    @property
    def parameters(self) -> Floats:
        """The same as ``beta`` (k,), under the name that every likelihood's fit has."""
        return self.beta

    @property
    def free(self) -> NDArray[np.bool_]:
        """All of them (k,) were maximised over."""
        return ~self.held

    def approximate(self, *, without: int) -> ConditionalFit:
        """The one-step fit without a group, beta - (J - J_g)^-1 s_g."""
        total = self.information.sum(axis=0)
        scale = 1 / np.sqrt(np.diag(total))  # the pseudo-inverse must not depend on the columns' units
        rest = (total - self.information[without]) * scale[:, None] * scale
        step = np.linalg.pinv(rest, rcond=COLLINEAR, hermitian=True) @ (scale * self.scores[without])
        return replace(self, beta=self.beta - scale * step)

    def refit(
        self, *, without: int | None = None, restrict: Mapping[int, float] | None = None
    ) -> ConditionalFit:
        """Not offered: the recursion is too slow to repeat for every group; use the one-step form (CV3L)."""
        raise EstimationError(
            "The conditional logit is not refitted without each group; use CV3L.", reason="not_converged"
        )


def conditional_logit_is_feasible(counts: ArrayLike, y: ArrayLike, groups: ArrayLike) -> bool:
    """Whether the rows behind the cells are few enough for the recursion.

    Examples
    --------
    >>> conditional_logit_is_feasible([5, 5], [0, 1], [0, 0])
    True
    >>> conditional_logit_is_feasible([5e5, 5e5], [0, 1], [0, 0])
    False
    """
    _, position = np.unique(np.asarray(groups), return_inverse=True)
    cases = np.bincount(position, np.asarray(counts, float))
    events = np.bincount(position, np.asarray(counts, float) * np.asarray(y, float))
    return bool(cases.max() <= MAX_GROUP and cases @ events <= MAX_STATES)


def fit_conditional_logit(
    y: ArrayLike,
    X: ArrayLike,
    *,
    groups: ArrayLike,
    counts: ArrayLike | None = None,
    start: ArrayLike | None = None,
) -> ConditionalFit:
    """Fit a logit conditional on each group's number of events.

    Parameters
    ----------
    y : (n,) array
        Outcomes, 0 or 1; every group must have both.
    X : (n, k) array
        Design without a constant.
    groups : (n,) integer array
        The groups conditioned on, which are also the clusters of ``scores`` and ``information``.
    counts : (n,) array, optional
        Cases per cell.
    start : (k,) array, optional
        Where Newton's method starts.

    Raises
    ------
    EstimationError
        ``not_converged``.

    Examples
    --------
    Matched pairs: the coefficient is the log of the ratio of the discordant pairs, here 3 to 1.

    >>> y, x, pair = [1, 0] * 4, [1, 0, 1, 0, 1, 0, 0, 1], [0, 0, 1, 1, 2, 2, 3, 3]
    >>> fit = fit_conditional_logit(y, np.array(x)[:, None], groups=pair)
    >>> round(float(fit.beta[0]), 6), round(float(np.log(3)), 6)
    (1.098612, 1.098612)
    """
    times = np.ones(len(np.asarray(y)), dtype=int) if counts is None else np.asarray(counts).astype(int)
    y, X = np.repeat(np.asarray(y, float), times), np.repeat(np.asarray(X, float), times, axis=0)
    model = ConditionalLogit(y, X, groups=np.repeat(np.asarray(groups), times))
    start = np.zeros(X.shape[1]) if start is None else np.asarray(start, float)
    with warnings.catch_warnings():
        # convergence is judged below, by the scores
        warnings.simplefilter("ignore")
        beta = np.asarray(
            model.fit(start_params=start, method="newton", maxiter=50, skip_hessian=True, disp=False).params
        )
    codes, sizes = np.unique(np.repeat(np.asarray(groups), times), return_counts=True)
    scores = np.array([model.score_grp(group, beta) for group in range(model._n_groups)])
    information = _information(model, beta)
    total, gap = information.sum(axis=0), scores.sum(axis=0)
    if not np.isfinite(beta).all() or gap @ np.linalg.pinv(total) @ gap > 1e-6:
        raise EstimationError("The conditional logit did not converge.", reason="not_converged")
    return ConditionalFit(
        beta=beta,
        covariance=np.linalg.inv(total),
        loglik=float(model.loglike(beta)),
        scores=scores,
        information=information,
        n_cases=len(y),
        held=np.zeros(len(beta), dtype=bool),
        clusters=codes,
        cluster_sizes=sizes.astype(float),
    )


def _information(model: ConditionalLogit, beta: Floats) -> Floats:
    """Minus the derivative of each group's score, by central differences: (G, k, k)."""
    step = 1e-5
    columns = []
    for column in range(len(beta)):
        shift = np.zeros(len(beta))
        shift[column] = step
        above = np.array([model.score_grp(group, beta + shift) for group in range(model._n_groups)])
        below = np.array([model.score_grp(group, beta - shift) for group in range(model._n_groups)])
        columns.append((below - above) / (2 * step))
    information = np.stack(columns, axis=2)
    return (information + information.transpose(0, 2, 1)) / 2
