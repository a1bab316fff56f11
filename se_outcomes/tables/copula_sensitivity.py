"""Placement corrected for selection, by copula, as a table."""

from __future__ import annotations

import pandas as pd

from se_outcomes.results import records
from se_outcomes.study.copula_sensitivity import CopulaSensitivityResult
from se_outcomes.wording.words import speak


def tabulate_copula_sensitivity(result: CopulaSensitivityResult, *, language: str = "en") -> pd.DataFrame:
    """A row for each copula, the one that fits best first.

    Parameters
    ----------
    result : CopulaSensitivityResult
    language : {"en", "nb", "nn"}

    Returns
    -------
    DataFrame
        Text: Kendall's tau between the unrecorded parts of gate and outcome, the exposure's average marginal effect in
        percentage points, placement with the gate open, and the log-likelihood.

    Examples
    --------
    >>> import se_outcomes as so
    >>> cases = so.simulate_cases(1200, seed=1, outcome_observed="accepted").cases
    >>> result = so.estimate_copula_sensitivity(cases, copulas=("normal", "clayton90"), adjust_for=())
    >>> sorted(so.tabulate_copula_sensitivity(result)["Copula"])
    ['Clayton 90°', 'Normal']
    """
    words = speak(language)
    rows = []
    for name, rows_of in result.estimates.groupby("copula", sort=False):
        slope, opened = (
            next(records(rows_of.loc[rows_of["measure"] == measure])) for measure in ("ame", "open_gate")
        )
        slope_interval = words.interval(slope.conf_low, slope.conf_high, words.points)
        open_interval = words.interval(opened.conf_low, opened.conf_high, words.percent)
        rows.append(
            {
                words.say("head_copula"): _say_copula(str(name)),
                words.say("head_kendall_tau"): words.number(slope.kendall_tau, 2),
                words.say("axis_points_per_sd"): f"{words.points(slope.estimate)} {slope_interval}",
                words.say("head_open_gate"): f"{words.percent(opened.estimate)} {open_interval}",
                words.say("head_loglik"): words.number(slope.loglik, 2),
            }
        )
    return pd.DataFrame(rows)


def _say_copula(name: str) -> str:
    """The copula's name with its rotation; they are people's names, the same in every language."""
    family = name.rstrip("0123456789")
    rotation = name.removeprefix(family)
    return family.capitalize() + (f" {rotation}°" if rotation else "")
