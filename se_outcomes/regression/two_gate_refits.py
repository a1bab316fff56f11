"""Where a refit of the two gates' likelihood starts: under a restriction, or without a cluster, both to first order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from se_outcomes.regression.binary import COLLINEAR
from se_outcomes.regression.dependence import ROUGH
from se_outcomes.regression.paired import Evaluation, Point
from se_outcomes.regression.two_gate import EDGE, TwoGateModel
from se_outcomes.regression.two_gate_checks import still_columns
from se_outcomes.regression.two_gate_climb import LONGEST, TwoGatePeak, climb, followed

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def restrict_model(
    model: TwoGateModel, peak: TwoGatePeak, restrict: Mapping[int, float]
) -> tuple[TwoGateModel, Point]:
    """The model with parameters held at values, and a point near its maximum.

    Parameters
    ----------
    model : TwoGateModel
    peak : TwoGatePeak
        Its maximum.
    restrict : mapping of int to float
        Positions in theta to values.
    """
    theta, last = peak.theta, model.n_parameters - 1
    move = np.zeros(last + 1)
    for position, value in restrict.items():
        if not 0 <= position <= last:
            raise ValueError(f"restrict: positions 0 to {last}; got {position}")
        if position > last - 3 and not abs(value) <= EDGE:
            raise ValueError(f"restrict: atanh of a correlation from {-EDGE} to {EDGE}; got {value}")
        move[position] = value - theta[position]
    model = replace(model, fixed=tuple(sorted({*model.fixed, *restrict})))
    if not move.any():
        return model, peak.state.point
    following = model.free.copy()
    if np.abs(move[-3:]).max() <= LONGEST:
        following[-3:] &= ~peak.edges
        return model, followed(peak.state, move, following)
    # far away the first order knows little: the coefficients' own problem is concave, so solve that
    following[-3:] = False
    far = Point(theta + move, peak.state.point.intercepts)
    return model, climb(model, far, following, tolerance=ROUGH).point


def leave_cluster_out(
    model: TwoGateModel,
    start: Point,
    moving: Flags,
    cluster: int,
    information: Floats,
    own: Floats,
    score: Floats,
    at_start: Evaluation,
) -> tuple[TwoGateModel, Point, tuple[int, ...]]:
    """The model without a cluster, a point near its maximum, and coefficients that nothing is known of without it.

    Parameters
    ----------
    model : TwoGateModel
    start : Point
        Near its maximum with the cluster.
    moving : (p,) bool array
        Parameters that were maximised over.
    cluster : int
        Position of the cluster.
    information, own, score : (p, p), (p, p), (p,) arrays
        Information of all clusters; information and score of the one left out.
    """
    cells = model.cells
    model = replace(model, cells=cells.without_cluster(cluster))
    flat = still_columns(model)
    moving = moving & model.free
    moving[list(flat)] = False
    chosen = np.ix_(moving, moving)
    # scaled by all clusters' information: without one the rest's may be nought or, where it is observed, below
    scale = 1 / np.sqrt(np.maximum(np.abs(np.diag(information[chosen])), np.finfo(float).tiny))
    rest = (information - own)[chosen] * scale[:, None] * scale
    theta = start.theta.copy()
    theta[moving] -= scale * (np.linalg.pinv(rest, rcond=COLLINEAR, hermitian=True) @ (scale * score[moving]))
    intercepts = start.intercepts[cells.group_cluster != cluster]
    return replace(model, fixed=(*model.fixed, *flat)), Point(theta, intercepts), flat
