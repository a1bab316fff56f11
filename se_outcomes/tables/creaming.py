"""Creaming and targeting at each gate, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from se_outcomes.results import records
from se_outcomes.study.creaming import CreamingResult
from se_outcomes.wording.estimates import say_estimate, say_row
from se_outcomes.wording.places import say_gate
from se_outcomes.wording.words import Words, speak


def tabulate_creaming(
    results: CreamingResult | Sequence[CreamingResult], *, language: str = "en"
) -> pd.DataFrame:
    """A row for each index and gate: points, standard deviations, the two parts, and the ratio.

    Parameters
    ----------
    results : CreamingResult or sequence of them
        Creaming, targeting, or the two under each other.
    language : {"en", "nb", "nn"}

    Returns
    -------
    DataFrame
        Text; a colon where a number is withheld or does not exist.

    Examples
    --------
    >>> import se_outcomes as so
    >>> cases = so.simulate_cases(1200, seed=1, outcome_observed="all").cases
    >>> so.tabulate_creaming(so.estimate_creaming(cases))["Gate"].tolist()
    ['First gate: referral', 'Second gate: acceptance', 'Both gates']
    """
    words = speak(language)
    several = results if isinstance(results, Sequence) else [results]
    return pd.DataFrame([row for result in several for row in _rows(result, words)])


def tabulate_creaming_levels(
    results: CreamingResult | Sequence[CreamingResult], *, language: str = "en"
) -> pd.DataFrame:
    """A row for each stage: the mean of the prospects of those who came as far.

    Parameters
    ----------
    results : CreamingResult or sequence of them
        Creaming, targeting, or the two under each other.
    language : {"en", "nb", "nn"}

    Returns
    -------
    DataFrame
        Text; shares in per cent, gains in percentage points; a colon where a number is withheld or does not exist.

    Examples
    --------
    >>> import se_outcomes as so
    >>> cases = so.simulate_cases(1200, seed=1, outcome_observed="all").cases
    >>> so.tabulate_creaming_levels(so.estimate_creaming(cases))["Stage"].tolist()
    ['Target group', 'Referred', 'Accepted']
    """
    words = speak(language)
    rows = []
    for result in results if isinstance(results, Sequence) else [results]:
        form = words.points if result.basis == "gain" else words.percent
        for row in records(result.levels):
            stage = "reached_eligible" if row.stage == "eligible" else f"stage_{row.stage}"
            rows.append(
                {
                    words.say("head_what"): words.say(f"measure_{result.basis}"),
                    words.say("head_stage"): words.say(stage),
                    words.say("head_cases"): words.count(row.n),
                    words.say("head_mean"): say_estimate(
                        row.estimate, row.conf_low, row.conf_high, form, words
                    ),
                }
            )
    return pd.DataFrame(rows)


def _rows(result: CreamingResult, words: Words) -> list[dict[str, str]]:
    estimates: Any = result.estimates.set_index(["gate", "measure"])
    gates = list(dict.fromkeys(result.estimates["gate"]))
    rows = []
    for gate in gates:
        points, ratio = estimates.loc[(gate, "points")], estimates.loc[(gate, "ratio")]
        rows.append(
            {
                words.say("head_index"): words.say(f"index_{result.basis}"),
                words.say("head_gate"): say_gate(gate, gates, words),
                words.say("head_came"): words.count(points["n_at_risk"]),
                words.say("head_passed"): words.count(points["n_passed"]),
                words.say("head_index_points"): say_row(points, words.points, words),
                "p": words.p_value(points["p_value"]),
                words.say("head_index_sd"): say_row(estimates.loc[(gate, "sd")], words.number, words),
                words.say("head_within"): words.points(estimates.loc[(gate, "within")]["estimate"]),
                words.say("head_between"): words.points(estimates.loc[(gate, "between")]["estimate"]),
                words.say("head_greatest"): words.points(estimates.loc[(gate, "greatest")]["estimate"]),
                words.say("head_ratio"): say_row(ratio, words.number, words),
            }
        )
    return rows
