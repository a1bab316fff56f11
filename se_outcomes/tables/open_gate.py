"""Placement of the accepted and with the gate open, and what lies between, as a table."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from se_outcomes.results import records
from se_outcomes.study.selected_placement import SelectedPlacementResult
from se_outcomes.wording.words import speak


def tabulate_open_gate(result: SelectedPlacementResult, *, language: str = "en") -> pd.DataFrame:
    """A row for each share placed, and for the difference and its two parts.

    Parameters
    ----------
    result : SelectedPlacementResult
    language : {"en", "nb", "nn"}

    Returns
    -------
    DataFrame
        Text, without the column of cases where none may be told; a colon where a number is withheld or does not exist:
        a set of values has an interval only.

    Examples
    --------
    >>> import se_outcomes as so
    >>> cases = so.simulate_cases(1200, seed=1, outcome_observed="accepted").cases
    >>> result = so.estimate_selected_placement(cases, exclusion=("caseload_at_referral",))
    >>> so.tabulate_open_gate(result)["What"].tolist()[:2]
    ['Placed, of those accepted', 'Placed, if everyone referred were accepted: not corrected']
    """
    words = speak(language)
    everyone = words.say(f"everyone_{result.specification.at_risk}")
    rows = []
    share = partial(words.percent, decimals=0 if _are_rounded(result.averages) else 1)
    for row in records(result.averages):
        form = words.points if row.measure.startswith("gap") else share
        rows.append(
            {
                words.say("head_what"): words.say(f"average_{row.measure}", everyone=everyone),
                words.say("head_estimate"): form(row.estimate),
                words.say("head_interval_95"): words.interval(row.conf_low, row.conf_high, form),
                words.say("head_cases"): words.count(row.n_cases),
            }
        )
    frame = pd.DataFrame(rows)
    # in a report the counts of the model's cases are withheld altogether
    return frame if result.averages["n_cases"].notna().any() else frame.drop(columns=words.say("head_cases"))


def _are_rounded(averages: pd.DataFrame) -> bool:
    """Whether the shares are told to the whole per cent, as in a report: a decimal would then say nothing."""
    levels = averages.loc[~averages["measure"].str.startswith("gap"), ["estimate", "conf_low", "conf_high"]]
    shares = 100 * levels.to_numpy(float)
    told = shares[~np.isnan(shares)]
    return bool(np.allclose(told, told.round(), rtol=0, atol=1e-9))
