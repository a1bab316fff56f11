"""Answers about admission without what the suppression plan of a report withholds.

Their cases are others than those of the questions before (more must be recorded, or less), so that a count of them
would tell of the few between: no count is told, and no share finer than the whole per cent. Differences between
predictions, which no count can be read from, are told as they are; raw differences of shares are not.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from se_outcomes.report.admission_answers import AdmissionAnswers
from se_outcomes.report.answers import Answers
from se_outcomes.report.disclosure_of_left_out import protect_left_out
from se_outcomes.report.masking import (
    INTERVAL,
    as_told,
    mask,
    protect_equations,
    share_of_enough,
    told_of,
    without_counts,
)
from se_outcomes.report.plan import Plan, Told
from se_outcomes.results import records
from se_outcomes.study.bounds import BoundsResult
from se_outcomes.study.creaming import CreamingResult
from se_outcomes.study.effect import EffectResult
from se_outcomes.study.policies import LOWEST, PolicyResult
from se_outcomes.study.two_gate_answer import SHARES
from se_outcomes.study.two_gates import TwoGateResult

ESTIMATE = ("estimate", "std_error", *INTERVAL)


def protect_admission(answers: Answers, plan: Plan) -> AdmissionAnswers:
    """The answers about admission as far as they may be told; None where nothing may."""
    found = answers.admission
    if not _questions_told(answers, plan):
        return AdmissionAnswers(withheld=tuple(found.answered))
    told: dict[str, Any] = {}
    for key, answer in found.answered.items():
        if not has_enough(answer.used, plan.min_cell):
            continue
        if key == "left_out":
            told[key] = protect_left_out(answer, plan, gates=answers.funnel.gates)
        elif key in ("creaming", "targeting"):
            told[key] = protect_creaming(answer, plan)
        elif key == "effect":
            told[key] = protect_effect(answer, plan)
        elif key == "bounds":
            told[key] = protect_bounds(answer)
        elif key == "policies":
            told[key] = protect_policies(answer, plan)
        else:
            told[key] = protect_two_gates(answer, answers, plan)
    withheld = [key for key in found.answered if told.get(key) is None]
    return AdmissionAnswers(**told, withheld=tuple(withheld))


def _questions_told(answers: Answers, plan: Plan) -> bool:
    """Whether the shares that passed may be told: where they may not, what is learned from them may not either."""
    return all(
        plan.tells_share(("exclusions", key, "used"), ("passage", key, "n_events")) > Told.NOTHING
        for key in answers.passages
    )


def count_sides(used: pd.DataFrame) -> dict[str, int]:
    """Cases used on each side of the gates and of the outcome, as far as it is known.

    Parameters
    ----------
    used : DataFrame
        ``level, gate_state, outcome_state, n``.
    """
    rows = used.loc[used["level"] == "used"]
    n, gate, outcome = rows["n"], rows["gate_state"].astype(str), rows["outcome_state"].astype(str)
    accepted, referred = gate == "accepted", gate != "not_referred"
    sides = {
        "accepted": n[accepted].sum(),
        "rest": n[~accepted].sum(),
        "not_referred": n[~referred].sum(),
        "not_accepted": n[referred & ~accepted].sum(),
        "accepted_placed": n[accepted & (outcome == "placed")].sum(),
        "accepted_not_placed": n[accepted & (outcome == "not_placed")].sum(),
        "rest_placed": n[~accepted & (outcome == "placed")].sum(),
        "rest_not_placed": n[~accepted & (outcome == "not_placed")].sum(),
    }
    return {side: int(count) for side, count in sides.items()}


def has_enough(used: pd.DataFrame, min_cell: int) -> bool:
    """Whether there are enough cases on each side of acceptance, and of the outcome where it is known for a side."""
    sides = count_sides(used)
    needed = [sides["accepted"], sides["rest"], sides["accepted_placed"], sides["accepted_not_placed"]]
    if sides["rest_placed"] or sides["rest_not_placed"]:
        needed += [sides["rest_placed"], sides["rest_not_placed"]]
    return min(needed) >= min_cell


def protect_creaming(result: CreamingResult, plan: Plan) -> CreamingResult:
    """Without counts; a gate only where enough pass and enough do not, and both alone where one gate is withheld."""
    sides = count_sides(result.used)
    separate = set(result.estimates["gate"]) != {"both"}
    apart = not separate or min(sides["not_referred"], sides["not_accepted"]) >= plan.min_cell
    # the indices of the gates add up to that of both, so that one of them and both give the other
    told = told_of(
        Told.EXACTLY if apart or gate == "both" else Told.NOTHING for gate in result.estimates["gate"]
    )
    numbers = ("estimate", "std_error", "statistic", "p_value", *INTERVAL, "dof")
    at_stage = told_of(
        Told.ROUNDED if apart or stage != "referred" else Told.NOTHING for stage in result.levels["stage"]
    )
    return replace(
        result,
        estimates=mask(result.estimates, told, numbers).assign(n_at_risk=np.nan, n_passed=np.nan),
        levels=mask(result.levels, at_stage, ("estimate", *INTERVAL)).assign(n=np.nan),
        exclusions=result.exclusions.iloc[:0],
        used=result.used.iloc[:0],
        fit_statistics=without_counts(result.fit_statistics),
    )


def protect_effect(result: EffectResult, plan: Plan) -> EffectResult:
    """Raw differences and shares to the whole per cent, effects as they are, and nothing of one case."""
    raw = (result.estimates["method"] == "naive").to_numpy()
    told = np.where(raw, Told.ROUNDED, Told.EXACTLY)
    # of a rounded difference they would tell the exact one
    tests = {name: result.estimates[name].where(~raw) for name in ("statistic", "p_value")}
    estimates = mask(result.estimates, told, ESTIMATE).assign(n_cases=np.nan, n_events=np.nan, **tests)
    return replace(
        result,
        estimates=estimates,
        averages=mask(result.averages, _rounded(result.averages), ESTIMATE),
        gap=_round_gap(result.gap),
        overlap=_protect_overlap(result.overlap, plan.min_cell),
        exclusions=result.exclusions.iloc[:0],
        used=result.used.iloc[:0],
        fit_statistics=without_counts(result.fit_statistics),
    )


def _rounded(frame: pd.DataFrame) -> NDArray[np.int64]:
    return np.full(len(frame), int(Told.ROUNDED), dtype=np.int64)


def _round_gap(gap: pd.DataFrame) -> pd.DataFrame:
    """Every part to the whole point, and still adding up: an exact effect and the selection would give the raw gap."""
    rounded = mask(gap, _rounded(gap), ESTIMATE)
    by_part = rounded.set_index("part")["estimate"]
    selection = round(float(by_part["gap"] - by_part["effect"]), 2) + 0.0
    return rounded.assign(estimate=rounded["estimate"].where(rounded["part"] != "selection", selection))


def _protect_overlap(overlap: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """Shares of enough cases, chances that enough cases lie beyond, effective numbers to the ten.

    The largest weight is that of one person, whose chance of acceptance could be worked out of it: it is never told.
    """
    n = overlap["n"].astype("float64")
    masked: dict[str, pd.Series | float] = {"n": np.nan, "largest_weight_share": np.nan}
    for name in ("ess_accepted", "ess_not_accepted"):
        masked[name] = (10 * (overlap[name] / 10).round()).where(overlap[name] >= min_cell)
    for name in ("share_below", "share_above"):
        masked[name] = share_of_enough(overlap[name], n, min_cell)
    for name in overlap.columns:
        if name[:1] == "p" and name[1:].isdigit():
            beyond = min(int(name[1:]), 100 - int(name[1:])) / 100
            masked[name] = as_told(overlap[name], np.where(n * beyond >= min_cell, Told.ROUNDED, 0))
    for name in ("crump_alpha", "crump_share"):
        outside = n * (1 - overlap["crump_share"])
        masked[name] = as_told(overlap[name], np.where(outside >= min_cell, Told.ROUNDED, 0))
    return overlap.assign(**masked)


def protect_bounds(result: BoundsResult) -> BoundsResult:
    """Bounds are sums and differences of raw shares: to the whole per cent, without standard errors."""
    bounds = mask(result.bounds, _rounded(result.bounds), ("lower", "upper", *INTERVAL))
    missing = dict.fromkeys(("lower_std_error", "upper_std_error", "critical"), np.nan)
    return replace(
        result,
        bounds=bounds.assign(**missing),
        naive=mask(result.naive, _rounded(result.naive), ESTIMATE),
        trimming={},
        exclusions=result.exclusions.iloc[:0],
        used=result.used.iloc[:0],
        fit_statistics=without_counts(result.fit_statistics),
    )


def protect_policies(result: PolicyResult, plan: Plan) -> PolicyResult:
    """Shares to the whole per cent; who is accepted today by group only as the funnel tells."""
    shares = (result.values["measure"] != "difference").to_numpy()
    told = np.where(shares, Told.ROUNDED, Told.EXACTLY)
    n_lowest = float(str(result.fit_statistics["n_cases"])) / 4
    of_groups = told_of(_inclusion_told(row, n_lowest, plan) for row in records(result.inclusion))
    today = (result.inclusion["policy"] == "status_quo").to_numpy()
    if (of_groups[today] == Told.NOTHING).any():
        # the lowest prospects may be those of a group that is withheld
        of_groups[today & (result.inclusion["group"] == LOWEST).to_numpy()] = Told.NOTHING
    crowding = mask(result.crowding, _rounded(result.crowding), ("placed",))
    return replace(
        result,
        values=mask(result.values, told, ESTIMATE),
        inclusion=mask(result.inclusion, of_groups, ESTIMATE),
        crowding=crowding,
        exclusions=result.exclusions.iloc[:0],
        used=result.used.iloc[:0],
        fit_statistics=without_counts(result.fit_statistics),
    )


def _inclusion_told(row: Any, n_lowest: float, plan: Plan) -> Told:
    """Other rules than today's are nobody's case; of today's, the funnel speaks of the exposure's groups."""
    if row.policy != "status_quo":
        return Told.ROUNDED
    if row.group == LOWEST:
        enough = min(row.estimate, 1 - row.estimate) * n_lowest >= plan.min_cell
        return Told.ROUNDED if enough else Told.NOTHING
    stages = [
        stage for stage in ("referred", "accepted") if ("funnel", row.group, stage, "n_passed") in plan.counts
    ]
    of_stages = [
        plan.tells_share(("funnel", row.group, stage, "n_at_risk"), ("funnel", row.group, stage, "n_passed"))
        for stage in stages
    ]
    return Told.ROUNDED if of_stages and min(of_stages) > Told.NOTHING else Told.NOTHING


def protect_two_gates(result: TwoGateResult, answers: Answers, plan: Plan) -> TwoGateResult | None:
    """As of the model of one gate: no counts, nothing of the likelihood; shares and the raw gap rounded."""
    sides = count_sides(result.used)
    if result.gates == "separate" and min(sides["not_referred"], sides["not_accepted"]) < plan.min_cell:
        return None
    raw = result.averages["measure"].isin((*SHARES, "gap_raw")).to_numpy()
    told = np.where(raw, Told.ROUNDED, Told.EXACTLY)
    shares = [name for name in result.grid.columns if name.startswith("open_gate")]
    return replace(
        result,
        estimates=result.estimates.assign(n_cases=np.nan),
        averages=mask(result.averages, told, ESTIMATE).assign(n_cases=np.nan),
        grid=mask(result.grid, _rounded(result.grid), shares).assign(deviance=np.nan),
        equations=protect_equations(result.equations, answers, plan),
        exclusions=result.exclusions.iloc[:0],
        used=result.used.iloc[:0],
        fit_statistics=without_counts(result.fit_statistics),
    )
