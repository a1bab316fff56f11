"""The report's chapter on other rules of admission, and on open gates by what is supposed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from se_outcomes.figures.policies import describe_policies, draw_policies, policies_data
from se_outcomes.report.admission_answers import AdmissionAnswers
from se_outcomes.report.admission_text import say_inclusion, say_policies, tells_nothing
from se_outcomes.report.blocks import Contents, FigureExhibit
from se_outcomes.report.cells import whole_numbers
from se_outcomes.study.policies import PolicyResult
from se_outcomes.tables.policies import tabulate_crowding, tabulate_inclusion, tabulate_policies
from se_outcomes.wording.words import WITHHELD, Words


def compose_open_gates(contents: Contents) -> None:
    """Other rules of admission, and the answers on open gates beside each other."""
    found = contents.answers.admission
    ways = tabulate_ways(found, contents.words)
    if found.policies is None and ways.empty:
        return
    contents.heading("open_gates")
    if found.policies is not None:
        _compose_policies(contents, found.policies)
    if not ways.empty:
        words = contents.words
        contents.paragraphs(words.say("explain_ways"))
        contents.table("open_gates", words.say("caption_ways"), ways)


def _compose_policies(contents: Contents, result: PolicyResult) -> None:
    words, language = contents.words, contents.words.language
    exposure = words.noun(result.specification.exposure)
    contents.paragraphs(
        words.say("explain_policies"),
        *say_policies(result, words),
        *say_inclusion(result, exposure, words),
        words.say("finding_effect_holds"),
    )
    note = words.say("note_policies")
    data = policies_data(result)
    if data["included"].notna().any():
        by_quarter = str(data["group"].iloc[0]) == "q1"
        contents.figure(
            FigureExhibit(
                "policies",
                "",
                words.say("caption_policies" if by_quarter else "caption_policies_groups"),
                lambda: draw_policies(result, language=language),
                describe_policies(result, language),
                data,
                "",
            ),
            np.nan,
            note,
        )
    cells = whole_numbers(tabulate_policies(result, language=language))
    contents.table("policies", words.say("caption_policies_table"), cells, note)
    cells = whole_numbers(tabulate_inclusion(result, language=language))
    contents.table("inclusion", words.say("caption_inclusion"), cells, note)
    cells = whole_numbers(tabulate_crowding(result, language=language))
    contents.table("crowding", words.say("caption_crowding"), cells, words.say("note_crowding"))


def tabulate_ways(found: AdmissionAnswers, words: Words) -> pd.DataFrame:
    """The share in work with open gates by what is supposed: a row for each answer that is told."""
    rows = []
    if found.bounds is not None:
        naive: Any = found.bounds.naive.set_index("measure").loc["open_gate_naive"]
        rows.append(_row(words.say("way_naive"), naive, words))
    if found.effect is not None:
        averages: Any = found.effect.averages.set_index(["measure", "method"])
        rows.append(_row(words.say("way_doubly_robust"), averages.loc[("open_gate", "within")], words))
    if found.two_gates is not None and not tells_nothing(found.two_gates):
        opened: Any = found.two_gates.averages.set_index("measure").loc["open_gate"]
        way = words.say("way_two_gates" if found.two_gates.identified else "way_two_gates_set")
        rows.append(_row(way, opened, words))
    if found.bounds is not None:
        bounds: Any = found.bounds.bounds.set_index(["estimand", "assumption"])
        for assumption, way in (
            ("monotone_selection", words.say("way_selection")),
            ("none", words.say("way_none")),
        ):
            row = bounds.loc[("open_gate", assumption)]
            ends = {end: _percent(row[end], words) for end in ("lower", "upper")}
            between = words.say("bounds_between", low=ends["lower"], high=ends["upper"])
            estimate = WITHHELD if WITHHELD in ends.values() else between
            rows.append((way, estimate, _interval(row, words)))
    heads = [words.say("head_supposed"), words.say("head_estimate"), words.say("head_interval_95")]
    return pd.DataFrame(rows, columns=heads)


def _row(way: str, row: Any, words: Words) -> tuple[str, str, str]:
    return way, _percent(row["estimate"], words), _interval(row, words)


def _interval(row: Any, words: Words) -> str:
    return words.interval(row["conf_low"], row["conf_high"], lambda share: _percent(share, words))


def _percent(share: object, words: Words) -> str:
    return words.percent(share, 0)
