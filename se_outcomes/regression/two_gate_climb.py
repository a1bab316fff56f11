"""Newton's method on the two gates' likelihood, with intercepts eliminated and correlations kept in their range."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from se_outcomes.regression.dependence import PLATEAU
from se_outcomes.regression.paired import Evaluation, Point
from se_outcomes.regression.paired_climb import State, newton_step, solve_positive
from se_outcomes.regression.two_gate import EDGE, TwoGateModel, evaluate

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

MAX_ITERATIONS = 100
#: A peak is climbed until twice the gain left is this small; a climb that has settled is given a few iterations more.
SHARP, MORE_ITERATIONS = 1e-16, 3
#: At held correlations, hundreds of which are asked for: right to a hundred-thousandth of a standard error.
SHARP_ENOUGH = 1e-10
#: No step moves a working correlation by more than this: far from the maximum Newton's parabola knows little.
LONGEST = 0.8


@dataclass(frozen=True, eq=False)
class TwoGatePeak:
    """A local maximum of the likelihood.

    Attributes
    ----------
    state : State
    edges : (3,) bool array
        Correlations at the end of their range, where no derivative vanishes.
    """

    state: State
    edges: Flags

    @property
    def theta(self) -> Floats:
        """Parameters (p,)."""
        return self.state.point.theta

    @property
    def loglik(self) -> float:
        """Log-likelihood there."""
        return self.state.loglik


def climb(model: TwoGateModel, start: Point, free: Flags, *, tolerance: float = SHARP) -> State:
    """Newton's method from ``start``, with halving, turned eigenvalues and correlations kept in their range.

    Parameters
    ----------
    model : TwoGateModel
    start : Point
    free : (p,) bool array
        Parameters that move; intercepts always do.
    tolerance : float
        The climb ends when twice the gain that the next step promises is smaller.

    Returns
    -------
    State
        Not ``settled`` if the climb did not converge.
    """
    point, near, iteration = _within(start), 0, 0
    found = evaluate(model, point)
    while True:
        step, decrement = newton_step(found, free & ~pushed_out(point, found))
        near += decrement <= 1e-9
        arrived = decrement <= tolerance or near > MORE_ITERATIONS or iteration == MAX_ITERATIONS
        moved = None if arrived else _ascend(model, point, step, found.loglik)
        if moved is None:
            return State(point, found, step, decrement, iteration)
        (point, found), iteration = moved, iteration + 1


def _within(point: Point) -> Point:
    theta = point.theta.copy()
    theta[-3:] = np.clip(theta[-3:], -EDGE, EDGE)
    return Point(theta, point.intercepts)


def pushed_out(point: Point, found: Evaluation) -> Flags:
    """Parameters (p,) at the end of their range where the likelihood does not fall towards it."""
    pushed = np.zeros(len(point.theta), dtype=bool)
    t = point.theta[-3:]
    outward = found.profiled_score[-3:] * np.sign(t)
    pushed[-3:] = (np.abs(t) >= EDGE) & (outward > -PLATEAU)
    return pushed


def _ascend(model: TwoGateModel, point: Point, step: Point, loglik: float) -> tuple[Point, Evaluation] | None:
    """The first of the halved steps that does not lose; None if there is none."""
    size = min(1.0, LONGEST / max(float(np.abs(step.theta[-3:]).max()), 1e-300))
    slack = 1e-12 * (1 + abs(loglik))  # rounding alone must not reject the last, tiny steps
    for _ in range(40):
        trial = _within(point.moved(step, size))
        found = evaluate(model, trial)
        if np.isfinite(found.loglik) and found.loglik >= loglik - slack:
            return trial, found
        size /= 2
    return None


def followed(state: State, move: Floats, following: Flags) -> Point:
    """A maximum moved by ``move`` (p,): what is ``following``, and the intercepts, go along to first order."""
    hessian, move = state.evaluation.profiled_hessian, move.copy()
    move[following] += solve_positive(-hessian[np.ix_(following, following)], hessian[following] @ move)
    return state.point.moved(Point(move, state.evaluation.intercept_response(move)), 1.0)
