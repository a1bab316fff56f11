"""The conditional logit beside an ordinary one, where offices have few cases."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from se_outcomes.errors import EstimationError
from se_outcomes.inference.cluster_covariance import bias_reduced, cluster_covariance
from se_outcomes.inference.intervals import t_interval, t_p_value
from se_outcomes.regression.conditional_logit import (
    ConditionalFit,
    conditional_logit_is_feasible,
    fit_conditional_logit,
)
from se_outcomes.results import Notice
from se_outcomes.study.contrasts import Rows, estimates_frame, exponentiated
from se_outcomes.study.design import Design, Term, fit_design
from se_outcomes.study.sample import Sample

#: With fewer cases per office than this, office intercepts pull slopes away from zero (methods: incidental
#: parameters).
MIN_CASES_PER_OFFICE = 30


def estimate_conditional(sample: Sample) -> tuple[pd.DataFrame, tuple[Notice, ...]]:
    """Rows as ``PassageResult.estimates``, and sentences. No marginal effects exist without intercepts.

    Standard errors are CV3L, the linear office jackknife: the refits of CV3 would take too long.
    """
    per_office = sample.used["n"].sum() / sample.used["office_id"].nunique()
    if not sample.office_effects or per_office >= MIN_CASES_PER_OFFICE:
        return estimates_frame([]), ()
    few = partial(_say_few, f"{per_office:.0f}")
    rows: Rows = []
    try:
        for adjustment, covariates in sample.adjustments.items():
            for exposure, contrasts in _exposures(sample):
                design = sample.design(exposure, covariates)
                if not conditional_logit_is_feasible(design.counts, design.y, design.offices):
                    return estimates_frame([]), (
                        few("small_offices_slow", "which is free of this, would take too long here."),
                    )
                rows += _rows(_fit(design), design, sample.exposure, contrasts, adjustment)
    except EstimationError as refusal:
        return estimates_frame([]), (
            few(
                "small_offices_refused", "which is free of this, could not be fitted: {why}", why=str(refusal)
            ),
        )
    return estimates_frame(rows), (few("small_offices", "which is free of this, is given beside."),)


def _say_few(per_office: str, key: str, ending: str, **parts: str) -> Notice:
    return Notice(
        key,
        "There are {per_office} cases per office on average: with fewer than {least} an intercept for each office "
        "pulls odds ratios away from 1; the conditional logit, " + ending,
        per_office=per_office,
        least=MIN_CASES_PER_OFFICE,
        **parts,
    )


def _exposures(sample: Sample) -> list[tuple[Term, dict[int, str]]]:
    """The exposure linearly and by level, each with the columns to report and their contrasts' names."""
    found = []
    if sample.numeric:
        found.append((sample.slope_term(), {0: "per_sd"}))
    named = {number - 1: contrast for number, contrast in sample.contrasts().items()}
    if named:
        found.append((sample.level_term(), named))
    return found


def _fit(design: Design) -> ConditionalFit:
    # sorted by office: the order in which the scores come is then the order of the offices
    order = np.argsort(design.offices, kind="stable")
    return fit_conditional_logit(
        design.y[order],
        design.X[order],
        groups=design.offices[order],
        counts=design.counts[order],
        start=fit_design(design).beta,
    )


def _rows(fit: ConditionalFit, design: Design, term: str, contrasts: dict[int, str], adjustment: str) -> Rows:
    robust, cv1 = cluster_covariance(fit, kind="CV3L"), cluster_covariance(fit, kind="CV1")
    cr2 = bias_reduced(fit, np.eye(len(fit.beta)))
    dof = len(fit.scores) - 1.0
    rows: Rows = []
    for column, contrast in contrasts.items():
        estimate = fit.beta[column]
        row = {
            "term": term,
            "estimate": estimate,
            **_errors(estimate, robust.std_error[column], dof, ""),
            **_errors(estimate, cr2.std_error[column], float(cr2.dof[column]), "cr2_"),
            **_errors(estimate, cv1.std_error[column], dof, "cv1_"),
            "statistic": estimate / robust.std_error[column],
            "contrast": contrast,
            "measure": "log_odds",
            "adjustment": adjustment,
            "estimator": "conditional",
            "std_error_kind": robust.kind,
            "p_value_kind": robust.kind,
            "dof": dof,
            "cr2_dof": float(cr2.dof[column]),
            "n_cases": fit.n_cases,
            "n_events": round(float(design.counts @ design.y)),
            "n_offices": len(fit.scores),
        }
        row["jackknife_p_value"] = row["p_value"]
        rows += [row, exponentiated(row, "odds_ratio")]
    return rows


def _errors(estimate: float, std_error: float, dof: float, prefix: str) -> dict[str, float]:
    low, high = t_interval(estimate, std_error, dof)
    return {
        f"{prefix}std_error": std_error,
        f"{prefix}conf_low": float(low),
        f"{prefix}conf_high": float(high),
        f"{prefix}p_value": float(t_p_value(estimate / std_error, dof)),
    }
