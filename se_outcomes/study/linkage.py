"""Which cases stand in which exhibit: what one must know to see what numbers give away together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from se_outcomes.cases.cases import Cases
from se_outcomes.results import Specification
from se_outcomes.study.acceptance import ACCEPTANCE
from se_outcomes.study.at_risk import PassageQuestion, leave_out_offices_without_variation, sort_cases
from se_outcomes.study.design import as_text, is_numeric
from se_outcomes.study.placement import OF_ACCEPTED, OF_ELIGIBLE
from se_outcomes.study.referral import REFERRAL
from se_outcomes.study.sample import leave_out_missing, sample_columns

STATES = ("gate_state", "outcome_state", "retention_state")
MISSING = "missing"


def count_linkage(cases: Cases, asked: Mapping[str, Specification], *, by: str) -> pd.DataFrame:
    """Count all cases by group, bin, state, and their place in each question.

    Parameters
    ----------
    cases : Cases
    asked : mapping of str to Specification
        Passage questions of one exposure and adjustment set, by a key of their own.
    by : str
        The column that groups are of: a number's quarters, or levels.

    Returns
    -------
    DataFrame
        ``group, bin`` ("missing" where there is none), ``gate_state, outcome_state, retention_state``, a
        column for each key with "used" or the reason for exclusion, and ``n``.
    """
    number = by.removesuffix("_group")
    numeric = by != number and cases.has(number) and is_numeric(cases.tally([number])[number])
    bins = f"{number}_bin" if numeric else by
    adjust_for = {column for specification in asked.values() for column in specification.adjust_for}
    exposures = {specification.exposure for specification in asked.values()}
    columns = ["office_id", by, bins, *(state for state in STATES if cases.has(state)), *adjust_for]
    for exposure in exposures:
        columns += sample_columns(exposure, (), numeric=is_numeric(cases.tally([exposure])[exposure]))
    tally = cases.tally(list(dict.fromkeys(columns)))
    keyed = {key: _levels(tally, specification) for key, specification in asked.items()}
    frame = pd.DataFrame(
        {
            "group": as_text(tally[by]).fillna(MISSING),
            "bin": as_text(tally[bins]).fillna(MISSING),
            **{state: tally.get(state, "unknown") for state in STATES},
            **keyed,
            "n": tally["n"],
        }
    )
    keys = [column for column in frame.columns if column != "n"]
    return frame.groupby(keys, sort=True)["n"].sum().reset_index()


def question_of(specification: Specification) -> PassageQuestion:
    """The passage question that a specification asks."""
    if specification.question == "placement":
        return OF_ACCEPTED if specification.at_risk == "accepted" else OF_ELIGIBLE
    question = {"referral": REFERRAL, "acceptance": ACCEPTANCE}[specification.question]
    return replace(question, at_risk=specification.at_risk)


def _levels(tally: pd.DataFrame, specification: Specification) -> pd.Series:
    """Each row's place in a question: "used" or the reason for exclusion."""
    placed = sort_cases(tally, question_of(specification))
    placed = leave_out_missing(placed, specification.exposure, specification.adjust_for)
    if specification.office_effects:
        placed = leave_out_offices_without_variation(placed)
    return placed["level"]
