"""Simulated cases without end: every chance by quadrature, and a logit on the exact cells."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.special import expit, logit
from scipy.stats import norm

from se_outcomes.cases.gate_model import UNDECIDED_SHARE, GateModel, Offices, Ruler, normal_nodes
from se_outcomes.cases.traits import ADJUST_FOR

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Nothing of N(0, 1) that matters lies further out.
FAR_OUT = 7.0
MOTIVATION_NODES, EMPLOYABILITY_NODES = 12, 25


@dataclass(frozen=True, eq=False)
class Grid:
    """Nodes over motivation (K of them) and employability (J), with the V values recorded.

    Attributes
    ----------
    motivation, motivation_weight : (K,) arrays
    place : (K,) integer array
        Which recorded value the node has.
    values : (V,) array
    employability, employability_weight : (J,) arrays
    """

    motivation: Floats
    motivation_weight: Floats
    place: Integers
    values: Floats
    employability: Floats
    employability_weight: Floats

    @cached_property
    def value_weight(self) -> Floats:
        """Share of each recorded value (V,)."""
        return np.asarray(np.bincount(self.place, self.motivation_weight), dtype=np.float64)

    @cached_property
    def scale_sd(self) -> float:
        """Standard deviation of the recorded values."""
        mean = self.value_weight @ self.values
        return float(np.sqrt(self.value_weight @ (self.values - mean) ** 2))

    @cached_property
    def scaled(self) -> Floats:
        """Recorded values less their mean, in standard deviations (V,)."""
        return (self.values - self.value_weight @ self.values) / self.scale_sd

    @cached_property
    def cuts(self) -> Floats:
        """Quarter cuts (3,): smallest values with cumulative shares of k/4 or more; ties stay together."""
        share_up_to = np.cumsum(self.value_weight)
        # the margin only lets a share that is k/4 by construction be k/4 in floating point
        return self.values[np.searchsorted(share_up_to, np.array([0.25, 0.5, 0.75]) - 1e-9)]

    @cached_property
    def group(self) -> Integers:
        """Quarter 0-3 of each recorded value (V,)."""
        return np.searchsorted(self.cuts, self.values).astype(np.int64)

    @cached_property
    def quarters(self) -> Floats:
        """Distribution of the motivation nodes within each quarter (4, K); rows sum to one."""
        weights = self.motivation_weight * (self.group[self.place] == np.arange(4)[:, None])
        return weights / weights.sum(axis=1, keepdims=True)


def make_grid(ruler: Ruler) -> Grid:
    """Gauss-Legendre over M within each point of the ruler (or quarter, if exact), Gauss-Hermite over U."""
    steps = ruler.thresholds() if ruler.rounded else norm.ppf([0.25, 0.5, 0.75])
    edges = np.concatenate([[-FAR_OUT], steps, [FAR_OUT]])
    n_nodes = MOTIVATION_NODES if ruler.rounded else 3 * MOTIVATION_NODES
    unit, unit_weight = np.polynomial.legendre.leggauss(n_nodes)
    half = np.diff(edges)[:, None] / 2
    motivation = (edges[:-1, None] + half * (unit + 1)).ravel()
    weight = (half * unit_weight).ravel() * norm.pdf(motivation)
    employability, employability_weight = normal_nodes(1.0, EMPLOYABILITY_NODES)
    values, place = np.unique(ruler.record(motivation), return_inverse=True)
    return Grid(motivation, weight / weight.sum(), place, values, employability, employability_weight)


@dataclass(frozen=True, eq=False)
class Passage:
    """One question in the population: who is at risk, and with what chances, by office and node (G, K, J).

    Attributes
    ----------
    at_risk : (G, K, J) array
        Share of all eligible who are at this office and node and at risk.
    chance : (G, K, J) array
        Of passing, over the gatekeepers that one may meet.
    chance_slope : (G, K, J) array
        Its derivative by M.
    log_odds, log_odds_slope : arrays that broadcast to (G, K, J)
        Log odds given M, U, office and gatekeepers (less what does not depend on M), and their derivative by
        M.
    """

    at_risk: Floats
    chance: Floats
    chance_slope: Floats
    log_odds: Floats
    log_odds_slope: Floats


@dataclass(frozen=True, eq=False)
class Population:
    """The model in the offices drawn.

    Attributes
    ----------
    model : GateModel
    offices : Offices
    grid : Grid
    employability_recorded : bool
        Whether adjusting is for employability too.
    """

    model: GateModel
    offices: Offices
    grid: Grid
    employability_recorded: bool = False

    @cached_property
    def eligible(self) -> Floats:
        """Share of the eligible at each office and node (G, K, J); M depends on neither office nor U."""
        grid = self.grid
        nodes = np.multiply.outer(grid.motivation_weight, grid.employability_weight)
        return np.multiply.outer(self.offices.share, nodes)

    @cached_property
    def referral(self) -> Passage:
        """Gate 1, of all eligible."""
        log_odds = self.model.referral(*self._nodes) + self.offices.referral[:, None, None]
        chance, slope = averaged_expit(log_odds, *self.model.counsellor_effects())
        return self._gate(self.eligible, chance, slope, self.model.referral_effect)

    @cached_property
    def acceptance(self) -> Passage:
        """Gate 2, of the referred; the undecided are missing at random."""
        log_odds = self.model.acceptance(*self._nodes) + self.offices.acceptance[:, None, None]
        chance, slope = averaged_expit(log_odds, *self.model.specialist_effects())
        return self._gate(self.eligible * self.referral.chance, chance, slope, self.model.acceptance_effect)

    @cached_property
    def both_gates(self) -> Passage:
        """Both gates as one, of all eligible; the undecided have not passed."""
        first, second = self.referral, self.acceptance
        decided = 1 - UNDECIDED_SHARE
        slope = decided * (first.chance_slope * second.chance + first.chance * second.chance_slope)
        return _mixture(self.eligible, decided * first.chance * second.chance, slope)

    @cached_property
    def placement_of_accepted(self) -> Passage:
        """Placement with support, of those who passed both gates."""
        chance = self.with_se
        effect = self.model.placement_effect
        at_risk = self.eligible * self.both_gates.chance
        return self._gate(at_risk, chance, chance * (1 - chance), effect)

    @cached_property
    def placement_of_eligible(self) -> Passage:
        """Placement of all eligible, with support for those who passed both gates."""
        with_support, without = self.with_se, self.without_se
        accepted, accepted_slope = self.both_gates.chance, self.both_gates.chance_slope
        effect = self.model.placement_effect
        slope = (
            accepted_slope * (with_support - without)
            + accepted * effect * with_support * (1 - with_support)
            + (1 - accepted) * effect * without * (1 - without)
        )
        return _mixture(self.eligible, accepted * with_support + (1 - accepted) * without, slope)

    @property
    def _nodes(self) -> tuple[Floats, Floats]:
        return self.grid.motivation[:, None], self.grid.employability[None, :]

    def _placement(self, *, accepted: bool) -> Floats:
        log_odds = self.model.placement(*self._nodes, accepted=accepted)
        return expit(log_odds + self.offices.placement[:, None, None])

    def _gate(self, at_risk: Floats, chance: Floats, slope: Floats, effect: float) -> Passage:
        motivation = self.grid.motivation[None, :, None]
        return Passage(at_risk, chance, effect * slope, effect * motivation, np.full((1, 1, 1), effect))

    @cached_property
    def with_se(self) -> Floats:
        """Chance of placement with support, at each office and node (G, K, J)."""
        return self._placement(accepted=True)

    @cached_property
    def without_se(self) -> Floats:
        """Chance of placement without it (G, K, J)."""
        return self._placement(accepted=False)

    def cells(self, passage: Passage, *, adjusted: bool) -> tuple[Floats, Floats, Integers, Floats]:
        """Cells: at risk and passed (G, C), place of the recorded value (C,), covariates (C, q)."""
        at_risk, passed = (
            self.cell_totals(weight, adjusted=adjusted)
            for weight in (passage.at_risk, passage.at_risk * passage.chance)
        )
        return at_risk, passed, *self.cell_columns(adjusted=adjusted)

    def cell_columns(self, *, adjusted: bool) -> tuple[Integers, Floats]:
        """Place of the recorded value of each cell (C,), and its covariates (C, q): dummies, employability."""
        covariates = self._patterns[1] if adjusted else np.zeros((1, 0))
        if adjusted and self.employability_recorded:
            nodes = self.grid.employability
            covariates = np.column_stack(
                [np.tile(covariates, (len(nodes), 1)), np.repeat(nodes, len(covariates))]
            )
        n_values = len(self.grid.values)
        return np.repeat(np.arange(n_values), len(covariates)), np.tile(covariates, (n_values, 1))

    def cell_totals(self, weight: Floats, *, adjusted: bool) -> Floats:
        """Sums (G, C) of a weight (G, K, J) over the cells that the recorded columns tell apart."""
        patterns = self._patterns[0] if adjusted else np.ones((*weight.shape[1:], 1))
        starts = np.searchsorted(
            self.grid.place, np.arange(len(self.grid.values))
        )  # values rise with the nodes
        if not (adjusted and self.employability_recorded):
            by_node = weight.transpose(1, 0, 2) @ patterns
            by_value = np.add.reduceat(by_node, starts, axis=0)
            return by_value.transpose(1, 0, 2).reshape(len(weight), -1)
        ends = [*starts[1:], len(patterns)]
        found = [
            np.einsum("gkj,kjp->gjp", weight[:, start:end], patterns[start:end])
            for start, end in zip(starts, ends, strict=True)
        ]
        return np.stack(found, axis=1).reshape(len(weight), -1)

    @cached_property
    def _patterns(self) -> tuple[Floats, Floats]:
        """Chance of each combination of the covariates at each node (K, J, P), and its dummies (P, q)."""
        chances, dummies = np.ones((*self.eligible.shape[1:], 1)), np.zeros((1, 0))
        for trait in ADJUST_FOR:
            levels = trait.chances(*self._nodes)
            chances = (chances[..., :, None] * levels[..., None, :]).reshape(*chances.shape[:2], -1)
            steps = np.eye(len(trait.levels))[:, 1:]
            dummies = np.hstack([np.repeat(dummies, len(steps), axis=0), np.tile(steps, (len(dummies), 1))])
        return chances, dummies


def _mixture(at_risk: Floats, chance: Floats, slope: Floats) -> Passage:
    """A passage whose log odds are those of the chance itself (it mixes ways of passing, or gatekeepers)."""
    return Passage(at_risk, chance, slope, logit(chance), slope / (chance * (1 - chance)))


def averaged_expit(log_odds: Floats, nodes: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """E expit(log_odds + e) over a distribution of e (nodes and weights), and its derivative.

    Through a spline on a grid of 0.01: exact to about 1e-12, and as quick however many log odds there are.
    """
    reach = np.arange(log_odds.min() - 0.05, log_odds.max() + 0.06, 0.01)
    chances = expit(reach[:, None] + nodes)
    average = CubicSpline(reach, chances @ weights)
    slope = CubicSpline(reach, (chances * (1 - chances)) @ weights)
    return average(log_odds), slope(log_odds)


@dataclass(frozen=True, eq=False)
class CellFit:
    """A logit with office intercepts (G,) and slopes (k,) that all offices share."""

    intercepts: Floats
    slopes: Floats


def fit_cells(at_risk: Floats, passed: Floats, X: Floats) -> CellFit:
    """Weighted logit on cells that all offices have: Newton's method, office intercepts eliminated by block.

    Parameters
    ----------
    at_risk, passed : (G, C) arrays
        Weights of the cells and of those passing in them.
    X : (C, k) array
        The cells' covariates, the same for every office.

    Raises
    ------
    RuntimeError
        If the method does not converge.
    """
    intercepts = logit(passed.sum(axis=1) / at_risk.sum(axis=1))
    slopes = np.zeros(X.shape[1])
    for _ in range(50):
        chance = expit(intercepts[:, None] + X @ slopes)
        score = passed - at_risk * chance
        weight = at_risk * chance * (1 - chance)
        own, cross = weight.sum(axis=1), weight @ X
        information = X.T @ (weight.sum(axis=0)[:, None] * X) - cross.T @ (cross / own[:, None])
        step = np.linalg.solve(information, score.sum(axis=0) @ X - (score.sum(axis=1) / own) @ cross)
        slopes = slopes + step
        intercepts = intercepts + (score.sum(axis=1) - cross @ step) / own
        if np.abs(step).max() < 1e-11:
            return CellFit(intercepts, slopes)
    raise RuntimeError("the logit on the population's cells did not converge; are the effects very large?")
