"""Walking over the dependence parameter: every local maximum, the profile of the likelihood, and sets from it.

With the dependence t held fixed everything else is one concave problem (for the normal), so the profile
l(t) = max over the rest is found without any choice of starting values, and its slope comes with it (the envelope
theorem: dl/dt with the rest held). Between neighbouring nodes whose slopes turn from up to down lies a local
maximum; Newton's method finds it. A profile that still rises at the end of the range has its maximum at the edge,
where the dependence is perfect.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicHermiteSpline

from se_outcomes.errors import EstimationError
from se_outcomes.regression.binary import DECREMENT
from se_outcomes.regression.paired import PairModel, Point
from se_outcomes.regression.paired_climb import State, climb, not_converged, solve_positive

Floats = NDArray[np.float64]

#: A peak is climbed until twice the gain left is this small: its coefficients are then right to a billionth of a
#: standard error, so that tallies and rows tell the same to ten digits.
SHARP = 1e-18
#: While looking around it is enough to know the log-likelihood to this much.
ROUGH = 0.02
#: Beyond this working parameter (rho = .98 for the normal) the walk ends where the log-likelihood has fallen by more
#: than the second number and falls on.
STRONG, HOPELESS = 2.3, 30.0
#: Slopes of the profile smaller than the first are looked at closely; smaller than the second they are none.
GENTLE, PLATEAU = 0.1, 1e-6
#: No walk and no profile has more nodes.
MAX_NODES = 120
#: Between the last slope and a plateau hills are looked for down to this width.
NARROW = 0.02


@dataclass(frozen=True, eq=False)
class Node:
    """The inner maximum at one value of the dependence.

    Attributes
    ----------
    t, loglik, slope : float
        Dependence, profile log-likelihood and its derivative (both with what the last step left would add).
    state : State
    free : (p,) bool array
        Parameters that moved.
    """

    t: float
    loglik: float
    slope: float
    state: State
    free: NDArray[np.bool_]

    @cached_property
    def tangent(self) -> Point:
        """How the rest follows t."""
        evaluation = self.state.evaluation
        hessian = evaluation.profiled_hessian
        free = self.free
        rest = np.zeros(len(hessian))
        rest[-1] = 1.0
        rest[free] = solve_positive(-hessian[np.ix_(free, free)], hessian[free, -1])
        return Point(rest, evaluation.intercept_response(rest))

    @cached_property
    def covariance(self) -> Floats:
        """Covariance of the coefficients with t held, (p - 1, p - 1); zero for those that are held too."""
        free = np.flatnonzero(self.free)
        covariance = np.zeros((len(self.free) - 1, len(self.free) - 1))
        chosen = np.ix_(free, free)
        covariance[chosen] = inverse(-self.state.evaluation.profiled_hessian[chosen])
        return covariance


@dataclass(frozen=True, eq=False)
class Peak:
    """A local maximum of the likelihood.

    Attributes
    ----------
    t, loglik : float
    state : State
    edge : bool
        Whether it sits at the end of the range (perfect dependence), where no derivative vanishes.
    """

    t: float
    loglik: float
    state: State
    edge: bool


def solve_at(model: PairModel, t: float, start: Point, *, tolerance: float = DECREMENT) -> Node:
    """The inner maximum at t.

    Raises
    ------
    EstimationError
        ``not_converged``.
    """
    state = climb(model, start.at(t), model.free, tolerance=tolerance)
    if not (state.decrement <= tolerance or state.settled):
        raise not_converged(model)
    evaluation = state.evaluation
    # what the step left would do to height and slope, to second order
    slope = evaluation.profiled_score[-1] + evaluation.profiled_hessian[-1] @ state.step.theta
    return Node(t, state.loglik + state.decrement / 2, float(slope), state, model.free)


def look_around(model: PairModel, independent: State) -> list[Node]:
    """Nodes over the whole range, roughly solved, each started from its neighbour along the tangent."""
    family = model.family
    grid = np.array(family.nodes)
    centre = int(np.argmin(np.abs(grid - np.clip(family.independence, *family.limits))))
    first = solve_at(model, float(grid[centre]), independent.point, tolerance=ROUGH)
    nodes = [first]
    for direction in (1, -1):
        last = first
        for t in grid[centre + 1 :] if direction == 1 else grid[:centre][::-1]:
            if hopeless(last, nodes, direction):
                break
            last = next_node(model, last, float(t))
            nodes.append(last)
    nodes = [
        solve_at(model, node.t, node.state.point) if abs(node.slope) < GENTLE else node for node in nodes
    ]
    return refine(model, sorted(nodes, key=lambda node: node.t))


def hopeless(last: Node, nodes: Sequence[Node], direction: int) -> bool:
    """Whether the profile has fallen so far, and falls on so near the end, that no maximum can lie beyond."""
    fallen = max(node.loglik for node in nodes) - last.loglik
    return abs(last.t) >= STRONG and last.slope * direction < 0 and fallen > HOPELESS


def next_node(model: PairModel, last: Node, t: float) -> Node:
    """From one node to the next; by halves where the way is too far."""
    try:
        return solve_at(model, t, last.state.point.moved(last.tangent, t - last.t), tolerance=ROUGH)
    except EstimationError:
        if abs(t - last.t) < 0.05:
            raise
        halfway = next_node(model, last, (t + last.t) / 2)
        return next_node(model, halfway, t)


def refine(model: PairModel, nodes: Sequence[Node]) -> list[Node]:
    """More nodes wherever heights and slopes of two neighbours do not go together: a hill lies hidden between them."""
    found, place = list(nodes), 0
    while place + 1 < len(found) and len(found) < MAX_NODES:
        left, right = found[place], found[place + 1]
        if _hides_peak(left, right):
            left, right = (solve_at(model, node.t, node.state.point) for node in (left, right))
            found[place : place + 2] = left, right
            if _hides_peak(left, right):
                middle = (left.t + right.t) / 2
                start = left.state.point.moved(left.tangent, middle - left.t)
                found.insert(place + 1, solve_at(model, middle, start))
                continue
        place += 1
    return found


def _hides_peak(left: Node, right: Node) -> bool:
    """Whether the profile rises at one end and yet is lower at the other, or falls and yet is higher."""
    rise = right.loglik - left.loglik
    if left.slope > 0 > right.slope or right.t - left.t < 0.02:
        return False
    return (left.slope > PLATEAU and rise < -1e-6) or (right.slope < -PLATEAU and rise > 1e-6)


def find_peaks(model: PairModel, nodes: Sequence[Node]) -> list[Peak]:
    """All local maxima that the nodes bracket, the highest first; those at an end of the range too.

    Where the dependence is nearly perfect the profile becomes a plateau (no case lies between the two predictors):
    a profile that rises to it has its maximum at the edge.
    """
    steep = [node for node in nodes if abs(node.slope) > PLATEAU]
    peaks = [
        _climb_to_peak(model, left, right)
        for left, right in itertools.pairwise(steep)
        if left.slope > 0 > right.slope
    ]
    for end, last, outward in ((nodes[0], steep[0], -1.0), (nodes[-1], steep[-1], 1.0)):
        if last.slope * outward > 0:
            falling = _behind_a_hill(model, last, nodes, outward)
            if falling is not None:
                left, right = (last, falling) if outward > 0 else (falling, last)
                peaks.append(_climb_to_peak(model, left, right))
                continue
            exact = solve_at(model, end.t, end.state.point)
            if exact.slope * outward > -PLATEAU:  # solved to the end it may turn out to fall
                peaks.append(Peak(exact.t, exact.loglik, exact.state, True))
    return sorted(peaks, key=lambda peak: -peak.loglik)


def _behind_a_hill(model: PairModel, last: Node, nodes: Sequence[Node], outward: float) -> Node | None:
    """A node that falls outward between the last that rises and the plateau; None if it rises all the way.

    Perfect dependence may be a plateau below a hill that is narrower than the nodes are apart.
    """
    beyond = [node for node in nodes if (node.t - last.t) * outward > 0]
    if not beyond:
        return None
    flat = min(beyond, key=lambda node: abs(node.t - last.t))
    # a hill rises above the plateau by less than what the last slope would gain all the way
    while abs(last.slope * (flat.t - last.t)) > PLATEAU and abs(flat.t - last.t) > NARROW:
        t = (last.t + flat.t) / 2
        middle = solve_at(model, t, flat.state.point)
        if middle.slope * outward < -PLATEAU:
            return middle
        last, flat = (middle, flat) if abs(middle.slope) > PLATEAU else (last, middle)
    return None


def climb_from(model: PairModel, start: Point, edge: bool) -> Peak:
    """The peak of a model near that of another: a sample of its cells, or all of them but a cluster.

    Parameters
    ----------
    model : PairModel
    start : Point
    edge : bool
        Whether the other's sits at the end of the range.

    Raises
    ------
    EstimationError
        ``not_converged``.
    """
    family = model.family
    if edge:
        high = start.theta[-1] > family.independence
        node = solve_at(model, family.limits[1 if high else 0], start)
        if node.slope * (1 if high else -1) > -PLATEAU:
            return Peak(node.t, node.loglik, node.state, True)
        start = start.at(family.nodes[-2 if high else 1])  # from the limit itself no step leads inwards
    state = climb(model, start, model.free_with_t, bounds=family.limits, tolerance=SHARP, max_iterations=40)
    if not state.settled:
        raise not_converged(model)
    return Peak(float(state.point.theta[-1]), state.loglik, state, False)


def refuse_flat(nodes: Sequence[Node]) -> None:
    """Refuse a profile that does not depend on the dependence (saturated equations).

    Raises
    ------
    EstimationError
        ``not_identified``.
    """
    if max(abs(node.slope) for node in nodes) <= PLATEAU:
        raise EstimationError(
            "The likelihood is the same for every dependence between the equations: the data say nothing about it. "
            "Add a variable that moves the gate and not the outcome (exclusion), or leave some interactions out.",
            reason="not_identified",
        )


def _climb_to_peak(model: PairModel, left: Node, right: Node) -> Peak:
    """Newton's method in all parameters, kept between the two nodes."""
    start = _between(left, right)
    state = climb(
        model, start, model.free_with_t, bounds=(left.t, right.t), tolerance=SHARP, max_iterations=40
    )
    if not state.settled:
        state = _close_in(model, left, right)
    return Peak(float(state.point.theta[-1]), state.loglik, state, False)


def _between(left: Node, right: Node) -> Point:
    """Where the cubic through heights and slopes is highest, with the coefficients between those of the nodes."""
    curve = CubicHermiteSpline([left.t, right.t], [left.loglik, right.loglik], [left.slope, right.slope])
    tops = [float(t) for t in curve.derivative().roots(extrapolate=False) if np.isfinite(t)]
    t = max(tops, key=lambda top: float(curve(top)), default=(left.t + right.t) / 2)
    share = (t - left.t) / (right.t - left.t)
    near, away = (left, t - left.t) if share < 0.5 else (right, t - right.t)
    return near.state.point.moved(near.tangent, away).at(t)


def _close_in(model: PairModel, left: Node, right: Node) -> State:
    """Halve the bracket by the sign of the slope until Newton's method gets there.

    Raises
    ------
    EstimationError
        ``not_converged``.
    """
    for _ in range(50):
        middle = solve_at(model, (left.t + right.t) / 2, left.state.point)
        left, right = (middle, right) if middle.slope > 0 else (left, middle)
        state = climb(
            model, middle.state.point, model.free_with_t, bounds=(left.t, right.t), max_iterations=8
        )
        if state.settled:
            return state
    raise not_converged(model)


def inverse(matrix: Floats) -> Floats:
    """Inverse of a positive matrix, by its scaled form.

    Raises
    ------
    EstimationError
        ``not_identified`` if it is singular: near perfect dependence the likelihood may be flat in a coefficient.
    """
    diagonal = np.diag(matrix)
    if (diagonal > 0).all():
        scale = 1 / np.sqrt(diagonal)
        try:
            found = np.linalg.inv(matrix * scale[:, None] * scale) * scale[:, None] * scale
        except np.linalg.LinAlgError:
            pass
        else:
            if np.isfinite(found).all() and (np.diag(found) > 0).all():
                return found
    raise EstimationError(
        "Where the dependence between the equations is held, the likelihood does not depend on some of their "
        "coefficients. Leave out columns that hardly vary among the cases with an outcome.",
        reason="not_identified",
    )
