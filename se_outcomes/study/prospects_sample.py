"""The cases of all questions about who is taken and who is left: from the tally to columns, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from se_outcomes.cases.cases import Cases
from se_outcomes.errors import EstimationError
from se_outcomes.results import Notice
from se_outcomes.study.acceptance import ACCEPTANCE
from se_outcomes.study.at_risk import PassageQuestion, refuse_ratings_after_gate, sort_cases
from se_outcomes.study.design import (
    Term,
    covariate_term,
    dummies,
    is_numeric,
    numbers,
    ordered_levels,
    require_columns,
    term_names,
)
from se_outcomes.study.referral import REFERRAL
from se_outcomes.study.sample import leave_out_missing, sample_columns

Floats = NDArray[np.float64]

#: Who the questions are about: undecided at the end is referred and not accepted.
PROSPECTS = PassageQuestion(
    name="prospects",
    outcome="accepted",
    at_risk="eligible",
    states={
        "ineligible": "ineligible",
        "short_followup": "short_followup",
        "referral_unknown": "referral_unknown",
        "bypassed": "bypassed",
        "not_referred": "not_passed",
        "undecided": "not_passed",
        "refused": "not_passed",
        "accepted": "passed",
    },
)


def ask_who_is_observed(cases: Cases, outcome_observed: str | None) -> str:
    """For whom placement is known: said in the call, else in the plan.

    Raises
    ------
    EstimationError
        ``outcome_observed_unknown``; ``outcome_for_accepted_only`` where the call says more than the plan.
    """
    planned = cases.plan.outcome_observed
    if outcome_observed not in (None, "all", "accepted"):
        raise ValueError(f'outcome_observed must be "all" or "accepted"; got {outcome_observed!r}')
    said = outcome_observed or planned
    if said is None:
        raise EstimationError(
            "Nothing says whether the outcome was observed for all cases or for the accepted only, and the two need "
            'different models. State outcome_observed = "all" or "accepted" in the call, or in the [study] table '
            "of the mapping.",
            reason="outcome_observed_unknown",
        )
    if said == "all" and planned == "accepted":
        raise EstimationError(
            "The outcome was observed for the accepted only, so nothing is known of placement without SE, and a "
            "model of everybody's outcome cannot be fitted. Ask with "
            'outcome_observed="accepted".',
            reason="outcome_for_accepted_only",
        )
    return said


def tally_prospects(
    cases: Cases, exposure: str, adjust_for: Sequence[str]
) -> tuple[pd.DataFrame, tuple[Notice, ...]]:
    """The tally of all cases with ``level`` and ``event`` (accepted), and what must be said of it.

    Raises
    ------
    EstimationError
        ``column_missing``, ``rated_after_gate``, ``no_cases``, ``exposure_constant``, ``no_variation``.
    """
    require_columns(cases, ["office_id", "gate_state", "outcome_state", exposure, *adjust_for])
    gates = _gates(cases.plan.gates == "merged")
    warnings = [said for gate in gates for said in refuse_ratings_after_gate(cases, gate, exposure)]
    numeric = is_numeric(cases.tally([exposure])[exposure])
    columns = sample_columns(exposure, [*adjust_for, *_quarters(cases, adjust_for)], numeric=numeric)
    tally = leave_out_missing(sort_cases(cases.tally(columns), PROSPECTS), exposure, adjust_for)
    _refuse_unrecorded(tally, [exposure, *adjust_for])
    _refuse_nothing_to_compare(tally.loc[tally["level"] == "used"], exposure)
    return tally, tuple(dict.fromkeys(warnings))


def refuse_unknown_outcomes(tally: pd.DataFrame, observed: str) -> None:
    """Refuse where placement was to be observed at a stage and is known for none of the cases that stopped there.

    The undecided are few and late: they count as a stage only where nobody was refused.

    Parameters
    ----------
    tally : frame
        ``level`` ("used" or why not), ``gate_state``, ``outcome_state``.
    observed : {"all", "accepted"}

    Raises
    ------
    EstimationError
        ``no_cases`` where it is the accepted; ``outcome_for_accepted_only`` where it is others.
    """
    used = tally.loc[tally["level"] == "used"]
    stage = used["gate_state"].astype(str).replace("bypassed", "accepted")  # used where the gates are merged
    if (stage == "refused").any():
        stage = stage.mask(stage == "undecided")
    known = (used["outcome_state"].astype(str) != "unknown").groupby(stage).any()
    unknown = [str(name) for name in known.index[~known.to_numpy(bool)]]
    if "accepted" in unknown:
        raise EstimationError(
            "Placement is known for none of the accepted, so nothing tells how anybody does with SE. Record it, or "
            "show counts (count_funnel).",
            reason="no_cases",
        )
    if observed == "all" and unknown:
        raise EstimationError(
            f"The outcome is said to be observed for all, but placement is known for none of the cases that stopped "
            f'at one of the stages ({", ".join(unknown)}). Ask with outcome_observed="accepted", or leave these '
            "cases out of the file.",
            reason="outcome_for_accepted_only",
            stages=tuple(unknown),
        )


def known_placement(used: pd.DataFrame, accepted: Floats, observed: str) -> Floats:
    """1 placed, 0 not, missing where it is not known to the question."""
    outcome = used["outcome_state"].astype(str)
    known = (outcome != "unknown").to_numpy(bool) & ((accepted == 1) | (observed == "all"))
    return np.where(known, (outcome == "placed").to_numpy(float), np.nan)


def prospects_design(
    used: pd.DataFrame, exposure: str, adjust_for: Sequence[str]
) -> tuple[tuple[tuple[str, str], ...], Floats]:
    """Names and columns: the exposure in SDs or by level, then what is adjusted for."""
    counts = used["n"].to_numpy(float)
    if is_numeric(used[exposure]):
        terms = [Term(exposure, numbers(used[f"{exposure}_scaled"])[:, None])]
    else:
        terms = [dummies(exposure, used[exposure], ordered_levels(exposure, used[exposure]))]
    terms += [covariate_term(variable, used[variable], counts) for variable in adjust_for]
    return term_names(terms), np.hstack([term.columns for term in terms])


def _gates(merged: bool) -> tuple[PassageQuestion, ...]:
    if merged:
        return (PassageQuestion("acceptance", "accepted", "eligible", ACCEPTANCE.states),)
    return (REFERRAL, ACCEPTANCE)


def _quarters(cases: Cases, adjust_for: Sequence[str]) -> list[str]:
    """The quarters of the numbers adjusted for: they follow from them and add no rows."""
    quarters = [f"{column}_group" for column in adjust_for]
    return [
        quarter
        for quarter, column in zip(quarters, adjust_for, strict=True)
        if quarter not in cases.columns and cases.has(quarter) and is_numeric(cases.tally([column])[column])
    ]


def _refuse_unrecorded(tally: pd.DataFrame, columns: Sequence[str]) -> None:
    """Refuse columns recorded for nobody of a gate state: they would leave it out without a word."""
    asked = tally.loc[tally["level"].isin(["used", "exposure_missing", "covariate_missing"])]
    state = asked["gate_state"].astype(str)
    for column in columns:
        recorded = asked[column].notna().groupby(state).any()
        if recorded.any() and not recorded.all():
            raise EstimationError(
                f"{column} is recorded for none of the cases that stopped at one of the stages asked about "
                f"({', '.join(recorded.index[~recorded])}), so these would be left out. Leave the column out.",
                reason="column_missing",
                columns=(column,),
            )


def _refuse_nothing_to_compare(used: pd.DataFrame, exposure: str) -> None:
    """No cases, one value of the exposure, nobody accepted or everybody."""
    if used.empty:
        raise EstimationError(
            f"There are no cases to predict for: none of the eligible has all that is needed ({exposure}, the gate and "
            "the variables adjusted for).",
            reason="no_cases",
        )
    if used[exposure].nunique() < 2:
        raise EstimationError(
            f"{exposure} has the same value for all cases used: there is nothing to predict by.",
            reason="exposure_constant",
        )
    if used["event"].nunique() < 2:
        who = "Everybody" if used["event"].iloc[0] == 1 else "Nobody"
        raise EstimationError(
            f"{who} among the eligible was accepted: there is nobody to compare with. Show counts (count_funnel).",
            reason="no_variation",
        )
