"""Both gates and placement as one model: what selection did on grounds that nobody recorded.

Counsellors and job specialists see more than the record tells. With a variable that moves referral alone (how readily
one's counsellor refers) and one that moves acceptance alone (the specialist's caseload), the three equations' errors
have correlations that can be known, and with them what the accepted would have done without Supported Employment and
the others with it. Two situations, as for one gate (:mod:`se_outcomes.study.selected_placement`):

* ``outcome_observed="accepted"``: a probit of placement behind two gates of selection.
* ``outcome_observed="all"``: the recursive model, in which acceptance may change a placement seen for everyone.

Where a gate lacks an exclusion the correlations with placement are held on a grid, and the answer is what follows at
every pair of them that the offices do not reject (:mod:`se_outcomes.study.two_gate_offices`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from se_outcomes.cases.cases import Cases
from se_outcomes.errors import EstimationError
from se_outcomes.results import Notice, Ranged, Specification
from se_outcomes.study.at_risk import count_exclusions, count_used
from se_outcomes.study.leniency import is_recorded
from se_outcomes.study.passage import asked_variables
from se_outcomes.study.prospects_sample import ask_who_is_observed
from se_outcomes.study.selected_placement import NO_OUTCOME_VARIATION, SMALL_OFFICES
from se_outcomes.study.selection_question import SMALL, TOO_SMALL, WEAK
from se_outcomes.study.sentences import say_interval, say_number
from se_outcomes.study.suppression import over_completions
from se_outcomes.study.two_gate_answer import (
    TwoGateReading,
    compare_averages,
    estimate_slopes,
    list_coefficients,
    read_fit,
    tell_correlations,
    tell_grid,
)
from se_outcomes.study.two_gate_sample import TwoGateSample, draw_two_gate_sample

PROJECTED = Notice(
    "two_gates_projected",
    "With these offices the correlations of the gates with placement are hardly known, so the intervals are the union "
    "over all pairs of them that a score bootstrap does not reject: they are wide, and hold at least as often as they "
    "say.",
)
NO_EXCLUSIONS = Notice(
    "two_gates_not_identified",
    "Not every gate has a variable that moves it alone. How the gates and placement depend on each other is then known "
    "from the shape of the normal distribution only: the answer is a set over a grid of correlations, not a point.",
)


@dataclass(frozen=True, eq=False)
class TwoGateResult(Ranged):
    """Both gates and placement, corrected for selection at either.

    Attributes
    ----------
    specification : Specification
        What was asked; ``exclusion`` are the columns of referral and of acceptance that placement does not have.
    exclusion_referral, exclusion_acceptance : tuple of str
    estimates : frame
        ``term, estimate, std_error, statistic, p_value, conf_low, conf_high, contrast, measure, equation, model,
        n_cases, n_offices``: the average marginal effect ("ame", per SD) of the exposure on referral, on acceptance
        of the referred were everyone sent on, and on placement; by ``model`` "naive" (no correlations) or "corrected".
    averages : frame
        ``measure, estimate, std_error, conf_low, conf_high, n_cases``: what
        :func:`se_outcomes.regression.two_gate_averages.population_averages` defines. Of those not accepted and in
        sums over everyone, covariates are the cases' and chances the model's.
    correlations : frame
        ``pair`` ("referral_acceptance", "referral_placement", "acceptance_placement"), ``estimate, conf_low,
        conf_high``.
    grid : frame
        ``rho_referral`` (referral and placement), ``rho_acceptance`` (acceptance and placement, given referral),
        ``rho_gates`` (referral and acceptance; of two values the one that the offices reject least, where nothing
        much moves referral alone, else missing: then it is estimated), ``deviance, p_value, inside``, and ``open_gate``
        (with all outcomes ``effect_all, effect_accepted, creaming_both`` too) with ``_low`` and ``_high``, as if they
        were known; empty where the grid was not solved.
    equations : frame
        ``equation, term, level, estimate, std_error, conf_low, conf_high``: probit coefficients.
    identified : bool
        Whether every gate has an exclusion.
    inside : bool
        Whether intervals are the office jackknife's; else they are projected from the grid.
    boundary : bool
        Whether the likelihood is highest at the end of a correlation's range.
    outcome_observed : {"accepted", "all"}
    gates : {"separate", "merged"}
        With merged gates there is one gate, and the correlations with referral do not exist.
    exclusions, used : frames
        Cases left out by ``reason``; all cases by ``level``, gate state and outcome state.
    warnings : tuple of Notice
    """

    specification: Specification
    exclusion_referral: tuple[str, ...]
    exclusion_acceptance: tuple[str, ...]
    method: str
    estimates: pd.DataFrame
    averages: pd.DataFrame
    correlations: pd.DataFrame
    grid: pd.DataFrame
    equations: pd.DataFrame
    identified: bool
    inside: bool
    boundary: bool
    outcome_observed: str
    gates: str
    exclusions: pd.DataFrame
    used: pd.DataFrame
    fit_statistics: dict[str, object]
    warnings: tuple[Notice, ...]

    @property
    def question(self) -> str:
        """The question's key."""
        return self.specification.question

    def tidy(self) -> pd.DataFrame:
        """One row per equation and model."""
        return self.estimates.copy()

    def glance(self) -> dict[str, object]:
        """``n_cases, n_accepted, n_offices, n_excluded, loglik, n_local_maxima`` and the like."""
        return dict(self.fit_statistics)

    def summary(self) -> str:
        """What was found, to read at the prompt."""
        asked, found = self.specification, self.fit_statistics
        lines = [
            f"placed by {asked.exposure} behind the gates: {say_number(found['n_cases'], ',')} {asked.at_risk}, "
            f"{say_number(found['n_accepted'], ',')} accepted, {found['n_offices']} offices "
            f"({say_number(found['n_excluded'], ',')} cases left out)",
            self.method,
            "",
        ]
        for row in self.estimates.itertuples():
            interval = say_interval(row.conf_low, row.conf_high, ".3f")
            lines.append(
                f"  AME per SD, {row.equation:10s} {row.model:10s} {say_number(row.estimate, '.3f')} {interval}"
            )
        for row in self.averages.itertuples():
            interval = say_interval(row.conf_low, row.conf_high, ".3f")
            lines.append(f"  {row.measure:24s} {say_number(row.estimate, '.3f')} {interval}")
        for row in self.correlations.itertuples():
            interval = say_interval(row.conf_low, row.conf_high, ".2f")
            lines.append(f"  rho {row.pair:21s} {say_number(row.estimate, '.2f')} {interval}")
        return "\n".join([*lines, *(f"Note: {warning}" for warning in self.warnings)])

    def __repr__(self) -> str:
        return self.summary()


@over_completions
def estimate_two_gates(
    cases: Cases,
    *,
    exclusion_referral: Sequence[str] | None = None,
    exclusion_acceptance: Sequence[str] | None = None,
    outcome_observed: str | None = None,
    exposure: str | None = None,
    adjust_for: Sequence[str] | None = None,
    office_effects: bool = True,
    grid: bool = False,
) -> TwoGateResult:
    """Placement corrected for selection at both gates, recorded or not; the gap, and creaming on all grounds.

    Parameters
    ----------
    cases : Cases
        Checked cases.
    exclusion_referral : sequence of str
        Columns that move referral, and neither acceptance nor placement; ``"counsellor_leniency"`` is worked out from
        ``counsellor_id``. By default what the study plan says.
    exclusion_acceptance : sequence of str
        Columns that move acceptance and not placement (the specialist's caseload); by default the plan's ``exclusion``.
    outcome_observed : {"all", "accepted"}, optional
        For whom placement is known; by default what the study plan says.
    exposure, adjust_for : optional
        As in :func:`estimate_referral`; the exposure must be a number.
    office_effects : bool
        Whether each office has an intercept of its own in every equation.
    grid : bool
        Solve the grid over the correlations with placement even where the jackknife carries.

    Returns
    -------
    TwoGateResult
        Of one gate where the gates are recorded as one.

    Raises
    ------
    EstimationError
        ``outcome_observed_unknown``; ``outcome_for_accepted_only`` where the call asks for outcomes that are not
        known; ``no_cases``, ``no_variation``, ``one_office``, ``exposure_constant``, ``collinearity``, ``separation``,
        ``not_identified``, ``small_offices``, ``not_converged``, ``rated_after_gate``, ``column_missing``.
    ValueError
        On an exposure that is no number.

    Examples
    --------
    >>> import se_outcomes as so
    >>> cases = so.simulate_cases(1500, seed=3, variation=2.0).cases
    >>> result = so.estimate_two_gates(cases)
    >>> result.exclusion_referral, result.exclusion_acceptance, result.identified
    (('counsellor_leniency',), ('caseload_at_referral',), True)
    """
    observed = ask_who_is_observed(cases, outcome_observed)
    exposure, covariates = asked_variables(cases, exposure, adjust_for)
    first, second = _asked_exclusions(cases, exclusion_referral, exclusion_acceptance, exposure)
    covariates = tuple(column for column in covariates if column not in (*first, *second))
    sample = draw_two_gate_sample(
        cases,
        exposure=exposure,
        adjust_for=covariates,
        exclusion_referral=first,
        exclusion_acceptance=second,
        office_effects=office_effects,
        outcome_observed=observed,
    )
    _refuse_offices(sample)
    specification = Specification(
        "two_gates",
        "placed",
        "eligible",
        exposure,
        covariates,
        office_effects=office_effects,
        exclusion=(*first, *second),
    )
    identified = bool(second) and bool(first or sample.referred is None)
    reading = read_fit(sample, observed, identified=identified, grid=grid)
    return _answer(reading, specification, first, second, observed)


def _asked_exclusions(
    cases: Cases, referral: Sequence[str] | None, acceptance: Sequence[str] | None, exposure: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What the call or the plan says of each gate.

    Raises
    ------
    EstimationError
        ``collinearity`` if the exposure is among them, or one column serves both gates.
    """
    plan, found = cases.plan, []
    for asked, planned in ((referral, plan.exclusion_referral), (acceptance, plan.exclusion)):
        # what the plan names and the file lacks was said when the cases were checked
        columns = [name for name in planned if is_recorded(cases, name)] if asked is None else asked
        found.append((columns,) if isinstance(columns, str) else tuple(dict.fromkeys(columns)))
    first, second = found
    if plan.gates == "merged":
        first = ()  # there is no referral to explain
        # the caseload is recorded for none of those who were never referred
        second = second if acceptance is not None else ()
    if exposure in (*first, *second):
        raise EstimationError(
            f"{exposure} is the exposure: what it does to placement is asked, so it cannot be kept out of placement. "
            "Give another column as exclusion.",
            reason="collinearity",
            columns=(exposure,),
        )
    if shared := set(first) & set(second):
        named = " and ".join(sorted(shared))
        raise EstimationError(
            f"{named}: given as what moves referral alone and as what moves acceptance. Name each column once.",
            reason="collinearity",
            columns=tuple(sorted(shared)),
        )
    return first, second


def _refuse_offices(sample: TwoGateSample) -> None:
    """One office, or offices too small for three intercepts each.

    Raises
    ------
    EstimationError
        ``one_office`` or ``small_offices``.
    """
    n_offices = len(np.unique(sample.offices))
    if n_offices < 2:
        raise EstimationError(
            "There is one office only. What varies between offices cannot be seen in one, so no honest interval "
            "exists. Add offices, or fit the model by itself (se_outcomes.regression.two_gate_probit).",
            reason="one_office",
        )
    if sample.office_effects and sample.counts.sum() / n_offices < TOO_SMALL:
        raise EstimationError(
            f"Offices have fewer than {TOO_SMALL} cases each on average, too few for an intercept of each in every "
            "equation: what is found of the correlations would be an artefact. Ask without office effects "
            "(office_effects=False).",
            reason="small_offices",
        )


def _answer(
    reading: TwoGateReading,
    specification: Specification,
    exclusion_referral: tuple[str, ...],
    exclusion_acceptance: tuple[str, ...],
    observed: str,
) -> TwoGateResult:
    fit, sample = reading.fit, reading.sample
    return TwoGateResult(
        specification=specification,
        exclusion_referral=exclusion_referral,
        exclusion_acceptance=exclusion_acceptance,
        method=_say_method(reading, observed),
        estimates=estimate_slopes(reading, specification.exposure),
        averages=compare_averages(reading),
        correlations=tell_correlations(reading),
        grid=tell_grid(reading),
        equations=list_coefficients(reading),
        identified=reading.identified,
        inside=reading.across.inside,
        boundary=fit.boundary,
        outcome_observed=observed,
        gates="merged" if sample.referred is None else "separate",
        exclusions=count_exclusions(sample.sorted_cases),
        used=count_used(sample.sorted_cases),
        fit_statistics=_fit_statistics(reading),
        warnings=_warnings(reading),
    )


def _fit_statistics(reading: TwoGateReading) -> dict[str, object]:
    """What ``glance`` tells."""
    fit, sample = reading.fit, reading.sample
    return {
        "n_cases": fit.n_cases,
        "n_accepted": round(float(sample.counts @ np.nan_to_num(sample.accepted))),
        "n_offices": fit.n_clusters,
        "n_excluded": int(count_exclusions(sample.sorted_cases)["n"].sum()),
        "dof": reading.across.dof,
        "loglik": fit.loglik,
        "converged": fit.converged,
        "boundary": fit.boundary,
        "n_local_maxima": len(fit.local_maxima),
        **{f"{gate}_exclusion_chi2": statistic for gate, (statistic, _) in reading.strengths.items()},
    }


def _say_method(reading: TwoGateReading, observed: str) -> str:
    merged, across = reading.sample.referred is None, reading.across
    gates = "one gate" if merged else "two gates"
    model = (
        f"Probit of placement behind {gates} (outcome seen for the accepted)"
        if observed == "accepted"
        else f"Recursive probit of {gates} and placement (outcome seen for all, acceptance endogenous)"
    )
    own = reading.sample.office_effects
    offices = "an intercept for each office in every equation" if own else "without office effects"
    intervals = (
        f"office jackknife (CV3), t({across.dof:.0f})"
        if across.inside
        else "linear office jackknife (CV3L) at every pair of correlations that a joint score bootstrap does not "
        f"reject, t({across.dof:.0f})"
    )
    return f"{model}, {offices}; intervals: {intervals}."


def _warnings(reading: TwoGateReading) -> tuple[Notice, ...]:
    found = [*reading.sample.warnings]
    if not reading.identified:
        found.append(NO_EXCLUSIONS)
    if not reading.across.inside:
        found.append(PROJECTED)
    return (*found, *_say_weak(reading), *_say_offices(reading))


def _say_weak(reading: TwoGateReading) -> list[Notice]:
    """Exclusions that hardly move their gate."""
    return [
        Notice(
            "weak_exclusion_of_gate",
            "At {gate} the exclusion hardly moves anybody (chi-squared {statistic:.2f} on {df}): what is found of the "
            "gate rests on the shape of the normal distribution more than on it.",
            gate=gate,
            statistic=statistic,
            df=df,
        )
        for gate, (statistic, df) in reading.strengths.items()
        if statistic < WEAK * df
    ]


def _say_offices(reading: TwoGateReading) -> list[Notice]:
    """Offices that are small, or that the averages leave out."""
    sample, found = reading.sample, []
    if sample.office_effects and sample.counts.sum() / len(np.unique(sample.offices)) < SMALL:
        found.append(SMALL_OFFICES)
    if reading.n_cases < reading.fit.model.cells.counts.sum():
        found.append(NO_OUTCOME_VARIATION)
    return found
