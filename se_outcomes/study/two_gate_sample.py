"""The cases of the model of both gates: who was referred, who was accepted, and whose placement is seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

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
from se_outcomes.study.leniency import LENIENCY, add_leniency, recorded_columns
from se_outcomes.study.prospects_sample import refuse_unknown_outcomes
from se_outcomes.study.sample import leave_out_missing, sample_columns
from se_outcomes.study.selection_sample import refuse_unrecorded

Floats = NDArray[np.float64]
Names = tuple[tuple[str, str], ...]

#: What each gate state means at the first gate. The undecided are referred, and not accepted when follow-up ends.
FIRST_GATE = PassageQuestion(
    name="referral",
    outcome="referred",
    at_risk="eligible",
    states={
        "ineligible": "ineligible",
        "short_followup": "short_followup",
        "referral_unknown": "referral_unknown",
        "not_referred": "not_passed",
        "bypassed": "bypassed",
        "undecided": "passed",
        "refused": "passed",
        "accepted": "passed",
    },
)
#: The same where both gates are recorded as one: passing is being accepted.
ONE_GATE = replace(
    FIRST_GATE,
    outcome="accepted",
    states={**FIRST_GATE.states, "undecided": "not_passed", "refused": "not_passed", "bypassed": "passed"},
)
#: Shares of the referred that may lack what moves acceptance: beyond the first it is said, beyond the second refused.
FEW_LACKING, MOST_LACKING = 0.02, 0.10
LACKING = Notice(
    "referred_without_exclusion",
    "Some of the referred lack what moves acceptance and are left out, and nobody else for the same reason: the share "
    "referred is told a little too low.",
)
UNDECIDED = Notice(
    "undecided_not_accepted",
    "Referred cases on which nobody had decided when follow-up ended count as referred and not accepted.",
)


@dataclass(frozen=True, eq=False)
class TwoGateSample:
    """Arrays of the three equations and what their columns are.

    Attributes
    ----------
    sorted_cases, used : frames
        The tally of all cases with ``level`` and ``event`` (referred; accepted where the gates are merged); its used
        rows.
    referred, accepted, placed : (n,) arrays
        1 or 0; ``referred`` is None where the gates are merged, ``accepted`` missing for those not referred,
        ``placed`` where it is not seen.
    X, Z1, Z2 : (n, k) arrays
        Designs of placement, referral and acceptance, the exposure first. Rows of ``Z2`` that lack an exclusion hold
        missing values: of those not referred it is not recorded.
    counts : (n,) array
    offices : (n,) integer array
    names_X, names_Z1, names_Z2 : tuples of (variable, level)
    office_effects : bool
    warnings : tuple of Notice
    """

    sorted_cases: pd.DataFrame
    used: pd.DataFrame
    referred: Floats | None
    accepted: Floats
    placed: Floats
    X: Floats
    Z1: Floats
    Z2: Floats
    counts: Floats
    offices: NDArray[np.int64]
    names_X: Names
    names_Z1: Names
    names_Z2: Names
    office_effects: bool
    warnings: tuple[Notice, ...]

    @property
    def n_exclusions(self) -> tuple[int, int]:
        """Columns of referral, and of acceptance, that placement does not have."""
        width = self.X.shape[1]
        return self.Z1.shape[1] - width, self.Z2.shape[1] - width


def draw_two_gate_sample(
    cases: Cases,
    *,
    exposure: str,
    adjust_for: Sequence[str],
    exclusion_referral: Sequence[str],
    exclusion_acceptance: Sequence[str],
    office_effects: bool,
    outcome_observed: str,
) -> TwoGateSample:
    """Tally, sort and leave out; the three equations' arrays from what is used.

    Where the gates are merged there is one, acceptance: ``exclusion_referral`` is not looked at.

    Raises
    ------
    EstimationError
        ``column_missing``, ``rated_after_gate``, ``no_cases``, ``exposure_constant``,
        ``outcome_for_accepted_only``.
    ValueError
        If the exposure is not a number.
    """
    merged = cases.plan.gates == "merged"
    gate, exclusion_referral = (ONE_GATE, ()) if merged else (FIRST_GATE, exclusion_referral)
    recorded = [*adjust_for, *recorded_columns(exclusion_referral), *exclusion_acceptance]
    require_columns(cases, ["office_id", "gate_state", "outcome_state", exposure, *recorded])
    warnings = refuse_ratings_after_gate(cases, gate, exposure)
    if not is_numeric(cases.tally([exposure])[exposure]):
        raise ValueError(
            f"{exposure} is not a number. The model of both gates asks what one more standard deviation does: give a "
            "numeric exposure, and put levels in adjust_for."
        )
    tally = sort_cases(cases.tally(sample_columns(exposure, recorded, numeric=True)), gate)
    if LENIENCY in exclusion_referral:
        tally = add_leniency(tally, tally["level"] == "used", tally["event"] == 1)
    of_everyone = [*adjust_for, *(exclusion_acceptance if merged else exclusion_referral)]
    tally, said = _leave_out(tally, exposure, of_everyone, exclusion_acceptance, outcome_observed)
    used = tally.loc[tally["level"] == "used"].reset_index(drop=True)
    _refuse_nothing(used, exposure)
    if (used["gate_state"] == "undecided").any():
        said = (*said, UNDECIDED)
    return _arrays(
        tally,
        used,
        _terms(used, exposure, adjust_for, office_effects),
        exclusion_referral,
        exclusion_acceptance,
        outcome_observed,
        (*warnings, *said),
        merged=merged,
    )


def _leave_out(
    tally: pd.DataFrame,
    exposure: str,
    of_everyone: Sequence[str],
    of_referred: Sequence[str],
    outcome_observed: str,
) -> tuple[pd.DataFrame, tuple[Notice, ...]]:
    """Leave out cases that lack what their equations need, and refuse where a whole stage lacks it."""
    tally, said = _leave_out_referred(leave_out_missing(tally, exposure, of_everyone), of_referred)
    refuse_unrecorded(tally, of_everyone)
    refuse_unknown_outcomes(tally, outcome_observed)
    if outcome_observed == "all":
        tally = leave_out(tally, tally["outcome_state"].astype(str) == "unknown", "outcome_unknown")
    return tally, said


def _leave_out_referred(
    tally: pd.DataFrame, columns: Sequence[str]
) -> tuple[pd.DataFrame, tuple[Notice, ...]]:
    """Leave out the referred that lack what moves acceptance, if they are few: leaving them out selects on referral.

    Raises
    ------
    EstimationError
        ``column_missing`` if more than :data:`MOST_LACKING` of the referred lack a column.
    """
    referred = (tally["level"] == "used") & (tally["event"] == 1)
    total, said = float(tally.loc[referred, "n"].sum()), False
    for column in columns:
        lacking = referred & tally[column].isna()
        share = float(tally.loc[lacking, "n"].sum()) / max(total, 1.0)
        if share > MOST_LACKING:
            raise EstimationError(
                f"{column} is missing for more than {MOST_LACKING:.0%} of the referred. Nobody else has it, so "
                "leaving these out would take referred cases away and no others. Complete the column, or ask without "
                "it (exclusion_acceptance).",
                reason="column_missing",
                columns=(column,),
            )
        said |= share > FEW_LACKING
        tally = leave_out(tally, lacking, "covariate_missing")
    return tally, (LACKING,) if said else ()


def _refuse_nothing(used: pd.DataFrame, exposure: str) -> None:
    if used.empty:
        raise EstimationError(
            "There are no cases to follow through both gates: none has all that is needed "
            f"({exposure}, the gates, the variables adjusted for and the exclusions).",
            reason="no_cases",
        )
    if used[exposure].nunique() < 2:
        raise EstimationError(
            f"{exposure} has the same value for all cases used: there is nothing to compare.",
            reason="exposure_constant",
        )


def _terms(used: pd.DataFrame, exposure: str, adjust_for: Sequence[str], office_effects: bool) -> list[Term]:
    """What all three equations have."""
    counts = used["n"].to_numpy(float)
    shared = [Term(exposure, numbers(used[f"{exposure}_scaled"])[:, None])]
    shared += [covariate_term(column, used[column], counts) for column in adjust_for]
    if not office_effects:
        shared.append(Term(CONSTANT, np.ones((len(used), 1))))
    return shared


def _arrays(
    tally: pd.DataFrame,
    used: pd.DataFrame,
    shared: list[Term],
    exclusion_referral: Sequence[str],
    exclusion_acceptance: Sequence[str],
    outcome_observed: str,
    warnings: tuple[Notice, ...],
    *,
    merged: bool,
) -> TwoGateSample:
    counts = used["n"].to_numpy(float)
    referred, state = used["event"].to_numpy(float), used["gate_state"].astype(str).to_numpy(dtype=object)
    if merged:
        accepted, asked = referred, np.ones(len(used), dtype=bool)
    else:
        accepted, asked = np.where(referred == 1, (state == "accepted").astype(float), np.nan), referred == 1
    first = [covariate_term(column, used[column], counts) for column in exclusion_referral]
    second = [_of_referred(column, used, asked) for column in exclusion_acceptance]
    outcome = used["outcome_state"].astype(str).to_numpy(dtype=object)
    seen = (outcome != "unknown") & ((outcome_observed == "all") | (accepted == 1))
    return TwoGateSample(
        sorted_cases=tally,
        used=used,
        referred=None if merged else referred,
        accepted=accepted,
        placed=np.where(seen, (outcome == "placed").astype(float), np.nan),
        X=np.hstack([term.columns for term in shared]),
        Z1=np.hstack([term.columns for term in [*shared, *first]]),
        Z2=np.hstack([term.columns for term in [*shared, *second]]),
        counts=counts,
        offices=office_codes(used),
        names_X=term_names(shared),
        names_Z1=term_names([*shared, *first]),
        names_Z2=term_names([*shared, *second]),
        office_effects=all(term.name != CONSTANT for term in shared),
        warnings=warnings,
    )


def _of_referred(column: str, used: pd.DataFrame, referred: NDArray[np.bool_]) -> Term:
    """An exclusion of acceptance: made from the referred, missing for the others, whatever is recorded of them."""
    of_referred = used.loc[referred]
    term = covariate_term(column, of_referred[column], of_referred["n"].to_numpy(float))
    columns = np.full((len(used), term.columns.shape[1]), np.nan)
    columns[referred] = term.columns
    return Term(term.name, columns, term.levels)
