"""Simulated cases without end as the recorded columns show them: cells, and the logits that are fitted on them.

A cell is a recorded value of motivation, a combination of the covariates adjusted for, and (where it is recorded) a
node of employability. The undecided are referred and not accepted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from se_outcomes.cases.population import Population, fit_cells

Floats = NDArray[np.float64]
#: A line of the truth: question, adjustment, at_risk, term, contrast, measure, population_value, causal_value.
Row = tuple[str, str, str, str, str, str, float, float]


@dataclass(frozen=True, eq=False)
class RecordedCells:
    """Shares of all eligible by office and cell, all (G, C) arrays but the last two.

    Attributes
    ----------
    eligible, referred, accepted : arrays
        Who is there, and who of them passed.
    placed_accepted, placed_rest : arrays
        The placed among the accepted, and among all others.
    with_se, without_se : arrays
        Who would be placed if all of the cell were accepted, or none.
    quarter : (C,) integer array
        Quarter 0-3 of motivation.
    X : (C, k) array
        A constant, motivation in standard deviations, and the covariates.
    """

    eligible: Floats
    referred: Floats
    accepted: Floats
    placed_accepted: Floats
    placed_rest: Floats
    with_se: Floats
    without_se: Floats
    quarter: NDArray[np.int64]
    X: Floats

    @property
    def rest(self) -> Floats:
        """All who were not accepted (G, C)."""
        return self.eligible - self.accepted

    @property
    def capacity(self) -> Floats:
        """What each office takes in today (G,)."""
        return np.asarray(self.accepted.sum(axis=1))

    @cached_property
    def predictions(self) -> dict[str, Prospects]:
        """ "across" and "within" -> prospects; of one office alone there is nothing to predict across offices."""
        ways = ("across", "within") if len(self.eligible) > 1 else ("within",)
        return {way: predict(self, way) for way in ways}


@dataclass(frozen=True, eq=False)
class Prospects:
    """What is predicted from the recorded columns, (G, C) arrays.

    Attributes
    ----------
    chance : array
        Of acceptance.
    without_se : array
        Of placement without support, from those not accepted.
    with_se : array
        Of placement with it, from the accepted.
    """

    chance: Floats
    without_se: Floats
    with_se: Floats

    @property
    def gain(self) -> Floats:
        """What acceptance would add."""
        return self.with_se - self.without_se


def record_population(population: Population) -> RecordedCells:
    """The population in its recorded cells, with the covariates that the plan adjusts for."""
    eligible = population.eligible
    referred = eligible * population.referral.chance
    accepted = eligible * population.both_gates.chance
    weights = {
        "eligible": eligible,
        "referred": referred,
        "accepted": accepted,
        "placed_accepted": accepted * population.with_se,
        "placed_rest": (eligible - accepted) * population.without_se,
        "with_se": eligible * population.with_se,
        "without_se": eligible * population.without_se,
    }
    place, covariates = population.cell_columns(adjusted=True)
    grid = population.grid
    X = np.column_stack([np.ones(len(place)), grid.scaled[place], covariates])
    totals = {name: population.cell_totals(weight, adjusted=True) for name, weight in weights.items()}
    return RecordedCells(**totals, quarter=grid.group[place], X=X)


def predict(cells: RecordedCells, cross_fit: str) -> Prospects:
    """What logits linear in motivation converge to.

    Parameters
    ----------
    cells : RecordedCells
    cross_fit : {"within", "across"}
        With an intercept for each office; or with a constant alone, each office predicted from all others (two
        offices at least).
    """
    fit = _fit_within if cross_fit == "within" else _fit_across
    return Prospects(
        chance=fit(cells.eligible, cells.accepted, cells.X),
        without_se=fit(cells.rest, cells.placed_rest, cells.X),
        with_se=fit(cells.accepted, cells.placed_accepted, cells.X),
    )


def _fit_within(at_risk: Floats, passed: Floats, X: Floats) -> Floats:
    """Chances (G, C) of a logit with office intercepts."""
    fit = fit_cells(at_risk, passed, X[:, 1:])
    return np.asarray(expit(fit.intercepts[:, None] + X[:, 1:] @ fit.slopes))


def _fit_across(at_risk: Floats, passed: Floats, X: Floats) -> Floats:
    """Chances (G, C) of logits without office effects, each office by that of all others."""
    total, events = at_risk.sum(axis=0), passed.sum(axis=0)
    together = fit_pooled(total[None], events[None], X)
    others = fit_pooled(total - at_risk, events - passed, X, start=together)
    return np.asarray(expit(others @ X.T))


def fit_pooled(at_risk: Floats, passed: Floats, X: Floats, *, start: Floats | None = None) -> Floats:
    """Logits on B sets of cells at once, by Newton's method.

    Parameters
    ----------
    at_risk, passed : (B, C) arrays
        Weights of the cells, and of those passing in them.
    X : (C, k) array
        A constant first.
    start : (1, k) array, optional
        Coefficients to begin with.

    Returns
    -------
    (B, k) array
        Coefficients.

    Raises
    ------
    RuntimeError
        If the method does not converge.
    """
    squares = (X[:, :, None] * X[:, None, :]).reshape(len(X), -1)
    if start is None:
        start = np.zeros((1, X.shape[1]))
        start[0, 0] = logit(passed.sum() / at_risk.sum())
    found = np.repeat(start, len(at_risk), axis=0)
    for _ in range(50):
        chance = expit(found @ X.T)
        score = (passed - at_risk * chance) @ X
        information = ((at_risk * chance * (1 - chance)) @ squares).reshape(-1, X.shape[1], X.shape[1])
        step = np.linalg.solve(information, score[..., None])[..., 0]
        found = found + step
        if np.abs(step).max() < 1e-11:
            return found
    raise RuntimeError("the logit on the population's cells did not converge; are the effects very large?")


def served_first(score: Floats, n: Floats, capacity: Floats) -> Floats:
    """Share of each cell (G, C) that is served if every office serves the highest score first."""
    order = np.argsort(-score, axis=1, kind="stable")
    ranked = np.take_along_axis(n, order, axis=1)
    before = np.cumsum(ranked, axis=1) - ranked
    # a cell that holds nobody has no share to serve
    share = np.divide(capacity[:, None] - before, ranked, out=np.zeros_like(ranked), where=ranked > 0)
    served = np.empty_like(ranked)
    np.put_along_axis(served, order, np.clip(share, 0.0, 1.0), axis=1)
    return served


def mean(values: Floats, weights: Floats) -> float:
    """Weighted mean over offices and cells, or nodes."""
    return float((values * weights).sum() / weights.sum())
