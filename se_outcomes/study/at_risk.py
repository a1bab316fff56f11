"""Who a question is about: from every case to the cases used, the others each with a reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from se_outcomes.cases.cases import Cases
from se_outcomes.errors import EstimationError
from se_outcomes.results import Notice
from se_outcomes.study.sentences import say_count

#: Reasons for exclusion in the order they are asked; a case is counted under the first that holds.
REASONS = (
    "ineligible",
    "short_followup",
    "referral_unknown",
    "not_referred",
    "bypassed",
    "undecided",
    "not_accepted",
    "outcome_unknown",
    "exposure_missing",
    "covariate_missing",
    "office_without_variation",
)


@dataclass(frozen=True)
class PassageQuestion:
    """A question of the form "does the exposure go with passing from here to there?", as data.

    Attributes
    ----------
    name : str
        ``"referral"``, ``"acceptance"`` or ``"placement"``.
    outcome : str
        Column whose being true is passing.
    at_risk : str
        ``"eligible"``, ``"referred"`` or ``"accepted"``.
    states : mapping
        What each ``gate_state`` means here: ``"passed"``, ``"not_passed"``, ``"outcome"`` (at risk; the
        recorded outcome decides) or the reason for exclusion.
    """

    name: str
    outcome: str
    at_risk: str
    states: Mapping[str, str]


def sort_cases(tally: pd.DataFrame, question: PassageQuestion) -> pd.DataFrame:
    """Add ``level`` ("used" or the reason for exclusion) and ``event`` (1 passed, else 0) to a tally.

    Only what the states decide; missing values and offices come after, in :func:`leave_out`.
    """
    meaning = tally["gate_state"].astype(str).map(dict(question.states))
    if meaning.isna().any():
        raise ValueError("a gate state without a meaning in this question")
    decided_by_outcome = meaning == "outcome"
    outcome = tally["outcome_state"].astype(str)
    meaning = meaning.mask(decided_by_outcome & (outcome == "placed"), "passed")
    meaning = meaning.mask(decided_by_outcome & (outcome == "not_placed"), "not_passed")
    meaning = meaning.mask(decided_by_outcome & (outcome == "unknown"), "outcome_unknown")
    used = meaning.isin(["passed", "not_passed"])
    return tally.assign(level=meaning.where(~used, "used"), event=(meaning == "passed").astype(float))


def leave_out(sorted_cases: pd.DataFrame, rows: pd.Series | np.ndarray, reason: str) -> pd.DataFrame:
    """Mark used rows for which ``rows`` is true as excluded for ``reason``."""
    hit = (sorted_cases["level"] == "used") & np.asarray(rows, dtype=bool)
    return sorted_cases.assign(level=sorted_cases["level"].mask(hit, reason))


def leave_out_offices_without_variation(sorted_cases: pd.DataFrame) -> pd.DataFrame:
    """Exclude offices whose used cases all passed, or all did not: they hold nothing to compare within."""
    used = sorted_cases.loc[sorted_cases["level"] == "used"]
    cases = used.groupby("office_id")["n"].sum()
    passes = (used["n"] * used["event"]).groupby(used["office_id"]).sum()
    flat = cases.index[(passes == 0) | (passes == cases)]
    return leave_out(sorted_cases, sorted_cases["office_id"].isin(flat), "office_without_variation")


def count_exclusions(sorted_cases: pd.DataFrame) -> pd.DataFrame:
    """Frame ``reason, n`` in the order of :data:`REASONS`, reasons with cases only."""
    counts = sorted_cases.groupby("level")["n"].sum()
    kept = [reason for reason in REASONS if counts.get(reason, 0) > 0]
    return pd.DataFrame({"reason": pd.Series(kept, dtype=str), "n": [int(counts[reason]) for reason in kept]})


def count_used(sorted_cases: pd.DataFrame) -> pd.DataFrame:
    """Frame ``level, gate_state, outcome_state, n`` over all cases: what links questions to each other."""
    keys = ["level", "gate_state", "outcome_state"]
    return sorted_cases.groupby(keys)["n"].sum().reset_index()


def refuse_ratings_after_gate(cases: Cases, question: PassageQuestion, exposure: str) -> tuple[Notice, ...]:
    """Refuse (or, where the plan keeps them, warn of) motivation dated after the gate it is to explain."""
    flag, gate = {
        "referral": ("rated_after_referral", "referral"),
        "acceptance": ("rated_after_decision", "decision on acceptance"),
    }.get(question.name, ("", ""))
    if exposure != "motivation" or not flag or not cases.has(flag):
        return ()
    sorted_cases = sort_cases(cases.tally(["gate_state", "outcome_state", flag]), question)
    late = (sorted_cases["level"] == "used") & sorted_cases[flag].fillna(False).astype(bool)
    n = int(sorted_cases.loc[late, "n"].sum())
    if n == 0:
        return ()
    if cases.plan.rating_after_gate == "keep":
        return (
            Notice(
                "late_ratings_kept",
                "Some ratings of motivation are dated after the {gate} they are to explain; they were kept, as "
                "asked. What they measure may be the decision itself.",
                gate=gate,
            ),
        )
    raise EstimationError(
        f"Motivation is dated after the {gate} for {say_count(n)} of the cases at risk: such a rating may "
        "follow from the decision it is to explain. Correct the dates, leave those ratings empty, or state "
        'rating_after_gate = "keep" in the [study] table of the mapping.',
        reason="rated_after_gate",
        count=say_count(n),
        gate=question.name,
    )
