"""Contrasts of the exposure from a fitted logit, with errors and tests that hold with few offices.

Intervals are the office jackknife's (CV3) with t(G - 1), p-values those of the restricted wild score bootstrap
(WCLR-S). A contrast's odds ratio, marginal effect and risk ratio are null together, so they share the test of its
coefficient. CR2 with its own degrees of freedom stands beside both as a check, CV1 as what other packages print.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import logit

from se_outcomes.errors import EstimationError
from se_outcomes.inference.cluster_covariance import bias_reduced, cv1_factor
from se_outcomes.inference.intervals import t_interval, t_p_value
from se_outcomes.inference.score_bootstrap import (
    Draws,
    ScoredHypothesis,
    compare,
    draw_weights,
    score_hypothesis,
)
from se_outcomes.regression.binary import BinaryFit
from se_outcomes.regression.marginal import (
    Average,
    average_derivative,
    coefficient,
    shifted_share,
    standardised_curve,
    standardised_share,
)
from se_outcomes.results import TIDY_COLUMNS
from se_outcomes.study.replicated import Replicated

Floats = NDArray[np.float64]
Row = dict[str, Any]
Rows = list[Row]

#: What is told of each of the two other errors.
BESIDE = ("std_error", "conf_low", "conf_high", "p_value")
#: The columns of ``PassageResult.estimates``.
ESTIMATE_COLUMNS = (
    *TIDY_COLUMNS,
    "contrast",
    "measure",
    "adjustment",
    "estimator",
    "std_error_kind",
    "p_value_kind",
    "dof",
    "jackknife_p_value",
    *(f"cr2_{name}" for name in BESIDE),
    "cr2_dof",
    *(f"cv1_{name}" for name in BESIDE),
    "n_cases",
    "n_events",
    "n_offices",
)


# ------------------------------------------------------------------------------------------------ functionals

#: Before the curve's points a slope model tells its coefficient, marginal effect and log risk ratio.
SLOPE_MEASURES = ("log_odds", "ame", "log_risk_ratio")


def slope_averages(fit: BinaryFit) -> list[Average]:
    """Log odds ratio, average marginal effect, and log risk ratio of one more (per SD) of the first column."""
    ratio = shifted_share(fit, 0, 1.0).log() - shifted_share(fit, 0, 0.0).log()
    return [coefficient(fit, 0), average_derivative(fit, 0), ratio]


def slope_functional(fit: BinaryFit, grid: Floats) -> Floats:
    """What is jackknifed of a slope model: :data:`SLOPE_MEASURES`, then logits of the curve."""
    values = [average.value for average in slope_averages(fit)]
    return np.r_[values, logit(standardised_curve(fit, 0, grid))] if len(grid) else np.array(values)


def level_averages(fit: BinaryFit, n_levels: int) -> tuple[list[Average], list[Average]]:
    """Log odds ratios against the first level, and the standardised share of each level (n_levels)."""
    coefficients = [coefficient(fit, column) for column in range(n_levels - 1)]
    shares = []
    for level in range(n_levels):
        values = {column: float(column == level - 1) for column in range(n_levels - 1)}
        shares.append(standardised_share(fit, values))
    return coefficients, shares


def level_functional(fit: BinaryFit, n_levels: int) -> Floats:
    """What is jackknifed of a level model: log odds ratios, differences of shares, log risk ratios, their logits."""
    coefficients, shares = level_averages(fit, n_levels)
    values = np.array([share.value for share in shares])
    return np.r_[
        [average.value for average in coefficients],
        values[1:] - values[0],
        np.log(values[1:] / values[0]),
        logit(values),
    ]


# ------------------------------------------------------------------------------------------------ rows


@cache
def office_draws(n_offices: int) -> Draws:
    """The bootstrap's weights of so many offices: all of them where they are few, else always the same ones."""
    return draw_weights(n_offices)


def is_powerless(n_offices: int) -> bool:
    """Whether no p-value of the bootstrap can be below 5 % with so few offices (two)."""
    return 1 / len(office_draws(n_offices).values) >= 0.05


@dataclass(frozen=True)
class Verdicts:
    """p-values of the null that a contrast's coefficient is zero; its measures share them.

    Attributes
    ----------
    bootstrap : float
        By the score bootstrap; NaN where the fit restricted to the null does not exist.
    jackknife, cr2, cv1 : float
        By t tests.
    statistic : float
        |t| with CV1, which the bootstrap compares.
    hypothesis : ScoredHypothesis or None
        What the bootstrap drew from, for tests together with others.
    powerless : bool
        Whether so few offices leave the bootstrap no p-value below 5 %.
    """

    bootstrap: float
    jackknife: float
    cr2: float
    cv1: float
    statistic: float
    hypothesis: ScoredHypothesis | None
    powerless: bool = False

    @property
    def disagree(self) -> bool:
        """Whether the three that are to hold with few offices lie on both sides of 5 %."""
        bootstrap = np.nan if self.powerless else self.bootstrap
        known = [p for p in (bootstrap, self.jackknife, self.cr2) if not np.isnan(p)]
        return min(known) < 0.05 <= max(known)


def judge_coefficient(replicated: Replicated, column: int) -> Verdicts:
    """Test that a coefficient is zero in four ways."""
    fit, own = replicated.fit, coefficient(replicated.fit, column)
    error = replicated.jackknife.std_error[column]  # coefficients come first in every functional
    draws, statistic = office_draws(fit.n_clusters), abs(own.value) / cv1_error(own)
    try:
        hypothesis = score_hypothesis(fit.refit(restrict={column: 0.0}), [column])
        bootstrapped = compare(statistic, hypothesis.statistics(draws.values), draws)
    except EstimationError:
        hypothesis, bootstrapped = None, np.nan
    cr2, cr2_dof = cr2_error(own)
    return Verdicts(
        bootstrap=bootstrapped,
        jackknife=float(t_p_value(own.value / error, replicated.dof(column))) if error > 0 else np.nan,
        cr2=float(t_p_value(own.value / cr2, cr2_dof)),
        cv1=float(t_p_value(statistic, fit.n_clusters - 1)),
        statistic=statistic,
        hypothesis=hypothesis,
        powerless=is_powerless(fit.n_clusters),
    )


def cv1_error(average: Average) -> float:
    """Standard error by CV1."""
    fit = average.fit
    factor = cv1_factor(fit.n_clusters, fit.n_cases, int(fit.free.sum()))
    return float(np.sqrt(factor * average.influence @ average.influence))


def cr2_error(average: Average) -> tuple[float, float]:
    """Standard error by CR2 and its degrees of freedom; who the cases are enters with the factor G/(G-1)."""
    fit = average.fit
    reduced = bias_reduced(fit, average.gradient[None, :])
    own = np.sqrt(fit.n_clusters / (fit.n_clusters - 1)) * average.composition
    influence = reduced.influence[:, 0] + own
    return float(np.sqrt(influence @ influence)), float(reduced.dof[0])


def estimate_rows(
    replicated: Replicated,
    column: int,
    position: int,
    average: Average,
    verdicts: Verdicts,
    *,
    measure: str,
    **labels: str,
) -> Rows:
    """Rows from place ``position`` of the jackknife; a log odds ratio is followed by its odds ratio.

    Parameters
    ----------
    replicated : Replicated
    column : int
        The contrast's coefficient.
    position : int
    average : Average
        The same at the full fit, for CR2 and CV1.
    verdicts : Verdicts
    measure : {"log_odds", "ame", "log_risk_ratio"}
        A logarithm of a risk ratio becomes a risk ratio.
    labels
        ``term``, ``contrast`` and ``adjustment``.
    """
    fit, jack, dof = replicated.fit, replicated.jackknife, replicated.dof(column)
    estimate, std_error = jack.estimate[position], jack.std_error[position]
    cr2, cr2_dof = cr2_error(average)
    bootstrapped = not np.isnan(verdicts.bootstrap)
    row: Row = {
        **labels,
        **_ends(estimate, std_error, dof, ""),
        **_ends(estimate, cr2, cr2_dof, "cr2_"),
        **_ends(estimate, cv1_error(average), fit.n_clusters - 1.0, "cv1_"),
        "estimate": estimate,
        "statistic": estimate / std_error if std_error > 0 else np.nan,
        "p_value": verdicts.bootstrap if bootstrapped else verdicts.jackknife,
        "measure": measure,
        "estimator": replicated.estimator,
        "std_error_kind": jack.kind,
        "p_value_kind": "WCLR-S" if bootstrapped else jack.kind,
        "dof": dof,
        "jackknife_p_value": verdicts.jackknife,
        "cr2_p_value": verdicts.cr2,
        "cr2_dof": cr2_dof,
        "cv1_p_value": verdicts.cv1,
        "n_cases": fit.n_cases,
        "n_events": fit.n_events,
        "n_offices": fit.n_clusters,
    }
    if measure == "log_odds":
        return [row, exponentiated(row, "odds_ratio")]
    return [exponentiated(row, "risk_ratio")] if measure == "log_risk_ratio" else [row]


def _ends(estimate: float, std_error: float, dof: float, prefix: str) -> dict[str, float]:
    low, high = t_interval(estimate, std_error, dof)
    return {
        f"{prefix}std_error": std_error,
        f"{prefix}conf_low": float(low),
        f"{prefix}conf_high": float(high),
    }


def exponentiated(row: Row, measure: str) -> Row:
    """The ratio's row of a row in logarithms: ends exponentiated, errors by the delta method, same test."""
    kinds = ("", "cr2_", "cv1_")
    with np.errstate(over="ignore"):  # two offices can leave an upper end beyond any number: infinity says so
        ratio = np.exp(row["estimate"])
        ends = {
            f"{kind}{end}": np.exp(row[f"{kind}{end}"]) for kind in kinds for end in ("conf_low", "conf_high")
        }
    errors = {f"{kind}std_error": ratio * row[f"{kind}std_error"] for kind in kinds}
    return {**row, "estimate": ratio, **ends, **errors, "measure": measure}


def estimates_frame(rows: Sequence[Row]) -> pd.DataFrame:
    """Rows as the frame of :data:`ESTIMATE_COLUMNS`, numbers as numbers."""
    frame = pd.DataFrame(list(rows), columns=list(ESTIMATE_COLUMNS))
    text = {"term", "contrast", "measure", "adjustment", "estimator", "std_error_kind", "p_value_kind"}
    whole = {"n_cases", "n_events", "n_offices"}
    kinds = {
        column: str if column in text else int if column in whole else float for column in ESTIMATE_COLUMNS
    }
    return frame.astype(kinds)
