"""The cases of a selection model: who could pass the gate, who did, and whose outcome is seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from se_outcomes.cases.cases import Cases
from se_outcomes.errors import EstimationError
from se_outcomes.results import Notice
from se_outcomes.study.at_risk import PassageQuestion, leave_out, refuse_ratings_after_gate, sort_cases
from se_outcomes.study.design import (
    CONSTANT,
    Term,
    covariate_term,
    is_numeric,
    numbers,
    office_codes,
    require_columns,
    term_names,
)
from se_outcomes.study.sample import leave_out_missing, sample_columns

Floats = NDArray[np.float64]

_APART = {"ineligible": "ineligible", "short_followup": "short_followup"}
#: By who is at risk: what each gate state means for the gate.
GATES: Mapping[str, PassageQuestion] = {
    "referred": PassageQuestion(
        name="acceptance",
        outcome="accepted",
        at_risk="referred",
        states={
            **_APART,
            "referral_unknown": "referral_unknown",
            "not_referred": "not_referred",
            "bypassed": "bypassed",
            "undecided": "undecided",
            "refused": "not_passed",
            "accepted": "passed",
        },
    ),
    "eligible": PassageQuestion(
        name="referral",
        outcome="accepted",
        at_risk="eligible",
        states={
            **_APART,
            "referral_unknown": "referral_unknown",
            "not_referred": "not_passed",
            "bypassed": "passed",
            "undecided": "undecided",
            "refused": "not_passed",
            "accepted": "passed",
        },
    ),
}


@dataclass(frozen=True, eq=False)
class SelectionSample:
    """Arrays of both equations and what their columns are.

    Attributes
    ----------
    sorted_cases, used : frames
        The tally of all cases with ``level`` and ``event`` (passed the gate); its used rows.
    selected, placed : (n,) arrays
        1 where the gate was passed; 1 placed, 0 not, missing where it is not seen.
    X, Z : (n, kx) and (n, kz) arrays
        Designs of the outcome and of the gate; the exposure is the first column of both.
    counts : (n,) array
    offices : (n,) integer array
    names_X, names_Z : tuples of (variable, level)
        What each column is; the level is empty for numbers.
    exclusion_columns : tuple of int
        Columns of Z that are not in X.
    office_effects : bool
    warnings : tuple of Notice
    """

    sorted_cases: pd.DataFrame
    used: pd.DataFrame
    selected: Floats
    placed: Floats
    X: Floats
    Z: Floats
    counts: Floats
    offices: NDArray[np.int64]
    names_X: tuple[tuple[str, str], ...]
    names_Z: tuple[tuple[str, str], ...]
    exclusion_columns: tuple[int, ...]
    office_effects: bool
    warnings: tuple[Notice, ...]


def draw_selection_sample(
    cases: Cases,
    *,
    at_risk: str,
    exposure: str,
    adjust_for: Sequence[str],
    exclusion: Sequence[str],
    office_effects: bool,
    outcome_observed: str,
) -> SelectionSample:
    """Tally, sort and leave out; the two equations' arrays from what is used.

    Raises
    ------
    EstimationError
        ``column_missing``, ``rated_after_gate``, ``no_cases``, ``exposure_constant``.
    ValueError
        If the exposure is not a number.
    """
    gate = GATES[at_risk]
    require_columns(cases, ["office_id", "gate_state", "outcome_state", exposure, *adjust_for, *exclusion])
    warnings = refuse_ratings_after_gate(cases, gate, exposure)
    if not is_numeric(cases.tally([exposure])[exposure]):
        raise ValueError(
            f"{exposure} is not a number. The selection model asks what one more standard deviation does: give a "
            "numeric exposure, and put levels in adjust_for."
        )
    columns = sample_columns(exposure, [*adjust_for, *exclusion], numeric=True)
    tally = leave_out_missing(sort_cases(cases.tally(columns), gate), exposure, [*adjust_for, *exclusion])
    refuse_unrecorded(tally, [*adjust_for, *exclusion])
    if outcome_observed == "all":
        tally = leave_out(tally, tally["outcome_state"].astype(str) == "unknown", "outcome_unknown")
    if office_effects:
        tally = _leave_out_offices_with_nothing(tally, outcome_observed)
    used = tally.loc[tally["level"] == "used"].reset_index(drop=True)
    if used.empty:
        raise EstimationError(
            f"There are no cases to estimate placement without selection from: none of the {at_risk} has all that "
            f"is needed ({exposure}, the gate, the variables adjusted for and the exclusion).",
            reason="no_cases",
        )
    if used[exposure].nunique() < 2:
        raise EstimationError(
            f"{exposure} has the same value for all cases used: there is nothing to compare.",
            reason="exposure_constant",
        )
    return _arrays(tally, used, exposure, adjust_for, exclusion, office_effects, outcome_observed, warnings)


def _leave_out_offices_with_nothing(tally: pd.DataFrame, outcome_observed: str) -> pd.DataFrame:
    """Exclude offices in which neither the gate nor the outcome varies: both equations lose them."""
    used = tally.loc[tally["level"] == "used"]
    seen = _seen(used, outcome_observed)
    by_office = pd.DataFrame(
        {
            "office_id": used["office_id"].to_numpy(dtype=object),
            "gate": used["event"].to_numpy(float),
            "outcome": np.where(
                seen, (used["outcome_state"].astype(str) == "placed").to_numpy(float), np.nan
            ),
        }
    ).groupby("office_id")
    flat = (by_office["gate"].nunique() < 2) & (by_office["outcome"].nunique() < 2)
    return leave_out(tally, tally["office_id"].isin(flat.index[flat]), "office_without_variation")


def _seen(used: pd.DataFrame, outcome_observed: str) -> NDArray[np.bool_]:
    """Whose outcome is known and belongs to the model."""
    known = (used["outcome_state"].astype(str) != "unknown").to_numpy(dtype=bool)
    return known if outcome_observed == "all" else known & (used["event"].to_numpy(float) == 1)


def refuse_unrecorded(tally: pd.DataFrame, columns: Sequence[str]) -> None:
    """Refuse columns that none of those who did not pass the gate have: without these there is no gate.

    Raises
    ------
    EstimationError
        ``column_missing``.
    """
    stopped = tally.loc[tally["level"].isin(["used", "covariate_missing"]) & (tally["event"] == 0)]
    stage = stopped["gate_state"].astype(str)
    for column in columns:
        of_stage = stopped[column].notna().groupby(stage).any()
        if len(of_stage) and not of_stage.all():
            raise EstimationError(
                f"{column} is recorded for none of the cases that stopped at one of the stages asked about "
                f"({', '.join(of_stage.index[~of_stage])}), so these would be left out without a word. Leave the "
                "column out, or ask of those for whom it is recorded.",
                reason="column_missing",
                columns=(column,),
            )


def _arrays(
    tally: pd.DataFrame,
    used: pd.DataFrame,
    exposure: str,
    adjust_for: Sequence[str],
    exclusion: Sequence[str],
    office_effects: bool,
    outcome_observed: str,
    warnings: tuple[Notice, ...],
) -> SelectionSample:
    counts = used["n"].to_numpy(float)
    shared = [Term(exposure, numbers(used[f"{exposure}_scaled"])[:, None])]
    shared += [covariate_term(column, used[column], counts) for column in adjust_for]
    if not office_effects:
        shared.append(Term(CONSTANT, np.ones((len(used), 1))))
    excluded = [covariate_term(column, used[column], counts) for column in exclusion]
    placed = np.where(
        _seen(used, outcome_observed),
        (used["outcome_state"].astype(str) == "placed").to_numpy(float),
        np.nan,
    )
    width = sum(term.columns.shape[1] for term in shared)
    names = term_names(shared)
    return SelectionSample(
        sorted_cases=tally,
        used=used,
        selected=used["event"].to_numpy(float),
        placed=placed,
        X=np.hstack([term.columns for term in shared]),
        Z=np.hstack([term.columns for term in [*shared, *excluded]]),
        counts=counts,
        offices=office_codes(used),
        names_X=names,
        names_Z=names + term_names(excluded),
        exclusion_columns=tuple(range(width, width + sum(term.columns.shape[1] for term in excluded))),
        office_effects=office_effects,
        warnings=warnings,
    )
