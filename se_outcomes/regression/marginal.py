"""Averages of predictions over the cases in the equation: marginal effects and standardised shares.

Each comes with its influence by cluster, from which a linearised (CV1) standard error follows. The influence
has two parts: who the cluster's cases are (the composition of the average) and what they did to the
coefficients,

    influence_g = sum_{i in g} n_i (f_i - f) / N + (df/dbeta)' J^-1 s_g  (composition and gradient),

with the derivative taken through the profiled intercepts too (da/dbeta = -J_ab / J_aa). Predictions are those of
``fit.predicting``: a penalised fit predicts with its constant estimated anew (FLIC), which then follows from the other
coefficients as an intercept does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from se_outcomes.regression.binary import BinaryFit

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Average:
    """An average over the cases in the equation, or a difference or logarithm of such.

    Attributes
    ----------
    value : float
        The average (a probability or a difference of probabilities).
    fit : BinaryFit
    make_parts : callable
        Makes ``gradient`` and ``composition``; called when asked for, which replicates never do.
    """

    value: float
    fit: BinaryFit = field(repr=False)
    make_parts: Callable[[], tuple[Floats, Floats]] = field(repr=False)

    @cached_property
    def _parts(self) -> tuple[Floats, Floats]:
        return self.make_parts()

    @property
    def gradient(self) -> Floats:
        """Derivative by the coefficients (k,), through intercepts too."""
        return self._parts[0]

    @property
    def composition(self) -> Floats:
        """What the cases of each cluster contribute to the error by being who they are (G,); sums to zero."""
        return self._parts[1]

    @cached_property
    def influence(self) -> Floats:
        """What each cluster contributes to the error (G,), through the coefficients too; sums to zero."""
        return self.composition + self.fit.scores @ (self.fit.covariance @ self.gradient)

    def __sub__(self, other: Average) -> Average:
        return Average(
            self.value - other.value,
            self.fit,
            lambda: (self.gradient - other.gradient, self.composition - other.composition),
        )

    def log(self) -> Average:
        """Its logarithm: the difference of two is the logarithm of a risk ratio."""
        return Average(
            float(np.log(self.value)),
            self.fit,
            lambda: (self.gradient / self.value, self.composition / self.value),
        )


def coefficient(fit: BinaryFit, column: int) -> Average:
    """A coefficient, as what can be computed from a fit: nothing of it is composition.

    Examples
    --------
    >>> from se_outcomes.regression.logit import fit_logit
    >>> fit = fit_logit([1, 0, 1, 0], [[1, 1], [1, 1], [1, 0], [1, 0]], counts=[30, 10, 20, 20])
    >>> round(coefficient(fit, 1).value, 6)
    1.098612
    """
    unit = np.zeros(len(fit.beta))
    unit[column] = 1.0
    return Average(float(fit.beta[column]), fit, lambda: (unit, np.zeros(fit.n_clusters)))


def average_derivative(fit: BinaryFit, column: int) -> Average:
    """Average marginal effect: the mean over cases of dP(y = 1)/dx_column = F'(eta) beta_column.

    Examples
    --------
    >>> from se_outcomes.regression.logit import fit_logit
    >>> fit = fit_logit([1, 0, 1, 0], [[1, 1], [1, 1], [1, 0], [1, 0]], counts=[30, 10, 20, 20])
    >>> round(average_derivative(fit, 1).value, 4)  # half of log 3 times .75 .25, half of log 3 times .5 .5
    0.2403
    """
    eta, beta = fit.predicting.linear_predictor(), fit.beta[column]
    slope = fit.family.slope(eta)
    direct = np.zeros(len(fit.beta))
    direct[column] = fit.cells.counts @ slope / fit.cells.counts.sum()
    return _average(fit, slope * beta, fit.family.curvature(eta) * beta, fit.cells.X, direct)


def standardised_share(fit: BinaryFit, values: Mapping[int, float]) -> Average:
    """Mean predicted probability if every case had ``values`` (column to value), all else as it is.

    Examples
    --------
    >>> from se_outcomes.regression.logit import fit_logit
    >>> fit = fit_logit([1, 0, 1, 0], [[1, 1], [1, 1], [1, 0], [1, 0]], counts=[30, 10, 20, 20])
    >>> round(standardised_share(fit, {1: 1.0}).value, 6)
    0.75
    """
    X = fit.cells.X.copy()
    for column, value in values.items():
        X[:, column] = value
    eta = fit.predicting.linear_predictor(X)
    return _average(fit, fit.family.mean(eta), fit.family.slope(eta), X, np.zeros(len(fit.beta)))


def shifted_share(fit: BinaryFit, column: int, shift: float) -> Average:
    """Mean predicted probability if every case had ``shift`` more of a column, all else as it is.

    Examples
    --------
    >>> from se_outcomes.regression.logit import fit_logit
    >>> fit = fit_logit([1, 0, 1, 0], [[1, 1], [1, 1], [1, 0], [1, 0]], counts=[30, 10, 20, 20])
    >>> round(shifted_share(fit, 1, 0.0).value, 6), round(shifted_share(fit, 1, 1.0).value, 6)
    (0.625, 0.825)
    """
    X = fit.cells.X.copy()
    X[:, column] += shift
    eta = fit.predicting.linear_predictor(X)
    return _average(fit, fit.family.mean(eta), fit.family.slope(eta), X, np.zeros(len(fit.beta)))


def standardised_curve(fit: BinaryFit, column: int, grid: Floats) -> Floats:
    """Mean predicted probability at each value (m,) of one column, all else as it is: (m,).

    Examples
    --------
    >>> from se_outcomes.regression.logit import fit_logit
    >>> fit = fit_logit([1, 0, 1, 0], [[1, 1], [1, 1], [1, 0], [1, 0]], counts=[30, 10, 20, 20])
    >>> standardised_curve(fit, 1, np.array([0.0, 1.0])).round(6)
    array([0.5 , 0.75])
    """
    without = fit.predicting.beta.copy()
    without[column] = 0.0
    predicting = replace(fit.predicting, beta=without)
    # cells that differ in this column and in the outcome alone have one curve between them
    base, cell = np.unique(predicting.linear_predictor(), return_inverse=True)
    counts = np.bincount(cell, fit.cells.counts)
    shares = [counts @ fit.family.mean(base + value * fit.beta[column]) for value in grid]
    return np.array(shares) / counts.sum()


def _average(fit: BinaryFit, values: Floats, by_eta: Floats, X: Floats, direct: Floats) -> Average:
    """Mean of cell values; ``by_eta``: their derivative by the predictor made with X."""
    mean = float(fit.cells.counts @ values / fit.cells.counts.sum())
    return Average(mean, fit, lambda: _parts(fit, values - mean, by_eta, X, direct))


def _parts(
    fit: BinaryFit, deviations: Floats, by_eta: Floats, X: Floats, direct: Floats
) -> tuple[Floats, Floats]:
    """Gradient (k,) and composition (G,), from the cells' deviations from the mean."""
    cells, predicting = fit.cells, fit.predicting
    total = cells.counts.sum()
    composition = cells.cluster_sums(cells.counts * deviations) / total
    weighted = cells.counts * by_eta / total
    gradient = direct + weighted @ X
    if cells.group is not None:
        weight = cells.counts * fit.family.weight(cells.sign * predicting.linear_predictor())
        cross, own = cells.group_sums(cells.X * weight[:, None]), cells.group_sums(weight)
        gradient = gradient - cells.group_sums(weighted) @ (cross / own[:, None])
    elif predicting is not fit:
        anew = np.flatnonzero(predicting.free)[0]
        information = predicting.information.sum(axis=0)[anew]
        by_constant = gradient[anew] / information[anew]
        gradient = gradient - by_constant * information
        composition = composition + by_constant * predicting.scores[:, anew]
    return gradient, composition
