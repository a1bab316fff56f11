"""Does the exposure go with passing a gate? The machinery that referral, acceptance and placement share.

For each adjustment (crude; adjusted on the same cases) two logits are fitted on the tally: one linear in the
scaled exposure (odds ratio and average marginal effect per scale SD) and one with a step per quarter or level
(top against bottom). Office effects are intercepts, profiled out. Intervals are the office jackknife (CV3) with
t(G - 1), p-values the restricted wild score bootstrap (WCLR-S), with CR2 as a check beside them. Where columns separate
the outcomes, the model and all its replicates are Firth's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from se_outcomes.cases.cases import Cases
from se_outcomes.errors import EstimationError
from se_outcomes.results import Notice, Ranged, Specification, Test
from se_outcomes.study.association import Association, associate, look_at_linearity
from se_outcomes.study.at_risk import PassageQuestion, count_exclusions, count_used
from se_outcomes.study.conditional import estimate_conditional
from se_outcomes.study.contrasts import office_draws
from se_outcomes.study.office_evidence import Judged, describe_offices
from se_outcomes.study.sample import bin_counts, draw_sample
from se_outcomes.study.sentences import say_interval, say_number, say_p_value


@dataclass(frozen=True, eq=False)
class PassageResult(Ranged):
    """How passing a gate goes with the exposure.

    Attributes
    ----------
    specification : Specification
        What was asked.
    estimates : frame
        ``term, estimate, std_error, statistic, p_value, conf_low, conf_high`` (interval: office jackknife with
        t(``dof``); p-value: score bootstrap of the contrast's coefficient, which all its measures share), and
        ``contrast`` ("per_sd", "top_vs_bottom" or "<level>_vs_<reference>"), ``measure`` ("log_odds",
        "odds_ratio", "ame" in probability, "risk_ratio" of standardised shares), ``adjustment`` ("crude",
        "adjusted"), ``estimator`` ("ml", "firth"), ``std_error_kind``, ``p_value_kind``, ``dof`` (G - 1; effective
        ones where the exposure is the same throughout an office or few offices bear the contrast),
        ``jackknife_p_value``, ``cr2_...`` with ``cr2_dof``, ``cv1_...``, ``n_cases``, ``n_events``, ``n_offices``.
    offices : frame
        How much the offices bear: ``contrast, adjustment, n_offices, effective_offices`` (G*),
        ``largest_leverage`` (the largest share of one office in the information on the contrast),
        ``largest_share`` (in the cases), ``cr2_dof``; and, office by office, Ibragimov and Mueller's
        ``by_office_estimate, by_office_conf_low, by_office_conf_high, by_office_p_value`` of the log odds ratio
        (missing where some office's own model cannot be fitted, or the exposure is the same throughout an office).
    curve : frame
        ``value, scaled, estimate, conf_low, conf_high``: share passing if everyone had that exposure (numeric
        exposures; the adjusted model if there is one).
    bins, groups : frames
        Observed shares by bin of the exposure; standardised shares by quarter or level.
    linearity : Test or None
        Test of the quadratic term; None where the exposure is not a number or has two values.
    joint : Test or None
        Test that no level differs from the first, for exposures with three levels or more that are no numbers.
    conditional : frame
        As ``estimates``, from the conditional logit, where offices are small; else empty.
    tested : tuple of Judged
        The contrasts with the offices' scores, for tests together with other questions.
    exclusions, used : frames
        Cases left out by ``reason``; all cases by ``level`` ("used" or the reason), gate state and outcome
        state.
    warnings : tuple of str
        Sentences that a reader must see beside the numbers.
    """

    specification: Specification
    method: str
    estimates: pd.DataFrame
    curve: pd.DataFrame
    bins: pd.DataFrame
    groups: pd.DataFrame
    linearity: Test | None
    joint: Test | None
    conditional: pd.DataFrame
    offices: pd.DataFrame
    tested: tuple[Judged, ...]
    exclusions: pd.DataFrame
    used: pd.DataFrame
    fit_statistics: dict[str, object]
    warnings: tuple[Notice, ...]

    @property
    def question(self) -> str:
        """The question's key."""
        return self.specification.question

    def tidy(self) -> pd.DataFrame:
        """One row per contrast, measure and adjustment."""
        return self.estimates.copy()

    def glance(self) -> dict[str, object]:
        """``n_cases, n_events, n_offices, n_excluded, dof, loglik, converged`` of the last model fitted."""
        return dict(self.fit_statistics)

    def summary(self) -> str:
        """What was found, to read at the prompt."""
        asked, found = self.specification, self.fit_statistics
        lines = [
            f"{asked.outcome} of the {asked.at_risk}, by {asked.exposure}: "
            f"{say_number(found['n_cases'], ',')} cases, {say_number(found['n_events'], ',')} passed, "
            f"{found['n_offices']} offices ({say_number(found['n_excluded'], ',')} cases left out)",
            self.method,
            "",
        ]
        for row in self.estimates.loc[self.estimates["measure"] != "log_odds"].itertuples():
            found_here = (
                f"{say_number(row.estimate, '.3f')} {say_interval(row.conf_low, row.conf_high, '.3f')}"
            )
            what = f"{row.adjustment:9s} {row.contrast:16s} {row.measure:11s}"
            lines.append(f"  {what} {found_here}, {say_p_value(row.p_value)}")
        for test in (self.linearity, self.joint):
            if test is not None:
                lines.append(f"  {test.null}: {say_p_value(test.p_value)}")
        return "\n".join([*lines, *(f"Note: {warning}" for warning in self.warnings)])

    def __repr__(self) -> str:
        return self.summary()


def estimate_passage(
    cases: Cases,
    question: PassageQuestion,
    *,
    exposure: str | None,
    adjust_for: Sequence[str] | None,
    office_effects: bool,
) -> PassageResult:
    """Answer a passage question; the public functions are :func:`estimate_referral` and its neighbours."""
    exposure, covariates = asked_variables(cases, exposure, adjust_for)
    sample = draw_sample(
        cases, question, exposure=exposure, adjust_for=covariates, office_effects=office_effects
    )
    found = associate(sample)
    linearity, unlinear = look_at_linearity(sample)
    conditional, small = estimate_conditional(sample)
    exclusions = count_exclusions(sample.sorted_cases)
    return PassageResult(
        specification=Specification(
            question.name,
            question.outcome,
            question.at_risk,
            exposure,
            covariates,
            office_effects=office_effects,
        ),
        method=say_method(found, office_effects),
        estimates=found.estimates,
        curve=found.curve,
        bins=bin_counts(sample, cases.bins(exposure) if sample.numeric else None),
        groups=found.groups,
        linearity=linearity,
        joint=found.joint,
        conditional=conditional,
        offices=describe_offices(found.judged),
        tested=found.judged,
        exclusions=exclusions,
        used=count_used(sample.sorted_cases),
        fit_statistics=fit_statistics(found, exclusions),
        warnings=each_once([*sample.warnings, *found.warnings, *unlinear, *small]),
    )


def each_once(notices: Sequence[Notice]) -> tuple[Notice, ...]:
    """Notices without those that say of another model what one before them says."""
    kept: dict[object, Notice] = {}
    for notice in notices:
        about = tuple((name, part) for name, part in notice.parts.items() if name != "what")
        kept.setdefault((notice.key, about), notice)
    return tuple(kept.values())


def asked_variables(
    cases: Cases, exposure: str | None, adjust_for: Sequence[str] | None
) -> tuple[str, tuple[str, ...]]:
    """Exposure and adjustment set: what the call says, else what the study plan says.

    Raises
    ------
    EstimationError
        ``collinearity`` if the call adjusts for the exposure itself.
    """
    exposure = exposure or cases.plan.exposure
    if adjust_for is None:
        # the plan's set was written for the plan's exposure: another exposure out of that set leaves it
        return exposure, tuple(column for column in cases.plan.adjust_for if column != exposure)
    covariates = (adjust_for,) if isinstance(adjust_for, str) else tuple(dict.fromkeys(adjust_for))
    if exposure in covariates:
        raise EstimationError(
            f"{exposure} is both the exposure and adjusted for. Leave it out of adjust_for.",
            reason="collinearity",
            columns=(exposure,),
        )
    return exposure, covariates


def say_method(found: Association, office_effects: bool) -> str:
    """Estimator, intervals and tests, in words."""
    model = "Logit with an intercept for each office" if office_effects else "Logit without office effects"
    if found.main.estimator == "firth":
        model = f"{model} (Firth's, penalised)"
    kind = {"CV3": "office jackknife (CV3)", "CV3L": "linear office jackknife (CV3L)"}[
        found.main.jackknife.kind
    ]
    draws = office_draws(found.main.fit.n_clusters)
    taken = f"all {draws.n_draws:,}" if draws.enumerated else f"{draws.n_draws:,}"
    return (
        f"{model}; intervals: {kind}, t({found.main.dof():.4g}); p-values: restricted wild score bootstrap (WCLR-S), "
        f"{taken} draws; intervals of shares on the logit scale."
    )


def fit_statistics(found: Association, exclusions: pd.DataFrame) -> dict[str, object]:
    """What ``glance`` tells."""
    fit = found.main.fit
    return {
        "n_cases": fit.n_cases,
        "n_events": fit.n_events,
        "n_offices": fit.n_clusters,
        "n_excluded": int(exclusions["n"].sum()),
        "dof": found.main.dof(),
        "loglik": fit.loglik,
        "converged": fit.converged,
    }
