"""What becomes of each group on the way to work, as a table."""

from __future__ import annotations

from typing import Any

import pandas as pd

from se_outcomes.study.funnel import FunnelResult
from se_outcomes.study.losses import share_losses
from se_outcomes.wording.places import say_status
from se_outcomes.wording.words import speak


def tabulate_losses(result: FunnelResult, *, language: str = "en") -> pd.DataFrame:
    """A row for each group: the shares not referred, not accepted, not in work and in work.

    Parameters
    ----------
    result : FunnelResult
    language : {"en", "nb", "nn"}

    Returns
    -------
    DataFrame
        Text, to the whole per cent; a colon where a share is withheld or does not exist. The shares of a row add up to
        the group; how, see :func:`se_outcomes.study.losses.share_losses`.

    Examples
    --------
    >>> import se_outcomes as so
    >>> funnel = so.count_funnel(so.simulate_cases(400, seed=1).cases, by="motivation")
    >>> so.tabulate_losses(funnel)["Group"].tolist()[:2]
    ['All', 'Lowest quarter']
    """
    words = speak(language)
    losses = share_losses(result)
    shares: Any = losses.set_index(["group", "fate"])["share"]
    fates = list(dict.fromkeys(losses["fate"]))
    rows = []
    for group in dict.fromkeys(losses["group"]):
        told = {say_status(fate, fates, words): words.percent(shares[group, fate], 0) for fate in fates}
        rows.append({words.say("head_group"): words.level(result.by or "", group), **told})
    table = pd.DataFrame(rows)
    return table if result.by else table.drop(columns=words.say("head_group"))
