"""What does acceptance do to placement, and how many would be placed with the gates open to everyone?

Accepted and not accepted cases are compared that are alike in what is recorded: by doubly robust scores
(:mod:`se_outcomes.counterfactual.doubly_robust`), with predictions that have not seen the case
(:mod:`se_outcomes.study.prospects`), made within offices and, once more, across them. The raw gap stands beside.
Errors hold the predictions: in simulated studies of five offices intervals covered the value for these columns in 93 to
99 of 100 (2,000 cases) and 91 to 98 of 100 (1,200 cases); predicting anew without each office did no better.
What gatekeepers go by and nobody records stays in these numbers: bounds (:func:`estimate_bounds`) and the model of
both gates (:func:`estimate_two_gates`) answer without, or with another, assumption on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from se_outcomes.cases.cases import Cases
from se_outcomes.counterfactual.doubly_robust import (
    score_effect,
    score_mean,
    score_rule,
    score_treated_without,
)
from se_outcomes.counterfactual.overlap import look_at_overlap
from se_outcomes.results import TIDY_COLUMNS, Notice, Ranged, Specification, records
from se_outcomes.study.at_risk import count_used
from se_outcomes.study.compared import (
    RECORDED_GROUNDS,
    THRESHOLD,
    NamedAverages,
    average_named,
    count_compared,
    keep_known_outcomes,
    nuisances_of,
    refuse_certain_chances,
    refuse_unknown_without_se,
    say_overlap,
)
from se_outcomes.study.design import ordered_levels
from se_outcomes.study.passage import each_once
from se_outcomes.study.prospects import Prospects, estimate_prospects, say_cross_fit
from se_outcomes.study.prospects_sample import ask_who_is_observed
from se_outcomes.study.sentences import say_interval, say_number, say_p_value
from se_outcomes.study.suppression import over_completions

Floats = NDArray[np.float64]

#: Whose effect: the study's word to the method's.
ESTIMANDS: Mapping[str, str] = {
    "all": "all",
    "accepted": "treated",
    "not_accepted": "untreated",
    "overlap": "overlap",
}
#: Shares of the cases at which the chance of acceptance is told.
QUANTILES = (1, 5, 25, 50, 75, 95, 99)


@dataclass(frozen=True, eq=False)
class EffectResult(Ranged):
    """The effect of acceptance on placement, on recorded grounds.

    Attributes
    ----------
    specification : Specification
        What was asked.
    method : str
    estimates : frame
        ``term`` ("accepted"), ``estimate`` (difference in the share placed), ``std_error, statistic, p_value,
        conf_low, conf_high`` (office jackknife, t(G - 1)), ``estimand`` (averaged over "all", the "accepted", those
        "not_accepted", or the "overlap": weighted by chance times one less chance), ``measure`` ("effect"), ``method``
        ("naive": the raw gap, once, under "all"; "within" and "across": predictions within and across offices),
        ``n_cases, n_events, n_offices``.
    averages : frame
        ``measure, method, estimate, std_error, conf_low, conf_high``: share placed with the gates open to everyone
        ("open_gate"), to nobody ("closed_gate"), as it is ("today") and among the accepted ("open_gate_naive").
    gap : frame
        ``part, method, estimate, std_error, conf_low, conf_high``: the raw "gap" is the "effect" on the accepted plus
        "selection" (how much better the accepted would do without SE than those not accepted do), exactly.
    overlap : frame
        By ``group`` ("all", and quarters or levels of the exposure): ``ess_accepted, ess_not_accepted`` (effective
        numbers of cases once weighted), ``share_below, share_above`` (chance of acceptance below ``threshold``, above
        one less it), ``p1`` to ``p99`` of the chance, ``largest_weight_share`` (of one case), ``crump_alpha,
        crump_share`` (the cut with the least variance, and the share of cases within). Of the chances within offices.
    threshold : float
    exclusions, used : frames
        Cases left out by ``reason``; all cases by ``level``, gate state and outcome state.
    warnings : tuple of Notice
    """

    specification: Specification
    method: str
    estimates: pd.DataFrame
    averages: pd.DataFrame
    gap: pd.DataFrame
    overlap: pd.DataFrame
    threshold: float
    exclusions: pd.DataFrame
    used: pd.DataFrame
    fit_statistics: dict[str, object]
    warnings: tuple[Notice, ...]

    @property
    def question(self) -> str:
        """The question's key."""
        return self.specification.question

    def tidy(self) -> pd.DataFrame:
        """One row per estimand and method."""
        return self.estimates.copy()

    def glance(self) -> dict[str, object]:
        """``n_cases, n_accepted, n_events, n_offices, n_excluded, dof``."""
        return dict(self.fit_statistics)

    def summary(self) -> str:
        """What was found, to read at the prompt."""
        found = self.fit_statistics
        lines = [
            f"Effect of acceptance on placement: {say_number(found['n_cases'], ',')} eligible, "
            f"{say_number(found['n_accepted'], ',')} accepted, {found['n_offices']} offices "
            f"({say_number(found['n_excluded'], ',')} cases left out)",
            self.method,
            "",
        ]
        for row in records(self.estimates):
            what = "raw gap" if row.method == "naive" else f"effect on {row.estimand.replace('_', ' ')}"
            said = f"{say_number(row.estimate, '.3f')} {say_interval(row.conf_low, row.conf_high, '.3f')}"
            lines.append(f"  {row.method:7s} {what:23s} {said}, {say_p_value(row.p_value)}")
        for row in records(self.averages):
            said = f"{say_number(row.estimate, '.3f')} {say_interval(row.conf_low, row.conf_high, '.3f')}"
            lines.append(f"  {row.method:7s} {row.measure.replace('_', ' '):23s} {said}")
        return "\n".join([*lines, *(f"Note: {warning}" for warning in self.warnings)])

    def __repr__(self) -> str:
        return self.summary()


@over_completions
def estimate_effect(
    cases: Cases,
    *,
    exposure: str | None = None,
    adjust_for: Sequence[str] | None = None,
    outcome_observed: str | None = None,
) -> EffectResult:
    """The effect of acceptance on placement: on all, on the accepted, on those not accepted, and on the overlap.

    Parameters
    ----------
    cases : Cases
        Checked cases.
    exposure, adjust_for : optional
        What makes cases alike; by default what the study plan says.
    outcome_observed : {"all"}, optional
        By default what the study plan says.

    Returns
    -------
    EffectResult

    Raises
    ------
    EstimationError
        ``outcome_for_accepted_only``, ``outcome_observed_unknown``, ``one_office``, ``empty_cell``, ``separation``
        (where a chance is 0 or 1), and those of the predictions
        (:func:`se_outcomes.study.prospects.estimate_prospects`).

    Examples
    --------
    >>> import se_outcomes as so
    >>> result = so.estimate_effect(so.simulate_cases(1200, seed=1).cases)
    >>> result.estimates.query("method != 'across'")[["estimand", "method"]].values.tolist()[:3]
    [['all', 'naive'], ['all', 'within'], ['accepted', 'within']]
    >>> gap = result.gap.set_index("part")["estimate"]
    >>> bool(np.isclose(gap["effect"] + gap["selection"], gap["gap"], rtol=0, atol=1e-12))
    True
    """
    refuse_unknown_without_se(ask_who_is_observed(cases, outcome_observed), "effect")
    found = {
        method: keep_known_outcomes(
            estimate_prospects(
                cases,
                exposure=exposure,
                adjust_for=adjust_for,
                outcome_observed="all",
                cross_fit=method,
                wanted=("chance", "without_se", "with_se"),
            )
        )
        for method in ("within", "across")
    }
    for prospects in found.values():
        refuse_certain_chances(prospects)
    within = found["within"]
    averages = {method: average_scores(prospects) for method, prospects in found.items()}
    overlap = describe_overlap(within)
    statistics = count_compared(within)
    return EffectResult(
        specification=Specification(
            "effect", "placed", "eligible", within.exposure, within.adjust_for, office_effects=True
        ),
        method=_say_method(found),
        estimates=_effects(averages, statistics),
        averages=_levels(averages),
        gap=_gap(averages["within"]),
        overlap=overlap,
        threshold=THRESHOLD,
        exclusions=within.exclusions,
        used=count_used(within.sorted_cases),
        fit_statistics={**statistics},
        warnings=each_once(
            [
                RECORDED_GROUNDS,
                *say_overlap(within),
                *(said for one in found.values() for said in one.warnings),
            ]
        ),
    )


def average_scores(prospects: Prospects) -> NamedAverages:
    """Everything that the question needs of one set of predictions."""
    nuisances = nuisances_of(prospects)
    accepted, placed = prospects.accepted, prospects.placed
    ones = np.ones(len(placed))
    scores = {estimand: score_effect(nuisances, over) for estimand, over in ESTIMANDS.items()}
    scores |= {
        "open_gate": score_rule(nuisances, ones),
        "closed_gate": score_rule(nuisances, 0 * ones),
        "today": score_mean(placed, ones),
        "open_gate_naive": score_mean(placed, accepted),
        "rest": score_mean(placed, 1 - accepted),
        "accepted_without": score_treated_without(nuisances),
    }
    return average_named(scores, prospects.offices, prospects.counts)


def describe_overlap(prospects: Prospects) -> pd.DataFrame:
    """Overlap of all cases and by group of the exposure."""
    groups = ordered_levels(prospects.exposure, pd.Series(prospects.group))
    rows = []
    for group in ("all", *groups):
        here = np.ones(len(prospects.group), bool) if group == "all" else prospects.group == group
        chance, counts = prospects.chance[here], prospects.counts[here]
        found = look_at_overlap(prospects.accepted[here], chance, counts=counts, threshold=THRESHOLD)
        at = np.quantile(chance, np.array(QUANTILES) / 100, weights=counts, method="inverted_cdf")
        rows.append(
            {
                "group": group,
                "n": round(float(counts.sum())),
                "ess_accepted": found.ess_treated,
                "ess_not_accepted": found.ess_untreated,
                "share_below": found.share_below,
                "share_above": found.share_above,
                **{f"p{share}": float(value) for share, value in zip(QUANTILES, at, strict=True)},
                "largest_weight_share": found.largest_weight_share,
                "crump_alpha": found.alpha,
                "crump_share": found.share_kept,
            }
        )
    return pd.DataFrame(rows)


def _effects(averages: Mapping[str, NamedAverages], statistics: Mapping[str, float]) -> pd.DataFrame:
    naive = averages["within"].pick({"open_gate_naive": 1.0, "rest": -1.0})
    frames = [naive.assign(estimand="all", method="naive")]
    for method, named in averages.items():
        found = named.pick(*({estimand: 1.0} for estimand in ESTIMANDS))
        frames.append(found.assign(estimand=list(ESTIMANDS), method=method))
    frame = pd.concat(frames, ignore_index=True).assign(term="accepted", measure="effect")
    for count in ("n_cases", "n_events", "n_offices"):
        frame[count] = statistics[count]
    return frame[[*TIDY_COLUMNS, "estimand", "measure", "method", "n_cases", "n_events", "n_offices"]]


def _levels(averages: Mapping[str, NamedAverages]) -> pd.DataFrame:
    wanted = [(measure, method) for method in averages for measure in ("open_gate", "closed_gate")]
    wanted += [("today", "naive"), ("open_gate_naive", "naive")]
    rows = [
        averages["within" if method == "naive" else method]
        .pick({measure: 1.0})
        .assign(measure=measure, method=method)
        for measure, method in wanted
    ]
    columns = ["measure", "method", "estimate", "std_error", "conf_low", "conf_high"]
    return pd.concat(rows, ignore_index=True)[columns]


def _gap(named: NamedAverages) -> pd.DataFrame:
    """Selection by its own formula, so that the sum is an identity and not a definition."""
    found = named.pick(
        {"open_gate_naive": 1.0, "rest": -1.0}, {"accepted": 1.0}, {"accepted_without": 1.0, "rest": -1.0}
    ).assign(part=["gap", "effect", "selection"], method="within")
    return found[["part", "method", "estimate", "std_error", "conf_low", "conf_high"]]


def _say_method(found: Mapping[str, Prospects]) -> str:
    how = "; ".join(f"{method}: {say_cross_fit(prospects)}" for method, prospects in found.items())
    dof = len(np.unique(found["within"].offices)) - 1
    return (
        f"Doubly robust scores (AIPW, weights normalised), predictions cross-fitted ({how}); intervals: jackknife of "
        f"the offices' totals, predictions held, t({dof})."
    )
