"""The likelihood of two sequential gates and a placement, evaluated on cells.

    R = 1[z1'g1 + a1 + u1 > 0],  A = 1[z2'g2 + a2 + u2 > 0] seen if R = 1,  Y = 1[x'b + a3 + u3 > 0]

with (u1, u2, u3) standard normal and correlations rho12, rho13, rho23; a1, a2, a3 are office intercepts, where asked
for. A cell contributes the orthant probability of just those outcomes that are seen: log Phi of one sign and predictor,
log Phi2 of two, log Phi3 of three.

The parameters are theta = (g1, g2, b, atanh rho12, atanh rho13, atanh rho23.1): with the partial correlation rho23.1 of
acceptance and placement given referral every theta is a correlation matrix. At fixed correlations the log-likelihood is
concave in everything else (Prekopa 1973). Intercepts are eliminated office by office, in 3 x 3 blocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from se_outcomes.regression.bivariate_normal import log_cdf_derivatives
from se_outcomes.regression.paired import Evaluation, Point
from se_outcomes.regression.selection_probit import probit_alone
from se_outcomes.regression.trivariate_normal import from_partial, log_trivariate
from se_outcomes.regression.two_gate_cells import Block, TwoGateCells

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

#: atanh of a correlation at which it is as good as perfect (.9990).
EDGE = 3.8
CORRELATIONS = ("rho_12", "rho_13", "rho_23_1")
#: Where a pair of margins has its correlation among (a1, a2, a3, rho12, rho13, rho23).
PAIR = {(0, 1): 3, (0, 2): 4, (1, 2): 5}


@dataclass(frozen=True, eq=False)
class TwoGateModel:
    """The likelihood on its cells.

    Attributes
    ----------
    cells : TwoGateCells
    recursive : bool
        Whether the acceptance is among the placement's predictors (its last column).
    fixed : tuple of int
        Parameters (positions in theta) that stay at the value they start from.
    """

    cells: TwoGateCells
    recursive: bool
    fixed: tuple[int, ...] = ()

    @property
    def n_parameters(self) -> int:
        """Coefficients of all equations and three correlations."""
        return sum(self.cells.widths) + 3

    @property
    def merged(self) -> bool:
        """Whether there is one gate only: the acceptance."""
        return 0 not in self.cells.equations

    @property
    def correlations(self) -> tuple[int, int, int]:
        """Positions of the three correlations."""
        last = self.n_parameters
        return last - 3, last - 2, last - 1

    @cached_property
    def slices(self) -> tuple[slice, slice, slice]:
        """Positions of each equation's coefficients."""
        first, second, third = np.cumsum(self.cells.widths)
        return slice(0, int(first)), slice(int(first), int(second)), slice(int(second), int(third))

    @cached_property
    def free(self) -> Flags:
        """Parameters (p,) that move."""
        free = np.ones(self.n_parameters, dtype=bool)
        free[list(self.fixed)] = False
        if self.merged:
            free[list(self.correlations[:2])] = False
        return free

    def predictor(self, point: Point, block: Block, place: int) -> Floats:
        """The linear predictor of the block's ``place``-th margin (n,)."""
        equation = block.margins[place]
        found = block.designs[place] @ point.theta[self.slices[equation]]
        return found + point.intercepts[block.group, equation] if self.cells.n_groups else found


@dataclass(frozen=True, eq=False)
class Correlations:
    """rho12, rho13 and rho23 at working parameters t, with derivatives.

    Attributes
    ----------
    rho : (3,) array
    slopes : (3, 3) array
        d rho_i / d t_j.
    curvature : (3, 3, 3) array
        d2 rho_i / (d t_j d t_k).
    """

    rho: Floats
    slopes: Floats
    curvature: Floats


def correlations_at(t: Floats) -> Correlations:
    """Correlations at (atanh rho12, atanh rho13, atanh rho23.1).

    Examples
    --------
    >>> correlations_at(np.arctanh([0.6, 0.8, 0.5])).rho.round(9)
    array([0.6 , 0.8 , 0.72])
    """
    tanh, slope = np.tanh(t), 1 / np.cosh(t) ** 2
    own_curvature = -2 * tanh * slope
    partial = from_partial(*(float(value) for value in tanh))
    slopes = np.vstack([np.diag(slope)[:2], partial.gradient * slope])
    curvature = np.zeros((3, 3, 3))
    curvature[0, 0, 0], curvature[1, 1, 1] = own_curvature[:2]
    curvature[2] = partial.hessian * np.outer(slope, slope) + np.diag(partial.gradient * own_curvature)
    return Correlations(np.append(tanh[:2], partial.value), slopes, curvature)


# ------------------------------------------------------------------------------------------------ cells


@dataclass(frozen=True, eq=False)
class Terms:
    """Log-probabilities of a block's rows and their derivatives by what they depend on.

    Attributes
    ----------
    value : (n,) array
    first : dict of int to (n,) array
        By the predictors (0, 1, 2) and the correlations (3, 4, 5: rho12, rho13, rho23).
    second : dict of (int, int) to (n,) array
        Pairs in increasing order.
    """

    value: Floats
    first: dict[int, Floats]
    second: dict[tuple[int, int], Floats]

    def weighted(self, counts: Floats) -> Terms:
        """Times the cases."""
        return Terms(
            counts * self.value,
            {place: counts * values for place, values in self.first.items()},
            {places: counts * values for places, values in self.second.items()},
        )

    def part(self, rows: slice) -> Terms:
        """Some rows."""
        return Terms(
            self.value[rows],
            {place: values[rows] for place, values in self.first.items()},
            {places: values[rows] for places, values in self.second.items()},
        )


def block_terms(model: TwoGateModel, point: Point, block: Block, rho: Floats) -> Terms:
    """Each row's log-probability of its outcomes, with derivatives."""
    predictors = [model.predictor(point, block, place) for place in range(len(block.margins))]
    if len(predictors) == 1:
        (margin,) = block.margins
        value, first, second = probit_alone(np.array(block.signs), predictors[0])
        return Terms(value, {margin: first}, {(margin, margin): second})
    if len(predictors) == 2:
        return _pair_terms(block, predictors[0], predictors[1], rho)
    return _triple_terms(block, predictors, rho)


def _pair_terms(block: Block, a: Floats, b: Floats, rho: Floats) -> Terms:
    i, j = block.margins
    s, q = block.signs
    r = PAIR[i, j]
    found = log_cdf_derivatives(s * a, q * b, s * q * rho[r - 3])
    first = {i: s * found.h, j: q * found.k, r: s * q * found.rho}
    second = {
        (i, i): found.hh,
        (i, j): s * q * found.hk,
        (j, j): found.kk,
        (i, r): q * found.h_rho,
        (j, r): s * found.k_rho,
        (r, r): found.rho_rho,
    }
    return Terms(found.value, first, second)


def _triple_terms(block: Block, predictors: list[Floats], rho: Floats) -> Terms:
    s1, s2, s3 = block.signs
    signs = np.array([s1, s2, s3, s1 * s2, s1 * s3, s2 * s3])
    a, b, c = predictors
    rho12, rho13, rho23 = (signs[3:] * rho).tolist()
    value, gradient, hessian = log_trivariate(s1 * a, s2 * b, s3 * c, rho12, rho13, rho23)
    return Terms(
        value,
        {place: signs[place] * gradient[:, place] for place in range(6)},
        {
            (row, column): signs[row] * signs[column] * hessian[:, row, column]
            for row in range(6)
            for column in range(row, 6)
        },
    )


# ------------------------------------------------------------------------------------------------ sums


def evaluate(model: TwoGateModel, point: Point) -> Evaluation:
    """Log-likelihood with its derivatives by theta and the intercepts."""
    correlations = correlations_at(point.theta[-3:])
    total = _nothing(model)
    for block in model.cells.blocks:
        terms = block_terms(model, point, block, correlations.rho).weighted(block.counts)
        _add(model, block, terms, total)
    _turn_to_working(total, correlations)
    _fill_missing_intercepts(model.cells, total)
    return total


def by_cluster(model: TwoGateModel, point: Point) -> tuple[Floats, Floats]:
    """Scores (G, p) and information (G, p, p) of theta by cluster after the intercepts are profiled out."""
    cells = model.cells
    correlations = correlations_at(point.theta[-3:])
    totals = [_nothing(model) for _ in range(cells.n_clusters)]
    for block in cells.blocks:
        terms = block_terms(model, point, block, correlations.rho).weighted(block.counts)
        for cluster, rows in block.clusters:
            _add(model, block.part(rows), terms.part(rows), totals[cluster])
    for cluster, total in enumerate(totals):
        _turn_to_working(total, correlations)
        # elsewhere nothing was added: any regular block leaves them out of the profile
        total.group_hessian[cells.group_cluster != cluster] = -np.eye(3)
        _fill_missing_intercepts(cells, total)
    scores = np.array([total.profiled_score for total in totals])
    return scores, np.array([-total.profiled_hessian for total in totals])


def _nothing(model: TwoGateModel) -> Evaluation:
    p, q = model.n_parameters, model.cells.n_groups
    return Evaluation(
        0.0, np.zeros(p), np.zeros((p, p)), np.zeros((q, 3)), np.zeros((q, 3, 3)), np.zeros((q, 3, p))
    )


def _add(model: TwoGateModel, block: Block, terms: Terms, total: Evaluation) -> None:
    """A block's share, the last three parameters being rho12, rho13 and rho23 themselves."""
    total.loglik += float(terms.value.sum())
    p = model.n_parameters
    designs = dict(zip(block.margins, block.designs, strict=True))
    places = [*model.slices, *(slice(k, k + 1) for k in range(p - 3, p))]
    for place, values in terms.first.items():
        total.score[places[place]] += designs[place].T @ values if place < 3 else values.sum()
    for (row, column), values in terms.second.items():
        if row >= 3:
            found = np.array([[values.sum()]])
        elif column >= 3:
            found = (designs[row].T @ values)[:, None]
        else:
            found = designs[row].T @ (designs[column] * values[:, None])
        total.hessian[places[row], places[column]] += found
        if row != column:
            total.hessian[places[column], places[row]] += found.T
    if model.cells.n_groups:
        _add_intercepts(block, terms, designs, places, total)


def _add_intercepts(
    block: Block, terms: Terms, designs: dict[int, Floats], places: list[slice], total: Evaluation
) -> None:
    """Derivatives by the intercepts of the block's groups, and across with theta."""
    for own in block.margins:
        block.add_by_group(total.group_score[:, own], terms.first[own])
        for other in terms.first:
            values = terms.second[min(own, other), max(own, other)]
            if other >= 3:
                block.add_by_group(total.cross[:, own, places[other].start], values)
                continue
            block.add_by_group(total.group_hessian[:, own, other], values)
            block.add_by_group(total.cross[:, own, places[other]], designs[other] * values[:, None])


def _turn_to_working(total: Evaluation, correlations: Correlations) -> None:
    """From derivatives by rho12, rho13 and rho23 to those by the working parameters."""
    slopes, by_rho = correlations.slopes, total.score[-3:].copy()
    total.score[-3:] = slopes.T @ by_rho
    total.hessian[-3:] = slopes.T @ total.hessian[-3:]
    total.hessian[:, -3:] = total.hessian[:, -3:] @ slopes
    total.hessian[-3:, -3:] += np.einsum("i,ijk->jk", by_rho, correlations.curvature)
    total.cross[:, :, -3:] = total.cross[:, :, -3:] @ slopes


def _fill_missing_intercepts(cells: TwoGateCells, total: Evaluation) -> None:
    """Intercepts that do not exist have no derivatives: a unit in the diagonal leaves them where they are."""
    groups, equations = np.nonzero(~cells.present)
    total.group_hessian[groups, equations, equations] = -1.0
