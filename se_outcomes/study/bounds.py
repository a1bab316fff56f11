"""What can be said of an open gate, and of the effect, without supposing that all grounds of selection are recorded?

Bounds instead of numbers, each with the assumption that it needs: none; that the accepted are at least as well off as
the others would be (monotone selection); that SE harms nobody (monotone response); or both. An open gate is bounded
even where the outcome is known for the accepted alone. Everyone eligible counts, whether their outcome is known or not.
Intervals hold the quantity, not the bounds (:mod:`se_outcomes.counterfactual.bounds`). Of hours, which only those with
a job have: see :mod:`se_outcomes.study.hours_bounds`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from se_outcomes.cases.cases import Cases
from se_outcomes.counterfactual.bounds import ASSUMPTIONS, bound_average, set_interval
from se_outcomes.counterfactual.doubly_robust import score_mean, total_by_cluster
from se_outcomes.errors import EstimationError
from se_outcomes.inference.jackknife import jackknife_covariance
from se_outcomes.results import TIDY_COLUMNS, Notice, Ranged, Specification, records
from se_outcomes.study.at_risk import count_used
from se_outcomes.study.compared import average_named, count_compared
from se_outcomes.study.passage import asked_variables
from se_outcomes.study.prospects import Prospects, draw_prospects, refuse_too_few_offices
from se_outcomes.study.prospects_sample import ask_who_is_observed
from se_outcomes.study.sentences import say_interval, say_number
from se_outcomes.study.suppression import over_completions

Floats = NDArray[np.float64]

#: What is bounded: the study's word to the method's.
ESTIMANDS: Mapping[str, str] = {
    "open_gate": "mean_treated",
    "all": "all",
    "accepted": "treated",
    "not_accepted": "untreated",
}
#: Without outcomes of those not accepted nobody knows whether SE harmed them: these assumptions do not help.
WITHOUT_THE_REST = ("none", "monotone_selection")
BOUNDS_COLUMNS = ["estimand", "assumption", "lower", "upper", "lower_std_error", "upper_std_error"]
BOUNDS_COLUMNS += ["critical", "conf_low", "conf_high"]
NAIVE_COLUMNS = ["measure", "estimate", "std_error", "conf_low", "conf_high"]
UNKNOWN_OUTCOMES = Notice(
    "bounds_unknown_outcomes",
    "For some cases it is not known whether they were placed. Without an assumption they count as not placed in the "
    "lower bound and as placed in the upper; under the other assumptions, and in the raw shares, they are taken to be "
    "like the others of their group (the accepted, or those not accepted).",
)


@dataclass(frozen=True, eq=False)
class BoundsResult(Ranged):
    """Bounds by estimand and assumption.

    Attributes
    ----------
    specification : Specification
    method : str
    bounds : frame
        ``estimand`` ("open_gate": share placed with both gates open to everyone; effect on "all", the "accepted", those
        "not_accepted"; for hours "placed_either_way"), ``assumption`` ("none", "monotone_selection",
        "monotone_response", "both"; for hours "monotone_placement"), ``lower, upper`` with ``lower_std_error,
        upper_std_error`` (office jackknife), ``critical`` (errors that the ends are moved by), ``conf_low, conf_high``
        (hold the quantity with 95 %; missing where the data contradict the assumption, which a warning says).
    naive : frame
        ``measure, estimate, std_error, conf_low, conf_high``: what is compared without thought: share placed of the
        accepted for the open gate ("open_gate_naive"), the raw "gap" where the outcome is known for all. Of those
        whose outcome is known.
    trimming : dict
        Of hours: ``share_accepted, share_not_accepted`` (placed, weighted to be comparable), ``trimmed`` and
        ``trimmed_share``; else empty.
    outcome_observed : {"all", "accepted"}
    exclusions, used : frames
        Cases left out by ``reason``; all cases by ``level``, gate state and outcome state.
    warnings : tuple of Notice
    """

    specification: Specification
    method: str
    bounds: pd.DataFrame
    naive: pd.DataFrame
    trimming: dict[str, object]
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
        """Two rows per estimand and assumption, ``measure`` "lower" and "upper", with the one interval of both."""
        ends = [
            self.bounds.rename(columns={"estimand": "term", end: "estimate", f"{end}_std_error": "std_error"})
            .assign(measure=end, statistic=np.nan, p_value=np.nan)
            .loc[:, [*TIDY_COLUMNS, "assumption", "measure"]]
            for end in ("lower", "upper")
        ]
        return pd.concat(ends).sort_index(kind="stable").reset_index(drop=True)

    def glance(self) -> dict[str, object]:
        """``n_cases, n_accepted, n_events, n_offices, n_excluded, dof``."""
        return dict(self.fit_statistics)

    def summary(self) -> str:
        """What was found, to read at the prompt."""
        found = self.fit_statistics
        lines = [
            f"Bounds ({self.specification.outcome}): {say_number(found['n_cases'], ',')} eligible, "
            f"{say_number(found['n_accepted'], ',')} accepted, {found['n_offices']} offices "
            f"({say_number(found['n_excluded'], ',')} cases left out)",
            self.method,
            "",
        ]
        for row in records(self.bounds):
            ends = f"{say_number(row.lower, '.3f')} to {say_number(row.upper, '.3f')}"
            what = f"{row.estimand.replace('_', ' '):18s} {row.assumption.replace('_', ' '):19s}"
            lines.append(f"  {what} {ends} {say_interval(row.conf_low, row.conf_high, '.3f')}")
        for row in records(self.naive):
            said = f"{say_number(row.estimate, '.3f')} {say_interval(row.conf_low, row.conf_high, '.3f')}"
            lines.append(f"  {row.measure.replace('_', ' '):38s} {said}")
        return "\n".join([*lines, *(f"Note: {warning}" for warning in self.warnings)])

    def __repr__(self) -> str:
        return self.summary()


@over_completions
def estimate_bounds(
    cases: Cases,
    *,
    exposure: str | None = None,
    adjust_for: Sequence[str] | None = None,
    outcome_observed: str | None = None,
) -> BoundsResult:
    """Bounds of the share placed with the gates open and, where the outcome is known for all, of the effect.

    Nobody is left out because their outcome is not known. Without an assumption such cases count as not placed in the
    lower bound and as placed in the upper; under the other assumptions they are taken to be like the known ones of
    their group, accepted or not.

    Parameters
    ----------
    cases : Cases
        Checked cases.
    exposure, adjust_for : optional
        Not used for the bounds, which adjust for nothing; cases without them are left out, so that the bounds are of
        the same cases as the effect. By default what the study plan says.
    outcome_observed : {"all", "accepted"}, optional
        By default what the study plan says. Of the accepted alone: bounds of the open gate without an assumption and
        under monotone selection.

    Returns
    -------
    BoundsResult

    Raises
    ------
    EstimationError
        ``outcome_observed_unknown``, ``outcome_for_accepted_only``, ``one_office``, ``empty_cell``, ``no_cases``,
        ``no_variation``, ``exposure_constant``, ``column_missing``, ``rated_after_gate``.

    Examples
    --------
    >>> import se_outcomes as so
    >>> result = so.estimate_bounds(so.simulate_cases(1200, seed=1, outcome_observed="accepted").cases)
    >>> result.bounds[["estimand", "assumption"]].values.tolist()
    [['open_gate', 'none'], ['open_gate', 'monotone_selection']]
    """
    observed = ask_who_is_observed(cases, outcome_observed)
    asked = asked_variables(cases, exposure, adjust_for)
    prospects = draw_prospects(cases, *asked, observed=observed, cross_fit="within")
    refuse_too_few_offices(prospects, replicated=False)
    totals = _total_by_office(prospects)
    wanted = _wanted(observed)
    frame = pd.DataFrame([_bound(totals, *one) for one in wanted], columns=BOUNDS_COLUMNS)
    dof = len(totals) - 1
    return BoundsResult(
        specification=Specification("bounds", "placed", "eligible", *asked, office_effects=False),
        method=(
            "Bounds of shares, not adjusted; intervals for the quantity between them (Imbens and Manski, Stoye) with "
            f"the office jackknife and t({dof})."
        ),
        bounds=frame,
        naive=_naive(prospects),
        trimming={},
        outcome_observed=observed,
        exclusions=prospects.exclusions,
        used=count_used(prospects.sorted_cases),
        fit_statistics={**count_compared(prospects)},
        warnings=(*prospects.warnings, *_say_unknown(totals), *_say_contradicted(frame)),
    )


def _wanted(observed: str) -> list[tuple[str, str]]:
    if observed == "accepted":
        return [("open_gate", assumption) for assumption in WITHOUT_THE_REST]
    return [(estimand, assumption) for estimand in ESTIMANDS for assumption in ASSUMPTIONS]


def _total_by_office(prospects: Prospects) -> Floats:
    """Accepted, of them placed, the others, of them placed, accepted and others whose outcome is not known (G, 6).

    The others' outcomes are missing, and none of them unknown, where they were not to be observed.

    Raises
    ------
    EstimationError
        ``empty_cell`` where without one of the offices nobody whose outcome is known is accepted, or everybody is.
    """
    accepted, placed = prospects.accepted, np.nan_to_num(prospects.placed)
    unknown = np.isnan(prospects.placed)
    rest_unknown = (1 - accepted) * unknown * (prospects.outcome_observed == "all")
    columns = [accepted, accepted * placed, 1 - accepted, (1 - accepted) * placed]
    columns += [accepted * unknown, rest_unknown]
    totals = total_by_cluster(np.column_stack(columns), prospects.offices, prospects.counts)
    left = totals.sum(axis=0) - totals
    if (left[:, [0, 2]] - left[:, 4:] <= 0).any():
        raise EstimationError(
            "Without one of the offices nobody, or everybody, of those whose outcome is known is accepted, so how the "
            "bounds vary between offices cannot be seen. Add offices.",
            reason="empty_cell",
        )
    if prospects.outcome_observed == "accepted":
        totals[:, 3] = np.nan
    return totals


def _bound(totals: Floats, estimand: str, assumption: str) -> tuple[object, ...]:
    def bounds_of(found: Floats) -> Floats:
        return bound_average(found[..., :4], ESTIMANDS[estimand], assumption, unknown=found[..., 4:])

    ends = bounds_of(totals.sum(axis=0))
    return (estimand, assumption, *bounds_with_interval(ends, bounds_of(totals.sum(axis=0) - totals)))


def bounds_with_interval(ends: Floats, replicates: Floats) -> tuple[float, ...]:
    """Bounds, errors, critical value and interval; no interval where the bounds cross by more than their errors."""
    covariance = jackknife_covariance(ends, replicates)
    found = set_interval(float(ends[0]), float(ends[1]), covariance, len(replicates) - 1.0)
    holds = found.low <= found.high
    return (
        float(ends[0]),
        float(ends[1]),
        *(float(error) for error in np.sqrt(np.diag(covariance))),
        found.critical,
        found.low if holds else np.nan,
        found.high if holds else np.nan,
    )


def _naive(prospects: Prospects) -> pd.DataFrame:
    accepted, placed = prospects.accepted, np.nan_to_num(prospects.placed)
    known = (~np.isnan(prospects.placed)).astype(float)
    scores = {"accepted": score_mean(placed, accepted * known)}
    combinations = {"open_gate_naive": {"accepted": 1.0}}
    if prospects.outcome_observed == "all":
        scores["rest"] = score_mean(placed, (1 - accepted) * known)
        combinations["gap"] = {"accepted": 1.0, "rest": -1.0}
    found = average_named(scores, prospects.offices, prospects.counts).pick(*combinations.values())
    return found.assign(measure=list(combinations))[NAIVE_COLUMNS]


def _say_unknown(totals: Floats) -> list[Notice]:
    return [UNKNOWN_OUTCOMES] if totals[:, 4:].any() else []


def _say_contradicted(frame: pd.DataFrame) -> list[Notice]:
    crossed = frame.loc[frame["lower"] > frame["upper"]]
    return [
        Notice(
            "bounds_contradicted",
            "The bounds under {assumption} cross: these data speak against that assumption.",
            assumption=str(assumption).replace("_", " "),
        )
        for assumption in dict.fromkeys(crossed["assumption"])
    ]
