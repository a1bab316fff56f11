"""Contrasts of the exposure from a fitted logit: odds ratios, marginal effects, office-clustered errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import logit

from se_outcomes.errors import EstimationError
from se_outcomes.inference.cluster_covariance import cv1_factor
from se_outcomes.inference.intervals import t_interval, t_p_value
from se_outcomes.inference.jackknife import Jackknife, jackknife
from se_outcomes.regression.binary import BinaryFit
from se_outcomes.regression.marginal import (
    Average,
    average_derivative,
    standardised_curve,
    standardised_share,
)
from se_outcomes.results import TIDY_COLUMNS, Notice

Floats = NDArray[np.float64]
Row = dict[str, Any]
Rows = list[Row]

#: The columns of ``PassageResult.estimates``.
ESTIMATE_COLUMNS = (
    *TIDY_COLUMNS,
    "contrast",
    "measure",
    "adjustment",
    "std_error_kind",
    "cv1_std_error",
    "cv1_conf_low",
    "cv1_conf_high",
    "dof",
    "n_cases",
    "n_events",
    "n_offices",
)


@dataclass(frozen=True, eq=False)
class Replicated:
    """A fit, what was computed from it, the office jackknife of that, and what had to be said about it."""

    fit: BinaryFit
    jackknife: Jackknife
    warnings: tuple[Notice, ...]


def replicate(fit: BinaryFit, functional: Callable[[BinaryFit], Floats], what: str) -> Replicated:
    """CV3 of a functional; where some refit fails, CV3L with a sentence (replicates are never dropped)."""
    try:
        return Replicated(fit, jackknife(functional, fit, kind="CV3"), ())
    except EstimationError as failure:
        if "n_failed" not in failure.details:
            raise
        sentence = Notice(
            "linear_jackknife",
            "{what}: without one office at a time the model cannot be fitted for {n_failed} of {n_clusters} "
            "offices ({why}), so the refitting jackknife (CV3) does not exist; its linear form (CV3L), which "
            "may be too narrow, is given instead.",
            what=what,
            n_failed=failure.details["n_failed"],
            n_clusters=failure.details["n_clusters"],
            why=failure.reason.replace("_", " "),
        )
        return Replicated(fit, jackknife(functional, fit, kind="CV3L"), (sentence,))


def slope_averages(fit: BinaryFit) -> list[Average]:
    """The log odds ratio and the average marginal effect of the first column."""
    return [_coefficient(fit, 0), average_derivative(fit, 0)]


def slope_functional(fit: BinaryFit, grid: Floats) -> Floats:
    """What is jackknifed of a slope model: log odds ratio, marginal effect, logits of the curve."""
    values = [average.value for average in slope_averages(fit)]
    return np.r_[values, logit(standardised_curve(fit, 0, grid))] if len(grid) else np.array(values)


def level_averages(fit: BinaryFit, n_levels: int) -> tuple[list[Average], list[Average]]:
    """Log odds ratios against the first level, and the standardised share of each level (n_levels)."""
    coefficients = [_coefficient(fit, column) for column in range(n_levels - 1)]
    shares = []
    for level in range(n_levels):
        values = {column: float(column == level - 1) for column in range(n_levels - 1)}
        shares.append(standardised_share(fit, values))
    return coefficients, shares


def level_functional(fit: BinaryFit, n_levels: int) -> Floats:
    """What is jackknifed of a level model: log odds ratios, differences of shares, logits of the shares."""
    coefficients, shares = level_averages(fit, n_levels)
    values = np.array([share.value for share in shares])
    return np.r_[[average.value for average in coefficients], values[1:] - values[0], logit(values)]


def estimate_rows(
    replicated: Replicated,
    position: int,
    average: Average,
    *,
    term: str,
    contrast: str,
    measure: str,
    adjustment: str,
) -> Rows:
    """A row from place ``position`` of the jackknife; a log odds ratio is followed by its odds ratio."""
    fit, jack = replicated.fit, replicated.jackknife
    estimate, std_error = jack.estimate[position], jack.std_error[position]
    n_offices, dof = fit.n_clusters, jack.dof
    cv1 = np.sqrt(cv1_factor(n_offices, fit.n_cases, len(fit.beta)) * average.influence @ average.influence)
    statistic = estimate / std_error if std_error > 0 else np.nan
    low, high = t_interval(estimate, std_error, dof)
    cv1_low, cv1_high = t_interval(estimate, cv1, dof)
    row: Row = {
        "term": term,
        "estimate": estimate,
        "std_error": std_error,
        "statistic": statistic,
        "p_value": t_p_value(statistic, dof),
        "conf_low": low,
        "conf_high": high,
        "contrast": contrast,
        "measure": measure,
        "adjustment": adjustment,
        "std_error_kind": jack.kind,
        "cv1_std_error": cv1,
        "cv1_conf_low": cv1_low,
        "cv1_conf_high": cv1_high,
        "dof": dof,
        "n_cases": fit.n_cases,
        "n_events": fit.n_events,
        "n_offices": n_offices,
    }
    return [row, exponentiated(row)] if measure == "log_odds" else [row]


def exponentiated(row: Row) -> Row:
    """The odds ratio row of a log odds row: ends exponentiated, errors by the delta method, same test."""
    with np.errstate(over="ignore"):  # two offices can leave an upper end beyond any number: infinity says so
        ratio = np.exp(row["estimate"])
        ends = {key: np.exp(row[key]) for key in ("conf_low", "conf_high", "cv1_conf_low", "cv1_conf_high")}
    errors = {key: ratio * row[key] for key in ("std_error", "cv1_std_error")}
    return {**row, "estimate": ratio, **ends, **errors, "measure": "odds_ratio"}


def estimates_frame(rows: Sequence[Row]) -> pd.DataFrame:
    """Rows as the frame of :data:`ESTIMATE_COLUMNS`, numbers as numbers."""
    frame = pd.DataFrame(list(rows), columns=list(ESTIMATE_COLUMNS))
    text = {"term", "contrast", "measure", "adjustment", "std_error_kind"}
    whole = {"n_cases", "n_events", "n_offices"}
    kinds = {
        column: str if column in text else int if column in whole else float for column in ESTIMATE_COLUMNS
    }
    return frame.astype(kinds)


def _coefficient(fit: BinaryFit, column: int) -> Average:
    return Average(float(fit.beta[column]), lambda: fit.scores @ fit.covariance[:, column])
