"""Likelihoods of two equations joined by one dependence parameter, evaluated and maximised on cells.

Every model of the kind (selection probit, copula selection, linear selection, bivariate probit) is a
:class:`PairFamily`: functions of the gate's predictor a = z'gamma + alpha[group], the outcome's predictor
b = x'beta + nu[group] and a dependence parameter t without bounds (atanh rho for the normal). The parameters are in the
order theta = (gamma, beta, t). Group intercepts are pairs (alpha, nu), eliminated group by group (2 x 2 blocks),
never columns.

For the normal with t held fixed the log-likelihood is concave in everything else (Prekopa 1973: the
integral of a log-concave density over a convex set that moves linearly is log-concave), so Newton's method finds
the inner maximum wherever there is one; :mod:`se_outcomes.regression.dependence` walks over t.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from se_outcomes.regression.paired_cells import Chunk, PairedCells

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Terms = tuple[Floats, ...]


@dataclass(frozen=True)
class PairFamily:
    """A model of two equations as functions of arrays (n,).

    Attributes
    ----------
    name : str
    joint : callable (s, y, a, b, t, order)
        Log-probability (density) of both outcomes: ``(f,)`` for order 0, for order 2
        ``(f, f_a, f_b, f_t, f_aa, f_ab, f_bb, f_at, f_bt, f_tt)``.
    gate, outcome : callable (sign, predictor)
        ``(f, f', f'')`` of one equation alone.
    independence : float
        The t at which the equations are independent; -inf where that is a limit.
    limits : (float, float)
        The t beyond which the dependence is as good as perfect (or, at an end that is ``-inf`` in principle,
        as good as none).
    nodes : tuple of float
        Where the profile is looked at first, in order, within the limits.
    dependence : callable
        From t to the parameter as the field knows it (rho, theta).
    ends : (float, float)
        What the dependence is called at the limits (-1 and 1 for a correlation).
    null : str
        The hypothesis of independent equations, in words.
    scaled : bool
        Whether the last coefficient of the outcome is the inverse scale h of a density, which adds log h for every
        outcome seen.
    outcome_weight : callable or None
        Expected information of the outcome's predictor, where the derivative by t at independence is the product
        of the two equations' own (normal errors): what the score test needs.
    """

    name: str
    joint: Callable[[Floats, Floats, Floats, Floats, float, int], Terms]
    gate: Callable[[Floats, Floats], Terms]
    outcome: Callable[[Floats, Floats], Terms]
    independence: float
    limits: tuple[float, float]
    nodes: tuple[float, ...]
    dependence: Callable[[float], float]
    ends: tuple[float, float]
    null: str
    scaled: bool = False
    outcome_weight: Callable[[Floats], Floats] | None = None


@dataclass(frozen=True, eq=False)
class PairModel:
    """A family on its cells.

    Attributes
    ----------
    family : PairFamily
    cells : PairedCells
    names : (str, str)
        What refusals call the two equations.
    fixed : tuple of int
        Coefficients (positions in theta, never t) that stay at the value they start from.
    """

    family: PairFamily
    cells: PairedCells
    names: tuple[str, str] = ("gate", "outcome")
    fixed: tuple[int, ...] = ()

    @property
    def n_parameters(self) -> int:
        """Coefficients of both equations and the dependence."""
        return sum(self.cells.widths) + 1

    @cached_property
    def free(self) -> Flags:
        """Parameters (p,) that move when t is held."""
        free = np.append(np.ones(self.n_parameters - 1, dtype=bool), False)
        free[list(self.fixed)] = False
        return free

    @cached_property
    def free_with_t(self) -> Flags:
        """Parameters (p,) that move when t does too."""
        return np.append(self.free[:-1], True)

    @cached_property
    def n_scaled(self) -> float:
        """Cases whose outcome is seen and modelled, for the inverse scale's log h."""
        if not self.family.scaled:
            return 0.0
        return float(self.cells.joint.counts.sum() + self.cells.outcome.counts.sum())

    def split(self, theta: Floats) -> tuple[Floats, Floats, float]:
        """gamma, beta and t."""
        kz = self.cells.widths[0]
        return theta[:kz], theta[kz:-1], float(theta[-1])


@dataclass(frozen=True, eq=False)
class Point:
    """Parameters: theta (p,) and the intercept pairs (q, 2)."""

    theta: Floats
    intercepts: Floats

    def moved(self, step: Point, size: float) -> Point:
        """The point ``size`` steps on."""
        return Point(self.theta + size * step.theta, self.intercepts + size * step.intercepts)

    def at(self, t: float) -> Point:
        """The same with another dependence."""
        return Point(np.append(self.theta[:-1], t), self.intercepts)


@dataclass(eq=False)
class Evaluation:
    """Log-likelihood with its derivatives by theta and by the intercepts, summed over the cells."""

    loglik: float
    score: Floats
    hessian: Floats
    group_score: Floats
    group_hessian: Floats
    cross: Floats

    def __iadd__(self, other: Evaluation) -> Evaluation:
        self.loglik += other.loglik
        self.score += other.score
        self.hessian += other.hessian
        self.group_score += other.group_score
        self.group_hessian += other.group_hessian
        self.cross += other.cross
        return self

    @cached_property
    def _solved(self) -> Floats:
        """A^-1 [s_a, C] for every group (q, 2, 1 + p), A the 2 x 2 Hessian of its intercepts."""
        right = np.concatenate([self.group_score[:, :, None], self.cross], axis=2)
        try:
            return np.linalg.solve(self.group_hessian, right)
        except np.linalg.LinAlgError:
            # at nearly perfect dependence an intercept may lie on a plateau: nothing follows from it, and it stays
            return np.linalg.pinv(self.group_hessian, rcond=1e-12, hermitian=True) @ right

    @cached_property
    def profiled_score(self) -> Floats:
        """Score of theta after the intercepts (p,)."""
        return self.score - np.einsum("gij,gi->j", self.cross, self._solved[:, :, 0])

    @cached_property
    def profiled_hessian(self) -> Floats:
        """Hessian of theta after the intercepts (p, p)."""
        reduced = self.hessian - np.einsum("gij,gik->jk", self.cross, self._solved[:, :, 1:])
        return (reduced + reduced.T) / 2

    def intercept_step(self, step: Floats) -> Floats:
        """What Newton's method does to the intercepts (q, 2) when theta moves by ``step``."""
        return -(self._solved[:, :, 0] + self._solved[:, :, 1:] @ step)

    def intercept_response(self, direction: Floats) -> Floats:
        """Derivative of the intercepts' optimum when theta moves along ``direction`` (at their optimum)."""
        return -(self._solved[:, :, 1:] @ direction)


# ------------------------------------------------------------------------------------------------ evaluation


def evaluate(model: PairModel, point: Point, *, independent: bool = False) -> Evaluation:
    """Log-likelihood and derivatives; ``independent``: as if the equations were (t is then not looked at)."""
    total = _nothing(model)
    for chunk in model.cells.chunks:
        total += _chunk_evaluation(model, point, chunk, independent)
    if model.n_scaled:
        _add_log_scale(model, point, total)
    _fill_missing_intercepts(model.cells, total)
    return total


def _nothing(model: PairModel) -> Evaluation:
    p, q = model.n_parameters, model.cells.n_groups
    return Evaluation(
        0.0, np.zeros(p), np.zeros((p, p)), np.zeros((q, 2)), np.zeros((q, 2, 2)), np.zeros((q, 2, p))
    )


def predictors(model: PairModel, point: Point, chunk: Chunk) -> tuple[Floats, Floats]:
    """a and b of the chunk's rows."""
    gamma, beta, _ = model.split(point.theta)
    a, b = chunk.Z @ gamma, chunk.X @ beta
    if model.cells.n_groups:
        a, b = a + point.intercepts[chunk.group, 0], b + point.intercepts[chunk.group, 1]
    return a, b


def cell_terms(
    model: PairModel, point: Point, chunk: Chunk, *, independent: bool = False
) -> dict[str, Floats]:
    """Derivatives of each row's log-likelihood by a, b and t; those that are zero are left out."""
    a, b = predictors(model, point, chunk)
    family, kind = model.family, chunk.block.kind
    if kind == "gate":
        f, f_a, f_aa = family.gate(chunk.s, a)
        return {"f": f, "a": f_a, "aa": f_aa}
    if kind == "outcome":
        f, f_b, f_bb = family.outcome(chunk.y, b)
        return {"f": f, "b": f_b, "bb": f_bb}
    if independent:
        f, f_a, f_aa = family.gate(chunk.s, a)
        g, f_b, f_bb = family.outcome(chunk.y, b)
        return {"f": f + g, "a": f_a, "aa": f_aa, "b": f_b, "bb": f_bb}
    names = ("f", "a", "b", "t", "aa", "ab", "bb", "at", "bt", "tt")
    t = float(point.theta[-1])
    return dict(zip(names, family.joint(chunk.s, chunk.y, a, b, t, 2), strict=True))


def _chunk_evaluation(model: PairModel, point: Point, chunk: Chunk, independent: bool) -> Evaluation:
    """One chunk's share."""
    terms = cell_terms(model, point, chunk, independent=independent)
    found = _nothing(model)
    found.loglik = float(chunk.counts @ terms.pop("f"))
    weighted = {name: chunk.counts * values for name, values in terms.items()}
    _add_columns(model, chunk, weighted, found)
    if model.cells.n_groups:
        _add_intercepts(model, chunk, weighted, found)
    return found


def _places(model: PairModel) -> dict[str, slice]:
    kz, kx = model.cells.widths
    return {"a": slice(0, kz), "b": slice(kz, kz + kx), "t": slice(kz + kx, kz + kx + 1)}


def _add_columns(model: PairModel, chunk: Chunk, weighted: dict[str, Floats], found: Evaluation) -> None:
    """Score and Hessian of theta."""
    designs, places = {"a": chunk.Z, "b": chunk.X}, _places(model)
    for name, values in weighted.items():
        if len(name) == 1:
            found.score[places[name]] += designs[name].T @ values if name != "t" else values.sum()
            continue
        first, second = name[0], name[1]
        if name == "tt":
            block = np.array([[values.sum()]])
        elif second == "t":
            block = (designs[first].T @ values)[:, None]
        else:
            block = designs[first].T @ (designs[second] * values[:, None])
        found.hessian[places[first], places[second]] += block
        if first != second:
            found.hessian[places[second], places[first]] += block.T


def _add_intercepts(model: PairModel, chunk: Chunk, weighted: dict[str, Floats], found: Evaluation) -> None:
    """Derivatives by the intercepts of the chunk's groups, and across with theta."""
    designs, places = {"a": chunk.Z, "b": chunk.X}, _places(model)
    for own, row in (("a", 0), ("b", 1)):
        if own not in weighted:
            continue
        chunk.add_by_group(found.group_score[:, row], weighted[own])
        for other, column in (("a", 0), ("b", 1), ("t", -1)):
            values = weighted.get(min(own, other) + max(own, other))
            if values is None:
                continue
            if other == "t":
                chunk.add_by_group(found.cross[:, row, -1], values)
                continue
            chunk.add_by_group(found.group_hessian[:, row, column], values)
            chunk.add_by_group(found.cross[:, row, places[other]], designs[other] * values[:, None])


def _add_log_scale(model: PairModel, point: Point, found: Evaluation) -> None:
    """The Jacobian of an outcome with scale 1/h: log h for every outcome seen."""
    h = point.theta[-2]
    with np.errstate(invalid="ignore", divide="ignore"):
        found.loglik += model.n_scaled * (np.log(h) if h > 0 else -np.inf)
    found.score[-2] += model.n_scaled / h
    found.hessian[-2, -2] -= model.n_scaled / h**2


def _fill_missing_intercepts(cells: PairedCells, found: Evaluation) -> None:
    """Intercepts that do not exist have no derivatives: a unit in the diagonal leaves them where they are."""
    found.group_hessian[~cells.in_gate, 0, 0] = -1.0
    found.group_hessian[~cells.in_outcome, 1, 1] = -1.0


def by_cluster(model: PairModel, point: Point) -> tuple[Floats, Floats]:
    """Scores (G, p) and information (G, p, p) of theta by cluster after the intercepts are profiled out."""
    cells = model.cells
    totals = [_nothing(model) for _ in range(cells.n_clusters)]
    for chunk in cells.chunks:
        terms = cell_terms(model, point, chunk)  # the dear part, for all clusters at once
        del terms["f"]
        weighted = {name: chunk.counts * values for name, values in terms.items()}
        for cluster, part in chunk.clusters:
            own = Chunk(chunk.block, slice(chunk.rows.start + part.start, chunk.rows.start + part.stop))
            of_part = {name: values[part] for name, values in weighted.items()}
            _add_columns(model, own, of_part, totals[cluster])
            if cells.n_groups:
                _add_intercepts(model, own, of_part, totals[cluster])
    for cluster, total in enumerate(totals):
        if model.family.scaled:
            _add_own_log_scale(model, point, cluster, total)
        # elsewhere nothing was added: any regular block leaves them out of the profile
        total.group_hessian[cells.group_cluster != cluster] = -np.eye(2)
        _fill_missing_intercepts(cells, total)
    scores = np.array([total.profiled_score for total in totals])
    return scores, np.array([-total.profiled_hessian for total in totals])


def _add_own_log_scale(model: PairModel, point: Point, cluster: int, total: Evaluation) -> None:
    """A cluster's share of the Jacobian of an outcome with scale 1/h."""
    blocks = model.cells.of_cluster(cluster)
    seen = sum(float(block.counts.sum()) for block in blocks if block.kind != "gate")
    h = point.theta[-2]
    total.score[-2] += seen / h
    total.hessian[-2, -2] -= seen / h**2
