"""Before and beside a two-equation fit: rank, separation, independent equations, and what is left for a score test."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from se_outcomes.errors import EstimationError
from se_outcomes.regression.binary import COLLINEAR, NO_VARIATION
from se_outcomes.regression.paired import PairModel, Point, predictors
from se_outcomes.regression.paired_cells import Block, PairedCells
from se_outcomes.regression.paired_climb import State, climb, not_converged, solve_positive
from se_outcomes.regression.separation import find_separating_columns

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

#: Predictors beyond which separation is looked for. Newton's method stops by its decrement, phi(m)/m for one
#: separated case with a probit's margin m, at m = 7.3 (a logit's at 30).
SUSPICIOUS_PREDICTOR = 6.0


def refuse_collinear(model: PairModel, *, hold: bool = False) -> tuple[int, ...]:
    """Rank of each equation's design on its own rows, after the intercepts.

    Parameters
    ----------
    model : PairModel
    hold : bool
        Columns without any variation are returned (as positions in theta) and not refused.

    Raises
    ------
    EstimationError
        ``collinearity``, with ``details["columns"]`` and ``details["equation"]``.
    """
    cells, first, flat = model.cells, 0, []
    free = model.free
    for name, blocks, design in (
        (model.names[0], (cells.joint, cells.gate), "Z"),
        (model.names[1], (cells.joint, cells.outcome), "X"),
    ):
        raw, centred = _gram(cells, blocks, design)
        own = np.flatnonzero(free[first : first + len(raw)])
        raw, centred = raw[np.ix_(own, own)], centred[np.ix_(own, own)]
        constant = np.diag(centred) <= NO_VARIATION * np.maximum(np.diag(raw), np.finfo(float).tiny)
        involved = np.flatnonzero(constant)
        if hold or not len(involved):
            flat += [first + int(column) for column in own[constant]]
            involved = _collinear_columns(centred, ~constant)
        if len(involved):
            columns = [int(column) for column in own[involved]]
            raise EstimationError(
                f"Columns {columns} of the {name} equation are collinear on the cases it is estimated from (after "
                "the intercepts): their coefficients cannot be told apart. Leave one of them out.",
                reason="collinearity",
                columns=tuple(columns),
                equation=name,
            )
        first += cells.joint.Z.shape[1]
    return tuple(flat)


def _gram(cells: PairedCells, blocks: Sequence[Block], design: str) -> tuple[Floats, Floats]:
    """Cross-products of an equation's columns over its rows (k, k), raw and after the groups' means."""
    width = getattr(cells.joint, design).shape[1]
    raw, sizes = np.zeros((width, width)), np.zeros(max(1, cells.n_groups))
    sums = np.zeros((len(sizes), width))
    for block in blocks:
        for chunk in block.chunks:
            columns = getattr(chunk, design)
            weighted = columns * chunk.counts[:, None]
            raw += columns.T @ weighted
            if cells.n_groups:
                chunk.add_by_group(sums, weighted)
                chunk.add_by_group(sizes, chunk.counts)
    return raw, raw - sums.T @ (sums / np.maximum(sizes, np.finfo(float).tiny)[:, None])


def _collinear_columns(centred: Floats, moving: Flags) -> NDArray[np.int64]:
    """Which of the moving columns are linear combinations of others."""
    places = np.flatnonzero(moving)
    if not len(places):
        return places
    matrix = centred[np.ix_(places, places)]
    scale = 1 / np.sqrt(np.diag(matrix))
    values, vectors = np.linalg.eigh(matrix * scale[:, None] * scale)
    if values[0] >= COLLINEAR:
        return places[:0]
    return places[np.abs(vectors[:, values < COLLINEAR]).max(axis=1) > 1e-3]


def refuse_separation(model: PairModel, state: State) -> None:
    """Look for separation in each equation where a climb failed or predictors ran off.

    Raises
    ------
    EstimationError
        ``separation``, with ``details["columns"]`` and ``details["equation"]``; ``not_converged``.
    """
    if state.settled and _largest_predictor(model, state.point) <= SUSPICIOUS_PREDICTOR:
        return
    cells, first = model.cells, 0
    for name, blocks, design, sign in (
        (model.names[0], (cells.joint, cells.gate), "Z", "s"),
        (model.names[1], (cells.joint, cells.outcome), "X", "y"),
    ):
        own = np.flatnonzero(model.free[first : first + getattr(cells.joint, design).shape[1]])
        first += getattr(cells.joint, design).shape[1]
        if not len(own) or (model.family.scaled and design == "X"):
            continue  # a density has no separation
        columns = np.vstack([getattr(block, design)[:, own] for block in blocks])
        signs = np.concatenate([getattr(block, sign) for block in blocks])
        groups = np.concatenate([block.group for block in blocks]) if cells.n_groups else None
        separating = own[find_separating_columns((signs + 1) / 2, columns, groups)]
        if len(separating):
            raise EstimationError(
                f"Columns {[int(column) for column in separating]} of the {name} equation separate its outcomes: "
                "beyond some value of them everyone has the same outcome, and no finite coefficient fits best. "
                "Leave the columns out or merge their levels.",
                reason="separation",
                columns=tuple(int(column) for column in separating),
                equation=name,
            )
    if not state.settled:
        raise not_converged(model)


def _largest_predictor(model: PairModel, point: Point) -> float:
    largest = 0.0
    for chunk in model.cells.chunks:
        a, b = predictors(model, point, chunk)
        if chunk.block.kind != "outcome":
            largest = max(largest, float(np.abs(a).max()))
        if chunk.block.kind != "gate" and not model.family.scaled:
            largest = max(largest, float(np.abs(b).max()))
    return largest


def fit_independent(model: PairModel, start: Point) -> State:
    """Both equations as if they were independent: where every search over the dependence starts.

    Raises
    ------
    EstimationError
        ``separation`` or ``not_converged``.
    """
    state = climb(model, start, model.free, independent=True)
    refuse_separation(model, state)
    return state


def gate_residual_left_over(model: PairModel, point: Point) -> tuple[float, float]:
    """Weighted sum of squares of the gate's residual after the outcome's columns and intercepts; and before.

    The weights are those of the outcome's expected information; cells in the outcome alone have residual zero.
    """
    cells, weight_of = model.cells, model.family.outcome_weight
    assert weight_of is not None
    width = cells.widths[1] - model.family.scaled
    blocks = [block for block in (cells.joint, cells.outcome) if len(block)]
    roots, residuals, columns, groups = [], [], [], []
    for chunk in (chunk for block in blocks for chunk in block.chunks):
        a, b = predictors(model, point, chunk)
        residual = model.family.gate(chunk.s, a)[1] if chunk.block.kind == "joint" else np.zeros(len(b))
        roots.append(np.sqrt(chunk.counts * weight_of(b)))
        residuals.append(residual)
        columns.append(chunk.X[:, :width])
        groups.append(chunk.group)
    root, design, group = np.concatenate(roots), np.vstack(columns), np.concatenate(groups)
    target = np.concatenate(residuals)
    if cells.n_groups:
        weight = np.bincount(group, root**2, minlength=cells.n_groups)
        weight = np.maximum(weight, np.finfo(float).tiny)

        def centred(values: Floats) -> Floats:
            return values - (np.bincount(group, root**2 * values, minlength=cells.n_groups) / weight)[group]

        target = centred(target)
        design = np.column_stack([centred(column) for column in design.T])
    design, target = design * root[:, None], target * root
    gram = design.T @ design
    explained = solve_positive(gram, design.T @ target)
    return float(((target - design @ explained) ** 2).sum()), float(
        (np.concatenate(residuals) ** 2 * root**2).sum()
    )
