"""The fits behind a passage question: one linear in the scaled exposure, one with a step per level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from se_outcomes.errors import EstimationError
from se_outcomes.inference.intervals import share_interval
from se_outcomes.inference.score_bootstrap import score_bootstrap
from se_outcomes.results import Notice, Test
from se_outcomes.study.contrasts import (
    SLOPE_MEASURES,
    Rows,
    estimate_rows,
    estimates_frame,
    is_powerless,
    level_averages,
    level_functional,
    office_draws,
    slope_averages,
    slope_functional,
)
from se_outcomes.study.design import Term
from se_outcomes.study.office_evidence import Judged, judge, say_disagreement
from se_outcomes.study.replicated import Replicated, fit_or_penalise, replicate
from se_outcomes.study.sample import Sample, exposure_values

Floats = NDArray[np.float64]

#: Points at which the fitted curve is evaluated.
CURVE_POINTS = 41


@dataclass(frozen=True, eq=False)
class Association:
    """What the fits of a passage question found.

    Attributes
    ----------
    estimates, curve, groups : frames
        As in :class:`~se_outcomes.study.passage.PassageResult`.
    main : Replicated
        The fit that the curve (or, for levels, the groups) is drawn from.
    judged : tuple of Judged
        The contrasts tested, in the order of ``estimates``.
    joint : Test or None
        Of all levels together, where the exposure is no number and has three or more.
    warnings : tuple of str
    """

    estimates: pd.DataFrame
    curve: pd.DataFrame
    groups: pd.DataFrame
    main: Replicated
    judged: tuple[Judged, ...]
    joint: Test | None
    warnings: tuple[Notice, ...]


def associate(sample: Sample) -> Association:
    """Fit crude and adjusted models on the same cases; the last of them gives curve and groups."""
    estimates: Rows = []
    judged: list[Judged] = []
    warnings: list[Notice] = []
    slope = None
    for adjustment, covariates in sample.adjustments.items():
        if sample.numeric:
            slope = fit_slope(sample, covariates, with_curve=adjustment == list(sample.adjustments)[-1])
            _refuse_slope_of_one_office(slope, sample)
            judged.append(judge(slope, 0, "per_sd", adjustment, sample))
            estimates += slope_rows(slope, judged[-1])
            warnings += slope.warnings
        levels, refused = fit_levels(sample, covariates)
        warnings += refused
        if levels is not None:
            told = {n: name for n, name in sample.contrasts().items() if not levels.alone[n - 1]}
            for number, contrast in told.items():
                judged.append(judge(levels, number - 1, contrast, adjustment, sample))
                estimates += level_rows(levels, judged[-1], len(sample.levels))
            warnings += (*levels.warnings, *say_left_out(sample, told))
    _refuse_without_contrasts(judged, sample)
    main = slope or levels
    assert main is not None  # a level model without a slope model beside it raises when it cannot be fitted
    return Association(
        estimates=estimates_frame(estimates),
        curve=share_curve(slope, sample),
        groups=group_shares(levels, sample),
        main=main,
        judged=tuple(judged),
        joint=None if sample.numeric or levels is None else look_at_levels(levels, sample),
        warnings=(*warnings, *say_disagreement(judged), *say_powerless(main.fit.n_clusters)),
    )


def _refuse_slope_of_one_office(slope: Replicated, sample: Sample) -> None:
    if slope.alone[0]:
        raise EstimationError(
            f"After what is adjusted for, {sample.exposure} varies within one office only, so nothing tells how what "
            "goes with it differs between offices. Adjust for less, or ask without office effects "
            "(office_effects=False).",
            reason="exposure_constant_within_offices",
            column=sample.exposure,
        )


def _refuse_without_contrasts(judged: Sequence[Judged], sample: Sample) -> None:
    if not judged:
        raise EstimationError(
            f"No two levels of {sample.exposure} can be compared in more than one office, so nothing tells how they "
            "differ between offices. Merge levels, or ask without office effects (office_effects=False).",
            reason="exposure_constant_within_offices",
            column=sample.exposure,
        )


def say_left_out(sample: Sample, told: dict[int, str]) -> tuple[Notice, ...]:
    """That contrasts which one office alone tells are not shown."""
    if len(told) == len(sample.contrasts()):
        return ()
    key = "quarter_in_few_offices" if sample.numeric else "level_in_few_offices"
    sentence = (
        "Top against bottom quarter of {exposure} is not shown: one of them is found in too few offices."
        if sample.numeric
        else "Levels of {exposure} that are found in too few offices are not compared."
    )
    return (Notice(key, sentence, exposure=sample.exposure),)


def say_powerless(n_offices: int) -> tuple[Notice, ...]:
    """That so few offices leave the bootstrap nothing to find."""
    if not is_powerless(n_offices):
        return ()
    return (
        Notice(
            "bootstrap_powerless",
            "With {n_offices} offices no p-value of the score bootstrap can be below 5 %, whatever the cases say: only "
            "the interval, which is very wide, can be read.",
            n_offices=n_offices,
        ),
    )


def fit_slope(sample: Sample, covariates: Sequence[str], *, with_curve: bool) -> Replicated:
    """The model linear in the scaled exposure, with its office jackknife."""
    design = sample.design(sample.slope_term(), covariates)
    grid = curve_grid(sample) if with_curve else np.zeros(0)
    return replicate(design, lambda refit: slope_functional(refit, grid), f"{sample.exposure} per SD")


def fit_levels(sample: Sample, covariates: Sequence[str]) -> tuple[Replicated | None, tuple[Notice, ...]]:
    """The model with a step per quarter or level.

    Beside a slope model its refusal is a sentence, not an error: then the first item returned is None.
    """
    n_levels = len(sample.levels)
    what = f"{sample.exposure} by {'quarter' if sample.numeric else 'level'}"
    try:
        if n_levels < 2:
            raise EstimationError(
                f"all cases used lie in one quarter of {sample.exposure}.", reason="exposure_constant"
            )
        design = sample.design(sample.level_term(), covariates)
        return replicate(design, lambda refit: level_functional(refit, n_levels), what), ()
    except EstimationError as refusal:
        if not sample.numeric:
            raise
        return None, (
            Notice("quarters_refused", "Top against bottom quarter is not shown: {why}", why=str(refusal)),
        )


def slope_rows(slope: Replicated, judged: Judged) -> Rows:
    """Log odds ratio, odds ratio, average marginal effect and risk ratio per scale SD."""
    rows: Rows = []
    for position, (measure, average) in enumerate(
        zip(SLOPE_MEASURES, slope_averages(slope.fit), strict=True)
    ):
        rows += estimate_rows(slope, 0, position, average, judged.verdicts, measure=measure, **judged.labels)
    return rows


def level_rows(levels: Replicated, judged: Judged, n_levels: int) -> Rows:
    """Log odds ratio, odds ratio, difference and ratio of standardised shares of one level and the first."""
    column = judged.column
    coefficients, shares = level_averages(levels.fit, n_levels)
    rows: Rows = []
    for block, (measure, average) in enumerate(
        (
            ("log_odds", coefficients[column]),
            ("ame", shares[column + 1] - shares[0]),
            ("log_risk_ratio", shares[column + 1].log() - shares[0].log()),
        )
    ):
        position = block * (n_levels - 1) + column
        rows += estimate_rows(
            levels, column, position, average, judged.verdicts, measure=measure, **judged.labels
        )
    return rows


def curve_grid(sample: Sample) -> Floats:
    """Scaled exposure values, evenly from the lowest to the highest used."""
    scaled = exposure_values(sample)["scaled"]
    return np.linspace(scaled.min(), scaled.max(), CURVE_POINTS)


def share_curve(slope: Replicated | None, sample: Sample) -> pd.DataFrame:
    """Standardised share over the exposure's range, with its band; empty for levels."""
    columns = ["value", "scaled", "estimate", "conf_low", "conf_high"]
    if slope is None:
        return pd.DataFrame(columns=columns, dtype=float)
    grid = curve_grid(sample)
    points = slice(len(SLOPE_MEASURES), len(SLOPE_MEASURES) + len(grid))
    share = expit(slope.jackknife.estimate[points])
    low, high = share_interval(share, slope.jackknife.std_error[points], slope.dof())
    known = exposure_values(sample)
    # instruments differ in value but not in scaled value: then the curve is told in scaled units only
    straight = np.polynomial.Polynomial.fit(known["scaled"], known["value"], 1)
    one_instrument = np.allclose(
        straight(known["scaled"]), known["value"], atol=1e-8 * known["value"].abs().max()
    )
    value = straight(grid) if one_instrument else np.full(len(grid), np.nan)
    return pd.DataFrame(dict(zip(columns, (value, grid, share, low, high), strict=True)))


def group_shares(levels: Replicated | None, sample: Sample) -> pd.DataFrame:
    """Standardised share by quarter or level, with observed counts."""
    columns = ["group", "estimate", "conf_low", "conf_high", "n", "n_passed"]
    if levels is None:
        return pd.DataFrame(columns=columns)
    n_levels = len(sample.levels)
    places = slice(-n_levels, None)  # level_functional ends with them
    share = expit(levels.jackknife.estimate[places])
    low, high = share_interval(share, levels.jackknife.std_error[places], _level_dof(levels, n_levels))
    # the share of a level that one office alone tells has no interval; nor has any where that is the reference
    alone = levels.alone[: n_levels - 1]
    known = ~np.append(alone.all(), alone)
    low, high = np.where(known, low, np.nan), np.where(known, high, np.nan)
    counts = sample.level_counts()
    frame = pd.DataFrame(
        {"group": list(sample.levels), "estimate": share, "conf_low": low, "conf_high": high}
    )
    return frame.assign(n=counts["n"].to_numpy(), n_passed=counts["n_passed"].to_numpy())[columns]


def _level_dof(levels: Replicated, n_levels: int) -> float:
    """Of shares, which all columns make together: the fewest where the exposure is the office's, else G - 1."""
    if not levels.office_level:
        return levels.jackknife.dof
    return min(levels.dof(column) for column in range(n_levels - 1))


def look_at_levels(levels: Replicated, sample: Sample) -> Test | None:
    """Score bootstrap test that no level differs from the first; None with two levels, or too few offices for it."""
    columns = [number - 1 for number in sample.contrasts() if not levels.alone[number - 1]]
    n_offices = levels.fit.n_clusters
    if len(columns) < 2 or len(columns) >= n_offices - 1:
        return None
    which = "the" if len(columns) == len(sample.levels) - 1 else "those"
    ending = "" if which == "the" else " that several offices have"
    null = f"Passing does not differ between {which} levels of {sample.exposure}{ending}"
    try:
        found = score_bootstrap(levels.fit, columns, weights=office_draws(n_offices))
    except EstimationError:
        return None  # each level's own test says why
    return Test(null, found.statistic, "score bootstrap (WCLR-S)", found.p_value)


def look_at_linearity(sample: Sample) -> tuple[Test | None, tuple[Notice, ...]]:
    """Score bootstrap test of the squared scaled exposure in the adjusted model (crude, without adjustment)."""
    if not sample.numeric or exposure_values(sample)["value"].nunique() < 3:
        return None, ()
    covariates = list(sample.adjustments.values())[-1]
    scaled = sample.slope_term().columns
    exposure = Term(sample.exposure, np.hstack([scaled, scaled**2]))
    null = f"The log odds of passing are linear in {sample.exposure} (the squared term is zero)"
    what = f"Linearity of {sample.exposure}"
    try:
        fit, said = fit_or_penalise(sample.design(exposure, covariates), what)
        if is_powerless(fit.n_clusters):
            return None, ()
        test = score_bootstrap(fit, 1, weights=office_draws(fit.n_clusters))
    except EstimationError as refusal:
        return None, (
            Notice(
                "linearity_refused",
                "Whether the log odds are linear in {exposure} was not tested: {why}",
                exposure=sample.exposure,
                why=str(refusal),
            ),
        )
    return Test(null, test.statistic, "score bootstrap (WCLR-S)", test.p_value), said
