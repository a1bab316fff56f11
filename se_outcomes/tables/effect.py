"""The effect of Supported Employment, as tables: whose effect, what would be, and how far the comparison carries."""

from __future__ import annotations

import pandas as pd

from se_outcomes.results import records
from se_outcomes.study.effect import EffectResult
from se_outcomes.wording.estimates import say_row
from se_outcomes.wording.words import speak


def tabulate_effect(result: EffectResult, *, language: str = "en") -> pd.DataFrame:
    """A row for each whose effect and each method, the raw gap first.

    Parameters
    ----------
    result : EffectResult
    language : {"en", "nb", "nn"}

    Returns
    -------
    DataFrame
        Text; a colon where a number is withheld or does not exist.

    Examples
    --------
    >>> import se_outcomes as so
    >>> cases = so.simulate_cases(1200, seed=1, outcome_observed="all").cases
    >>> so.tabulate_effect(so.estimate_effect(cases))["Method"].tolist()[0]
    'Not adjusted'
    """
    words = speak(language)
    rows = []
    for row in records(result.estimates):
        naive = row.method == "naive"
        rows.append(
            {
                words.say("head_what"): words.say("effect_gap" if naive else f"effect_{row.estimand}"),
                words.say("head_method"): words.say(f"method_{row.method}"),
                words.say("head_effect"): say_row(row, words.points, words),
                "p": words.p_value(row.p_value),
                words.say("head_cases"): words.count(row.n_cases),
                words.say("head_offices"): words.count(row.n_offices),
            }
        )
    return pd.DataFrame(rows)


def tabulate_effect_levels(result: EffectResult, *, language: str = "en") -> pd.DataFrame:
    """A row for each share placed: with open gates, if nobody were accepted, and as it is.

    Parameters
    ----------
    result : EffectResult
    language : {"en", "nb", "nn"}

    Returns
    -------
    DataFrame
        Text; a colon where a number is withheld or does not exist.

    Examples
    --------
    >>> import se_outcomes as so
    >>> cases = so.simulate_cases(1200, seed=1, outcome_observed="all").cases
    >>> "Placed, with open gates" in so.tabulate_effect_levels(so.estimate_effect(cases))["What"].tolist()
    True
    """
    words = speak(language)
    rows = [
        {
            words.say("head_what"): words.say(f"placed_{row.measure}"),
            words.say("head_method"): words.say(f"method_{row.method}"),
            words.say("head_share_interval"): say_row(row, words.percent, words),
        }
        for row in records(result.averages)
    ]
    return pd.DataFrame(rows)


def tabulate_overlap(result: EffectResult, *, language: str = "en") -> pd.DataFrame:
    """A row for each group: how many cases the comparison rests on, and how many have no counterpart.

    Parameters
    ----------
    result : EffectResult
    language : {"en", "nb", "nn"}

    Returns
    -------
    DataFrame
        Text; a colon where a number is withheld or does not exist.

    Examples
    --------
    >>> import se_outcomes as so
    >>> cases = so.simulate_cases(1200, seed=1, outcome_observed="all").cases
    >>> so.tabulate_overlap(so.estimate_effect(cases))["Group"].tolist()[0]
    'All'
    """
    words = speak(language)
    least, most = (words.percent(limit, 0) for limit in (result.threshold, 1 - result.threshold))
    rows = []
    for row in records(result.overlap):
        rows.append(
            {
                words.say("head_group"): words.level(result.specification.exposure, row.group),
                words.say("head_ess_accepted"): words.count(row.ess_accepted),
                words.say("head_ess_not_accepted"): words.count(row.ess_not_accepted),
                words.say("head_chance_below", threshold=least): words.percent(row.share_below),
                words.say("head_chance_above", threshold=most): words.percent(row.share_above),
                words.say("head_chance_range"): words.interval(row.p1, row.p99, words.percent).strip("()"),
                words.say("head_largest_weight"): words.percent(row.largest_weight_share),
            }
        )
    return pd.DataFrame(rows)
