"""Averages of what a two-equation fit predicts: placement whoever is selected, given selection, and its slope.

At a fixed dependence an average has a standard error from the coefficients' curvature and from who the cases are. Over
all of the dependence: :mod:`se_outcomes.regression.profiled_averages`; without one office at a time:
:mod:`se_outcomes.regression.paired_replicates`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, ndtr

from se_outcomes.errors import EstimationError
from se_outcomes.regression.bivariate_normal import log_cdf_derivatives
from se_outcomes.regression.dependence import Node
from se_outcomes.regression.paired import PairModel, Point, predictors
from se_outcomes.regression.paired_cells import Chunk
from se_outcomes.regression.paired_climb import State
from se_outcomes.regression.probit import PROBIT

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Share:
    """What the rows of a chunk contribute to an average.

    Attributes
    ----------
    include : (n,) array
        1 for rows that the average is over, else 0.
    value, by_a, by_b : (n,) arrays
        The predicted quantity and its derivatives by the predictors of gate and outcome.
    X : (n, kx) array
        The outcome's design that the quantity was predicted with.
    direct : (int, array) or None
        A coefficient of the outcome (column) that the quantity also depends on directly, and the derivative by it.
    """

    include: Floats
    value: Floats
    by_a: Floats
    by_b: Floats
    X: Floats
    direct: tuple[int, Floats] | None = None


#: From model, point and chunk to what its rows contribute.
Quantity = Callable[[PairModel, Point, Chunk], Share]


def placement(
    *,
    accepted_only: bool = False,
    setting: Mapping[int, float] | None = None,
    shift: tuple[int, float] | None = None,
) -> Quantity:
    """P(Y = 1) = Phi(b) whoever is selected: the outcome with the gate open.

    Parameters
    ----------
    accepted_only : bool
        Average over the selected only (their outcome as the recorded grounds alone would have it).
    setting : mapping of int to float, optional
        Columns of X held at a value for everybody.
    shift : (int, float), optional
        A column of X, and how much more of it everybody has.
    """

    def quantity(model: PairModel, point: Point, chunk: Chunk) -> Share:
        _, b, X = _predict(model, point, chunk, setting)
        if shift is not None:
            X = X.copy()
            X[:, shift[0]] += shift[1]
            b = b + shift[1] * model.split(point.theta)[1][shift[0]]
        include = _in_outcome(model, chunk) * (chunk.s > 0 if accepted_only else 1.0)
        return Share(include, ndtr(b), np.zeros_like(b), _density(b), X)

    return quantity


def placement_given_selection(*, setting: Mapping[int, float] | None = None) -> Quantity:
    """P(Y = 1 | S = 1) = Phi2(a, b; rho) / Phi(a), over the selected."""

    def quantity(model: PairModel, point: Point, chunk: Chunk) -> Share:
        a, b, X = _predict(model, point, chunk, setting)
        include = _in_outcome(model, chunk) * (chunk.s > 0)
        value, by_a, by_b = ndtr(b), np.zeros_like(b), _density(b)
        if chunk.block.kind != "outcome" and include.any():
            rows = include > 0
            joint = log_cdf_derivatives(a[rows], b[rows], np.full(int(rows.sum()), np.tanh(point.theta[-1])))
            value[rows] = np.exp(joint.value - log_ndtr(a[rows]))
            by_a[rows] = value[rows] * (joint.h - PROBIT.score(a[rows]))
            by_b[rows] = value[rows] * joint.k
        return Share(include, value, by_a, by_b, X)

    return quantity


def placement_slope(column: int, *, setting: Mapping[int, float] | None = None) -> Quantity:
    """dP(Y = 1)/dx_column = phi(b) beta_column, whoever is selected: the average marginal effect."""

    def quantity(model: PairModel, point: Point, chunk: Chunk) -> Share:
        _, b, X = _predict(model, point, chunk, setting)
        beta, density = model.split(point.theta)[1][column], _density(b)
        return Share(
            _in_outcome(model, chunk),
            beta * density,
            np.zeros_like(b),
            -beta * b * density,
            X,
            (column, density),
        )

    return quantity


def _predict(
    model: PairModel, point: Point, chunk: Chunk, setting: Mapping[int, float] | None
) -> tuple[Floats, Floats, Floats]:
    a, b = predictors(model, point, chunk)
    if not setting:
        return a, b, chunk.X
    X, beta = chunk.X.copy(), model.split(point.theta)[1]
    for column, value in setting.items():
        b = b + (value - X[:, column]) * beta[column]
        X[:, column] = value
    return a, b, X


def _in_outcome(model: PairModel, chunk: Chunk) -> Floats:
    """1 where the row's group has an intercept in the outcome (everywhere without groups)."""
    if not model.cells.n_groups:
        return np.ones(len(chunk.counts))
    return model.cells.in_outcome[chunk.group].astype(float)


def _density(b: Floats) -> Floats:
    return np.exp(-(b**2) / 2) / np.sqrt(2 * np.pi)


# ------------------------------------------------------------------------------------------------ at one node


@dataclass(frozen=True, eq=False)
class Averages:
    """Several averages at a fixed dependence.

    Attributes
    ----------
    values : (m,) array
    covariance : (m, m) array
        From the coefficients' information and from who the cases are, the dependence held.
    n_cases : (m,) array
        Cases that each is over.
    """

    values: Floats
    covariance: Floats
    n_cases: Floats

    def combine(self, weights: Floats) -> Averages:
        """Linear combinations, one per row of ``weights`` (r, m)."""
        return Averages(weights @ self.values, weights @ self.covariance @ weights.T, self.n_cases)


def average(
    model: PairModel,
    state: State,
    coefficient_covariance: Floats,
    quantities: Sequence[Quantity],
) -> Averages:
    """Averages of several quantities at one point.

    Parameters
    ----------
    model : PairModel
    state : State
        The point, with the derivatives of the log-likelihood there.
    coefficient_covariance : (p - 1, p - 1) array
        Covariance of the coefficients with t held.
    quantities : sequence of Quantity
    """
    shares = [
        [quantity(model, state.point, chunk) for chunk in model.cells.chunks] for quantity in quantities
    ]
    counts = np.concatenate([chunk.counts for chunk in model.cells.chunks])
    included = np.array([np.concatenate([share.include for share in row]) for row in shares]) * counts
    n_cases = included.sum(axis=1)
    if not (n_cases > 0).all():
        raise EstimationError("There is nobody to average over.", reason="no_cases")
    rows = np.array([np.concatenate([share.value for share in row]) for row in shares])
    values = (included * rows).sum(axis=1) / n_cases
    gradients = np.array([_gradient(model, state, row, n) for row, n in zip(shares, n_cases, strict=True)])
    covariance = (
        gradients[:, : model.n_parameters - 1]
        @ coefficient_covariance
        @ (gradients[:, : model.n_parameters - 1].T)
    )
    covariance += _own_noise_of_intercepts(model, state, gradients[:, model.n_parameters - 1 :])
    # who the cases are: the influence of each case on each average
    influence = included * (rows - values[:, None]) / (n_cases[:, None] * np.sqrt(counts))
    return Averages(values, covariance + influence @ influence.T, n_cases)


def _gradient(model: PairModel, state: State, shares: Sequence[Share], n_cases: float) -> Floats:
    """Derivative of an average by the coefficients (through the intercepts too), then by each intercept (2q)."""
    kz, kx = model.cells.widths
    by_theta, by_intercepts = np.zeros(kz + kx), np.zeros((model.cells.n_groups, 2))
    for chunk, share in zip(model.cells.chunks, shares, strict=True):
        weight = chunk.counts * share.include / n_cases
        by_theta[:kz] += (weight * share.by_a) @ chunk.Z
        by_theta[kz:] += (weight * share.by_b) @ share.X
        if share.direct is not None:
            by_theta[kz + share.direct[0]] += weight @ share.direct[1]
        if model.cells.n_groups:
            chunk.add_by_group(by_intercepts[:, 0], weight * share.by_a)
            chunk.add_by_group(by_intercepts[:, 1], weight * share.by_b)
    if model.cells.n_groups:
        response = state.evaluation.intercept_response(np.eye(model.n_parameters)[:, :-1])  # (q, 2, p - 1)
        by_theta = by_theta + np.einsum("gi,gij->j", by_intercepts, response)
    return np.concatenate([by_theta, by_intercepts.ravel()])


#: An intercept with less information than this (a standard error above 4.5 on the probit scale) may be anything: what
#: it predicts runs from 0 to 1, and a derivative would say more than that.
LEAST_INFORMATION = 0.05


def _own_noise_of_intercepts(model: PairModel, state: State, gradients: Floats) -> Floats:
    """What the intercepts' own error, given the coefficients, adds to the covariance (m, m)."""
    if not model.cells.n_groups:
        return np.zeros((len(gradients), len(gradients)))
    by_group = gradients.reshape(len(gradients), -1, 2).transpose(1, 2, 0)  # (q, 2, m)
    values, vectors = np.linalg.eigh(-state.evaluation.group_hessian)
    along = np.einsum("gij,gim->gjm", vectors, by_group)
    return np.einsum("gjm,gj,gjn->mn", along, 1 / np.maximum(values, LEAST_INFORMATION), along)


def mean_values(model: PairModel, point: Point, quantities: Sequence[Quantity]) -> Floats:
    """Averages (m,) of several quantities at a point, without their errors.

    Raises
    ------
    EstimationError
        ``no_cases`` where there is nobody to average over.
    """
    found = np.zeros((2, len(quantities)))
    for chunk in model.cells.chunks:
        for place, quantity in enumerate(quantities):
            share = quantity(model, point, chunk)
            weight = chunk.counts * share.include
            found[:, place] += weight @ share.value, weight.sum()
    if not (found[1] > 0).all():
        raise EstimationError("There is nobody to average over.", reason="no_cases")
    return found[0] / found[1]


def average_at(model: PairModel, node: Node, quantities: Sequence[Quantity]) -> Averages:
    """Averages at a node of the profile."""
    return average(model, node.state, node.covariance, quantities)
