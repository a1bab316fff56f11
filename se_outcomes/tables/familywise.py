"""The table of several questions' tests: each by itself, and adjusted for their number."""

from __future__ import annotations

import pandas as pd

from se_outcomes.results import records
from se_outcomes.study.familywise import FamilywiseResult
from se_outcomes.wording.words import speak


def tabulate_familywise(result: FamilywiseResult, *, language: str = "en") -> pd.DataFrame:
    """A row for each question: its p-value by itself and adjusted.

    Parameters
    ----------
    result : FamilywiseResult
    language : {"en", "nb", "nn"}

    Returns
    -------
    DataFrame
        Text; a colon where a number is withheld.

    Examples
    --------
    >>> import se_outcomes as so
    >>> cases = so.simulate_cases(400, seed=1).cases
    >>> found = so.estimate_familywise([so.estimate_referral(cases), so.estimate_acceptance(cases)])
    >>> so.tabulate_familywise(found)["Question"].tolist()
    ['Referral, of the eligible', 'Acceptance, of those referred']
    """
    words = speak(language)
    return pd.DataFrame(
        [
            {
                words.say("head_question"): words.say(f"question_{row.question}_{row.at_risk}"),
                words.say("head_p_alone"): words.p_value(row.p_value),
                words.say("head_p_adjusted"): words.p_value(row.adjusted_p_value),
            }
            for row in records(result.estimates)
        ]
    )
