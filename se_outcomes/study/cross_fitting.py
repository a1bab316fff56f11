"""Predictions of each case by a logit that has not seen it: across offices, or within them.

Across: no office has an intercept, and an office is predicted by a fit to the others (leave one office out; with more
than 30 offices, twenty groups of offices). Within: offices have intercepts, and the cases are dealt into five parts.
Either way a replicate without an office is the whole of it again: every fit that predicts is fitted without that office
too, exactly up to 30 offices, to first order beyond.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit

from se_outcomes.errors import EstimationError
from se_outcomes.regression.binary import COLLINEAR, BinaryFit
from se_outcomes.regression.firth_logit import fit_firth_logit
from se_outcomes.regression.logit import fit_logit

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

#: Up to so many offices each is predicted by a fit of its own, and every replicate is fitted again.
MOST_OFFICES = 30
#: Groups of offices beyond that; parts of the cases within offices.
OFFICE_GROUPS, PARTS = 20, 5
#: A column of which so little is left after those before it adds nothing to a prediction (a fit would refuse it).
REDUNDANT = 1e-4
NOBODY = -1


@dataclass(frozen=True, eq=False)
class Part:
    """What predicts one part of the cases.

    Attributes
    ----------
    slopes : (k,) array
    intercepts : (G,) array
    borrowed : (G,) bool array
        Offices that take the intercept of all offices together, within offices.
    """

    slopes: Floats
    intercepts: Floats
    borrowed: Flags

    def predict(self, X: Floats, offices: Integers) -> Floats:
        """Probabilities (n,)."""
        return np.asarray(expit(X @ self.slopes + self.intercepts[offices]), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Problem:
    """One outcome to be predicted for all cells, learned from those where it is known.

    Attributes
    ----------
    y : (n,) array
        1, 0, or missing where a cell is not learned from.
    X : (n, k) array
        Design without a constant.
    counts : (n,) array
    offices, folds : (n,) integer arrays
        Offices 0 ... G - 1, and the part that each cell is predicted with.
    n_offices : int
    office_effects : bool
        Whether offices have intercepts.
    """

    y: Floats
    X: Floats
    counts: Floats
    offices: Integers
    folds: Integers
    n_offices: int
    office_effects: bool

    @property
    def exact(self) -> bool:
        """Whether replicates are fitted again, or go one step from the fit with all offices."""
        return self.n_offices <= MOST_OFFICES


@dataclass(frozen=True, eq=False)
class CrossFit:
    """Cross-fitted predictions, and their replicates without an office.

    Attributes
    ----------
    parts : dict
        (fold, office left out or -1) to what predicts the fold.
    estimator : {"ml", "firth"}
        The same in every part and replicate.
    """

    problem: Problem
    parts: dict[tuple[int, int], Part] = field(repr=False)
    estimator: str

    @property
    def borrowed(self) -> bool:
        """Whether some case is predicted with the intercept of all offices together."""
        offices = self.problem.offices
        return any(
            bool(self.parts[fold, NOBODY].borrowed[offices[self.problem.folds == fold]].any())
            for fold in np.unique(self.problem.folds).tolist()
        )

    def predict(self, without: int = NOBODY) -> Floats:
        """Predictions (n,); of the replicate without an office, missing for its own cells."""
        problem = self.problem
        found = np.full(len(problem.y), np.nan)
        for fold in np.unique(problem.folds):
            rows = (problem.folds == fold) & (problem.offices != without)
            if rows.any():
                part = self.parts[int(fold), without]
                found[rows] = part.predict(problem.X[rows], problem.offices[rows])
        return found


def deal_offices(counts: Floats, offices: Integers, order_by: Floats) -> Integers:
    """Folds (n,) of whole offices: one each, or twenty groups dealt by size where there are more than 30.

    Parameters
    ----------
    counts, offices : (n,) arrays
    order_by : (n, q) array
        What decides between offices of one size: means over their cases, so that nothing hangs on their names.
    """
    n_offices = int(offices.max()) + 1
    if n_offices <= MOST_OFFICES:
        return offices.copy()
    size = np.bincount(offices, counts, n_offices)
    means = [np.bincount(offices, counts * column, n_offices) / size for column in order_by.T]
    rank = np.empty(n_offices, dtype=np.int64)
    rank[np.lexsort([*means[::-1], -size])] = np.arange(n_offices)
    return (rank % OFFICE_GROUPS)[offices]


def deal_cases(counts: Floats, strata: Integers) -> tuple[Integers, Integers, Floats]:
    """Deal the cases of every stratum into five parts, one after the other in the order of the cells.

    Parameters
    ----------
    counts : (n,) array
        Cases per cell.
    strata : (n,) integer array

    Returns
    -------
    cell, fold, count : (m,) arrays
        A row for each cell and part that has cases of it.

    Examples
    --------
    >>> cell, fold, count = deal_cases(np.array([3.0, 4.0]), np.array([0, 0]))
    >>> cell.tolist(), fold.tolist(), count.tolist()
    ([0, 0, 0, 1, 1, 1, 1], [0, 1, 2, 0, 1, 3, 4], [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0])
    """
    order = np.argsort(strata, kind="stable")
    through = np.cumsum(counts[order])
    sorted_strata = strata[order]
    first = np.append(True, sorted_strata[1:] != sorted_strata[:-1])
    before = through - counts[order]
    start = np.empty(len(counts))
    start[order] = before - before[first][np.cumsum(first) - 1]
    parts = np.arange(PARTS)
    # of the cards 0 ... m - 1, so many go to part f
    dealt = np.floor_divide((start + counts)[:, None] - parts - 1, PARTS)
    dealt -= np.floor_divide(start[:, None] - parts - 1, PARTS)
    cell, fold = np.nonzero(dealt)
    return cell.astype(np.int64), fold.astype(np.int64), dealt[cell, fold]


def cross_fit(problem: Problem, *, replicated: bool) -> CrossFit:
    """Fit every part, and where ``replicated`` every part without each office in turn.

    Where columns separate the outcomes in one of the fits, all are Firth's.

    Raises
    ------
    EstimationError
        ``no_cases`` or ``no_variation`` where a part has nothing to learn from, ``not_converged``.
    """
    try:
        return _cross_fit(problem, replicated, "ml")
    except EstimationError as refusal:
        if refusal.reason != "separation":
            raise
        return _cross_fit(problem, replicated, "firth")


def _cross_fit(problem: Problem, replicated: bool, estimator: str) -> CrossFit:
    learner = _Learner.of(problem, estimator)
    parts: dict[tuple[int, int], Part] = {}
    for fold in np.unique(problem.folds).tolist():
        parts.update(learner.learn(fold))
        if replicated and problem.exact:
            parts.update(learner.learn_again(fold))
        elif replicated:
            parts.update(learner.step_from(fold))
    return CrossFit(problem, parts, estimator)


@dataclass(frozen=True, eq=False)
class _Learner:
    """The fits of one problem, each from the distinct rows that it may see.

    ``row`` (n,) is the distinct row of each cell, or -1 where it is not learned from; distinct rows are those of X, y
    and the office (where that matters), which is all that the likelihood depends on.
    """

    problem: Problem
    estimator: str
    row: Integers
    y: Floats
    X: Floats
    offices: Integers
    known: dict[tuple[int, ...], Part] = field(default_factory=dict)
    fits: dict[int, tuple[BinaryFit, Flags]] = field(default_factory=dict)

    @classmethod
    def of(cls, problem: Problem, estimator: str) -> _Learner:
        seen = ~np.isnan(problem.y)
        if not seen.any():
            raise EstimationError("There are no cases to learn from.", reason="no_cases")
        by_office = problem.office_effects or not problem.exact
        office = problem.offices[seen] if by_office else np.zeros(int(seen.sum()))
        table = np.column_stack([office, problem.y[seen], problem.X[seen]])
        distinct, place = np.unique(table, axis=0, return_inverse=True)
        row = np.full(len(problem.y), -1, dtype=np.int64)
        row[seen] = place.ravel()
        codes, y, X = (
            distinct[:, 0].astype(np.int64),
            distinct[:, 1].astype(float),
            distinct[:, 2:].astype(float),
        )
        return cls(problem, estimator, row, y, X, codes)

    def learn(self, fold: int) -> Iterator[tuple[tuple[int, int], Part]]:
        """The part with all offices."""
        yield (fold, NOBODY), self._part(fold, NOBODY)

    def learn_again(self, fold: int) -> Iterator[tuple[tuple[int, int], Part]]:
        """The part without each office, fitted again."""
        for office in range(self.problem.n_offices):
            predicted = self.problem.folds[self.problem.offices != office]
            if (predicted == fold).any():
                yield (fold, office), self._part(fold, office)

    def step_from(self, fold: int) -> Iterator[tuple[tuple[int, int], Part]]:
        """The part without each office, one step from the fit with all."""
        fit, columns = self.fits[fold]
        position = {int(code): number for number, code in enumerate(fit.clusters)}
        steps = one_step(fit) if not self.problem.office_effects and self.estimator == "ml" else None
        for office in range(self.problem.n_offices):
            keep = self._kept(fold, office)
            if office not in position:  # it bears on the common intercept alone
                yield (fold, office), self._read(fit, columns, keep)
            elif steps is not None:
                beta = np.zeros(len(columns))
                beta[columns] = steps[position[office]]
                yield (fold, office), self._constant_part(beta)
            else:
                yield (fold, office), self._read(fit.approximate(without=position[office]), columns, keep)

    def _part(self, fold: int, without: int) -> Part:
        """Two offices left out are the same whichever of them is predicted: fitted once."""
        problem = self.problem
        key: tuple[int, ...] = (fold, without)
        if not problem.office_effects and problem.exact and without != NOBODY:
            key = (min(key), max(key))
        if key not in self.known:
            keep = self._kept(fold, without)
            fit, columns = self._fit(keep)
            if without == NOBODY and not problem.exact:
                self.fits[fold] = fit, columns
            self.known[key] = self._read(fit, columns, keep)
        return self.known[key]

    def _kept(self, fold: int, without: int) -> Floats:
        """Cases of each distinct row that this fit may see."""
        problem = self.problem
        keep = (self.row >= 0) & (problem.folds != fold) & (problem.offices != without)
        return np.bincount(self.row[keep], problem.counts[keep], len(self.y)).astype(np.float64)

    def _fit(self, counts: Floats) -> tuple[BinaryFit, Flags]:
        """The fit and the columns in it; without office intercepts the last column is a constant."""
        effects = self.problem.office_effects
        rows = counts > 0
        y, n, offices = self.y[rows], counts[rows], self.offices[rows]
        if effects and not _in_varied_offices(y, n, offices).any():
            effects = False  # then all offices have one intercept
        X = self.X[rows] if effects else np.column_stack([self.X[rows], np.ones(len(y))])
        fit = fit_logit if self.estimator == "ml" else fit_firth_logit
        groups = offices if effects else None
        columns = np.ones(X.shape[1], dtype=bool)
        try:
            return fit(y, X, counts=n, clusters=offices, intercepts=groups), columns
        except EstimationError as refusal:
            if refusal.reason != "collinearity":
                raise
        varied = _in_varied_offices(y, n, offices) if effects else np.ones(len(y), dtype=bool)
        columns = independent_columns(X[varied], n[varied], offices[varied] if effects else None)
        return fit(y, X[:, columns], counts=n, clusters=offices, intercepts=groups), columns

    def _read(self, fit: BinaryFit, columns: Flags, counts: Floats) -> Part:
        """Slopes and intercepts; an office without variation takes the intercept of all offices together."""
        problem, predicting = self.problem, fit.predicting
        beta = np.zeros(len(columns))
        beta[columns] = predicting.beta
        if len(beta) > problem.X.shape[1]:
            return self._constant_part(beta)
        own = predicting.intercept_codes
        flat = np.ones(problem.n_offices, dtype=bool)
        flat[own] = False
        intercepts = np.zeros(problem.n_offices)
        intercepts[own] = predicting.intercept_values
        if flat.any():
            intercepts[flat] = common_intercept(self.X @ beta, self.y, counts)
        return Part(beta, intercepts, flat)

    def _constant_part(self, beta: Floats) -> Part:
        """The last coefficient is a constant that all offices share."""
        offices = self.problem.n_offices
        return Part(beta[:-1], np.full(offices, beta[-1]), np.full(offices, self.problem.office_effects))


def one_step(fit: BinaryFit) -> Floats:
    """Coefficients (G, k) without each cluster to first order, for a fit without intercepts of its own.

    All at once what ``fit.approximate(without=g)`` gives one by one.
    """
    total = fit.information.sum(axis=0)
    scale = 1 / np.sqrt(np.diag(total))
    rest = (total - fit.information) * scale[:, None] * scale
    inverse = np.linalg.pinv(rest, rcond=COLLINEAR, hermitian=True)
    return np.asarray(
        fit.beta - scale * np.einsum("gij,gj->gi", inverse, scale * fit.scores), dtype=np.float64
    )


def _in_varied_offices(y: Floats, counts: Floats, offices: Integers) -> Flags:
    """Rows (n,) of offices where the outcome varies; beside intercepts of their own the others bear on no slope."""
    cases, events = np.bincount(offices, counts), np.bincount(offices, counts * y)
    return np.asarray(((events > 0) & (events < cases))[offices], dtype=np.bool_)


def common_intercept(eta: Floats, y: Floats, counts: Floats) -> float:
    """The one intercept with which predictions have the observed mean; ``y`` must vary.

    Examples
    --------
    >>> round(common_intercept(np.zeros(2), np.array([1.0, 0.0]), np.array([3.0, 1.0])), 6), round(float(np.log(3)), 6)
    (1.098612, 1.098612)
    """
    reach = 40.0 + float(np.abs(eta).max())
    return float(brentq(lambda value: counts @ (y - expit(eta + value)), -reach, reach, xtol=1e-14))


def independent_columns(X: Floats, counts: Floats, groups: Integers | None) -> Flags:
    """Columns (k,) that no earlier column, group means aside, already tells.

    Without groups the last column is a constant and comes first. A prediction needs a basis only: which of several
    collinear columns bears a coefficient changes nothing where they are collinear.

    Examples
    --------
    >>> X = np.array([[0.0, 0.0, 1.0], [1.0, 2.0, 1.0], [3.0, 6.0, 1.0]])
    >>> independent_columns(X, np.ones(3), None).tolist()
    [True, False, True]
    """
    weight = np.sqrt(counts)[:, None]
    order, columns = list(range(X.shape[1])), X
    if groups is None:
        order = [order[-1], *order[:-1]]
    else:
        _, place = np.unique(groups, return_inverse=True)
        sums = np.zeros((place.max() + 1, X.shape[1]))
        np.add.at(sums, place, X * counts[:, None])
        columns = X - (sums / np.bincount(place, counts)[:, None])[place]
    kept, basis = np.zeros(X.shape[1], dtype=bool), np.zeros((len(X), 0))
    for column in order:
        values = (columns[:, [column]] * weight)[:, 0]
        size = float(np.linalg.norm(X[:, column] * weight[:, 0]))
        for _ in range(2):  # twice is enough
            values = values - basis @ (basis.T @ values)
        left = float(np.linalg.norm(values))
        if size > 0 and left > REDUNDANT * size:
            kept[column] = True
            basis = np.column_stack([basis, values / left])
    return kept
