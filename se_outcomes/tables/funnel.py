"""How many reach each stage, as a table."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pandas as pd

from se_outcomes.results import records
from se_outcomes.study.funnel import FunnelResult
from se_outcomes.wording.words import speak


def tabulate_funnel(result: FunnelResult, *, language: str = "en") -> pd.DataFrame:
    """A row for each stage and group: at risk, passed, share, and its two intervals.

    Parameters
    ----------
    result : FunnelResult
    language : {"en", "nb", "nn"}

    Returns
    -------
    DataFrame
        Text; a colon where a number is withheld or does not exist.

    Examples
    --------
    >>> import se_outcomes as so
    >>> table = so.tabulate_funnel(so.count_funnel(so.simulate_cases(400, seed=1).cases))
    >>> table["Stage"].tolist()
    ['Referred', 'Accepted', 'Placed in work', 'Still in work']
    """
    words = speak(language)
    rows = []
    for row in records(result.counts.sort_values("stage", key=_in_order(result), kind="stable")):
        # where counts are withheld, the share is told to the whole per cent: a decimal would say nothing
        decimals = 0 if pd.isna(row.n_at_risk) or pd.isna(row.n_passed) else 1
        points = partial(words.points, decimals=decimals)
        rows.append(
            {
                words.say("head_stage"): words.say(f"stage_{row.stage}"),
                words.say("head_group"): words.level(result.by or "", row.group),
                words.say("head_at_risk"): words.count(row.n_at_risk),
                words.say("head_passed"): words.count(row.n_passed),
                words.say("head_share"): words.percent(row.estimate, decimals),
                words.say("head_interval"): words.interval(row.conf_low, row.conf_high, points),
                words.say("head_wilson"): words.interval(row.wilson_low, row.wilson_high, words.points),
                words.say("head_unknown"): words.count(row.n_unknown),
            }
        )
    table = pd.DataFrame(rows)
    return table if result.by else table.drop(columns=words.say("head_group"))


def _in_order(result: FunnelResult) -> Callable[[pd.Series], pd.Series]:
    """Stage by stage, so that groups stand under each other."""
    place = {stage: number for number, stage in enumerate(dict.fromkeys(result.counts["stage"]))}
    return lambda stages: stages.map(place.get)
