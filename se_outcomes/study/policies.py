"""How many would be placed, and who would be let in, under other rules of admission?

Every rule serves as many in each office as are accepted there today; only the open gate serves everyone. Rules go by
what is recorded: a lottery, highest prospects first (creaming as a rule), need first (lowest prospects first), largest
gain first. Values are doubly robust scores (:mod:`se_outcomes.counterfactual.doubly_robust`). That a client's outcome
does not depend on who else is served is an assumption; ``crowding`` says how much of the gain is lost as job
specialists serve more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from se_outcomes.cases.cases import Cases
from se_outcomes.counterfactual.allocation import crowd, serve_by_lot, serve_highest
from se_outcomes.counterfactual.doubly_robust import Nuisances, Score, score_mean, score_rule
from se_outcomes.inference.jackknife import jackknife_covariance
from se_outcomes.results import TIDY_COLUMNS, Notice, Ranged, Specification, records
from se_outcomes.study.at_risk import count_used
from se_outcomes.study.compared import (
    RECORDED_GROUNDS,
    average_named,
    count_compared,
    keep_known_outcomes,
    nuisances_of,
    on_logit_scale,
    refuse_certain_chances,
    refuse_unknown_without_se,
    say_overlap,
)
from se_outcomes.study.design import ordered_levels
from se_outcomes.study.passage import each_once
from se_outcomes.study.prospects import Prospects, estimate_prospects, say_cross_fit, say_jackknife
from se_outcomes.study.prospects_sample import ask_who_is_observed
from se_outcomes.study.sentences import say_interval, say_number
from se_outcomes.study.suppression import over_completions

Floats = NDArray[np.float64]

POLICIES = ("status_quo", "open_gate", "lottery", "highest_prospects", "need_first", "largest_gain")
#: Elasticities at which the open gate is told, besides the one asked for.
CROWDING = (0.0, 0.25, 0.5, 0.75, 1.0)
#: The group of those whose predicted placement without SE is in the lowest quarter.
LOWEST = "lowest_prospects"

RANKED_BY_GAIN = Notice(
    "policies_ranked_by_gain",
    "The gain is the difference of two predictions, so whom a rule by gain would serve is known less well than whom "
    "the others would. Among those with the lowest prospects its share is told too high: an error in the prediction "
    "without SE that puts a case there also makes its gain look large.",
)
CAPACITY = Notice(
    "policies_capacity",
    "The rules serve as many in each office as today; the open gate serves everyone. What it would do if job "
    "specialists had more clients each is a supposition: see the rows by crowding.",
)

GROUP_OF_ONE_OFFICE = Notice(
    "policies_group_one_office",
    "A group of the exposure is found in one office only: how its share served varies between offices cannot be seen, "
    "and it has no interval.",
)


@dataclass(frozen=True, eq=False)
class PolicyResult(Ranged):
    """Placement and inclusion under rules of admission.

    Attributes
    ----------
    specification : Specification
    method : str
    values : frame
        ``policy`` ("status_quo", "open_gate", "lottery", "highest_prospects", "need_first", "largest_gain"),
        ``measure`` ("placed": share of all placed; "difference" to the status quo; "served": share served),
        ``estimate, std_error, statistic, p_value, conf_low, conf_high`` (jackknife of the offices' totals, t(G - 1)).
        What is so by construction, as that the open gate serves everyone, has error zero and no interval.
    inclusion : frame
        ``policy, group, estimate, std_error, conf_low, conf_high``: share served of each group: quarters or levels of
        the exposure, and the quarter with the "lowest_prospects" (predicted placement without SE). Errors by the office
        jackknife of the whole, predictions and ranking too, on the logit scale (with these held, intervals of quarters'
        shares covered in as few as 12 of 40 simulated studies of five offices; made anew, in 35 or more, and in 30 or
        more under the rule by gain). A group that one office alone has gets no error and no interval.
    crowding : frame
        ``crowding, placed, difference, std_error, conf_low, conf_high`` of the open gate (the difference's interval),
        by elasticity: the gain of each served shrinks by (served / served today in the office) ** -crowding.
    asked_crowding : float
        The elasticity of the open gate in ``values``.
    exclusions, used : frames
        Cases left out by ``reason``; all cases by ``level``, gate state and outcome state.
    warnings : tuple of Notice
    """

    specification: Specification
    method: str
    values: pd.DataFrame
    inclusion: pd.DataFrame
    crowding: pd.DataFrame
    asked_crowding: float
    cross_fit: str
    exclusions: pd.DataFrame
    used: pd.DataFrame
    fit_statistics: dict[str, object]
    warnings: tuple[Notice, ...]

    @property
    def question(self) -> str:
        """The question's key."""
        return self.specification.question

    def tidy(self) -> pd.DataFrame:
        """One row per policy (``term``) and measure."""
        return self.values.rename(columns={"policy": "term"})[[*TIDY_COLUMNS, "measure"]]

    def glance(self) -> dict[str, object]:
        """``n_cases, n_accepted, n_events, n_offices, n_excluded, dof``."""
        return dict(self.fit_statistics)

    def summary(self) -> str:
        """What was found, to read at the prompt."""
        found = self.fit_statistics
        lines = [
            f"Rules of admission: {say_number(found['n_cases'], ',')} eligible, "
            f"{say_number(found['n_accepted'], ',')} served today, {found['n_offices']} offices "
            f"({say_number(found['n_excluded'], ',')} cases left out); crowding {self.asked_crowding:g}",
            self.method,
            "",
        ]
        for row in records(self.values.loc[self.values["measure"] != "served"]):
            said = f"{say_number(row.estimate, '.3f')} {say_interval(row.conf_low, row.conf_high, '.3f')}"
            lines.append(f"  {row.policy.replace('_', ' '):18s} {row.measure:11s} {said}")
        for row in records(self.inclusion.loc[self.inclusion["group"] == LOWEST]):
            said = f"{say_number(row.estimate, '.3f')} {say_interval(row.conf_low, row.conf_high, '.3f')}"
            lines.append(
                f"  {row.policy.replace('_', ' '):18s} {'serves of the quarter with the lowest prospects'} {said}"
            )
        return "\n".join([*lines, *(f"Note: {warning}" for warning in self.warnings)])

    def __repr__(self) -> str:
        return self.summary()


@over_completions
def estimate_policies(
    cases: Cases,
    *,
    crowding: float = 0.0,
    exposure: str | None = None,
    adjust_for: Sequence[str] | None = None,
    outcome_observed: str | None = None,
    cross_fit: str = "within",
) -> PolicyResult:
    """Placement and inclusion if offices admitted by other rules, with today's number of places.

    Parameters
    ----------
    cases : Cases
        Checked cases.
    crowding : float
        Elasticity of the gain by how many an office serves, zero or more: 0, the gain of each stays as it is; 1, twice
        as many served gain half as much each. Bears on the open gate alone.
    exposure, adjust_for : optional
        What rules go by; by default what the study plan says.
    outcome_observed : {"all"}, optional
        By default what the study plan says.
    cross_fit : {"within", "across"}
        Whether predictions have office intercepts.

    Returns
    -------
    PolicyResult

    Raises
    ------
    EstimationError
        ``outcome_for_accepted_only``, ``outcome_observed_unknown``, ``one_office``, ``empty_cell``, ``separation``
        (where a chance is 0 or 1), and those of the predictions
        (:func:`se_outcomes.study.prospects.estimate_prospects`).
    ValueError
        On an elasticity below zero, or another ``cross_fit``.

    Examples
    --------
    >>> import se_outcomes as so
    >>> result = so.estimate_policies(so.simulate_cases(1200, seed=1).cases)
    >>> served = result.values.query("measure == 'served'").set_index("policy")["estimate"]
    >>> float(served["open_gate"]), bool(np.isclose(served["lottery"], served["status_quo"]))
    (1.0, True)
    """
    if not (np.isfinite(crowding) and crowding >= 0):
        raise ValueError(f"crowding is an elasticity and must be zero or more; got {crowding!r}")
    refuse_unknown_without_se(ask_who_is_observed(cases, outcome_observed), "policies")
    predicted = estimate_prospects(
        cases,
        exposure=exposure,
        adjust_for=adjust_for,
        outcome_observed="all",
        cross_fit=cross_fit,
        wanted=("chance", "without_se", "with_se"),
        replicated=True,
    )
    prospects = keep_known_outcomes(predicted)
    refuse_certain_chances(prospects)
    served = serve(prospects)
    statistics = count_compared(prospects)
    return PolicyResult(
        specification=Specification(
            "policies",
            "placed",
            "eligible",
            prospects.exposure,
            prospects.adjust_for,
            office_effects=cross_fit == "within",
        ),
        method=_say_method(predicted, statistics["dof"]),
        values=_values(prospects, served, crowding),
        inclusion=_inclusion(prospects, predicted),
        crowding=_crowding(prospects, tuple(sorted({*CROWDING, float(crowding)}))),
        asked_crowding=float(crowding),
        cross_fit=cross_fit,
        exclusions=prospects.exclusions,
        used=count_used(prospects.sorted_cases),
        fit_statistics={**statistics},
        warnings=each_once(
            [
                RECORDED_GROUNDS,
                CAPACITY,
                RANKED_BY_GAIN,
                *_say_group_of_one_office(prospects),
                *say_overlap(prospects),
                *prospects.warnings,
            ]
        ),
    )


def _say_method(prospects: Prospects, dof: float) -> str:
    return (
        "Doubly robust scores (AIPW, weights normalised), predictions cross-fitted "
        f"({say_cross_fit(prospects)}); intervals of placements: jackknife of the offices' totals, predictions and "
        f"ranking held; of shares served: {say_jackknife(prospects)}; t({dof:.0f})."
    )


def serve(prospects: Prospects) -> dict[str, Floats]:
    """Policy to the share of each cell that is served (n,), in the order of :data:`POLICIES`."""
    offices, counts = prospects.offices, prospects.counts
    capacity = np.bincount(offices, counts * prospects.accepted)
    rankings = {
        "highest_prospects": prospects.without_se,
        "need_first": -prospects.without_se,
        "largest_gain": prospects.with_se - prospects.without_se,
    }
    return {
        "status_quo": prospects.accepted,
        "open_gate": np.ones(len(counts)),
        "lottery": serve_by_lot(offices, capacity, counts=counts),
        **{
            policy: serve_highest(score, offices, capacity, counts=counts)
            for policy, score in rankings.items()
        },
    }


def _values(prospects: Prospects, served: Mapping[str, Floats], crowding: float) -> pd.DataFrame:
    everyone = np.ones(len(prospects.counts))
    nuisances = nuisances_of(prospects)
    scores = {"status_quo": score_mean(prospects.placed, everyone)}
    scores |= {
        policy: score_open_gate(prospects, nuisances, crowding)
        if policy == "open_gate"
        else score_rule(nuisances, share)
        for policy, share in served.items()
        if policy != "status_quo"
    }
    scores |= {f"served_{policy}": score_mean(share, everyone) for policy, share in served.items()}
    named = average_named(scores, prospects.offices, prospects.counts)
    frames = []
    for policy in served:
        less_today = {policy: 1.0, "status_quo": -1.0} if policy != "status_quo" else {}
        found = named.pick({policy: 1.0}, less_today, {f"served_{policy}": 1.0})
        frames.append(found.assign(policy=policy, measure=["placed", "difference", "served"]))
    frame = pd.concat(frames, ignore_index=True)
    is_served = frame["measure"] == "served"
    frame.loc[is_served] = on_logit_scale(frame.loc[is_served], named.averages.dof)
    frame.loc[frame["measure"] != "difference", ["statistic", "p_value"]] = np.nan  # no null worth a test
    return frame[["policy", "measure", *TIDY_COLUMNS[1:]]]


def score_open_gate(prospects: Prospects, nuisances: Nuisances, crowding: float) -> Score:
    """Everyone served, what each gains shrunk by crowding in the office.

    A gain shrunk to a share of itself is, on average, that of as large a share of the served.
    """
    offices, counts = prospects.offices, prospects.counts
    kept = crowd(np.bincount(offices, counts), np.bincount(offices, counts * prospects.accepted), crowding)
    return score_rule(nuisances, kept[offices])


def _crowding(prospects: Prospects, elasticities: Sequence[float]) -> pd.DataFrame:
    nuisances = nuisances_of(prospects)
    scores = {f"{one:g}": score_open_gate(prospects, nuisances, one) for one in elasticities}
    scores["today"] = score_mean(prospects.placed, np.ones(len(prospects.counts)))
    named = average_named(scores, prospects.offices, prospects.counts)
    names = [name for name in scores if name != "today"]
    placed = named.pick(*({name: 1.0} for name in names))["estimate"]
    found = named.pick(*({name: 1.0, "today": -1.0} for name in names)).rename(
        columns={"estimate": "difference"}
    )
    columns = ["crowding", "placed", "difference", "std_error", "conf_low", "conf_high"]
    return found.assign(crowding=list(elasticities), placed=placed)[columns]


def _inclusion(prospects: Prospects, unfiltered: Prospects) -> pd.DataFrame:
    """Shares served with the jackknife of the whole: without an office the others are predicted and ranked anew.

    Offices without a known outcome have no part in the shares, and no replicate.
    """
    groups = ordered_levels(prospects.exposure, pd.Series(prospects.group))
    estimate = _included(prospects, groups)
    replicates = [
        _included(keep_known_outcomes(unfiltered.without(int(office))), groups)
        for office in np.unique(prospects.offices)
    ]
    covariance = jackknife_covariance(estimate, np.array(replicates))  # missing where a replicate is
    named = [(policy, group) for policy in POLICIES for group in (*groups, LOWEST)]
    frame = pd.DataFrame(named, columns=["policy", "group"])
    found = frame.assign(estimate=estimate, std_error=np.sqrt(np.diag(covariance)))
    return on_logit_scale(found, len(replicates) - 1.0)


def _included(prospects: Prospects, groups: Sequence[str]) -> Floats:
    """Share served by policy and group (policies times groups and the quarter with the lowest prospects,).

    Missing where a replicate has nobody of the group.
    """
    members = np.array(
        [*(prospects.group == group for group in groups), _lowest_quarter(prospects)], dtype=float
    )
    members = members * prospects.counts
    served = np.array(list(serve(prospects).values())) @ members.T
    of = np.broadcast_to(members.sum(axis=1), served.shape)
    return np.divide(served, of, out=np.full(served.shape, np.nan), where=of > 0).ravel()


def _say_group_of_one_office(prospects: Prospects) -> list[Notice]:
    offices = [
        len(np.unique(prospects.offices[prospects.group == one])) for one in np.unique(prospects.group)
    ]
    return [GROUP_OF_ONE_OFFICE] if min(offices) < 2 else []


def _lowest_quarter(prospects: Prospects) -> Floats:
    """Share of each cell (n,) that belongs to the quarter of all cases with the lowest prospects, ties in part."""
    together = np.zeros(len(prospects.counts), dtype=np.int64)
    quarter = [prospects.counts.sum() / 4]
    return serve_highest(-prospects.without_se, together, quarter, counts=prospects.counts)
