"""The model table: odds ratios and average marginal effects at the gates and at work, side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from se_outcomes.results import records
from se_outcomes.study.passage import PassageResult
from se_outcomes.wording.words import Words, speak


def tabulate_passage(
    results: PassageResult | Sequence[PassageResult], *, language: str = "en", detail: bool = False
) -> pd.DataFrame:
    """A row for each question, contrast and adjustment.

    Parameters
    ----------
    results : PassageResult or sequence of them
    language : {"en", "nb", "nn"}
    detail : bool
        Also the kind of standard error, and the interval that it gives way to (CV1).

    Returns
    -------
    DataFrame
        Text; a colon where a number is withheld or does not exist.

    Examples
    --------
    >>> import se_outcomes as so
    >>> cases = so.simulate_cases(400, seed=1).cases
    >>> table = so.tabulate_passage([so.estimate_referral(cases), so.estimate_acceptance(cases)])
    >>> table["Question"].unique().tolist()
    ['Referral, of the eligible', 'Acceptance, of those referred']
    """
    words = speak(language)
    several = [results] if isinstance(results, PassageResult) else list(results)
    return pd.DataFrame([row for result in several for row in _rows(result, words, detail)])


def tabulate_conditional(results: Sequence[PassageResult], *, language: str = "en") -> pd.DataFrame:
    """Odds ratios by the conditional logit, of the questions whose offices are small; empty where none are.

    Parameters
    ----------
    results : sequence of PassageResult
    language : {"en", "nb", "nn"}
    """
    words = speak(language)
    rows = []
    for result in results:
        ratios = result.conditional.loc[result.conditional["measure"] == "odds_ratio"]
        for row in records(ratios):
            estimate = words.number(row.estimate)
            interval = words.interval(row.conf_low, row.conf_high, words.number)
            rows.append(
                {
                    words.say("head_question"): say_question(result, words),
                    words.say("head_contrast"): words.contrast(row.contrast, result.specification.exposure),
                    words.say("head_model"): words.say(f"adjustment_{row.adjustment}"),
                    words.say("head_odds_ratio"): estimate if estimate == ":" else f"{estimate} {interval}",
                    "p": words.p_value(row.p_value),
                }
            )
    return pd.DataFrame(rows)


def say_question(result: PassageResult, words: Words) -> str:
    """What a passage question is called in a table or figure."""
    asked = result.specification
    return words.say(f"question_{asked.question}_{asked.at_risk}")


def _rows(result: PassageResult, words: Words, detail: bool) -> list[dict[str, str]]:
    estimates: Any = result.estimates.set_index(["contrast", "adjustment", "measure"])
    rows = []
    for contrast, adjustment in dict.fromkeys(
        zip(result.estimates["contrast"], result.estimates["adjustment"], strict=True)
    ):
        odds = estimates.loc[(contrast, adjustment, "odds_ratio")]
        effect = estimates.loc[(contrast, adjustment, "ame")]
        row = {
            words.say("head_question"): say_question(result, words),
            words.say("head_contrast"): words.contrast(contrast, result.specification.exposure),
            words.say("head_model"): words.say(f"adjustment_{adjustment}"),
            words.say("head_odds_ratio"): _with_interval(odds, words.number, words),
            words.say("head_ame"): _with_interval(effect, words.points, words),
            "p": words.p_value(effect["p_value"]),
            words.say("head_cases"): words.count(effect["n_cases"]),
            words.say("head_events"): words.count(effect["n_events"]),
            words.say("head_offices"): words.count(effect["n_offices"]),
        }
        if detail:
            row[words.say("head_error")] = str(effect["std_error_kind"])
            row[words.say("head_cv1")] = words.interval(
                effect["cv1_conf_low"], effect["cv1_conf_high"], words.points
            )
        rows.append(row)
    return rows


def _with_interval(row: pd.Series, form: Callable[[object], str], words: Words) -> str:
    estimate = form(row["estimate"])
    return (
        estimate
        if estimate == ":"
        else f"{estimate} {words.interval(row['conf_low'], row['conf_high'], form)}"
    )
