"""Before and after a fit of the two gates: columns that stand still, separation, what is not identified."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from se_outcomes.errors import EstimationError
from se_outcomes.regression.binary import unmoved_columns
from se_outcomes.regression.dependence import inverse
from se_outcomes.regression.paired import Point
from se_outcomes.regression.paired_checks import SUSPICIOUS_PREDICTOR
from se_outcomes.regression.paired_climb import State
from se_outcomes.regression.paired_search import NOT_IDENTIFIED
from se_outcomes.regression.separation import find_separating_columns
from se_outcomes.regression.two_gate import TwoGateModel
from se_outcomes.regression.two_gate_cells import EQUATIONS, EquationNamed
from se_outcomes.regression.two_gate_climb import TwoGatePeak

Floats = NDArray[np.float64]

PAIRS = ("referral and acceptance", "referral and placement", "acceptance and placement given referral")


def still_columns(model: TwoGateModel) -> tuple[int, ...]:
    """Free coefficients (positions) whose column does not vary; refuses collinear columns.

    Raises
    ------
    EstimationError
        ``no_variation``, ``collinearity``, with ``details["equation"]``.
    """
    found = []
    for equation in model.cells.equations:
        places = model.slices[equation]
        with EquationNamed(equation):
            flat = unmoved_columns(model.cells.equation(equation), model.free[places], True)
        found += [places.start + int(column) for column in np.flatnonzero(flat)]
    return tuple(found)


def refuse_separation(model: TwoGateModel, state: State) -> None:
    """Look for separation in each equation where a climb failed or predictors ran off.

    Raises
    ------
    EstimationError
        ``separation``, with ``details["columns"]`` and ``details["equation"]``; ``not_converged``.
    """
    if state.settled and _largest_predictor(model, state.point) <= SUSPICIOUS_PREDICTOR:
        return
    for equation in model.cells.equations:
        own = np.flatnonzero(model.free[model.slices[equation]])
        cells = model.cells.equation(equation)
        separating = own[find_separating_columns(cells.y, cells.X[:, own], cells.group)] if len(own) else own
        if len(separating):
            columns = tuple(int(column) for column in separating)
            raise EstimationError(
                f"Columns {list(columns)} of the {EQUATIONS[equation]} equation separate its outcomes: beyond some "
                "value of them everyone has the same outcome, and no finite coefficient fits best. Leave the columns "
                "out or merge their levels.",
                reason="separation",
                columns=columns,
                equation=EQUATIONS[equation],
            )
    if not state.settled:
        raise EstimationError(
            "The model of the two gates did not converge. Rescale the columns, leave out those that hardly vary, or "
            "simplify the equations.",
            reason="not_converged",
        )


def _largest_predictor(model: TwoGateModel, point: Point) -> float:
    return max(
        float(np.abs(model.predictor(point, block, place)).max())
        for block in model.cells.blocks
        for place in range(len(block.margins))
    )


def refuse_unidentified(model: TwoGateModel, peak: TwoGatePeak) -> None:
    """Refuse a maximum so flat in a coefficient, or in a correlation, that its curvature is rounding.

    Raises
    ------
    EstimationError
        ``not_identified``, with ``details["correlation"]`` where it is one that is flat.
    """
    places, own, left_over = information_left(model, peak)
    if not len(places):
        return
    scale = 1 / np.sqrt(np.maximum(np.abs(np.diag(own)), np.finfo(float).tiny))
    values, vectors = np.linalg.eigh(left_over * scale[:, None] * scale)
    if not values[0] > NOT_IDENTIFIED:
        pair = PAIRS[int(places[int(np.argmax(np.abs(vectors[:, 0])))])]
        raise EstimationError(
            f"The likelihood is as good as the same for every correlation of {pair}: the data say nothing about it. "
            "Add variables that move one gate and nothing after it (exclusions), or hold the correlation at values "
            "and show what follows from each.",
            reason="not_identified",
            correlation=pair,
        )


def information_left(model: TwoGateModel, peak: TwoGatePeak) -> tuple[NDArray[np.intp], Floats, Floats]:
    """Which correlations move (c,), their information (c, c), and what is left when coefficients are estimated too.

    Raises
    ------
    EstimationError
        ``not_identified`` where a coefficient has no curvature.
    """
    information = -peak.state.evaluation.profiled_hessian
    coefficients = model.free.copy()
    coefficients[-3:] = False
    places = np.flatnonzero(model.free[-3:] & ~peak.edges)
    moving = places + len(coefficients) - 3
    own, across = information[np.ix_(moving, moving)], information[np.ix_(moving, coefficients)]
    known = inverse(information[np.ix_(coefficients, coefficients)])
    return places, own, own - across @ known @ across.T
