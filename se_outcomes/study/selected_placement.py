"""Placement as if nobody had been selected: what motivation does when the gate's grounds are taken out.

Those accepted were accepted for reasons that also help them find work. Two situations are kept apart:

* ``outcome_observed="accepted"``: placement is seen for the accepted only, which is sample selection: a probit with
  selection (heckprobit).
* ``outcome_observed="all"``: placement is seen for all, and acceptance may change it: a recursive bivariate probit
  with acceptance as an endogenous cause.

Both answer: what does motivation do to placement in SE, whoever is let in; and how many would be placed if the
gate were open? Without a variable that moves the gate and not placement (an exclusion restriction) only the curvature
of the normal distribution tells the two equations' dependence rho; then the answer is a set and a profile over rho.
Intervals are for independent cases, given these offices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2, norm

from se_outcomes.cases.cases import Cases
from se_outcomes.errors import EstimationError
from se_outcomes.regression.bivariate_probit import fit_recursive_probit
from se_outcomes.regression.dependence import Node, solve_at
from se_outcomes.regression.paired_fit import PairedFit
from se_outcomes.regression.paired_marginal import (
    Averages,
    ProfiledAverages,
    Quantity,
    average_at,
    placement,
    placement_given_selection,
    placement_slope,
    profile_averages,
)
from se_outcomes.regression.selection_probit import fit_selection_probit
from se_outcomes.results import TIDY_COLUMNS, Notice, Specification, Test
from se_outcomes.study.at_risk import count_exclusions, count_used
from se_outcomes.study.design import CONSTANT
from se_outcomes.study.passage import asked_variables
from se_outcomes.study.selection_sample import SelectionSample, draw_selection_sample
from se_outcomes.study.sentences import say_interval, say_number, say_p_value

Floats = NDArray[np.float64]

#: Half the width of a 95 % interval, in standard errors.
WIDE = float(norm.ppf(0.975))
#: The profile is told at these correlations.
RHO_GRID = np.round(np.linspace(-0.95, 0.95, 77), 4)
#: Values of motivation (in SDs) that the curve is drawn through.
CURVE_POINTS = 21
#: Chi-squared statistic per column below which an exclusion restriction is called weak.
WEAK = 10.0
#: Cases per office below which intercepts of offices are refused, and below which a warning stands. Each office's two
#: intercepts are estimated from its own cases alone, and with few of them the likelihood of rho is driven to the edge
#: (incidental parameters: Neyman & Scott 1948, Econometrica 16:1-32). With rho = 0 the likelihood-ratio test at
#: 5 % rejected in 27 % of 150 simulated studies at 10 cases an office, 7 to 11 % at 16 to 40, 4 % at 80.
TOO_SMALL, SMALL = 16, 60

AVERAGES = ("accepted", "open_gate_naive", "open_gate", "gap", "gap_observed", "gap_unobserved")

CONDITIONAL = Notice(
    "conditional_on_offices",
    "Intervals of the selection model hold for these offices and for cases that are independent within them; they do "
    "not speak of other offices.",
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
class SelectedPlacementResult:
    """Motivation's part in placement, and placement with the gate open, corrected for selection.

    Attributes
    ----------
    specification : Specification
        What was asked; ``exclusion`` are the columns that move the gate and not placement.
    estimates : frame
        ``term, estimate, std_error, statistic, p_value, conf_low, conf_high, contrast, measure, model, n_cases,
        n_events, n_offices``: ``measure`` is "ame" (probability per SD) or "coefficient" (probit scale), ``model``
        "naive" (a probit that takes the selection as ignorable) or "corrected". A corrected interval is a
        profile-quadratic set and has no standard error; where ``point_identified`` is false it has no estimate
        beside it.
    averages : frame
        ``measure, estimate, conf_low, conf_high, n_cases``: predicted placement of the ``accepted``; of everyone at
        risk with the gate open, naive and corrected; and the gap accepted - open gate, split into selection on
        recorded (``gap_observed``) and on other grounds (``gap_unobserved``). Averages, the AME's too, are over the
        cases of offices that have an intercept in the outcome (all, unless a warning says otherwise).
    profile : frame
        ``rho, deviance, ame, ame_low, ame_high, open_gate, open_gate_low, open_gate_high, inside``: everything as
        it would be if rho were known (intervals at 95 %); ``inside`` the 95 % likelihood set.
    curve : frame
        ``value, scaled, model, estimate, conf_low, conf_high``: placement if everyone had that motivation (and,
        with selection, was accepted).
    equations : frame
        ``equation, term, level, estimate, std_error, conf_low, conf_high``: probit coefficients of both equations.
    rho : float
        Correlation at the maximum; missing where ``point_identified`` is false.
    rho_sets : tuple of (float, float)
        The 95 % likelihood set; an end at -1 or 1 is open.
    boundary : bool
        Whether the likelihood is highest where rho is -1 or 1.
    breakdown : tuple of float
        Correlations at which the interval of the AME begins or ceases to hold zero.
    independence : Test
        Likelihood-ratio test of rho = 0.
    diagnostics : dict
        ``exclusion_chi2, exclusion_df, exclusion_p``, ``condition``, ``n_local_maxima``, ``score_p``.
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
        ``no_cases``, ``no_variation``, ``exposure_constant``, ``collinearity``, ``separation``, ``not_identified``,
        ``small_offices`` (too few cases in each for office effects), ``not_converged``, ``rated_after_gate``,
        ``column_missing``.
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
    return _answer(_fit(sample, observed), sample, specification, observed)


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


# ---------------------------------------------------------------------------------------------------- refusals


def _situation(cases: Cases, outcome_observed: str | None) -> str:
    """Which of the two situations the data are in: said in the call or in the plan, and by both alike."""
    planned = cases.plan.outcome_observed
    if outcome_observed not in (None, "all", "accepted"):
        raise ValueError(f'outcome_observed must be "all" or "accepted"; got {outcome_observed!r}')
    said = outcome_observed or planned
    if said is None:
        raise EstimationError(
            "Nothing says whether the outcome was observed for all cases or for the accepted only, and the two need "
            'different models. State outcome_observed = "all" or "accepted" in the call, or in the [study] table of '
            "the mapping.",
            reason="outcome_observed_unknown",
        )
    if planned is not None and said != planned:
        if planned == "all":
            raise EstimationError(
                "The outcome was observed for all cases: a model of the accepted alone would throw the others' "
                'outcomes away. Ask with outcome_observed="all", which lets acceptance change the outcome.',
                reason="outcome_for_all",
            )
        raise EstimationError(
            "The outcome was observed for the accepted only: a model of everybody's outcome cannot be fitted. Ask with "
            'outcome_observed="accepted".',
            reason="outcome_for_accepted_only",
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


def _per_office(sample: SelectionSample) -> float:
    return float(sample.counts.sum() / len(np.unique(sample.offices)))


def _refuse_small_offices(sample: SelectionSample) -> None:
    if sample.office_effects and _per_office(sample) < TOO_SMALL:
        raise EstimationError(
            f"Offices have fewer than {TOO_SMALL} cases each on average, too few for an intercept of each in both "
            "equations: what is found of the correlation would be an artefact. Ask without office effects "
            "(office_effects=False).",
            reason="small_offices",
        )


def _fit(sample: SelectionSample, observed: str) -> PairedFit:
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
    numbers_named = refusal.details.get("columns")
    if refusal.reason not in ("separation", "collinearity") or not isinstance(numbers_named, tuple):
        return refusal
    equation = refusal.details.get("equation")
    names = sample.names_Z if equation in ("gate", "acceptance") else (*sample.names_X, ("accepted", ""))
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


# ------------------------------------------------------------------------------------------------------ answer


def _answer(
    fit: PairedFit, sample: SelectionSample, specification: Specification, observed: str
) -> SelectedPlacementResult:
    identified = bool(specification.exclusion)
    setting = None if observed == "accepted" else {fit.model.cells.widths[1] - 1: 1.0}
    naive = solve_at(fit.model, 0.0, fit.independent.point)
    quantities = [
        placement_slope(0, setting=setting),
        placement(setting=setting),
        placement(setting=setting, accepted_only=True),
        placement_given_selection(setting=setting),
    ]
    grid = np.linspace(sample.X[:, 0].min(), sample.X[:, 0].max(), CURVE_POINTS)
    curves = [placement(setting={**(setting or {}), 0: float(value)}) for value in grid]
    everywhere = profile_averages(fit, quantities[:2], everywhere=True)
    profile = _profile_frame(fit, everywhere)
    independence = fit.likelihood_ratio_test()
    rho = fit.dependence if identified else np.nan
    exclusions = count_exclusions(sample.sorted_cases)
    diagnostics = _diagnostics(fit, sample)
    return SelectedPlacementResult(
        specification=specification,
        method=_say_method(observed, sample.office_effects),
        estimates=_estimates(fit, naive, quantities, specification, sample, identified),
        averages=_averages(fit, naive, quantities, identified),
        profile=profile,
        curve=_curve(fit, naive, curves, grid, sample, specification.exposure, identified),
        equations=_equations(fit, sample, identified),
        rho=float(rho),
        rho_sets=fit.dependence_set(),
        boundary=fit.boundary,
        breakdown=_breakdown(everywhere),
        independence=independence,
        diagnostics=diagnostics,
        point_identified=identified,
        outcome_observed=observed,
        exclusions=exclusions,
        used=count_used(sample.sorted_cases),
        fit_statistics={
            "n_cases": fit.n_cases,
            "n_accepted": round(float(sample.counts @ sample.selected)),
            "n_events": round(float(np.nansum(sample.counts * sample.placed * sample.selected))),
            "n_offices": fit.n_clusters,
            "n_excluded": int(exclusions["n"].sum()),
            "loglik": fit.loglik,
            "converged": fit.converged,
            "rho": float(rho),
            "boundary": fit.boundary,
            "n_local_maxima": len(fit.local_maxima),
        },
        warnings=_warnings(fit, sample, diagnostics, identified),
    )


def _say_method(observed: str, office_effects: bool) -> str:
    model = (
        "Probit with sample selection (outcome seen for the accepted)"
        if observed == "accepted"
        else "Recursive bivariate probit (outcome seen for all, acceptance endogenous)"
    )
    offices = "an intercept for each office in both equations" if office_effects else "without office effects"
    return f"{model}, {offices}; profile-quadratic sets, conditional on these offices."


def _point(fit: PairedFit, quantities: Sequence[Quantity]) -> Averages:
    """Averages where the likelihood is highest."""
    return average_at(fit.model, solve_at(fit.model, fit.peak.t, fit.peak.state.point), quantities)


def _estimates(
    fit: PairedFit,
    naive: Node,
    quantities: Sequence[Quantity],
    specification: Specification,
    sample: SelectionSample,
    identified: bool,
) -> pd.DataFrame:
    """The AME and the coefficient, naive and corrected."""
    place = fit.model.cells.widths[0]  # the exposure is the first column of the outcome
    slope = average_at(fit.model, naive, quantities[:1])
    rows = [
        _wald("ame", slope.values[0], np.sqrt(slope.covariance[0, 0])),
        _wald("coefficient", naive.state.point.theta[place], np.sqrt(naive.covariance[place, place])),
    ]
    found = profile_averages(fit, quantities[:1])
    coefficient = ProfiledAverages(
        found.profile,
        found.t,
        np.array([[node.state.point.theta[place]] for node in fit.profile.nodes if node.t in found.t]),
        np.sqrt([[node.covariance[place, place]] for node in fit.profile.nodes if node.t in found.t]),
        found.n_cases,
    )
    points = (_point(fit, quantities[:1]).values[0], fit.parameters[place])
    for measure, values, point in zip(("ame", "coefficient"), (found, coefficient), points, strict=True):
        low, high = values.quadratic_sets()
        rows.append(
            {
                "measure": measure,
                "model": "corrected",
                "estimate": point if identified else np.nan,
                "conf_low": low[0],
                "conf_high": high[0],
            }
        )
    frame = pd.DataFrame(rows).assign(
        term=specification.exposure,
        contrast="per_sd",
        n_cases=fit.n_cases,
        n_events=round(float(np.nansum(sample.counts * sample.placed * sample.selected))),
        n_offices=fit.n_clusters,
    )
    order = [*TIDY_COLUMNS, "contrast", "measure", "model", "n_cases", "n_events", "n_offices"]
    return frame[order].sort_values(["measure", "model"], ascending=[True, False], ignore_index=True)


def _wald(measure: str, estimate: float, std_error: float) -> dict[str, object]:
    """A row of the naive model."""
    statistic = estimate / std_error
    return {
        "measure": measure,
        "model": "naive",
        "estimate": estimate,
        "std_error": std_error,
        "statistic": statistic,
        "p_value": 2 * norm.sf(abs(statistic)),
        "conf_low": estimate - WIDE * std_error,
        "conf_high": estimate + WIDE * std_error,
    }


def _averages(fit: PairedFit, naive: Node, quantities: Sequence[Quantity], identified: bool) -> pd.DataFrame:
    """Placement of the accepted and with the gate open, and what lies between."""
    everybody, accepted, given = quantities[1:4]
    three = (given, everybody, accepted)
    weights = np.array(
        [
            [1.0, 0.0, 0.0],  # accepted
            [0.0, 1.0, 0.0],  # open gate
            [1.0, -1.0, 0.0],  # gap
            [0.0, -1.0, 1.0],  # on recorded grounds
            [1.0, 0.0, -1.0],  # on other grounds
        ]
    )
    values = weights @ _point(fit, three).values
    low, high = profile_averages(fit, three, weights=weights).quadratic_sets()
    if not identified:
        # the predicted placement of the accepted is known from their outcomes, whatever rho is
        values = np.where([True, False, False, False, False], values, np.nan)
    open_naive = average_at(fit.model, naive, [everybody])
    reach = WIDE * np.sqrt(open_naive.covariance[0, 0])
    n_accepted, n_everybody = average_at(fit.model, naive, three[:2]).n_cases
    measures = ("accepted", "open_gate", "gap", "gap_observed", "gap_unobserved")
    frame = pd.DataFrame({"measure": measures, "estimate": values, "conf_low": low, "conf_high": high})
    naive_row = {
        "measure": "open_gate_naive",
        "estimate": open_naive.values[0],
        "conf_low": open_naive.values[0] - reach,
        "conf_high": open_naive.values[0] + reach,
    }
    frame = (
        pd.concat([frame, pd.DataFrame([naive_row])]).set_index("measure").loc[list(AVERAGES)].reset_index()
    )
    return frame.assign(
        n_cases=[round(n_accepted) if measure == "accepted" else round(n_everybody) for measure in AVERAGES]
    )


def _profile_frame(fit: PairedFit, found: ProfiledAverages) -> pd.DataFrame:
    """Everything over rho."""
    t = np.arctanh(RHO_GRID)
    values, errors = found.at(t)
    deviance = fit.profile.deviance(t)
    frame = pd.DataFrame({"rho": RHO_GRID, "deviance": deviance})
    for position, name in enumerate(("ame", "open_gate")):
        frame[name] = values[:, position]
        frame[f"{name}_low"] = values[:, position] - WIDE * errors[:, position]
        frame[f"{name}_high"] = values[:, position] + WIDE * errors[:, position]
    return frame.assign(inside=deviance <= chi2.ppf(0.95, 1))


def _breakdown(found: ProfiledAverages) -> tuple[float, ...]:
    """Where over rho the interval of the AME begins or ceases to hold zero."""
    rho = np.linspace(RHO_GRID[0], RHO_GRID[-1], 1901)
    values, errors = found.at(np.arctanh(rho))
    z = values[:, 0] / errors[:, 0]
    sign = np.where(np.abs(z) > WIDE, np.sign(z), 0.0)
    return tuple(float(round(value, 3)) for value in rho[1:][sign[1:] != sign[:-1]])


def _curve(
    fit: PairedFit,
    naive: Node,
    curves: Sequence[Quantity],
    grid: Floats,
    sample: SelectionSample,
    exposure: str,
    identified: bool,
) -> pd.DataFrame:
    """Placement over the exposure, naive and corrected."""
    apart = average_at(fit.model, naive, curves)
    reach = WIDE * np.sqrt(np.diag(apart.covariance))
    low, high = profile_averages(fit, curves).quadratic_sets()
    corrected = _point(fit, curves).values if identified else np.full(len(grid), np.nan)
    value = _in_points(sample, exposure, grid)
    parts = [
        pd.DataFrame(
            {
                "value": value,
                "scaled": grid,
                "model": model,
                "estimate": estimate,
                "conf_low": np.clip(lower, 0, 1),
                "conf_high": np.clip(upper, 0, 1),
            }
        )
        for model, estimate, lower, upper in (
            ("naive", apart.values, apart.values - reach, apart.values + reach),
            ("corrected", corrected, low, high),
        )
    ]
    return pd.concat(parts, ignore_index=True)


def _in_points(sample: SelectionSample, exposure: str, grid: Floats) -> Floats:
    """The grid in the instrument's points; missing where instruments differ."""
    known = sample.used[[exposure, f"{exposure}_scaled"]].astype(float).drop_duplicates()
    line = np.polynomial.Polynomial.fit(known[f"{exposure}_scaled"], known[exposure], 1)
    straight = np.allclose(
        line(known[f"{exposure}_scaled"]), known[exposure], atol=1e-8 * known[exposure].abs().max()
    )
    return line(grid) if straight else np.full(len(grid), np.nan)


def _equations(fit: PairedFit, sample: SelectionSample, identified: bool) -> pd.DataFrame:
    """Coefficients of both equations; standard errors with rho held where it is not identified."""
    if identified:
        errors = np.sqrt(np.diag(fit.covariance))[:-1]
    else:
        node = solve_at(fit.model, fit.peak.t, fit.peak.state.point)
        errors = np.sqrt(np.diag(node.covariance))
    names_X = list(sample.names_X)
    if fit.model.cells.widths[1] > len(names_X):
        names_X.append(("accepted", ""))
    labels = [("gate", *name) for name in sample.names_Z] + [("placement", *name) for name in names_X]
    frame = pd.DataFrame(labels, columns=["equation", "term", "level"])
    estimate = fit.parameters[:-1]
    return frame.assign(
        level=frame["level"].where(frame["level"] != "", None),
        estimate=estimate,
        std_error=errors,
        conf_low=estimate - WIDE * errors,
        conf_high=estimate + WIDE * errors,
    )


def _diagnostics(fit: PairedFit, sample: SelectionSample) -> dict[str, object]:
    """Strength of the exclusion in the gate, condition of the information, maxima."""
    found: dict[str, object] = {
        "condition": fit.condition,
        "n_local_maxima": len(fit.local_maxima),
        "score_p": fit.score_test().p_value,
        **{f"left_out_{name}": number for name, number in fit.n_left_out.items()},
    }
    columns = list(sample.exclusion_columns)
    if columns:
        gamma = fit.independent.point.theta[columns]
        information = -fit.independent.evaluation.profiled_hessian[:-1, :-1]
        inside = np.linalg.inv(information)[np.ix_(columns, columns)]
        statistic = float(gamma @ np.linalg.solve(inside, gamma))
        found |= {
            "exclusion_chi2": statistic,
            "exclusion_df": len(columns),
            "exclusion_p": float(chi2.sf(statistic, len(columns))),
        }
    return found


def _warnings(
    fit: PairedFit, sample: SelectionSample, diagnostics: dict[str, object], identified: bool
) -> tuple[Notice, ...]:
    found = [*sample.warnings, CONDITIONAL]
    if fit.n_left_out["groups_outcome"]:
        found.append(NO_OUTCOME_VARIATION)
    if fit.n_left_out["groups_gate"]:
        found.append(NO_GATE_VARIATION)
    if sample.office_effects and _per_office(sample) < SMALL:
        found.append(SMALL_OFFICES)
    if not identified:
        found.append(NO_EXCLUSION)
    elif float(str(diagnostics["exclusion_chi2"])) < WEAK * len(sample.exclusion_columns):
        found.append(
            Notice(
                "weak_exclusion",
                "The exclusion hardly moves the gate (chi-squared {statistic:.2f} on {df}): what is found rests on the "
                "shape of the normal distribution more than on it.",
                statistic=float(str(diagnostics["exclusion_chi2"])),
                df=len(sample.exclusion_columns),
            )
        )
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
