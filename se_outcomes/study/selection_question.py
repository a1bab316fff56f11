"""What is asked of a selection model, of which cases and in which situation; refused before any fit, or fitted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from se_outcomes.cases.cases import Cases
from se_outcomes.errors import EstimationError
from se_outcomes.regression.bivariate_probit import fit_recursive_probit
from se_outcomes.regression.paired_fit import PairedFit
from se_outcomes.regression.selection_probit import fit_selection_probit
from se_outcomes.results import Specification
from se_outcomes.study.design import CONSTANT
from se_outcomes.study.passage import asked_variables
from se_outcomes.study.prospects_sample import ask_who_is_observed
from se_outcomes.study.selection_sample import SelectionSample, draw_selection_sample

#: Cases per office below which intercepts of offices are refused, and below which a warning stands. Each office's two
#: intercepts are estimated from its own cases alone, and with few of them the likelihood of rho is driven to the edge
#: (incidental parameters: Neyman & Scott 1948, Econometrica 16:1-32). With rho = 0 the likelihood-ratio test at
#: 5 % rejected in 27 % of 150 simulated studies at 10 cases an office, 7 to 11 % at 16 to 40, 4 % at 80.
TOO_SMALL, SMALL = 16, 60
#: Chi-squared statistic per column below which an exclusion restriction is called weak.
WEAK = 10.0


def ask_selected_placement(
    cases: Cases,
    *,
    exclusion: Sequence[str] | None,
    outcome_observed: str | None,
    at_risk: str,
    exposure: str | None,
    adjust_for: Sequence[str] | None,
    office_effects: bool,
) -> tuple[Specification, SelectionSample, str]:
    """What is asked, of which cases, in which situation; refuses what no model could answer."""
    if at_risk not in ("referred", "eligible"):
        raise ValueError(f'at_risk must be "referred" or "eligible"; got {at_risk!r}')
    observed = _situation(cases, outcome_observed)
    _refuse_merged(cases, at_risk)
    exposure, covariates = asked_variables(cases, exposure, adjust_for)
    if exclusion is None:
        # what the plan names moves job specialists; of the eligible most never met one
        exclusion = cases.plan.exclusion if at_risk == "referred" else ()
    exclusion = (exclusion,) if isinstance(exclusion, str) else tuple(dict.fromkeys(exclusion))
    _refuse_exclusion(exclusion, exposure, covariates)
    covariates = tuple(column for column in covariates if column not in exclusion)
    sample = draw_selection_sample(
        cases,
        at_risk=at_risk,
        exposure=exposure,
        adjust_for=covariates,
        exclusion=exclusion,
        office_effects=office_effects,
        outcome_observed=observed,
    )
    specification = Specification(
        "selected_placement",
        "placed",
        at_risk,
        exposure,
        covariates,
        office_effects=office_effects,
        exclusion=exclusion,
    )
    _refuse_small_offices(sample)
    return specification, sample, observed


def _situation(cases: Cases, outcome_observed: str | None) -> str:
    """Which of the two situations the data are in: said in the call or in the plan, and by both alike."""
    said = ask_who_is_observed(cases, outcome_observed)
    if said == "accepted" and cases.plan.outcome_observed == "all":
        raise EstimationError(
            "The outcome was observed for all cases: a model of the accepted alone would throw the others' "
            'outcomes away. Ask with outcome_observed="all", which lets acceptance change the outcome.',
            reason="outcome_for_all",
        )
    return said


def _refuse_merged(cases: Cases, at_risk: str) -> None:
    if at_risk == "referred" and cases.plan.gates == "merged":
        raise EstimationError(
            "Referral and acceptance are recorded as one, so nobody is referred and not accepted. Ask of the eligible "
            '(at_risk="eligible").',
            reason="gates_merged",
        )


def _refuse_exclusion(exclusion: Sequence[str], exposure: str, covariates: Sequence[str]) -> None:
    if exposure in exclusion:
        raise EstimationError(
            f"{exposure} is the exposure: what it does to placement is asked, so it cannot be kept out of placement. "
            "Give another column as exclusion.",
            reason="collinearity",
            columns=(exposure,),
        )


def cases_per_office(sample: SelectionSample) -> float:
    """Cases used per office, on average."""
    return float(sample.counts.sum() / len(np.unique(sample.offices)))


def refuse_one_office(sample: SelectionSample) -> None:
    """Nothing tells how answers vary between offices where there is one.

    Raises
    ------
    EstimationError
        ``one_office``.
    """
    if len(np.unique(sample.offices)) < 2:
        raise EstimationError(
            "There is one office only. What varies between offices cannot be seen in one, so no honest interval "
            "exists. Add offices, or fit the model by itself (se_outcomes.regression): its sets are for this office.",
            reason="one_office",
        )


def _refuse_small_offices(sample: SelectionSample) -> None:
    if sample.office_effects and cases_per_office(sample) < TOO_SMALL:
        raise EstimationError(
            f"Offices have fewer than {TOO_SMALL} cases each on average, too few for an intercept of each in both "
            "equations: what is found of the correlation would be an artefact. Ask without office effects "
            "(office_effects=False).",
            reason="small_offices",
        )


def fit_situation(sample: SelectionSample, observed: str) -> PairedFit:
    """The model of the situation; refusals name variables."""
    groups = sample.offices if sample.office_effects else None
    try:
        if observed == "accepted":
            return fit_selection_probit(
                sample.placed,
                sample.X,
                sample.selected,
                sample.Z,
                observed=~np.isnan(sample.placed),
                counts=sample.counts,
                clusters=sample.offices,
                intercepts=groups,
            )
        return fit_recursive_probit(
            sample.placed,
            sample.X,
            sample.selected,
            sample.Z,
            counts=sample.counts,
            clusters=sample.offices,
            intercepts=groups,
        )
    except EstimationError as refusal:
        raise named_refusal(refusal, sample) from None


def named_refusal(refusal: EstimationError, sample: SelectionSample) -> EstimationError:
    """The refusal with variables in place of column numbers."""
    gate = refusal.details.get("equation") in ("gate", "acceptance")
    return name_columns(refusal, sample.names_Z if gate else (*sample.names_X, ("accepted", "")))


def name_columns(refusal: EstimationError, names: Sequence[tuple[str, str]]) -> EstimationError:
    """A refusal of columns of an equation, by the variables that they are; others as they are."""
    numbers_named = refusal.details.get("columns")
    if refusal.reason not in ("separation", "collinearity") or not isinstance(numbers_named, tuple):
        return refusal
    equation = refusal.details.get("equation")
    columns = tuple(dict.fromkeys(names[number][0] for number in numbers_named))
    columns = tuple(column for column in columns if column != CONSTANT)
    named = " and ".join(columns)
    what = (
        f"{named} predicts the {equation} without error for some of the cases (separation), so no finite coefficient "
        f"fits best. Merge levels of {named}, or leave it out."
        if refusal.reason == "separation"
        else f"{named}: the columns are collinear in the {equation} (one follows from the others, or does not vary). "
        "Leave one of them out."
    )
    return EstimationError(what, reason=refusal.reason, columns=columns)
