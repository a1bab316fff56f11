"""Both gates and placement in one model, as tables: what would be, what lies between, and how they hang together."""

from __future__ import annotations

import pandas as pd

from se_outcomes.results import records
from se_outcomes.study.two_gates import TwoGateResult
from se_outcomes.wording.estimates import say_estimate
from se_outcomes.wording.words import Words, speak

#: Averages that are shares, by what they are called; all others are differences, in percentage points.
SHARES = {
    "today": "placed_today",
    "accepted": "average_accepted",
    "not_accepted": "placed_not_accepted",
    "open_gate_naive": "average_open_gate_naive",
    "open_gate": "average_open_gate",
    "closed_gate": "placed_closed_gate",
}
GATES = ("gate_1", "gate_2", "both")
#: The averages shown, in this order, where they are there.
SHOWN = (
    *SHARES,
    *(f"effect_{estimand}" for estimand in ("all", "accepted", "not_accepted")),
    *("gap_raw", "gap", "gap_effect", "gap_observed", "gap_unobserved"),
    *(f"creaming_{gate}{grounds}" for grounds in ("", "_recorded") for gate in GATES),
)


def tabulate_two_gates(result: TwoGateResult, *, language: str = "en") -> pd.DataFrame:
    """A row for each average: shares placed, effects, the gap with its parts, creaming on all grounds.

    The model's shares of referred and accepted, which only check it against the cases, are left out.

    Parameters
    ----------
    result : TwoGateResult
    language : {"en", "nb", "nn"}

    Returns
    -------
    DataFrame
        Text; a colon where a number is withheld or does not exist.

    Examples
    --------
    >>> import se_outcomes as so
    >>> cases = so.simulate_cases(1500, seed=3, variation=2.0).cases
    >>> so.tabulate_two_gates(so.estimate_two_gates(cases))["What"].tolist()[0]
    'Placed today, of the target group'
    """
    words = speak(language)
    rows = []
    order = {measure: number for number, measure in enumerate(SHOWN)}
    averages = result.averages.loc[result.averages["measure"].isin(SHOWN)]
    for row in records(averages.sort_values("measure", key=lambda column: column.map(order))):
        form = words.percent if row.measure in SHARES else words.points
        rows.append(
            {
                words.say("head_what"): _say_measure(row.measure, result.outcome_observed, words),
                words.say("head_estimate"): form(row.estimate),
                words.say("head_interval_95"): words.interval(row.conf_low, row.conf_high, form),
            }
        )
    return pd.DataFrame(rows)


def tabulate_correlations(result: TwoGateResult, *, language: str = "en") -> pd.DataFrame:
    """A row for each pair: the correlation between what is not recorded in the two.

    Parameters
    ----------
    result : TwoGateResult
    language : {"en", "nb", "nn"}

    Returns
    -------
    DataFrame
        Text; a colon where a number is withheld or does not exist. A set has an interval only.

    Examples
    --------
    >>> import se_outcomes as so
    >>> cases = so.simulate_cases(1500, seed=3, variation=2.0).cases
    >>> len(so.tabulate_correlations(so.estimate_two_gates(cases)))
    3
    """
    words = speak(language)
    rows = []
    for row in records(result.correlations):
        said = say_estimate(row.estimate, row.conf_low, row.conf_high, words.number, words)
        if pd.isna(row.estimate) and pd.notna(row.conf_low):
            low, high = words.number(row.conf_low), words.number(row.conf_high)
            said = words.say("set_between", low=low, high=high)
        rows.append(
            {words.say("head_pair"): words.say(f"pair_{row.pair}"), words.say("head_correlation"): said}
        )
    return pd.DataFrame(rows)


def _say_measure(measure: str, outcome_observed: str, words: Words) -> str:
    """What an average is called; differences with their unit."""
    if measure in SHARES:
        return words.say(SHARES[measure], everyone=words.say("everyone_eligible"))
    if measure.startswith("effect_"):
        return words.say("points_of", what=words.say(measure))
    if measure.startswith("creaming_"):
        gate = measure.removeprefix("creaming_").removesuffix("_recorded")
        grounds = "creaming_on_recorded" if measure.endswith("_recorded") else "creaming_on_all"
        return words.say("points_of", what=words.say(grounds, gate=words.say(f"gate_{gate}").lower()))
    if measure == "gap" and outcome_observed != "all":
        return words.say("average_gap", everyone=words.say("everyone_eligible"))
    return words.say("points_of", what=words.say("gap_model" if measure == "gap" else measure))
