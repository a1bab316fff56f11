"""Accepted and other cases whose outcome is known, and averages over them: for effect, bounds and policies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from se_outcomes.counterfactual.doubly_robust import Averages, Nuisances, Score, average
from se_outcomes.counterfactual.overlap import look_at_overlap
from se_outcomes.errors import EstimationError
from se_outcomes.inference.intervals import share_interval, t_interval, t_p_value
from se_outcomes.results import Notice
from se_outcomes.study.at_risk import count_exclusions, leave_out
from se_outcomes.study.prospects import ARRAYS, PREDICTED, Prospects

Floats = NDArray[np.float64]

RECORDED_GROUNDS = Notice(
    "effect_recorded_grounds",
    "Cases are compared that are alike in what is recorded. If gatekeepers also go by what is not recorded, the "
    "difference that is left is not the effect of acceptance alone.",
)
#: A chance of acceptance below it is practically none.
THRESHOLD = 0.02
#: Share of cases with practically no chance, or no chance of the other, and share of the weight of one case, above
#: which it is said. Of 160 simulated studies the 20 where one case had more than a tenth of the weight missed the open
#: gate by .15 (root mean square), the others by .05.
MANY, HEAVY = 0.01, 0.1
THIN_OVERLAP = Notice(
    "effect_thin_overlap",
    "Some cases had practically no chance of acceptance, or practically no chance of being left out: what is said of "
    "all leans on a few cases that are unlike their group. The effect on the overlap does not.",
)


def refuse_unknown_without_se(observed: str, question: str) -> None:
    """Refuse what needs the outcome of those not accepted, saying what can be answered instead.

    Raises
    ------
    EstimationError
        ``outcome_for_accepted_only``.
    """
    if observed == "accepted":
        raise EstimationError(
            "The outcome was observed for the accepted only, so nothing tells how they would have done without SE: "
            "neither an effect nor another rule of admission can be judged. What can be answered: how many would be "
            "placed with the gates open, between bounds (estimate_bounds) or by a model of the selection "
            "(estimate_selected_placement, estimate_two_gates).",
            reason="outcome_for_accepted_only",
            question=question,
        )


def keep_known_outcomes(prospects: Prospects) -> Prospects:
    """Without the cases whose outcome is not known, where it was observed for all; they are counted as left out.

    Bounds keep them. Predictions stay as they are. Replicates (``without``) are asked of the prospects before.
    """
    keep = ~np.isnan(prospects.placed)
    tally = prospects.sorted_cases
    unknown = (tally["outcome_state"].astype(str) == "unknown").to_numpy(bool)
    sorted_cases = leave_out(tally, unknown, "outcome_unknown")
    return replace(
        prospects,
        sorted_cases=sorted_cases,
        # a replicate has arrays and no cells
        cells=prospects.cells.loc[keep].reset_index(drop=True) if len(prospects.cells) else prospects.cells,
        exclusions=count_exclusions(sorted_cases),
        **{name: getattr(prospects, name)[keep] for name in (*PREDICTED, *ARRAYS)},
    )


def refuse_certain_chances(prospects: Prospects) -> None:
    """Refuse chances of acceptance that are 0 or 1 as far as numbers go: nobody is comparable with such a case.

    Raises
    ------
    EstimationError
        ``separation``.
    """
    if ((prospects.chance > 0) & (prospects.chance < 1)).all():
        return
    columns = (prospects.exposure, *prospects.adjust_for)
    raise EstimationError(
        f"For some cases acceptance is predicted with a chance of exactly 0 or 1 ({', '.join(columns)}), so none of "
        "the others can be compared with them. Either a column predicts acceptance nearly without error, or a value "
        "lies far from the others: leave the column out, merge its levels, or cap its values.",
        reason="separation",
        columns=columns,
    )


def nuisances_of(prospects: Prospects) -> Nuisances:
    """Acceptance as treatment, with the predictions that the scores need."""
    return Nuisances.of(
        prospects.accepted, prospects.placed, prospects.chance, prospects.without_se, prospects.with_se
    )


def say_overlap(prospects: Prospects) -> tuple[Notice, ...]:
    """That there is little overlap of accepted and others, where it is so."""
    found = look_at_overlap(
        prospects.accepted, prospects.chance, counts=prospects.counts, threshold=THRESHOLD
    )
    thin = max(found.share_below, found.share_above) > MANY or found.largest_weight_share > HEAVY
    return (THIN_OVERLAP,) if thin else ()


@dataclass(frozen=True, eq=False)
class NamedAverages:
    """Averages by name, with their joint jackknife."""

    names: tuple[str, ...]
    averages: Averages

    def pick(self, *combinations: Mapping[str, float]) -> pd.DataFrame:
        """Estimates with intervals of linear combinations, one row each."""
        weights = np.array([[one.get(name, 0.0) for name in self.names] for one in combinations])
        return frame_averages(self.averages.combine(weights))


def frame_averages(averages: Averages) -> pd.DataFrame:
    """``estimate, std_error, statistic, p_value, conf_low, conf_high``; what nothing can move has no interval."""
    estimate, error = averages.estimate, averages.std_error
    known = np.where(error > 0, error, np.nan)
    low, high = t_interval(estimate, known, averages.dof)
    return pd.DataFrame(
        {
            "estimate": estimate,
            "std_error": error,
            "statistic": estimate / known,
            "p_value": t_p_value(estimate / known, averages.dof),
            "conf_low": low,
            "conf_high": high,
        }
    )


def on_logit_scale(shares: pd.DataFrame, dof: float) -> pd.DataFrame:
    """Shares with intervals made on the logit scale, so that they stay between 0 and 1; at the ends there is none."""
    share, error = shares["estimate"].to_numpy(float), shares["std_error"].to_numpy(float)
    inside = (error > 0) & (share > 0) & (share < 1)
    spread = np.where(inside, share * (1 - share), np.nan)
    low, high = share_interval(np.where(inside, share, np.nan), error / spread, dof)
    return shares.assign(conf_low=low, conf_high=high)


def average_named(scores: Mapping[str, Score], offices: NDArray[np.int64], counts: Floats) -> NamedAverages:
    """Average scores over cases, with the office jackknife of all of them jointly."""
    return NamedAverages(tuple(scores), average(list(scores.values()), offices, counts=counts))


def count_compared(prospects: Prospects) -> dict[str, float]:
    """What ``glance`` tells."""
    counts, n_offices = prospects.counts, len(np.unique(prospects.offices))
    return {
        "n_cases": prospects.n_cases,
        "n_accepted": round(float(counts @ prospects.accepted)),
        "n_events": round(float(counts @ np.nan_to_num(prospects.placed))),
        "n_offices": n_offices,
        "n_excluded": int(prospects.exclusions["n"].sum()),
        "dof": n_offices - 1.0,
    }
