"""What does acceptance do to the hours of those who have a job? Between which bounds, for those placed either way.

Hours are known of those placed, and acceptance changes who is placed: the comparison of hours among those placed is not
one of like with like. Trimming the group with more placements bounds the effect
(:mod:`se_outcomes.counterfactual.lee_bounds`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from se_outcomes.cases.cases import Cases
from se_outcomes.counterfactual.doubly_robust import score_mean
from se_outcomes.counterfactual.lee_bounds import LeeBounds, lee_bounds
from se_outcomes.results import Notice, Specification
from se_outcomes.study.at_risk import count_used
from se_outcomes.study.bounds import BOUNDS_COLUMNS, NAIVE_COLUMNS, BoundsResult, bounds_with_interval
from se_outcomes.study.compared import (
    average_named,
    count_compared,
    keep_known_outcomes,
    refuse_certain_chances,
    refuse_unknown_without_se,
)
from se_outcomes.study.design import is_numeric, require_columns
from se_outcomes.study.passage import each_once
from se_outcomes.study.prospects import Prospects, estimate_prospects
from se_outcomes.study.prospects_sample import ask_who_is_observed
from se_outcomes.study.suppression import over_completions

Floats = NDArray[np.float64]

METHOD = (
    "Lee's trimming bounds, weighted by 1 / chance (logit with office intercepts, cross-fitted); interval for the "
    "quantity between them (Imbens and Manski, Stoye) with the office jackknife and t({dof})."
)
HOURS_UNKNOWN = Notice(
    "hours_unknown",
    "Some of those placed have no record of this outcome of their job; they are taken to be like the others placed "
    "among the accepted, or among the rest.",
)


@over_completions
def estimate_hours_bounds(
    cases: Cases,
    *,
    outcome: str = "job_pct",
    exposure: str | None = None,
    adjust_for: Sequence[str] | None = None,
    outcome_observed: str | None = None,
) -> BoundsResult:
    """Bounds of the effect of acceptance on hours, or on another outcome that only those with a job have.

    Acceptance also changes who has a job. If it does so in one direction (as it does on average, it does for everyone),
    Lee's trimming bounds hold for those who would be placed either way. Accepted and other cases are made comparable by
    weights of 1 / chance of what they got, on recorded grounds, as for the effect.

    Parameters
    ----------
    cases : Cases
        Checked cases.
    outcome : str
        A number recorded for those placed, such as "job_pct" (per cent of full time) or "weeks_worked_12m".
    exposure, adjust_for, outcome_observed : optional
        As in :func:`estimate_effect`.

    Returns
    -------
    BoundsResult
        ``bounds`` has one row, in units of ``outcome``; ``naive`` the raw difference among those placed.

    Raises
    ------
    EstimationError
        ``outcome_for_accepted_only``, ``column_missing``, ``empty_cell``, ``separation`` (where a chance is 0 or 1),
        and those of the predictions.
    ValueError
        If ``outcome`` is no number.

    Examples
    --------
    >>> import se_outcomes as so
    >>> result = so.estimate_hours_bounds(so.simulate_cases(1200, seed=1).cases)
    >>> result.bounds["assumption"].item(), bool((result.bounds["lower"] <= result.bounds["upper"]).item())
    ('monotone_placement', True)
    """
    refuse_unknown_without_se(ask_who_is_observed(cases, outcome_observed), "bounds")
    require_columns(cases, [outcome])
    if not is_numeric(cases.tally([outcome])[outcome]):
        raise ValueError(f"{outcome} is no number, so it cannot be bounded by trimming")
    prospects = keep_known_outcomes(
        estimate_prospects(
            cases,
            exposure=exposure,
            adjust_for=adjust_for,
            outcome_observed="all",
            cross_fit="within",
            wanted=("chance",),
        )
    )
    refuse_certain_chances(prospects)
    jobs = _spread_over_hours(cases, prospects, outcome)
    found, ends, raw = _trim_without_offices(jobs)
    frame = pd.DataFrame(
        [("placed_either_way", "monotone_placement", *bounds_with_interval(*ends))], columns=BOUNDS_COLUMNS
    )
    return BoundsResult(
        specification=Specification(
            "hours_bounds", outcome, "eligible", prospects.exposure, prospects.adjust_for
        ),
        method=METHOD.format(dof=len(ends[1]) - 1),
        bounds=frame,
        naive=raw,
        trimming={
            "share_accepted": found.share_treated,
            "share_not_accepted": found.share_untreated,
            "trimmed": "accepted" if found.trimmed == "treated" else "not_accepted",
            "trimmed_share": found.trimmed_share,
        },
        outcome_observed="all",
        exclusions=prospects.exclusions,
        used=count_used(prospects.sorted_cases),
        fit_statistics={**count_compared(prospects)},
        warnings=each_once([*prospects.warnings, *([HOURS_UNKNOWN] if jobs.some_unknown else [])]),
    )


@dataclass(frozen=True, eq=False)
class Jobs:
    """Cells by value of the outcome, (n,) each; the outcome of those placed without a record is missing."""

    outcome: Floats
    placed: Floats
    accepted: Floats
    counts: Floats
    weights: Floats
    offices: NDArray[np.int64]

    @property
    def some_unknown(self) -> bool:
        """Whether some placed have no record of the outcome."""
        return bool((np.isnan(self.outcome) & (self.placed == 1)).any())

    def trim(self, keep: NDArray[np.bool_], *, weighted: bool = True) -> LeeBounds:
        """Lee's bounds of some of the cells; who is placed without a record counts in the shares alone."""
        placed, accepted = self.placed[keep], self.accepted[keep]
        weights = self.counts[keep] * (self.weights[keep] if weighted else 1.0)
        unknown = (placed == 1) & np.isnan(self.outcome[keep])
        for arm in (0, 1):
            mine = (accepted == arm) & (placed == 1)
            known = weights[mine & ~unknown].sum()
            if known > 0:  # else the refusal below says it
                weights[mine & ~unknown] *= weights[mine].sum() / known
        weights[unknown] = 0.0
        values = np.where(np.isnan(self.outcome[keep]), 0.0, self.outcome[keep])
        return lee_bounds(values, placed, accepted, counts=weights)


def _spread_over_hours(cases: Cases, prospects: Prospects, outcome: str) -> Jobs:
    """Each cell by the values of the outcome that its cases have; the parts of a cell take them in proportion."""
    keys = [name for name in prospects.cells.columns if name != "n"]
    tally = cases.tally([*keys, *([] if outcome in keys else [outcome])])
    total = tally.groupby(keys, dropna=False)["n"].transform("sum")
    cells = prospects.cells.assign(row=np.arange(len(prospects.cells)))
    spread = cells.drop(columns="n").merge(tally.assign(part=tally["n"] / total), on=keys, how="left")
    row = spread["row"].to_numpy(np.int64)
    accepted, chance = prospects.accepted[row], prospects.chance[row]
    return Jobs(
        outcome=spread[outcome].to_numpy(float, na_value=np.nan),
        placed=prospects.placed[row],
        accepted=accepted,
        counts=prospects.counts[row] * spread["part"].to_numpy(float),
        weights=np.where(accepted == 1, 1 / chance, 1 / (1 - chance)),
        offices=prospects.offices[row],
    )


def _trim_without_offices(jobs: Jobs) -> tuple[LeeBounds, tuple[Floats, Floats], pd.DataFrame]:
    """Bounds with all offices; ends (2,) with replicates (G, 2); and the raw difference among the placed."""
    everyone = np.ones(len(jobs.offices), dtype=bool)
    left = [jobs.offices != office for office in np.unique(jobs.offices)]
    found = jobs.trim(everyone)
    replicates = [jobs.trim(keep) for keep in left]
    ends = (
        np.array([found.lower, found.upper]),
        np.array([[one.lower, one.upper] for one in replicates]),
    )
    return found, ends, _raw_difference(jobs)


def _raw_difference(jobs: Jobs) -> pd.DataFrame:
    known = (jobs.placed == 1) & ~np.isnan(jobs.outcome)
    values = np.where(known, jobs.outcome, 0.0)
    scores = {
        "accepted": score_mean(values, known * jobs.accepted),
        "rest": score_mean(values, known * (1 - jobs.accepted)),
    }
    found = average_named(scores, jobs.offices, jobs.counts).pick({"accepted": 1.0, "rest": -1.0})
    return found.assign(measure="gap")[NAIVE_COLUMNS]
