"""The appendix table of few offices: every test of a contrast beside the others, and what the offices carry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from se_outcomes.results import records
from se_outcomes.study.contrasts import is_powerless
from se_outcomes.study.passage import PassageResult
from se_outcomes.tables.passage import say_question
from se_outcomes.wording.words import WITHHELD, Words, speak

#: The tests that are made for few offices; the usual one (CV1) is not among them.
MADE_FOR_FEW = ("p_value", "jackknife_p_value", "cr2_p_value")
LEVEL = 0.05


def tabulate_few_offices(
    results: PassageResult | Sequence[PassageResult], *, language: str = "en"
) -> pd.DataFrame:
    """A row for each question, contrast and adjustment: average marginal effect, and each test's p-value.

    A contrast's marginal effect and odds ratio are null together, so the tests are of both.

    Parameters
    ----------
    results : PassageResult or sequence of them
    language : {"en", "nb", "nn"}

    Returns
    -------
    DataFrame
        Text; a colon where a number is withheld or does not exist. One column says whether the tests made for few
        offices (score bootstrap, jackknife, CR2) lie on both sides of 5 %.

    Examples
    --------
    >>> import se_outcomes as so
    >>> table = so.tabulate_few_offices(so.estimate_referral(so.simulate_cases(400, seed=1).cases))
    >>> table["Comparison"].unique().tolist()
    ['Per standard deviation', 'Highest against lowest quarter']
    """
    words = speak(language)
    several = [results] if isinstance(results, PassageResult) else list(results)
    return pd.DataFrame([row for result in several for row in _rows(result, words)])


def disagreements(result: PassageResult) -> list[tuple[str, str]]:
    """Contrast and adjustment wherever the tests made for few offices lie on both sides of 5 %, as far as told."""
    effects = result.estimates.loc[result.estimates["measure"] == "ame"]
    return [(row.contrast, row.adjustment) for row in records(effects) if _disagree(row)]


def _disagree(row: Any) -> bool:
    tests = [name for name in MADE_FOR_FEW if name != "p_value" or not is_powerless(int(row.n_offices))]
    known = [p for name in tests if pd.notna(p := getattr(row, name))]
    return bool(known) and min(known) < LEVEL <= max(known)


def _rows(result: PassageResult, words: Words) -> list[dict[str, str]]:
    effects = result.estimates.loc[result.estimates["measure"] == "ame"]
    told = effects.merge(
        result.offices.drop(columns="n_offices"),
        on=["contrast", "adjustment"],
        how="left",
        suffixes=("", "_of"),
    )
    return [_row(row, result, words) for row in records(told)]


def _row(row: Any, result: PassageResult, words: Words) -> dict[str, str]:
    effect = words.points(row.estimate)
    effective, largest = words.number(row.effective_offices, 1), words.percent(row.largest_leverage, 0)
    cr2, dof = _p(row.cr2_p_value, words), words.number(row.cr2_dof_of, 1)
    return {
        words.say("head_question"): say_question(result, words),
        words.say("head_contrast"): words.contrast(row.contrast, result.specification.exposure),
        words.say("head_model"): words.say(f"adjustment_{row.adjustment}"),
        words.say("head_ame"): effect
        if effect == WITHHELD
        else f"{effect} {words.interval(row.conf_low, row.conf_high, words.points)}",
        words.say("head_p_bootstrap"): _p(row.p_value, words) if row.p_value_kind == "WCLR-S" else WITHHELD,
        words.say("head_p_jackknife"): _p(row.jackknife_p_value, words),
        words.say("head_p_cr2"): cr2 if WITHHELD in (cr2, dof) else f"{cr2} ({dof})",
        words.say("head_disagree"): _say_whether(row, words),
        words.say("head_p_cv1"): _p(row.cv1_p_value, words),
        words.say("head_effective_offices"): effective
        if WITHHELD in (effective, largest)
        else f"{effective} ({largest})",
        words.say("head_p_by_office"): _p(row.by_office_p_value, words),
    }


def _say_whether(row: Any, words: Words) -> str:
    if all(pd.isna(getattr(row, name)) for name in MADE_FOR_FEW):
        return WITHHELD
    return words.say("level_true" if _disagree(row) else "level_false")


def _p(p: object, words: Words) -> str:
    """A p-value under a heading that says so: "0.042", "< 0.001"."""
    return words.p_value(p).removeprefix("p = ").removeprefix("p ")
