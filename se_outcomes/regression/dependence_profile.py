"""The profile likelihood of the dependence: solved densely where it matters, and the sets that are read off it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicHermiteSpline
from scipy.stats import chi2

from se_outcomes.regression.dependence import MAX_NODES, Node, Peak, hopeless, next_node, solve_at
from se_outcomes.regression.paired import PairModel
from se_outcomes.regression.paired_climb import not_converged

Floats = NDArray[np.float64]

#: The profile is solved densely where its deviance is below the first number, and told there for sets of every usual
#: level (the chi-squared quantile with one degree of freedom for 99.9 % is 10.8).
DENSE_BELOW, DENSE_STEP, WIDEST = 12.0, 1.5, 0.3
#: A node this much above the highest peak is a maximum that was overlooked; less is a ripple where cases lie on
#: the edge.
HIGHER = 1e-4


@dataclass(frozen=True, eq=False)
class Profile:
    """The profile likelihood of the dependence.

    Attributes
    ----------
    nodes : tuple of Node
        In order of t.
    maximum : float
        The highest log-likelihood.
    dependence : callable
        From t to rho (theta).
    """

    nodes: tuple[Node, ...]
    maximum: float
    dependence: Callable[[float], float]

    @property
    def t(self) -> Floats:
        """Working parameter of each node (m,)."""
        return np.array([node.t for node in self.nodes])

    @property
    def rho(self) -> Floats:
        """Dependence of each node (m,): the correlation, or a copula's parameter."""
        return np.array([self.dependence(node.t) for node in self.nodes])

    @property
    def loglik(self) -> Floats:
        """Profile log-likelihood (m,)."""
        return np.array([node.loglik for node in self.nodes])

    @property
    def coefficients(self) -> Floats:
        """Coefficients of both equations at each node (m, p - 1)."""
        return np.array([node.state.point.theta[:-1] for node in self.nodes])

    @cached_property
    def curve(self) -> CubicHermiteSpline:
        """l(t) as a piecewise cubic with the right slopes."""
        return CubicHermiteSpline(self.t, self.loglik, np.array([node.slope for node in self.nodes]))

    def deviance(self, t: Floats) -> Floats:
        """2 (l_max - l(t)), never below zero; beyond the nodes as at the last of them, where the walk was given up."""
        return np.maximum(2 * (self.maximum - self.curve(np.clip(t, self.t[0], self.t[-1]))), 0.0)

    def likelihood_set(self, level: float = 0.95) -> tuple[tuple[float, float], ...]:
        """Intervals of t whose deviance is at most the chi-squared quantile with one degree of freedom.

        An interval that reaches the end of the range is open there: every stronger dependence is in it too.
        """
        if not 0 < level <= 0.999:
            raise ValueError(f"level must be above 0 and at most 0.999; got {level}")
        bound = chi2.ppf(level, 1)
        slopes = [-2 * node.slope for node in self.nodes]
        excess = CubicHermiteSpline(self.t, 2 * (self.maximum - self.loglik) - bound, slopes)
        roots = [float(t) for t in excess.roots(extrapolate=False) if np.isfinite(t)]
        ends = [float(self.t[0]), *sorted(set(roots)), float(self.t[-1])]
        inside: list[tuple[float, float]] = []
        for low, high in itertools.pairwise(ends):
            if high <= low or excess((low + high) / 2) > 0:
                continue
            if inside and inside[-1][1] == low:  # a root where the curve only touches the bound
                low = inside.pop()[0]
            inside.append((low, high))
        return tuple(inside)


def make_profile(model: PairModel, rough: Sequence[Node], peaks: Sequence[Peak]) -> Profile:
    """Solve the profile to the end: at the rough nodes, at the peaks, and densely wherever the deviance is small.

    Raises
    ------
    EstimationError
        ``not_converged``; also if a node lies above the highest peak.
    """
    top = peaks[0].loglik
    rough = rough or _walk_from(model, peaks[0])
    nodes = {
        node.t: node
        if 2 * (top - node.loglik) > 4 * DENSE_BELOW
        else solve_at(model, node.t, node.state.point, tolerance=TIGHT)
        for node in rough
    }
    for peak in peaks:
        nodes[peak.t] = solve_at(model, peak.t, peak.state.point, tolerance=TIGHT)
        if not peak.edge:
            _add_around(model, nodes, nodes[peak.t])
    while len(nodes) < MAX_NODES:
        ordered = [nodes[t] for t in sorted(nodes)]
        gaps = [pair for pair in itertools.pairwise(ordered) if _too_wide(*pair, top)]
        if not gaps:
            break
        for left, right in gaps:
            middle = (left.t + right.t) / 2
            nodes[middle] = solve_at(
                model, middle, left.state.point.moved(left.tangent, middle - left.t), tolerance=TIGHT
            )
    highest = max(node.loglik for node in nodes.values())
    if highest > top + HIGHER:
        raise not_converged(model)
    return Profile(tuple(nodes[t] for t in sorted(nodes)), top, model.family.dependence)


def _walk_from(model: PairModel, peak: Peak) -> list[Node]:
    """Nodes over the whole range, each from its neighbour, the first from a peak."""
    first = solve_at(model, peak.t, peak.state.point, tolerance=TIGHT)
    nodes = [first]
    for direction in (1, -1):
        last = first
        for t in sorted(
            (t for t in model.family.nodes if (t - peak.t) * direction > 0), key=lambda t: t * direction
        ):
            if hopeless(last, nodes, direction):
                break
            last = next_node(model, last, t)
            nodes.append(last)
    return nodes


#: The profile's nodes are solved until twice the gain left is this small; half of it is added.
TIGHT = 1e-8


def _add_around(model: PairModel, nodes: dict[float, Node], node: Node) -> None:
    """Nodes at one, two and three and a half standard errors on each side, where the range allows."""
    hessian = node.state.evaluation.profiled_hessian
    curvature = -hessian[-1] @ node.tangent.theta
    if not curvature > 0:
        return
    spread = 1 / np.sqrt(curvature)
    low, high = model.family.limits
    for direction in (-1, 1):
        last = node
        for far in (1.0, 2.0, 3.5):
            t = node.t + direction * far * spread
            if not low < t < high or min(abs(t - other) for other in nodes) < 0.1 * spread:
                continue
            last = solve_at(model, t, last.state.point.moved(last.tangent, t - last.t), tolerance=TIGHT)
            nodes[t] = last


def _too_wide(left: Node, right: Node, top: float) -> bool:
    """Whether a cubic between the nodes may not be told apart from the profile where it matters."""
    deviances = 2 * (top - left.loglik), 2 * (top - right.loglik)
    if min(deviances) > DENSE_BELOW:
        return False
    # rather by slopes than by heights: between two equal heights may lie a hill
    fall = 2 * max(abs(left.slope), abs(right.slope)) * (right.t - left.t)
    return right.t - left.t > 2 * WIDEST or (right.t - left.t > 1e-6 and fall > 6 * DENSE_STEP)
