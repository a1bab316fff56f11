"""Newton's method on a two-equation likelihood, with intercepts eliminated, and upwards where it is not concave."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from se_outcomes.errors import EstimationError
from se_outcomes.regression.binary import DECREMENT
from se_outcomes.regression.paired import Evaluation, PairModel, Point, evaluate

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

MAX_ITERATIONS = 200
#: A climb that rounding keeps from converging (columns far from zero, kinks near perfect dependence) has arrived when
#: twice the gain left is smaller than this: coefficients are then right to 3e-5 standard errors. It is given a few more
#: iterations to get nearer.
SETTLED, MORE_ITERATIONS = 1e-9, 12


@dataclass(frozen=True, eq=False)
class State:
    """Where a climb ended.

    Attributes
    ----------
    point, evaluation : Point, Evaluation
    step : Point
        The Newton step that is left.
    decrement : float
        Twice the gain it promises.
    iterations : int
    """

    point: Point
    evaluation: Evaluation
    step: Point
    decrement: float
    iterations: int

    @property
    def loglik(self) -> float:
        """Log-likelihood here, without what the step left would add."""
        return self.evaluation.loglik

    @property
    def settled(self) -> bool:
        """Whether nothing but rounding is left to gain."""
        return self.decrement <= SETTLED


def climb(
    model: PairModel,
    start: Point,
    free: Flags,
    *,
    independent: bool = False,
    tolerance: float = DECREMENT,
    bounds: tuple[float, float] | None = None,
    max_iterations: int = MAX_ITERATIONS,
) -> State:
    """Newton's method with halving from ``start``; where the Hessian is not negative its eigenvalues are turned.

    Parameters
    ----------
    model : PairModel
    start : Point
    free : (p,) bool array
        Parameters that move; intercepts always do.
    independent : bool
        Maximise as if the equations were independent.
    tolerance : float
        The climb ends when twice the gain that the next step promises is smaller.
    bounds : (float, float), optional
        t stays between them.
    max_iterations : int

    Returns
    -------
    State
        Not ``settled`` (and ``decrement`` above ``tolerance``) if the climb did not converge.
    """
    point = start
    found = evaluate(model, point, independent=independent)
    near = 0
    for iteration in range(max_iterations):
        step, decrement = newton_step(found, free)
        near += decrement <= SETTLED
        if decrement <= tolerance or near > MORE_ITERATIONS:
            return State(point, found, step, decrement, iteration)
        moved = _ascend(model, point, step, found.loglik, independent, bounds)
        if moved is None:
            return State(point, found, step, decrement, iteration)
        point, found = moved
    step, decrement = newton_step(found, free)
    return State(point, found, step, decrement, max_iterations)


def _ascend(
    model: PairModel,
    point: Point,
    step: Point,
    loglik: float,
    independent: bool,
    bounds: tuple[float, float] | None,
) -> tuple[Point, Evaluation] | None:
    """The first of the halved steps that does not lose; None if there is none."""
    size = 1.0 if bounds is None else _size_within(point.theta[-1], step.theta[-1], bounds)
    slack = 1e-12 * (1 + abs(loglik))  # rounding alone must not reject the last, tiny steps
    for _ in range(40):
        trial = point.moved(step, size)
        found = evaluate(model, trial, independent=independent)
        if np.isfinite(found.loglik) and found.loglik >= loglik - slack:
            return trial, found
        size /= 2
    return None


def _size_within(t: float, step: float, bounds: tuple[float, float]) -> float:
    """The largest size up to 1 that keeps t inside, nine tenths of the way to a bound at most."""
    room = bounds[1] - t if step > 0 else bounds[0] - t
    return 1.0 if step == 0 or abs(step) <= abs(room) else 0.9 * room / step


def newton_step(found: Evaluation, free: Flags) -> tuple[Point, float]:
    """Step in theta and intercepts, and twice the gain that it promises."""
    if len(found.group_hessian):
        found = _with_concave_groups(found)
    score, information = found.profiled_score[free], -found.profiled_hessian[np.ix_(free, free)]
    step = np.zeros(len(free))
    step[free] = solve_positive(information, score)
    intercepts = found.intercept_step(step)
    own = np.einsum("gi,gi->", found.group_score, -found._solved[:, :, 0]) if len(intercepts) else 0.0
    return Point(step, intercepts), float(score @ step[free] + own)


def _with_concave_groups(found: Evaluation) -> Evaluation:
    """The same with every group's 2 x 2 block made negative, where a step is to go up."""
    values, vectors = np.linalg.eigh(found.group_hessian)
    if (values < 0).all():
        return found
    turned = -np.maximum(np.abs(values), 1e-8)
    blocks = np.einsum("gij,gj,gkj->gik", vectors, turned, vectors)
    return Evaluation(found.loglik, found.score, found.hessian, found.group_score, blocks, found.cross)


def solve_positive(matrix: Floats, right: Floats) -> Floats:
    """Solve with a matrix that should be positive: where it is not, its eigenvalues' sizes are used."""
    diagonal = np.abs(np.diag(matrix))
    scale = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    scaled = matrix * scale[:, None] * scale
    try:
        factor = np.linalg.cholesky(scaled)
        half = np.linalg.solve(factor, scale * right)
        return scale * np.linalg.solve(factor.T, half)
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(scaled)
        sizes = np.maximum(np.abs(values), 1e-8 * max(1.0, np.abs(values).max()))
        return scale * (vectors @ ((vectors.T @ (scale * right)) / sizes))


def not_converged(model: PairModel) -> EstimationError:
    """The refusal of a climb that ended below the top."""
    return EstimationError(
        f"The {model.family.name} did not converge. Rescale the columns, leave out those that hardly vary, or "
        "simplify the equations.",
        reason="not_converged",
    )
