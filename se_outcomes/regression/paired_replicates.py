"""Averages of a two-equation model without one cluster at a time, to first order, the dependence held.

Without cluster g the coefficients move by -(J - J_g)^-1 s_g, and an average psi = S / n becomes
((S - S_g) + (D - D_g)' delta_g) / (n - n_g), where S and D are the sums over cases of the predicted quantity and of its
derivative by the coefficients, through the intercepts too. It is what the refitting jackknife finds, but for terms of
second order, at the price of one pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from se_outcomes.errors import EstimationError
from se_outcomes.regression.paired import PairModel
from se_outcomes.regression.paired_cells import Chunk
from se_outcomes.regression.paired_climb import State
from se_outcomes.regression.paired_fit import PairedFit
from se_outcomes.regression.paired_marginal import Quantity, Share

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ReplicatedAverages:
    """Averages of a pinned fit with their replicates.

    Attributes
    ----------
    values : (m,) array
    replicates : (G, m) array
        Without each cluster.
    coefficients : (p - 1,) array
    coefficient_replicates : (G, p - 1) array
    """

    values: Floats
    replicates: Floats
    coefficients: Floats
    coefficient_replicates: Floats


def replicate_averages(fit: PairedFit, quantities: Sequence[Quantity]) -> ReplicatedAverages:
    """Averages without each cluster, from scores and information by cluster.

    Parameters
    ----------
    fit : PairedFit
        Pinned (``refit(restrict={last: t})``): the dependence does not move.
    quantities : sequence of Quantity

    Raises
    ------
    EstimationError
        ``no_cases`` where an average is over the cases of one cluster only; ``not_identified``.

    Examples
    --------
    >>> from se_outcomes.regression.paired_marginal import placement
    >>> from se_outcomes.regression.selection_probit import fit_selection_probit
    >>> rng = np.random.default_rng(3)
    >>> z, x, u, v = rng.normal(size=(4, 1000))
    >>> ones, office = np.ones(1000), np.arange(1000) // 200
    >>> selected, y = x + z + u > 0, 0.5 * x + 0.6 * u + 0.8 * v > 0
    >>> Z, X = np.column_stack([ones, x, z]), np.column_stack([ones, x])
    >>> fit = fit_selection_probit(y, X, selected, Z, clusters=office)
    >>> found = replicate_averages(fit.refit(restrict={5: 0.5}), [placement()])
    >>> found.replicates.shape, bool(np.ptp(found.replicates) < 0.1)
    ((5, 1), True)
    """
    state, model = fit.peak.state, fit.model
    moves = _moves(fit)
    sums, sizes, slopes = _sums_by_cluster(model, state, quantities)
    rest = sizes.sum(axis=0) - sizes
    if not (rest > 0).all():
        raise EstimationError(
            "Without one of the clusters there is nobody to average over.", reason="no_cases"
        )
    moved = np.einsum("gmp,gp->gm", slopes.sum(axis=0) - slopes, moves)
    replicates = (sums.sum(axis=0) - sums + moved) / rest
    coefficients = state.point.theta[:-1]
    return ReplicatedAverages(
        sums.sum(axis=0) / sizes.sum(axis=0), replicates, coefficients, coefficients + moves
    )


def _moves(fit: PairedFit) -> Floats:
    """-(J - J_g)^-1 s_g of the coefficients (G, p - 1); the pseudo-inverse where a cluster alone knows one."""
    free = np.flatnonzero(fit.free[:-1])
    scores, information = fit.scores[:, free], fit.information[:, free][:, :, free]
    found = np.zeros((len(scores), len(fit.free) - 1))
    total = information.sum(axis=0)
    for cluster, (score, own) in enumerate(zip(scores, information, strict=True)):
        rest = total - own
        scale = 1 / np.sqrt(np.maximum(np.diag(rest), 1e-12 * np.diag(total)))
        inverse = np.linalg.pinv(rest * scale[:, None] * scale, rcond=1e-10, hermitian=True)
        found[cluster, free] = -scale * (inverse @ (scale * score))
    return found


def _sums_by_cluster(
    model: PairModel, state: State, quantities: Sequence[Quantity]
) -> tuple[Floats, Floats, Floats]:
    """Sums of each quantity (G, m), cases (G, m) and derivatives by the coefficients (G, m, p - 1)."""
    shape = (model.cells.n_clusters, len(quantities))
    sums, sizes = np.zeros(shape), np.zeros(shape)
    slopes = np.zeros((*shape, model.n_parameters - 1))
    by_intercepts = np.zeros((model.cells.n_groups, 2, len(quantities)))
    for chunk in model.cells.chunks:
        for place, quantity in enumerate(quantities):
            share = quantity(model, state.point, chunk)
            weight = chunk.counts * share.include
            chunk.add_by_cluster(sums[:, place], weight * share.value)
            chunk.add_by_cluster(sizes[:, place], weight)
            _add_slopes(chunk, share, weight, slopes[:, place])
            if model.cells.n_groups:
                chunk.add_by_group(by_intercepts[:, 0, place], weight * share.by_a)
                chunk.add_by_group(by_intercepts[:, 1, place], weight * share.by_b)
    if model.cells.n_groups:
        response = state.evaluation.intercept_response(np.eye(model.n_parameters)[:, :-1])  # (q, 2, p - 1)
        through = np.einsum("gim,gij->gmj", by_intercepts, response)
        np.add.at(slopes, model.cells.group_cluster, through)
    return sums, sizes, slopes


def _add_slopes(chunk: Chunk, share: Share, weight: Floats, target: Floats) -> None:
    """Add the derivative of a chunk's sums by the coefficients, the intercepts held, to ``target`` (G, p - 1)."""
    kz = chunk.Z.shape[1]
    if share.by_a.any():
        chunk.add_by_cluster(target[:, :kz], chunk.Z * (weight * share.by_a)[:, None])
    chunk.add_by_cluster(target[:, kz : kz + share.X.shape[1]], share.X * (weight * share.by_b)[:, None])
    if share.direct is not None:
        column, values = share.direct
        chunk.add_by_cluster(target[:, kz + column], weight * values)
