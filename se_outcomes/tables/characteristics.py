"""Table 1: who is at each stage, and how those who passed a gate differ from those who did not."""

from __future__ import annotations

from typing import Any

import pandas as pd

from se_outcomes.study.characteristics import CharacteristicsResult
from se_outcomes.study.linkage import MISSING
from se_outcomes.wording.words import Words, speak


def tabulate_characteristics(result: CharacteristicsResult, *, language: str = "en") -> pd.DataFrame:
    """A row for each level (count and per cent) or number (mean and standard deviation), a column for each stage.

    Parameters
    ----------
    result : CharacteristicsResult
    language : {"en", "nb", "nn"}

    Returns
    -------
    DataFrame
        Text; a colon where a number is withheld or does not exist. Percentages are of those recorded, that of
        "not recorded" is of all of the stage.

    Examples
    --------
    >>> import se_outcomes as so
    >>> described = so.count_characteristics(so.simulate_cases(400, seed=1).cases, variables=["sex"])
    >>> so.tabulate_characteristics(described).shape
    (2, 9)
    """
    words = speak(language)
    numeric = set(result.moments["variable"])
    variables = dict.fromkeys([*result.moments["variable"], *result.counts["variable"]])
    order = [variable for variable in dict.fromkeys(result.differences["variable"]) if variable in variables]
    rows = []
    for variable in order:
        rows += (
            _number_rows(result, variable, words)
            if variable in numeric
            else _level_rows(result, variable, words)
        )
    return pd.DataFrame(rows)


def _number_rows(result: CharacteristicsResult, variable: str, words: Words) -> list[dict[str, str]]:
    moments: Any = result.moments.loc[result.moments["variable"] == variable].set_index("stage")
    cells = {}
    for stage in result.stages:
        mean = words.number(moments.at[stage, "mean"])
        spread = words.number(moments.at[stage, "std_dev"])
        cells[_stage(stage, words)] = f"{mean} ({spread})" if mean != ":" else ":"
    name = {words.say("head_variable"): words.column(variable), words.say("head_level"): words.say("mean_sd")}
    return [{**name, **cells, **_differences(result, variable, "", words)}]


def _level_rows(result: CharacteristicsResult, variable: str, words: Words) -> list[dict[str, str]]:
    counts: Any = result.counts.loc[result.counts["variable"] == variable].set_index(["level", "stage"])
    rows = []
    for level in dict.fromkeys(counts.index.get_level_values("level")):
        cells = {}
        for stage in result.stages:
            found = counts.loc[(level, stage)]
            n, share = words.count(found["n"]), words.percent(found["share"])
            cells[_stage(stage, words)] = f"{n} ({share})" if share != ":" else n
        name = {
            words.say("head_variable"): words.column(variable),
            words.say("head_level"): words.level(variable, level),
        }
        differences = (
            {words.say(f"head_{contrast}"): "" for contrast in result.contrasts}
            if level == MISSING
            else _differences(result, variable, level, words)
        )
        rows.append({**name, **cells, **differences})
    return rows


def _stage(stage: str, words: Words) -> str:
    return words.say(f"reached_{stage}")


def _differences(result: CharacteristicsResult, variable: str, level: str, words: Words) -> dict[str, str]:
    rows = result.differences
    rows = rows.loc[(rows["variable"] == variable) & (rows["level"] == level)]
    found = dict(zip(rows["contrast"], rows["difference"], strict=True))
    return {words.say(f"head_{contrast}"): words.number(found[contrast]) for contrast in result.contrasts}
