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
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from se_outcomes.regression.bivariate_normal import log_cdf_derivatives
from se_outcomes.regression.paired import Evaluation, Point
from se_outcomes.regression.selection_probit import probit_alone
from se_outcomes.regression.trivariate_normal import from_partial, log_trivariate
from se_outcomes.regression.two_gate_cells import Block, TwoGateCells

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Codes = NDArray[np.int64]

#: atanh of a correlation at which it is as good as perfect (.9990).
EDGE = 3.8
CORRELATIONS = ("rho_12", "rho_13", "rho_23_1")
#: Where a pair of margins has its correlation among (rho12, rho13, rho23).
PAIR = {(0, 1): 0, (0, 2): 1, (1, 2): 2}


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

    def places(self, block: Block) -> Codes:
        """Positions in theta of the block's columns and correlations."""
        every = np.arange(self.n_parameters)
        pairs = [PAIR[pair] for pair in combinations(block.margins, 2)]
        return np.concatenate([*(every[self.slices[margin]] for margin in block.margins), every[-3:][pairs]])

    def predictor(self, point: Point, block: Block, place: int) -> Floats:
        """The linear predictor of the block's ``place``-th margin (n,)."""
        equation = block.margins[place]
        found = point.theta[self.slices[equation]] @ block.columns[block.own_columns[place]]
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
    """Log-probabilities of a block's rows and their derivatives by the d quantities they depend on.

    These are the predictors of the block's margins, then the correlations among them, rho12 before rho13 and rho23.

    Attributes
    ----------
    value : (n,) array
    first : (d, n) array
    second : (d, d, n) array
    """

    value: Floats
    first: Floats
    second: Floats

    def weighted(self, counts: Floats) -> Terms:
        """Times the cases."""
        return Terms(counts * self.value, counts * self.first, counts * self.second)

    def part(self, rows: slice) -> Terms:
        """Some rows."""
        return Terms(self.value[rows], self.first[:, rows], self.second[:, :, rows])


def block_terms(model: TwoGateModel, point: Point, block: Block, rho: Floats) -> Terms:
    """Each row's log-probability of its outcomes, with derivatives."""
    predictors = [model.predictor(point, block, place) for place in range(len(block.margins))]
    if len(predictors) == 1:
        value, first, second = probit_alone(block.signs[0], predictors[0])
        return Terms(value, first[None], second[None, None])
    if len(predictors) == 2:
        a, b = predictors
        return _pair_terms(block.signs, a, b, rho[PAIR[block.margins[0], block.margins[1]]])
    a, b, c = predictors
    value, gradient, hessian = log_trivariate(a, b, c, *rho.tolist(), signs=block.signs)
    return Terms(value, gradient.T, hessian.transpose(1, 2, 0))


def _pair_terms(signs: Floats, a: Floats, b: Floats, rho: float) -> Terms:
    s, q = signs
    found = log_cdf_derivatives(s * a, q * b, s * q * rho)
    turn, first = np.stack([s, q, s * q]), np.stack([found.h, found.k, found.rho])
    second = np.stack([
        found.hh, found.hk, found.h_rho, found.hk, found.kk, found.k_rho, found.h_rho, found.k_rho, found.rho_rho,
    ]).reshape(3, 3, -1)  # fmt: skip
    return Terms(found.value, turn * first, turn[:, None] * turn * second)


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
    places, m, k = model.places(block), len(block.margins), len(block.columns)
    score, hessian, by_group = np.empty(len(places)), np.empty((len(places), len(places))), []
    # second derivatives by a margin's predictor and the intercepts, the coefficients, the correlations; then the first
    order = [*range(m), *np.repeat(range(m), block.widths), *range(m, len(terms.first) + 1)]
    for margin, own in enumerate(block.own_columns):
        slopes = np.vstack([terms.second[margin], terms.first[margin]])[order]
        slopes[m : m + k] *= block.columns
        found = block.columns[own] @ slopes[m:].T
        hessian[own], score[own] = found[:, :-1], found[:, -1]
        if model.cells.n_groups:
            by_group.append(block.by_group(slopes))
    hessian[k:, :k] = hessian[:k, k:].T
    hessian[k:, k:] = terms.second[m:, m:].sum(axis=2)
    score[k:] = terms.first[m:].sum(axis=1)
    total.loglik += float(terms.value.sum())
    total.score[places] += score
    total.hessian[np.ix_(places, places)] += hessian
    if by_group:
        _add_intercepts(block, places, np.array(by_group).transpose(2, 0, 1), total)


def _add_intercepts(block: Block, places: Codes, sums: Floats, total: Evaluation) -> None:
    """Derivatives by the intercepts of the block's groups, and across with theta."""
    m, groups, margins = len(block.margins), block.groups[:, None], np.array(block.margins)
    total.group_score[groups, margins] += sums[:, :, -1]
    total.group_hessian[groups[:, :, None], margins[:, None], margins] += sums[:, :, :m]
    total.cross[groups[:, :, None], margins[:, None], places] += sums[:, :, m:-1]


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
