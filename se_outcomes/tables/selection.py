"""The split of selection over the gates, as a table."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from se_outcomes.results import records
from se_outcomes.study.selection import SelectionResult
from se_outcomes.wording.words import Words, speak


def tabulate_selection(result: SelectionResult, *, language: str = "en") -> pd.DataFrame:
    """A row for each gate and the net: pass rates of the two groups, their log ratio and ratio.

    Parameters
    ----------
    result : SelectionResult
    language : {"en", "nb", "nn"}

    Returns
    -------
    DataFrame
        Text; a colon where a number is withheld or does not exist.

    Examples
    --------
    >>> import se_outcomes as so
    >>> table = so.tabulate_selection(so.decompose_selection(so.simulate_cases(1200, seed=1).cases))
    >>> table["Gate"].tolist()[:3]
    ['First gate: referral', 'Second gate: acceptance', 'Both gates']
    """
    words = speak(language)
    rates: Any = result.rates.set_index(["adjustment", "group", "gate"])
    by = result.specification.exposure
    top, bottom = (words.level(by, group) for group in (result.top, result.bottom))
    rows = []
    for row in records(result.estimates):
        number = partial(words.number, decimals=1 if _is_rounded(row) else 2)
        log_ratio, ratio = number(row.estimate), number(row.risk_ratio)
        of_ratio = words.interval(row.rr_conf_low, row.rr_conf_high, number)
        rows.append(
            {
                words.say("head_comparison"): words.say(f"adjustment_{row.adjustment}"),
                words.say("head_gate"): words.say(f"gate_{row.term}"),
                top: _say_rate(rates.loc[(row.adjustment, result.top, row.term)], row, words),
                bottom: _say_rate(rates.loc[(row.adjustment, result.bottom, row.term)], row, words),
                words.say("head_log_ratio"): log_ratio
                if log_ratio == ":"
                else f"{log_ratio} {words.interval(row.conf_low, row.conf_high, number)}",
                words.say("head_joint"): words.interval(row.joint_low, row.joint_high, number),
                words.say("head_risk_ratio"): ratio if ratio == ":" else f"{ratio} {of_ratio}",
                words.say("head_share_of_net"): words.percent(row.share, 0),
            }
        )
    return pd.DataFrame(rows)


def _say_rate(rate: Any, row: Any, words: Words) -> str:
    """A share; to the whole per cent where its counts are withheld, or a gate's behind the net, as a report does."""
    withheld = pd.isna(rate["n_at_risk"]) or pd.isna(rate["n_passed"])
    withheld |= row.term == "net" and _is_rounded(row)
    return words.percent(rate["rate"], 0 if row.adjustment == "crude" and withheld else 1)


def _is_rounded(row: Any) -> bool:
    """Whether a crude ratio is told to one decimal, as a report does where counts are withheld."""
    numbers = 10 * np.array([row.estimate, row.risk_ratio, row.rr_conf_low, row.rr_conf_high], dtype=float)
    told = numbers[~np.isnan(numbers)]
    return bool(row.adjustment == "crude" and np.allclose(told, told.round(), rtol=0, atol=1e-9))
