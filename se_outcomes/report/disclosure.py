"""Results without what the suppression plan of a report withholds.

Everything that a report shows is drawn and tabulated from results that went through here: a number that may not be
told is missing in them, and a missing number is shown as a colon, whatever the exhibit or the language.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from se_outcomes.report.answers import Answers
from se_outcomes.report.disclosure_of_admission import protect_admission
from se_outcomes.report.ledger import RECORDED, Key
from se_outcomes.report.masking import INTERVAL, as_told, protect_equations, told_of
from se_outcomes.report.plan import Plan, Told
from se_outcomes.results import Notice, records
from se_outcomes.study.characteristics import CharacteristicsResult
from se_outcomes.study.familywise import FamilywiseResult
from se_outcomes.study.funnel import FunnelResult
from se_outcomes.study.linkage import MISSING
from se_outcomes.study.passage import PassageResult
from se_outcomes.study.selected_placement import SelectedPlacementResult
from se_outcomes.study.selection import SelectionResult
from se_outcomes.tables.few_offices import disagreements

#: Numbers of ``PassageResult.offices`` and the decimals they are told with: finer, they would tell offices' sizes.
OFFICE_DECIMALS = {"effective_offices": 1, "cr2_dof": 1, "largest_leverage": 2, "largest_share": 2}

#: Of two offices, the mean of their own estimates and its interval give both.
OF_SINGLE_OFFICES = ("by_office_estimate", "by_office_conf_low", "by_office_conf_high")


def protect(answers: Answers, plan: Plan) -> Answers:
    """The answers without what the plan withholds, and without what could be worked out from an estimate."""
    passages = {key: protect_passage(key, result, plan) for key, result in answers.passages.items()}
    return replace(
        answers,
        funnel=protect_funnel(answers.funnel, plan),
        characteristics=protect_characteristics(answers.characteristics, plan),
        passages=passages,
        selection=None if answers.selection is None else protect_selection(answers.selection, plan),
        selected=None if answers.selected is None else protect_selected(answers.selected, answers, plan),
        familywise=_protect_familywise(answers.familywise, passages),
        admission=protect_admission(answers, plan),
    )


def protect_funnel(funnel: FunnelResult, plan: Plan) -> FunnelResult:
    """Counts and shares by the plan."""
    counts = funnel.counts.astype(dict.fromkeys(["n_at_risk", "n_passed", "n_unknown"], "float64"))
    keys = [("funnel", group, stage) for group, stage in counts[["group", "stage"]].itertuples(index=False)]
    told = told_of([plan.tells_share((*key, "n_at_risk"), (*key, "n_passed")) for key in keys])
    for name in ("n_at_risk", "n_passed", "n_unknown"):
        counts[name] = counts[name].where(told_of([plan.tells(*key, name) for key in keys]) > 0)
    for name in ("estimate", *INTERVAL):
        counts[name] = as_told(counts[name], told)
    for name in ("wilson_low", "wilson_high"):
        # with the share known, how wide Wilson's interval is tells the number of cases
        counts[name] = counts[name].where(told == Told.EXACTLY)
    may = told_of([plan.tells("flow", place) for place in funnel.flow["place"]])
    flow = funnel.flow.assign(n=funnel.flow["n"].astype("float64").where(may > 0))
    return replace(funnel, counts=counts, flow=flow)


def protect_characteristics(described: CharacteristicsResult, plan: Plan) -> CharacteristicsResult:
    """Levels, shares and means by the plan of their variable; differences where both sides may be told."""
    counts = described.counts.assign(n=described.counts["n"].astype("float64"))
    rows = list(records(counts))
    n_told = told_of([plan.tells(row.variable, row.level, row.stage) for row in rows]) > 0
    # the share of the missing is of all of the stage, that of a level of those recorded
    shares = [row.level == MISSING or plan.tells(row.variable, RECORDED, row.stage) for row in rows]
    counts = counts.assign(
        n=counts["n"].where(n_told), share=counts["share"].where(n_told & (told_of(shares) > 0))
    )
    moments = described.moments.assign(n=described.moments["n"].astype("float64"))
    may = told_of(plan.tells(row.variable, RECORDED, row.stage) for row in records(moments)) > 0
    moments = moments.assign(**{name: moments[name].where(may) for name in ("n", "mean", "std_dev")})
    differences = described.differences
    of_both = told_of(
        [
            all(
                plan.tells(row.variable, row.level or RECORDED, f"{row.contrast}_{side}")
                for side in ("passed", "failed")
            )
            for row in records(differences)
        ]
    )
    differences = differences.assign(difference=differences["difference"].where(of_both > 0))
    return replace(
        described, counts=counts, moments=moments, differences=differences, states=described.states.iloc[:0]
    )


def protect_passage(key: str, result: PassageResult, plan: Plan) -> PassageResult:
    """Counts by the plan; estimates only from enough events and non-events, in each group compared."""
    overall = plan.tells_share(("exclusions", key, "used"), ("passage", key, "n_events")) > Told.NOTHING
    groups, of_groups = _protect_counts(result.groups, key, "group", plan, ("estimate", *INTERVAL))
    bins, of_bins = _protect_counts(result.bins, key, "bin", plan, ("share",))
    bins = bins.assign(
        **{name: bins[name].where(of_bins > 0) for name in ("low", "high", "mean", "mean_scaled")}
    )
    if result.specification.office_effects:
        # with office intercepts a group's share is no function of its own counts, so there is nothing to round
        groups = groups.assign(
            **{name: result.groups[name].where(of_groups > 0) for name in ("estimate", *INTERVAL)}
        )
    compared = dict(zip(result.groups["group"], of_groups, strict=True))
    estimates = _protect_estimates(key, result, result.estimates, compared, plan)
    exclusions = result.exclusions.astype({"n": "float64"})
    may = told_of([plan.tells("exclusions", key, reason) for reason in exclusions["reason"]]) > 0
    return replace(
        result,
        estimates=estimates,
        conditional=_protect_estimates(key, result, result.conditional, compared, plan),
        curve=_between_bins(result.curve, bins) if overall else result.curve.iloc[:0],
        bins=bins,
        groups=groups,
        linearity=result.linearity if overall else None,
        joint=result.joint if overall and min(of_groups, default=0) > Told.NOTHING else None,
        offices=_protect_offices(result, estimates, plan.min_cell),
        tested=(),  # they hold the offices' scores
        exclusions=exclusions.assign(n=exclusions["n"].where(may)),
        used=result.used.iloc[:0],
        fit_statistics=_protect_statistics(key, result, plan),
        warnings=_protect_warnings(result, estimates),
    )


def _protect_statistics(key: str, result: PassageResult, plan: Plan) -> dict[str, object]:
    """Counts by the plan; no log-likelihood, from which counts can be worked out in small designs."""
    found = result.fit_statistics
    told = {
        "n_cases": plan.tells("exclusions", key, "used"),
        "n_events": plan.tells("passage", key, "n_events"),
        "n_excluded": plan.tells("exclusions", key, "n_excluded"),
        "n_offices": True,
        "dof": True,
    }
    return {name: found[name] if may else np.nan for name, may in told.items()}


def _protect_counts(
    frame: pd.DataFrame, key: str, column: str, plan: Plan, shares: tuple[str, ...]
) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """A frame with ``n, n_passed`` and shares of them by the plan, and how much of each row's share is told."""
    keys = [("passage", key, column, name) for name in frame[column]]
    told = told_of([plan.tells_share((*row, "n"), (*row, "n_passed")) for row in keys])
    counts = {
        name: frame[name].astype("float64").where(told_of([plan.tells(*row, name) for row in keys]) > 0)
        for name in ("n", "n_passed")
    }
    return frame.assign(**counts, **{name: as_told(frame[name], told) for name in shares}), told


def _protect_estimates(
    key: str, result: PassageResult, estimates: pd.DataFrame, compared: Mapping[str, int], plan: Plan
) -> pd.DataFrame:
    """Numbers of a contrast between two groups only where a share may be told of both; counts by the plan."""
    overall = plan.tells_share(("exclusions", key, "used"), ("passage", key, "n_events")) > Told.NOTHING
    told = told_of(
        _groups_told(contrast, compared) if overall else Told.NOTHING for contrast in estimates["contrast"]
    )
    if result.specification.office_effects:
        told = np.where(told > 0, Told.EXACTLY, told)
    tests = [
        name for name in estimates.columns if name == "statistic" or name.endswith(("p_value", "cr2_dof"))
    ]
    kept = {"dof", "n_offices", "n_cases", "n_events", *tests}
    numbers = [name for name in estimates.select_dtypes("number").columns if name not in kept]
    # a ratio of two shares tells more of a small one than the share does to the whole per cent
    decimals = np.where(estimates["measure"] == "ame", 2, 1)
    masked = {name: as_told(estimates[name], told, decimals) for name in numbers}
    masked |= {name: estimates[name].where(told > 0) for name in tests}
    if "cr2_dof" in masked:
        masked["cr2_dof"] = masked["cr2_dof"].round(OFFICE_DECIMALS["cr2_dof"])
    for name, count in (("n_cases", ("exclusions", key, "used")), ("n_events", ("passage", key, "n_events"))):
        masked[name] = estimates[name].astype("float64").where(told_of([plan.tells(*count)] * len(told)) > 0)
    return estimates.assign(**masked)


def _protect_offices(result: PassageResult, estimates: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """What the offices carry, of contrasts whose estimates are told; rounded, so that no office's size is told."""
    told = estimates.loc[estimates["estimate"].notna(), ["contrast", "adjustment"]].drop_duplicates()
    offices = result.offices.merge(told, on=["contrast", "adjustment"], how="left", indicator=True)
    may = offices.pop("_merge").eq("both")
    numbers = [name for name in offices.select_dtypes("number").columns if name != "n_offices"]
    masked = {
        name: offices[name].where(may & (name not in OF_SINGLE_OFFICES)).round(OFFICE_DECIMALS.get(name, 15))
        for name in numbers
    }
    # the p-value of two offices' own estimates, with their mean, gives both back
    masked["by_office_p_value"] = masked["by_office_p_value"].where(offices["n_offices"] > 2)
    # with two offices, the rest of the largest one's share is a single small office
    rest = (1 - offices["largest_share"]) * float(str(result.fit_statistics["n_cases"]))
    masked["largest_share"] = masked["largest_share"].where(rest >= min_cell)
    return offices.assign(**masked)


def _protect_warnings(result: PassageResult, estimates: pd.DataFrame) -> tuple[Notice, ...]:
    """Without the levels that separate (a level may be a few persons), and nothing of tests that are not told."""
    silent = set() if disagreements(replace(result, estimates=estimates)) else {"tests_disagree"}
    return tuple(
        _without_levels(notice) if notice.key == "penalised" else notice
        for notice in result.warnings
        if notice.key not in silent
    )


def _without_levels(notice: Notice) -> Notice:
    parts = {name: part for name, part in notice.parts.items() if name != "levels"}
    return Notice(notice.key, "{what}: {columns} separates; Firth's penalised logit is used.", **parts)


def _protect_familywise(
    result: FamilywiseResult | None, passages: Mapping[str, PassageResult]
) -> FamilywiseResult | None:
    """Rows of questions whose estimates are told; none where that is one question."""
    if result is None:
        return None
    told = {
        (passage.question, passage.specification.at_risk, row.contrast, row.adjustment)
        for passage in passages.values()
        for row in records(passage.estimates)
        if pd.notna(row.estimate)
    }
    names = result.estimates[["question", "at_risk", "contrast", "adjustment"]]
    may = [row in told for row in names.itertuples(index=False, name=None)]
    return replace(result, estimates=result.estimates.loc[may]) if sum(may) > 1 else None


def _groups_told(contrast: str, compared: Mapping[str, int]) -> int:
    if contrast == "per_sd":
        return Told.EXACTLY
    named = list(compared)
    if contrast == "top_vs_bottom":
        pair = (named[0], named[-1])
    else:
        level, _, reference = contrast.partition("_vs_")
        pair = (level, reference)
    return min(compared.get(name, Told.NOTHING) for name in pair)


def _between_bins(curve: pd.DataFrame, bins: pd.DataFrame) -> pd.DataFrame:
    """The curve between the outermost bin means that are told: the ends of its range are single persons' values."""
    told = bins["mean_scaled"].dropna()
    if told.empty:
        return curve.iloc[:0]
    return curve.loc[
        curve["scaled"].between(told.min() - 1e-9, told.max() + 1e-9)
    ]  # means are sums: not exact


def protect_selection(selection: SelectionResult, plan: Plan) -> SelectionResult:
    """A gate's ratio only where a share may be told of both groups; the net only with all gates."""
    rates = selection.rates.astype({"n_at_risk": "float64", "n_passed": "float64"})
    keys = [("selection", row.group, row.gate) for row in records(rates)]
    of_rates = rates.assign(told=told_of([_selection_told(key, plan) for key in keys]))
    gates = of_rates.groupby("gate")["told"].min()
    # a net and one gate give the other
    gates["net"] = gates.min()
    told = np.minimum(
        of_rates["told"].to_numpy(), np.where(rates["gate"] == "net", gates["net"], Told.EXACTLY)
    )
    crude = (rates["adjustment"] == "crude").to_numpy()
    for name in ("n_at_risk", "n_passed"):
        rates[name] = rates[name].where(told_of([plan.tells(*key, name) for key in keys]) > 0)
    rates["rate"] = as_told(rates["rate"], np.where(crude | (told == 0), told, Told.EXACTLY))
    estimates = selection.estimates
    of_terms = estimates["term"].map(gates).to_numpy()
    exact = (estimates["adjustment"] != "crude").to_numpy() & (of_terms > 0)
    of_terms = np.where(exact, Told.EXACTLY, of_terms)
    numbers = [
        name for name in estimates.select_dtypes("number").columns if name not in ("statistic", "p_value")
    ]
    # a ratio of two shares tells more of a small one than the share does to the whole per cent
    masked = {name: as_told(estimates[name], of_terms, decimals=1) for name in numbers}
    masked |= {name: estimates[name].where(of_terms > 0) for name in ("statistic", "p_value")}
    n_told = all(
        plan.tells("selection", group, "net", "n_at_risk") for group in (selection.top, selection.bottom)
    )
    return replace(
        selection,
        rates=rates,
        estimates=estimates.assign(**masked),
        covariance={},
        n_cases=selection.n_cases if n_told else np.nan,  # type: ignore[arg-type]
    )


def protect_selected(
    result: SelectedPlacementResult, answers: Answers, plan: Plan
) -> SelectedPlacementResult | None:
    """No counts; estimates only from enough cases on each side of the gate and of the outcome, shares rounded.

    Its cases are other cases than those of the questions beside it (they lack nothing that the exclusion needs), so
    that a count of them would tell of the few between; and where the shares of acceptance or placement may not be
    told, a model of them may not either.
    """
    found = result.fit_statistics
    accepted, placed = int(str(found["n_accepted"])), int(str(found["n_events"]))
    sides = (int(str(found["n_cases"])) - accepted, accepted, placed, accepted - placed)
    questions = [key for key in ("acceptance", "placement") if key in answers.passages]
    may = [
        plan.tells_share(("exclusions", key, "used"), ("passage", key, "n_events")) > Told.NOTHING
        for key in questions
    ]
    if min(sides) < plan.min_cell or not all(may):
        return None
    missing = dict.fromkeys(("n_cases", "n_events"), np.nan)
    levels = result.averages["measure"].isin(("accepted", "open_gate", "open_gate_naive")).to_numpy()
    told = np.where(levels, Told.ROUNDED, Told.EXACTLY)
    averages = result.averages.assign(
        n_cases=np.nan,
        **{name: as_told(result.averages[name], told) for name in ("estimate", *INTERVAL)},
    )
    kept = ("n_offices", "converged", "rho", "boundary", "n_local_maxima")
    outside = {name: value for name, value in result.diagnostics.items() if not name.startswith("left_out")}
    return replace(
        result,
        estimates=_protect_slopes(result.estimates).assign(**missing),
        averages=averages,
        profile=_protect_profile(result.profile),
        equations=protect_equations(result.equations, answers, plan),
        curve=_between_bins(result.curve, _bins_of(answers, plan)),
        exclusions=result.exclusions.iloc[:0],
        used=result.used.iloc[:0],
        diagnostics=outside,
        fit_statistics={
            **dict.fromkeys(found, np.nan),
            **{name: found[name] for name in kept},
        },
    )


def _protect_slopes(estimates: pd.DataFrame) -> pd.DataFrame:
    """The risk ratio to one decimal: with the marginal effect it would tell a share that is told rounded."""
    told = np.where(estimates["measure"] == "risk_ratio", Told.ROUNDED, Told.EXACTLY)
    numbers = ("estimate", "std_error", *INTERVAL)
    return estimates.assign(**{name: as_told(estimates[name], told, decimals=1) for name in numbers})


def _protect_profile(profile: pd.DataFrame) -> pd.DataFrame:
    """Shares to the whole per cent, and nothing of the likelihood, from which counts can be worked out."""
    shares = [name for name in profile.columns if name.startswith("open_gate")]
    return profile.assign(deviance=np.nan, **{name: profile[name].round(2) for name in shares})


def _bins_of(answers: Answers, plan: Plan) -> pd.DataFrame:
    """The exposure's bins among the accepted as far as they are told: no curve goes beyond them."""
    if "acceptance" not in answers.passages:
        return pd.DataFrame({"mean_scaled": pd.Series(dtype=float)})
    return protect_passage("acceptance", answers.passages["acceptance"], plan).bins


def _selection_told(key: Key, plan: Plan) -> Told:
    """The net's rate is the product of the gates', of which the plan speaks."""
    if key[2] != "net" or (*key, "n_passed") not in {part for _, part in plan.shares}:
        gates = [whole for whole, _ in plan.shares if whole[:2] == key[:2] and whole[2] != "net"]
        if key[2] == "net" and gates:
            return Told(min(plan.tells_share(whole, (*whole[:3], "n_passed")) for whole in gates))
    return plan.tells_share((*key, "n_at_risk"), (*key, "n_passed"))
