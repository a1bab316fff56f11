"""Who is left out, as tables: predictions, composition, spread of the prospects, and no chance of passing."""

from __future__ import annotations

from typing import Any

import pandas as pd

from se_outcomes.results import records
from se_outcomes.study.left_out import LeftOutResult
from se_outcomes.wording.estimates import say_estimate
from se_outcomes.wording.places import say_status, say_variable
from se_outcomes.wording.words import speak

QUANTILES = ("p10", "p25", "p50", "p75", "p90")


def tabulate_left_out(result: LeftOutResult, *, language: str = "en") -> pd.DataFrame:
    """A row for each measure and place at the gates, with its difference to those accepted.

    Parameters
    ----------
    result : LeftOutResult
    language : {"en", "nb", "nn"}

    Returns
    -------
    DataFrame
        Text; a colon where a number is withheld or does not exist, nothing where those accepted are compared with
        themselves, or shares of the whole with each other.

    Examples
    --------
    >>> import se_outcomes as so
    >>> cases = so.simulate_cases(1200, seed=1, outcome_observed="all").cases
    >>> so.tabulate_left_out(so.estimate_left_out(cases))["How far"].tolist()[:3]
    ['Not referred', 'Referred, not accepted', 'Accepted']
    """
    words = speak(language)
    order = {measure: number for number, measure in enumerate(dict.fromkeys(result.groups["measure"]))}
    statuses = set(result.groups["status"])
    groups = result.groups.sort_values("measure", key=lambda column: column.map(order), kind="stable")
    rows = []
    for row in records(groups):
        form = words.points if row.measure == "gain" else words.percent
        none = row.status == "accepted" or row.measure == "share"
        contrast = (row.difference, row.difference_low, row.difference_high)
        rows.append(
            {
                words.say("head_what"): words.say(f"measure_{row.measure}"),
                words.say("head_status"): say_status(row.status, statuses, words),
                words.say("head_cases"): words.count(row.n),
                words.say("head_estimate_interval"): say_estimate(
                    row.estimate, row.conf_low, row.conf_high, form, words
                ),
                words.say("head_less_accepted"): "" if none else say_estimate(*contrast, words.points, words),
                "p": "" if none else words.p_value(row.difference_p),
            }
        )
    return pd.DataFrame(rows)


def tabulate_left_out_composition(result: LeftOutResult, *, language: str = "en") -> pd.DataFrame:
    """A row for each level: count and share of each place at the gates, and the differences to those accepted.

    Parameters
    ----------
    result : LeftOutResult
    language : {"en", "nb", "nn"}

    Returns
    -------
    DataFrame
        Text; a colon where a number is withheld or does not exist.

    Examples
    --------
    >>> import se_outcomes as so
    >>> cases = so.simulate_cases(1200, seed=1, outcome_observed="all").cases
    >>> so.tabulate_left_out_composition(so.estimate_left_out(cases))["Value"].tolist()[:2]
    ['Lowest quarter', 'Second quarter']
    """
    words = speak(language)
    found: Any = result.composition.set_index(["variable", "level", "status"])
    statuses = list(dict.fromkeys(result.composition["status"]))
    rows = []
    for variable, level in dict.fromkeys(
        zip(result.composition["variable"], result.composition["level"], strict=True)
    ):
        cells, differences = {}, {}
        for status in statuses:
            row = found.loc[(variable, level, status)]
            name = say_status(status, statuses, words)
            n, share = words.count(row["n"]), words.percent(row["share"])
            cells[name] = f"{n} ({share})" if share != ":" else n
            if status != "accepted":
                contrast = (row["difference"], row["difference_low"], row["difference_high"])
                heading = words.say("head_status_less_accepted", status=name)
                differences[heading] = say_estimate(*contrast, words.points, words)
        names = {
            words.say("head_variable"): say_variable(variable, words),
            words.say("head_level"): words.level(variable, level),
        }
        rows.append({**names, **cells, **differences})
    return pd.DataFrame(rows)


def tabulate_prospects(result: LeftOutResult, *, language: str = "en") -> pd.DataFrame:
    """A row for each place at the gates: where the lowest tenth of its predictions ends, and so on.

    Parameters
    ----------
    result : LeftOutResult
    language : {"en", "nb", "nn"}

    Returns
    -------
    DataFrame
        Text; a colon where a number is withheld.

    Examples
    --------
    >>> import se_outcomes as so
    >>> cases = so.simulate_cases(1200, seed=1, outcome_observed="all").cases
    >>> so.tabulate_prospects(so.estimate_left_out(cases)).columns.tolist()[:2]
    ['How far', 'Lowest tenth below']
    """
    words = speak(language)
    statuses = set(result.quantiles["status"])
    rows = []
    for row in records(result.quantiles):
        told = {words.say(f"head_{name}"): words.percent(getattr(row, name), 0) for name in QUANTILES}
        rows.append({words.say("head_status"): say_status(row.status, statuses, words), **told})
    return pd.DataFrame(rows)


def tabulate_no_chance(result: LeftOutResult, *, language: str = "en") -> pd.DataFrame:
    """A row for each group: how many have practically no chance of acceptance, and how many practically no other.

    Parameters
    ----------
    result : LeftOutResult
    language : {"en", "nb", "nn"}

    Returns
    -------
    DataFrame
        Text; a colon where a number is withheld or does not exist.

    Examples
    --------
    >>> import se_outcomes as so
    >>> cases = so.simulate_cases(1200, seed=1, outcome_observed="all").cases
    >>> so.tabulate_no_chance(so.estimate_left_out(cases))["Group"].tolist()[:2]
    ['All', 'Lowest quarter']
    """
    words = speak(language)
    least, most = (words.percent(limit, 0) for limit in (result.threshold, 1 - result.threshold))
    rows = []
    for row in records(result.overlap):
        share = say_estimate(row.share, row.conf_low, row.conf_high, words.percent, words)
        rows.append(
            {
                words.say("head_group"): words.level(result.specification.exposure, row.group),
                words.say("head_cases"): words.count(row.n),
                words.say("head_no_chance", threshold=least): share,
                words.say("head_chance_above", threshold=most): words.percent(row.share_certain),
            }
        )
    return pd.DataFrame(rows)
