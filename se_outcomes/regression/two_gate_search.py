"""Looking for the maximum of the two gates' likelihood: peaks from a grid of correlations, in a sample where many."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from se_outcomes.errors import EstimationError
from se_outcomes.regression.binary import BinaryFit, maximise
from se_outcomes.regression.dependence import ROUGH
from se_outcomes.regression.paired import Point
from se_outcomes.regression.paired_climb import State
from se_outcomes.regression.probit import PROBIT
from se_outcomes.regression.two_gate import TwoGateModel
from se_outcomes.regression.two_gate_cells import EquationNamed
from se_outcomes.regression.two_gate_checks import information_left, refuse_separation
from se_outcomes.regression.two_gate_climb import LONGEST, SHARP, TwoGatePeak, climb, followed, pushed_out

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

#: The working correlations of placement with either gate from which the peaks are looked for.
NODES = (-0.55, 0.0, 0.55)
#: Where a working correlation has a larger standard error than the first, hills may lie far apart: peaks are then
#: looked for further out too.
HARDLY_KNOWN, FAR_NODE = 0.4, 1.6
#: Which of them is highest shows when twice the gain left is this small.
NEAR = 0.2
#: With so many cells the starts are compared in a sample of so many; peaks lower in it by more are left.
SAMPLED_FROM, SAMPLE, CLOSE = 6_000, 2_000, 30.0


def climb_to_peak(model: TwoGateModel, start: Point, *, tolerance: float = SHARP) -> TwoGatePeak:
    """The maximum that a climb leads to.

    Raises
    ------
    EstimationError
        ``separation``, ``not_converged``.
    """
    state = climb(model, start, model.free, tolerance=tolerance)
    refuse_separation(model, state)
    edges = pushed_out(state.point, state.evaluation)[-3:] & model.free[-3:]
    return TwoGatePeak(state, edges)


def fit_apart(model: TwoGateModel, theta: Floats) -> tuple[Point, float]:
    """Each equation's probit by itself: the point and its log-likelihood.

    Parameters
    ----------
    model : TwoGateModel
    theta : (p,) array
        Values of what is fixed.

    Raises
    ------
    EstimationError
        ``no_variation``, ``collinearity``, ``separation``, ``not_converged``, with ``details["equation"]``.
    """
    point = Point(theta.copy(), np.zeros((model.cells.n_groups, 3)))
    loglik = 0.0
    for equation in model.cells.equations:
        fit = _fit_one(model, theta, equation)
        places = model.slices[equation]
        point.theta[places] = fit.beta
        if model.cells.n_groups:  # the equation's groups are numbered by their position
            point.intercepts[fit.intercept_codes, equation] = fit.intercept_values
        loglik += fit.loglik
    return point, loglik


def _fit_one(model: TwoGateModel, theta: Floats, equation: int) -> BinaryFit:
    cells, places = model.cells.equation(equation), model.slices[equation]
    restrict = {
        column: float(theta[places.start + column]) for column in np.flatnonzero(~model.free[places]).tolist()
    }
    start = np.zeros(places.stop - places.start), np.zeros(len(cells.group_codes))
    with EquationNamed(equation):
        return maximise(cells, PROBIT, start=start, restrict=restrict)


def search(model: TwoGateModel, apart: Point) -> list[TwoGatePeak]:
    """Peaks of the likelihood, the highest first, from the three probits' point.

    Raises
    ------
    EstimationError
        ``separation``, ``not_converged``.
    """
    if model.cells.n_cells < SAMPLED_FROM:
        return climb_from_nodes(model, apart)
    try:
        starts = _search_sample(model, apart)
    except EstimationError:  # a sample may separate, or not vary, where the whole does not
        return climb_from_nodes(model, apart)
    return _climb_all(model, starts)


def _search_sample(model: TwoGateModel, apart: Point) -> list[Point]:
    """Where the peaks are in a sample of the cells, with the intercepts that it has."""
    sample = replace(model, cells=model.cells.sample(SAMPLE))
    point, _ = fit_apart(sample, apart.theta)
    peaks = climb_from_nodes(sample, point)
    starts = []
    for peak in peaks:
        if peaks[0].loglik - peak.loglik < CLOSE:
            # what follows the correlations in the sample is added to what all cells have without them
            theta = apart.theta + np.where(model.free, peak.theta - point.theta, 0.0)
            theta[-3:] = peak.theta[-3:]
            moved = peak.state.point.intercepts - point.intercepts
            starts.append(Point(theta, apart.intercepts + moved * model.cells.present))
    return starts


def climb_from_nodes(model: TwoGateModel, apart: Point) -> list[TwoGatePeak]:
    """Climb from every node of a grid of correlations that is higher than its neighbours."""
    held = model.free.copy()
    held[-2:] = False
    gates = climb(model, apart, held, tolerance=ROUGH).point  # the gates' own correlation
    held[-3:] = False
    nodes = _solve_nodes(model, gates, NODES, held)
    peaks = _climb_all(model, [node.state.point for node in _tops(nodes)])
    if not _hardly_known(model, peaks[0]):
        return peaks
    held[-3] = model.free[-3]
    nodes = _solve_nodes(model, gates, (-FAR_NODE, *NODES, FAR_NODE), held)
    starts = [peaks[0].state.point, *(node.state.point for node in _tops(nodes))]
    if model.free[[-3, -1]].all():
        starts += _far_from(model, peaks[0].state.point)
    return _distinct([*peaks, *_climb_all(model, starts)])


def _hardly_known(model: TwoGateModel, peak: TwoGatePeak) -> bool:
    """Whether a correlation is at the end of its range, or has a large standard error."""
    _, _, left_over = information_left(model, peak)
    with np.errstate(divide="ignore"):
        errors = 1 / np.sqrt(np.maximum(np.linalg.eigvalsh(left_over), 0.0))
    return bool(peak.edges.any() or (errors > HARDLY_KNOWN).any())


def _far_from(model: TwoGateModel, top: Point) -> list[Point]:
    """Points with strong correlations of acceptance with both others, the coefficients at their best there."""
    held = model.free.copy()
    held[-3:] = False
    found = []
    for gates, placement in itertools.product((-FAR_NODE, FAR_NODE), repeat=2):
        theta = top.theta.copy()
        theta[-3], theta[-1] = gates, placement
        found.append(climb(model, Point(theta, top.intercepts), held, tolerance=NEAR).point)
    return found


@dataclass(frozen=True, eq=False)
class _Node:
    """The rest at its best where the correlations with placement are held, roughly."""

    state: State

    @property
    def height(self) -> float:
        """Log-likelihood with what the step that is left would gain."""
        return self.state.loglik + self.state.decrement / 2


def _solve_nodes(
    model: TwoGateModel, gates: Point, values: Sequence[float], moving: Flags
) -> dict[tuple[int, ...], _Node]:
    """Nodes of a grid from its centre outwards, each started from the nearest one."""
    second, third = (
        values if model.free[place] else (float(gates.theta[place]),) for place in model.correlations[1:]
    )
    centre: tuple[int, ...] = (len(second) // 2, len(third) // 2)
    nodes = {centre: _Node(climb(model, _at(gates, second, third, centre), moving, tolerance=NEAR))}
    for place in sorted(np.ndindex(len(second), len(third)), key=lambda place: _distance(place, centre))[1:]:
        near = nodes[min(nodes, key=lambda other: _distance(place, other))].state
        move = _at(gates, second, third, place).theta - near.point.theta
        move[:-2] = 0.0
        start = followed(near, move, moving) if np.abs(move).max() < LONGEST else near.point.moved(
            Point(move, np.zeros_like(near.point.intercepts)), 1.0
        )  # fmt: skip
        nodes[place] = _Node(climb(model, start, moving, tolerance=NEAR))
    return nodes


def _at(point: Point, second: Sequence[float], third: Sequence[float], place: tuple[int, ...]) -> Point:
    """The point with the correlations of a node."""
    theta = point.theta.copy()
    theta[-2:] = second[place[0]], third[place[1]]
    return Point(theta, point.intercepts)


def _distance(place: tuple[int, ...], other: tuple[int, ...]) -> int:
    return sum(abs(a - b) for a, b in zip(place, other, strict=True))


def _tops(nodes: Mapping[tuple[int, ...], _Node]) -> list[_Node]:
    """Nodes as high as any neighbour, across corners too."""

    def beside(place: tuple[int, ...], other: tuple[int, ...]) -> bool:
        return max(abs(place[0] - other[0]), abs(place[1] - other[1])) == 1

    return [
        node
        for place, node in nodes.items()
        if all(node.height >= nodes[other].height for other in nodes if beside(place, other))
    ]


def _climb_all(model: TwoGateModel, starts: Sequence[Point]) -> list[TwoGatePeak]:
    """The peaks that the starts lead to; refuses where none leads to any.

    Raises
    ------
    EstimationError
        Of the first start.
    """
    peaks, failures = [], []
    for start in starts:
        try:
            peaks.append(climb_to_peak(model, start))
        except EstimationError as failure:
            failures.append(failure)
    if not peaks:
        raise failures[0]
    return _distinct(peaks)


def _distinct(peaks: list[TwoGatePeak]) -> list[TwoGatePeak]:
    """Every peak once, the highest first."""
    found: list[TwoGatePeak] = []
    for peak in sorted(peaks, key=lambda peak: -peak.loglik):
        if all(np.abs(peak.theta[-3:] - other.theta[-3:]).max() > 1e-4 for other in found):
            found.append(peak)
    return found
