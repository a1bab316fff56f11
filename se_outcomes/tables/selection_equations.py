"""Both equations of the selection model side by side: who passes the gate, and who is placed."""

from __future__ import annotations

from typing import Any

import pandas as pd

from se_outcomes.results import records
from se_outcomes.study.selected_placement import SelectedPlacementResult
from se_outcomes.wording.words import Words, speak

#: What stands where a variable is not in an equation.
NOT_IN = "—"


def tabulate_selection_equations(result: SelectedPlacementResult, *, language: str = "en") -> pd.DataFrame:
    """A row for each number or level, a column for each equation: probit coefficients with 95 % intervals.

    Parameters
    ----------
    result : SelectedPlacementResult
    language : {"en", "nb", "nn"}

    Returns
    -------
    DataFrame
        Text; a colon where a number is withheld or does not exist, a dash where a variable is not in an equation
        (that which moves the gate only). Levels are against the variable's first level. Where no exclusion is
        given, the correlation is held where the likelihood is highest, and the heading says so.

    Examples
    --------
    >>> import se_outcomes as so
    >>> cases = so.simulate_cases(1200, seed=1, outcome_observed="accepted").cases
    >>> result = so.estimate_selected_placement(cases, exclusion=("caseload_at_referral",))
    >>> table = so.tabulate_selection_equations(result)
    >>> table.iloc[-1, [0, 1, 3]].tolist()
    ['Caseload at referral', 'Per standard deviation', '—']
    """
    words = speak(language)
    gate = words.say(f"question_acceptance_{result.specification.at_risk}")
    placement = "equation_placement" if result.point_identified else "equation_placement_held"
    heads = {
        "gate": words.say("head_coefficient", equation=gate),
        "placement": words.say("head_coefficient", equation=words.say(placement)),
    }
    equations = result.equations.astype({"level": object})
    equations = equations.assign(level=equations["level"].where(equations["level"].notna(), ""))
    cells = {(row.equation, row.term, row.level): _cell(row, words) for row in records(equations)}
    rows = []
    for term, level in dict.fromkeys(zip(equations["term"], equations["level"], strict=True)):
        rows.append(
            {
                words.say("head_variable"): _name(term, words),
                words.say("head_level"): _level(term, level, words),
                **{head: cells.get((equation, term, level), NOT_IN) for equation, head in heads.items()},
            }
        )
    return pd.DataFrame(rows, columns=[words.say("head_variable"), words.say("head_level"), *heads.values()])


def _cell(row: Any, words: Words) -> str:
    estimate = words.number(row.estimate)
    if estimate == ":" or pd.isna(row.conf_low):
        return estimate
    return f"{estimate} {words.interval(row.conf_low, row.conf_high, words.number)}"


def _name(term: str, words: Words) -> str:
    return words.say("term_constant") if term == "constant" else words.column(term)


def _level(term: str, level: str, words: Words) -> str:
    """The level's name; for a number what its coefficient is for."""
    if level:
        return words.level(term, level)
    if term == "constant":
        return ""
    return words.say("level_true") if term == "accepted" else words.contrast("per_sd", term)
