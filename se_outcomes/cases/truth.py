"""What is true of simulated cases: what a right estimate converges to, and what motivation causes.

Both are for the offices drawn. The *population value* is the study's own estimator applied to cases without
end: with the recorded columns only, so employability is left out, and motivation in points of the ruler. The
*causal value* is the model's own contrast, employability and office held:

* ``per_sd``, ``log_odds``: the log odds by motivation, given employability, office and gatekeepers, for as
  much motivation as one standard deviation of the ruler; ``ame``: the mean over those at risk of the
  derivative of their chance, in the same unit.
* ``top_vs_bottom``: everyone at risk given the motivation of the top quarter of all eligible (a draw from
  it), less everyone at risk given that of the bottom quarter; means of log odds (``log_odds``) or of chances
  (``ame``).
* Placement of all eligible (and acceptance, where the gates are merged) goes by way of the gates: its log
  odds are those of the chance given motivation, employability and office, over the gatekeepers that one may
  meet.
* ``selection``: log ratio of the mean chances under the two motivations; ``gate_2`` with the referred as they
  are, ``net`` with both gates at work. The causal gates therefore do not add up to the causal net: giving
  more people motivation also changes who is referred. Standardising over offices changes nothing causal.

Prospects, effects and policies: :mod:`se_outcomes.cases.truth_of_prospects`,
:mod:`se_outcomes.cases.truth_of_effects`, :mod:`se_outcomes.cases.truth_of_policies`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from se_outcomes.cases.population import CellFit, Passage, Population, fit_cells
from se_outcomes.cases.recorded import Row, record_population
from se_outcomes.cases.truth_of_effects import bounds_rows, effect_rows, gap_rows, two_gate_rows
from se_outcomes.cases.truth_of_policies import policy_rows
from se_outcomes.cases.truth_of_prospects import creaming_rows, left_out_rows

Floats = NDArray[np.float64]

TRUTH_COLUMNS = (
    "question",
    "adjustment",
    "at_risk",
    "term",
    "contrast",
    "measure",
    "population_value",
    "causal_value",
)
BOTTOM, TOP = 0, 3
EXPOSURE = "motivation"


def tell_truth(population: Population, *, merged: bool, outcome_for_all: bool) -> pd.DataFrame:
    """The true values of everything that the study's questions estimate from cases like these.

    Parameters
    ----------
    population : Population
    merged : bool
        Whether the two gates are recorded as one: then referral and its gate have no rows.
    outcome_for_all : bool
        Whether placement is known for all: else placement of all eligible has no rows, nor has what compares the
        accepted with others.

    Returns
    -------
    DataFrame
        The columns of :data:`TRUTH_COLUMNS`; no value is missing.
    """
    rows: list[Row] = []
    if merged:
        rows += _passage_rows(population, population.both_gates, "acceptance", "eligible")
    else:
        rows += _passage_rows(population, population.referral, "referral", "eligible")
        rows += _passage_rows(population, population.acceptance, "acceptance", "referred")
    rows += _passage_rows(population, population.placement_of_accepted, "placement", "accepted")
    if outcome_for_all:
        rows += _passage_rows(population, population.placement_of_eligible, "placement", "eligible")
    rows += _selection_rows(population, merged=merged)
    rows += _counterfactual_rows(population, merged=merged, outcome_for_all=outcome_for_all)
    return pd.DataFrame(rows, columns=list(TRUTH_COLUMNS))


def _counterfactual_rows(population: Population, *, merged: bool, outcome_for_all: bool) -> Iterator[Row]:
    """Prospects, effects and policies."""
    cells = record_population(population)
    asked = {"merged": merged, "outcome_for_all": outcome_for_all}
    yield from creaming_rows(population, cells, **asked)
    yield from left_out_rows(population, cells, **asked)
    if outcome_for_all:
        yield from effect_rows(population, cells)
        yield from gap_rows(population, cells)
        yield from policy_rows(cells)
    yield from two_gate_rows(population, cells, **asked)
    yield from bounds_rows(population, cells, outcome_for_all=outcome_for_all)


def _passage_rows(population: Population, passage: Passage, question: str, at_risk: str) -> Iterator[Row]:
    causal = _causal_values(population, passage)
    for adjustment in ("crude", "adjusted"):
        found = _population_values(population, passage, adjusted=adjustment == "adjusted")
        for (contrast, measure), value in found.items():
            row = (question, adjustment, at_risk, EXPOSURE, contrast)
            yield (*row, measure, value, causal[contrast, measure])
            if measure == "log_odds":
                yield (*row, "odds_ratio", float(np.exp(value)), float(np.exp(causal[contrast, measure])))


def _population_values(
    population: Population, passage: Passage, *, adjusted: bool
) -> dict[tuple[str, str], float]:
    """What logits with office effects converge to: one linear in the ruler, one with a step per quarter."""
    grid = population.grid
    at_risk, passed, place, covariates = population.cells(passage, adjusted=adjusted)
    slope_X = np.column_stack([grid.scaled[place], covariates])
    slope = fit_cells(at_risk, passed, slope_X)
    chance = expit(slope.intercepts[:, None] + slope_X @ slope.slopes)
    levels_X = np.column_stack([np.eye(4)[grid.group[place]][:, 1:], covariates])
    levels = fit_cells(at_risk, passed, levels_X)
    top, bottom = (_standardised_share(levels, at_risk, levels_X, quarter) for quarter in (TOP, BOTTOM))
    return {
        ("per_sd", "log_odds"): float(slope.slopes[0]),
        ("per_sd", "ame"): float(slope.slopes[0] * np.average(chance * (1 - chance), weights=at_risk)),
        ("top_vs_bottom", "log_odds"): float(levels.slopes[TOP - 1]),
        ("top_vs_bottom", "ame"): top - bottom,
    }


def _standardised_share(fit: CellFit, at_risk: Floats, X: Floats, quarter: int) -> float:
    """Mean predicted chance if all at risk were in this quarter, all else as it is."""
    moved = X.copy()
    moved[:, :3] = np.eye(4)[quarter, 1:]
    return float(np.average(expit(fit.intercepts[:, None] + moved @ fit.slopes), weights=at_risk))


def _causal_values(population: Population, passage: Passage) -> dict[tuple[str, str], float]:
    grid = population.grid
    ruler_sd = grid.scale_sd / population.model.ruler.points_per_sd  # in standard deviations of M
    weights = passage.at_risk

    def mean(values: Floats) -> float:
        return float(np.average(np.broadcast_to(values, weights.shape), weights=weights))

    return {
        ("per_sd", "log_odds"): ruler_sd * mean(passage.log_odds_slope),
        ("per_sd", "ame"): ruler_sd * mean(passage.chance_slope),
        ("top_vs_bottom", "log_odds"): _if_moved(population, passage.log_odds, weights, TOP)
        - _if_moved(population, passage.log_odds, weights, BOTTOM),
        ("top_vs_bottom", "ame"): _if_moved(population, passage.chance, weights, TOP)
        - _if_moved(population, passage.chance, weights, BOTTOM),
    }


def _if_moved(population: Population, values: Floats, at_risk: Floats, quarter: int) -> float:
    """Mean over those at risk if they had the motivation of a quarter, office and U held."""
    by_office_and_u = at_risk.sum(axis=1)
    moved = np.einsum("k,gkj->gj", population.grid.quarters[quarter], np.broadcast_to(values, at_risk.shape))
    return float(np.average(moved, weights=by_office_and_u))


def _selection_rows(population: Population, *, merged: bool) -> Iterator[Row]:
    """Log risk ratios of top against bottom quarter, crude and standardised over offices."""
    both, referral, acceptance = population.both_gates, population.referral, population.acceptance
    gates = {"net": both} if merged else {"gate_1": referral, "gate_2": acceptance}
    for adjustment in ("crude", "office_standardised"):
        parts = {term: _log_risk_ratio(population, gate, adjustment) for term, gate in gates.items()}
        causal = {term: _causal_log_risk_ratio(population, gate) for term, gate in gates.items()}
        if not merged:
            parts["net"], causal["net"] = sum(parts.values()), _causal_log_risk_ratio(population, both)
        row = ("selection", adjustment, "eligible")
        for term, value in parts.items():
            yield (*row, term, "top_vs_bottom", "log_risk_ratio", value, causal[term])


def _log_risk_ratio(population: Population, gate: Passage, adjustment: str) -> float:
    quarter = population.grid.group[population.grid.place]
    by_node = gate.at_risk.sum(axis=2), (gate.at_risk * gate.chance).sum(axis=2)
    n, passed = (np.stack([w[:, quarter == q].sum(axis=1) for q in (TOP, BOTTOM)]) for w in by_node)  # (2, G)
    if adjustment == "crude":  # noqa: SIM108
        rate = passed.sum(axis=1) / n.sum(axis=1)
    else:
        rate = (passed / n) @ (n.sum(axis=0) / n.sum())
    return float(np.log(rate[0] / rate[1]))


def _causal_log_risk_ratio(population: Population, gate: Passage) -> float:
    top, bottom = (_if_moved(population, gate.chance, gate.at_risk, quarter) for quarter in (TOP, BOTTOM))
    return float(np.log(top / bottom))
