"""Placement as if nobody had been selected: what motivation does when the gate's grounds are taken out.

Those accepted were accepted for reasons that also help them find work. Two situations are kept apart:

* ``outcome_observed="accepted"``: placement is seen for the accepted only, which is sample selection: a probit with
  selection (heckprobit).
* ``outcome_observed="all"``: placement is seen for all, and acceptance may change it: a recursive bivariate probit
  with acceptance as an endogenous cause.

Both answer: what does motivation do to placement in SE, whoever is let in; and how many would be placed if the
gate were open? Without a variable that moves the gate and not placement (an exclusion restriction) only the curvature
of the normal distribution tells the two equations' dependence rho; then the answer is a set and a profile over rho.
Intervals speak of offices like these (:mod:`se_outcomes.study.selection_offices`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from se_outcomes.cases.cases import Cases
from se_outcomes.regression.paired_fit import PairedFit
from se_outcomes.results import Notice, Ranged, Specification, Test
from se_outcomes.study.at_risk import count_exclusions, count_used
from se_outcomes.study.selection_answer import (
    Reading,
    compare_gates,
    count_cases,
    diagnose,
    draw_out_curve,
    estimate_slopes,
    find_breakdown,
    judge_independence,
    list_coefficients,
    read_fit,
    tell_profile,
)
from se_outcomes.study.selection_offices import AcrossOffices
from se_outcomes.study.selection_question import (
    SMALL,
    WEAK,
    ask_selected_placement,
    cases_per_office,
    fit_situation,
    refuse_one_office,
)
from se_outcomes.study.sentences import say_interval, say_number, say_p_value
from se_outcomes.study.suppression import over_completions

PROJECTED = Notice(
    "sets_projected",
    "With these offices the correlation of the two equations is hardly known, so the intervals are the union over all "
    "correlations that a score bootstrap does not reject: they are wide, and hold at least as often as they say.",
)
SMALL_OFFICES = Notice(
    "selection_small_offices",
    "Offices are small for a model with two intercepts each: its intervals are too narrow, and a correlation at the "
    "edge may be an artefact.",
)
NO_OUTCOME_VARIATION = Notice(
    "averages_of_other_offices",
    "In some offices placement does not vary among those seen: they are in the gate's equation alone, and averages are "
    "over the other offices.",
)
NO_GATE_VARIATION = Notice(
    "offices_without_gate",
    "In some offices everyone or no one passed the gate: they are in the equation of placement alone.",
)
NO_EXCLUSION = Notice(
    "no_exclusion",
    "No variable is given that moves the gate and not placement (exclusion). How gate and placement depend on each "
    "other is then known from the shape of the normal distribution alone: the answer is a set, not a point.",
)


@dataclass(frozen=True, eq=False)
class SelectedPlacementResult(Ranged):
    """Motivation's part in placement, and placement with the gate open, corrected for selection.

    Attributes
    ----------
    specification : Specification
        What was asked; ``exclusion`` are the columns that move the gate and not placement.
    estimates : frame
        ``term, estimate, std_error, statistic, p_value, conf_low, conf_high, contrast, measure, model, n_cases,
        n_events, n_offices``: ``measure`` is "ame" (probability per SD), "risk_ratio" (of one SD more) or "coefficient"
        (probit scale), ``model`` "naive" (a probit that takes the selection as ignorable) or "corrected". A corrected
        interval is the office jackknife's with t(G - 1), or a projected set without standard error and test where the
        correlation is hardly known; where ``point_identified`` is false it has no estimate beside it.
    averages : frame
        ``measure, estimate, conf_low, conf_high, n_cases``: predicted placement of the ``accepted``; of everyone at
        risk with the gate open, naive and corrected; and the gap accepted - open gate, split into selection on
        recorded (``gap_observed``) and on other grounds (``gap_unobserved``). Averages, the AME's too, are over the
        cases of offices that have an intercept in the outcome (all, unless a warning says otherwise).
    profile : frame
        ``rho, deviance, p_value, ame, ame_low, ame_high, open_gate, open_gate_low, open_gate_high, inside``:
        everything as it would be if rho were known (linear office jackknife, 95 %); ``p_value`` by the score
        bootstrap, ``inside`` the 95 % set of rho.
    curve : frame
        ``value, scaled, model, estimate, conf_low, conf_high``: placement if everyone had that motivation (and,
        with selection, was accepted).
    equations : frame
        ``equation, term, level, estimate, std_error, conf_low, conf_high``: probit coefficients of both equations;
        without error and interval where one office alone tells a coefficient.
    rho : float
        Correlation at the maximum; missing where ``point_identified`` is false.
    rho_sets : tuple of (float, float)
        The 95 % set by the score bootstrap; an end at -1 or 1 is open.
    boundary : bool
        Whether the likelihood is highest where rho is -1 or 1.
    breakdown : tuple of float
        Correlations at which the interval of the AME begins or ceases to hold zero.
    independence : Test
        Score bootstrap of rho = 0.
    diagnostics : dict
        ``exclusion_chi2, exclusion_df, exclusion_p``, ``condition``, ``n_local_maxima``; ``likelihood_ratio_p`` and
        ``score_p`` (of rho = 0, for independent cases).
    point_identified : bool
        Whether an exclusion restriction was given.
    outcome_observed : {"accepted", "all"}
    exclusions, used : frames
        Cases left out by ``reason``; all cases by ``level``, gate state and outcome state.
    warnings : tuple of Notice
    """

    specification: Specification
    method: str
    estimates: pd.DataFrame
    averages: pd.DataFrame
    profile: pd.DataFrame
    curve: pd.DataFrame
    equations: pd.DataFrame
    rho: float
    rho_sets: tuple[tuple[float, float], ...]
    boundary: bool
    breakdown: tuple[float, ...]
    independence: Test
    diagnostics: dict[str, object]
    point_identified: bool
    outcome_observed: str
    exclusions: pd.DataFrame
    used: pd.DataFrame
    fit_statistics: dict[str, object]
    warnings: tuple[Notice, ...]

    @property
    def question(self) -> str:
        """The question's key."""
        return self.specification.question

    def tidy(self) -> pd.DataFrame:
        """One row per measure and model."""
        return self.estimates.copy()

    def glance(self) -> dict[str, object]:
        """Counts (``n_cases``, ``n_accepted``, ``n_events`` ...), ``loglik``, ``rho``, ``boundary`` and the like."""
        return dict(self.fit_statistics)

    def summary(self) -> str:
        """What was found, to read at the prompt."""
        asked, found = self.specification, self.fit_statistics
        lines = [
            f"{asked.outcome} by {asked.exposure}, corrected for acceptance: {say_number(found['n_cases'], ',')} "
            f"{asked.at_risk}, {say_number(found['n_accepted'], ',')} accepted, {found['n_offices']} offices "
            f"({say_number(found['n_excluded'], ',')} cases left out)",
            self.method,
            "",
        ]
        for row in self.estimates.loc[self.estimates["measure"] == "ame"].itertuples():
            interval = say_interval(row.conf_low, row.conf_high, ".3f")
            lines.append(f"  AME per SD, {row.model:10s} {say_number(row.estimate, '.3f')} {interval}")
        for row in self.averages.itertuples():
            interval = say_interval(row.conf_low, row.conf_high, ".3f")
            lines.append(f"  {row.measure:22s} {say_number(row.estimate, '.3f')} {interval}")
        sets = " and ".join(f"({low:.2f} to {high:.2f})" for low, high in self.rho_sets)
        lines.append(
            f"  rho {say_number(self.rho, '.2f')} {sets}; rho = 0: {say_p_value(self.independence.p_value)}"
        )
        return "\n".join([*lines, *(f"Note: {warning}" for warning in self.warnings)])

    def __repr__(self) -> str:
        return self.summary()


@over_completions
def estimate_selected_placement(
    cases: Cases,
    *,
    exclusion: Sequence[str] | None = None,
    outcome_observed: str | None = None,
    at_risk: str = "referred",
    exposure: str | None = None,
    adjust_for: Sequence[str] | None = None,
    office_effects: bool = True,
) -> SelectedPlacementResult:
    """What motivation does to placement whoever is let in, and placement with the gate open.

    Parameters
    ----------
    cases : Cases
        Checked cases.
    exclusion : sequence of str
        Columns that move acceptance and not placement (such as the job specialist's caseload), never motivation.
        By default, of the referred, what the study plan says. Without one, ``()``, the answer is a profile over the
        correlation, not a point.
    outcome_observed : {"accepted", "all"}, optional
        For whom placement is known; by default what the study plan says.
    at_risk : {"referred", "eligible"}
        Whose gate is opened: job specialists' (everyone referred is accepted), or both (everyone eligible).
    exposure, adjust_for : optional
        As in :func:`estimate_referral`; the exposure must be a number.
    office_effects : bool
        Whether each office has an intercept of its own in both equations.

    Returns
    -------
    SelectedPlacementResult

    Raises
    ------
    EstimationError
        ``outcome_observed_unknown``; ``outcome_for_accepted_only`` or ``outcome_for_all`` where the call asks for
        the model of the other situation; ``gates_merged`` (of the referred, where referral is not recorded by itself);
        ``no_cases``, ``no_variation``, ``one_office``, ``exposure_constant``, ``collinearity``, ``separation``,
        ``not_identified``, ``small_offices`` (too few cases in each for office effects), ``not_converged``,
        ``rated_after_gate``, ``column_missing``.
    ValueError
        On another ``at_risk`` or ``outcome_observed``, or an exposure that is no number.

    Examples
    --------
    >>> import se_outcomes as so
    >>> cases = so.simulate_cases(1200, seed=1, outcome_observed="accepted").cases
    >>> result = so.estimate_selected_placement(cases, exclusion=("caseload_at_referral",))
    >>> result.specification.exclusion, result.point_identified
    (('caseload_at_referral',), True)
    """
    specification, sample, observed = ask_selected_placement(
        cases,
        exclusion=exclusion,
        outcome_observed=outcome_observed,
        at_risk=at_risk,
        exposure=exposure,
        adjust_for=adjust_for,
        office_effects=office_effects,
    )
    refuse_one_office(sample)
    fit = fit_situation(sample, observed)
    reading = read_fit(fit, sample, endogenous=observed == "all", identified=bool(specification.exclusion))
    return _answer(reading, specification, observed)


def _answer(reading: Reading, specification: Specification, observed: str) -> SelectedPlacementResult:
    fit, sample, exposure = reading.fit, reading.sample, specification.exposure
    diagnostics = diagnose(reading)
    return SelectedPlacementResult(
        specification=specification,
        method=_say_method(observed, sample.office_effects, reading.across),
        estimates=estimate_slopes(reading, exposure),
        averages=compare_gates(reading),
        profile=tell_profile(reading),
        curve=draw_out_curve(reading, exposure),
        equations=list_coefficients(reading),
        rho=fit.dependence if reading.identified else np.nan,
        rho_sets=_rho_sets(reading),
        boundary=fit.boundary,
        breakdown=find_breakdown(reading),
        independence=judge_independence(reading),
        diagnostics=diagnostics,
        point_identified=reading.identified,
        outcome_observed=observed,
        exclusions=count_exclusions(sample.sorted_cases),
        used=count_used(sample.sorted_cases),
        fit_statistics=_fit_statistics(reading),
        warnings=_warnings(reading, diagnostics),
    )


def _fit_statistics(reading: Reading) -> dict[str, object]:
    """What ``glance`` tells."""
    fit, sample = reading.fit, reading.sample
    return {
        **count_cases(reading),
        "n_accepted": round(float(sample.counts @ sample.selected)),
        "n_excluded": int(count_exclusions(sample.sorted_cases)["n"].sum()),
        "loglik": fit.loglik,
        "converged": fit.converged,
        "rho": fit.dependence if reading.identified else np.nan,
        "boundary": fit.boundary,
        "n_local_maxima": len(fit.local_maxima),
    }


def _rho_sets(reading: Reading) -> tuple[tuple[float, float], ...]:
    """The set in correlations; an end of the range is perfect dependence."""
    family = reading.fit.model.family
    ends = dict(zip(family.limits, family.ends, strict=True))
    return tuple(
        (ends.get(low, float(np.tanh(low))), ends.get(high, float(np.tanh(high))))
        for low, high in reading.across.accepted
    )


def _say_method(observed: str, office_effects: bool, across: AcrossOffices) -> str:
    model = (
        "Probit with sample selection (outcome seen for the accepted)"
        if observed == "accepted"
        else "Recursive bivariate probit (outcome seen for all, acceptance endogenous)"
    )
    offices = "an intercept for each office in both equations" if office_effects else "without office effects"
    intervals = (
        f"office jackknife (CV3), t({across.dof:.0f})"
        if across.inside
        else "linear office jackknife (CV3L) at every correlation that a score bootstrap does not reject, "
        f"t({across.dof:.0f})"
    )
    return f"{model}, {offices}; intervals: {intervals}."


def _warnings(reading: Reading, diagnostics: dict[str, object]) -> tuple[Notice, ...]:
    fit, sample = reading.fit, reading.sample
    found = [*sample.warnings]
    if not reading.across.inside:
        found.append(PROJECTED)
    if fit.n_left_out["groups_outcome"]:
        found.append(NO_OUTCOME_VARIATION)
    if fit.n_left_out["groups_gate"]:
        found.append(NO_GATE_VARIATION)
    if sample.office_effects and cases_per_office(sample) < SMALL:
        found.append(SMALL_OFFICES)
    return (*found, *_say_exclusion(reading, diagnostics), *_say_maxima(fit))


def _say_exclusion(reading: Reading, diagnostics: dict[str, object]) -> tuple[Notice, ...]:
    """That there is none, or a weak one."""
    if not reading.identified:
        return (NO_EXCLUSION,)
    statistic, df = float(str(diagnostics["exclusion_chi2"])), len(reading.sample.exclusion_columns)
    if statistic >= WEAK * df:
        return ()
    return (
        Notice(
            "weak_exclusion",
            "The exclusion hardly moves the gate (chi-squared {statistic:.2f} on {df}): what is found rests on the "
            "shape of the normal distribution more than on it.",
            statistic=statistic,
            df=df,
        ),
    )


def _say_maxima(fit: PairedFit) -> tuple[Notice, ...]:
    """That the highest is at the edge, or has a rival."""
    found = []
    if fit.boundary:
        found.append(
            Notice(
                "rho_at_edge",
                "The likelihood is highest where the correlation of the two equations is {rho}: there is no "
                "standard error of it, and its set is open at that end.",
                rho=round(fit.dependence),
            )
        )
    rivals = [peak for peak in fit.local_maxima[1:] if fit.loglik - peak.loglik < 2]
    if rivals:
        found.append(
            Notice(
                "rival_maximum",
                "The likelihood has another maximum nearly as high, at a correlation of {rho:.2f}: read the profile, "
                "not the point.",
                rho=rivals[0].dependence,
            )
        )
    return tuple(found)
