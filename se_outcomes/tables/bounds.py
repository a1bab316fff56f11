"""What can be said of the effect with fewer assumptions, as a table."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pandas as pd

from se_outcomes.results import records
from se_outcomes.study.bounds import BoundsResult
from se_outcomes.wording.words import Words, speak

#: What the bounds of hours, or of another outcome that only those with a job have, are about.
HOURS = "placed_either_way"


def tabulate_bounds(result: BoundsResult, *, language: str = "en") -> pd.DataFrame:
    """A row for each quantity and assumption: the bounds, and the interval that holds the quantity.

    Parameters
    ----------
    result : BoundsResult
    language : {"en", "nb", "nn"}

    Returns
    -------
    DataFrame
        Text; shares in per cent, effects in percentage points (on hours in their unit);
        a colon where a number is withheld or does not exist.

    Examples
    --------
    >>> import se_outcomes as so
    >>> cases = so.simulate_cases(1200, seed=1, outcome_observed="all").cases
    >>> so.tabulate_bounds(so.estimate_bounds(cases))["Assumption"].tolist()[0]
    'None'
    """
    words = speak(language)
    rows = []
    for row in records(result.bounds):
        form = _form_of(row.estimand, words)
        rows.append(
            {
                words.say("head_what"): _say_estimand(row.estimand, result.specification.outcome, words),
                words.say("head_assumption"): words.say(f"assumption_{row.assumption}"),
                words.say("head_bounds"): words.interval(row.lower, row.upper, form).strip("()"),
                words.say("head_interval_95"): words.interval(row.conf_low, row.conf_high, form),
            }
        )
    return pd.DataFrame(rows)


def _form_of(estimand: str, words: Words) -> Callable[[object], str]:
    """How a quantity is written: a share, a difference of shares, or a number in units of its own."""
    if estimand == HOURS:
        return partial(words.number, decimals=1)
    return words.percent if estimand == "open_gate" else words.points


def _say_estimand(estimand: str, outcome: str, words: Words) -> str:
    """What a quantity is called, with its unit."""
    if estimand == "open_gate":
        return words.say("placed_open_gate")
    if estimand == HOURS:
        return words.say("axis_unit", exposure=words.say(f"effect_{estimand}"), unit=words.noun(outcome))
    return words.say("points_of", what=words.say(f"effect_{estimand}"))
