"""Who was left out of each question, and why."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from se_outcomes.study.at_risk import REASONS
from se_outcomes.study.passage import PassageResult
from se_outcomes.tables.passage import say_question
from se_outcomes.wording.words import speak


def tabulate_exclusions(
    results: PassageResult | Sequence[PassageResult], *, language: str = "en"
) -> pd.DataFrame:
    """A row for each reason, a column for each question; the cases used at the bottom.

    Parameters
    ----------
    results : PassageResult or sequence of them
    language : {"en", "nb", "nn"}

    Returns
    -------
    DataFrame
        Text; a colon where a number is withheld, a nought where nobody was left out for the reason.

    Examples
    --------
    >>> import se_outcomes as so
    >>> table = so.tabulate_exclusions(so.estimate_referral(so.simulate_cases(400, seed=1).cases))
    >>> table.columns.tolist()
    ['Cases', 'Referral, of the eligible']
    """
    words = speak(language)
    several = [results] if isinstance(results, PassageResult) else list(results)
    found = [result.exclusions.set_index("reason")["n"] for result in several]
    rows = []
    for reason in REASONS:
        if any(reason in counts for counts in found):
            cells = [words.count(counts.get(reason, 0)) for counts in found]
            rows.append([words.say(f"reason_{reason}"), *cells])
    rows.append(
        [words.say("reason_used"), *(words.count(result.fit_statistics["n_cases"]) for result in several)]
    )
    columns = [words.say("head_cases"), *(say_question(result, words) for result in several)]
    return pd.DataFrame(rows, columns=columns)
