"""The split of selection over the gates, as a table."""

from __future__ import annotations

from typing import Any

import pandas as pd

from se_outcomes.results import records
from se_outcomes.study.selection import SelectionResult
from se_outcomes.wording.words import speak


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
    rates: Any = result.rates.set_index(["adjustment", "group", "gate"])["rate"]
    by = result.specification.exposure
    top, bottom = (words.level(by, group) for group in (result.top, result.bottom))
    rows = []
    for row in records(result.estimates):
        log_ratio, ratio = words.number(row.estimate), words.number(row.risk_ratio)
        of_ratio = words.interval(row.rr_conf_low, row.rr_conf_high, words.number)
        rows.append(
            {
                words.say("head_comparison"): words.say(f"adjustment_{row.adjustment}"),
                words.say("head_gate"): words.say(f"gate_{row.term}"),
                top: words.percent(rates[row.adjustment, result.top, row.term]),
                bottom: words.percent(rates[row.adjustment, result.bottom, row.term]),
                words.say("head_log_ratio"): log_ratio
                if log_ratio == ":"
                else f"{log_ratio} {words.interval(row.conf_low, row.conf_high, words.number)}",
                words.say("head_joint"): words.interval(row.joint_low, row.joint_high, words.number),
                words.say("head_risk_ratio"): ratio if ratio == ":" else f"{ratio} {of_ratio}",
                words.say("head_share_of_net"): words.percent(row.share, 0),
            }
        )
    return pd.DataFrame(rows)
