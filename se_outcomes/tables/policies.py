"""Other rules of admission, as tables: how many get work, who is let in, and what crowding would do."""

from __future__ import annotations

from typing import Any

import pandas as pd

from se_outcomes.results import records
from se_outcomes.study.policies import PolicyResult
from se_outcomes.wording.estimates import say_estimate, say_row
from se_outcomes.wording.words import speak


def tabulate_policies(result: PolicyResult, *, language: str = "en") -> pd.DataFrame:
    """A row for each policy: the share placed, the change from today, and the share let in.

    Parameters
    ----------
    result : PolicyResult
    language : {"en", "nb", "nn"}

    Returns
    -------
    DataFrame
        Text; a colon where a number is withheld or does not exist, nothing where today is compared with itself.

    Examples
    --------
    >>> import se_outcomes as so
    >>> cases = so.simulate_cases(1200, seed=1, outcome_observed="all").cases
    >>> so.tabulate_policies(so.estimate_policies(cases))["Rule of admission"].tolist()[:2]
    ['Today', 'Open gates']
    """
    words = speak(language)
    values: Any = result.values.set_index(["policy", "measure"])
    rows = []
    for policy in dict.fromkeys(result.values["policy"]):
        difference = say_row(values.loc[(policy, "difference")], words.points, words)
        rows.append(
            {
                words.say("head_policy"): words.say(f"policy_{policy}"),
                words.say("head_policy_placed"): say_row(
                    values.loc[(policy, "placed")], words.percent, words
                ),
                words.say("head_policy_difference"): "" if policy == "status_quo" else difference,
                words.say("head_policy_served"): words.percent(values.loc[(policy, "served")]["estimate"]),
            }
        )
    return pd.DataFrame(rows)


def tabulate_inclusion(result: PolicyResult, *, language: str = "en") -> pd.DataFrame:
    """A row for each policy, a column for each group: the share of the group that is let in.

    Parameters
    ----------
    result : PolicyResult
    language : {"en", "nb", "nn"}

    Returns
    -------
    DataFrame
        Text; a colon where a number is withheld or does not exist.

    Examples
    --------
    >>> import se_outcomes as so
    >>> cases = so.simulate_cases(1200, seed=1, outcome_observed="all").cases
    >>> so.tabulate_inclusion(so.estimate_policies(cases)).columns.tolist()[:2]
    ['Rule of admission', 'Lowest quarter']
    """
    words = speak(language)
    found: Any = result.inclusion.set_index(["policy", "group"])
    groups = list(dict.fromkeys(result.inclusion["group"]))
    exposure = result.specification.exposure
    rows = []
    for policy in dict.fromkeys(result.inclusion["policy"]):
        shares = {
            words.level(exposure, group): say_row(found.loc[(policy, group)], words.percent, words)
            for group in groups
        }
        rows.append({words.say("head_policy"): words.say(f"policy_{policy}"), **shares})
    return pd.DataFrame(rows)


def tabulate_crowding(result: PolicyResult, *, language: str = "en") -> pd.DataFrame:
    """A row for each elasticity: placements with open gates, if the gain shrinks as more are served.

    Parameters
    ----------
    result : PolicyResult
    language : {"en", "nb", "nn"}

    Returns
    -------
    DataFrame
        Text; a colon where a number is withheld or does not exist.

    Examples
    --------
    >>> import se_outcomes as so
    >>> cases = so.simulate_cases(1200, seed=1, outcome_observed="all").cases
    >>> so.tabulate_crowding(so.estimate_policies(cases)).iloc[0, 0]
    '0.00'
    """
    words = speak(language)
    rows = [
        {
            words.say("head_crowding"): words.number(row.crowding),
            words.say("head_crowding_placed"): words.percent(row.placed),
            words.say("head_policy_difference"): say_estimate(
                row.difference, row.conf_low, row.conf_high, words.points, words
            ),
        }
        for row in records(result.crowding)
    ]
    return pd.DataFrame(rows)
