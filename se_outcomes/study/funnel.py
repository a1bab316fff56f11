"""How many cases reach each stage: eligible, referred, accepted, placed, still in work?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import logit
from statsmodels.stats.proportion import proportion_confint

from se_outcomes.cases.cases import Cases
from se_outcomes.inference.intervals import share_interval, t_interval
from se_outcomes.inference.jackknife import jackknife_covariance
from se_outcomes.results import TIDY_COLUMNS, Notice, Ranged
from se_outcomes.study.design import as_text, is_numeric, ordered_levels, require_columns
from se_outcomes.study.sentences import say_interval, say_number, say_offices
from se_outcomes.study.suppression import over_completions

Floats = NDArray[np.float64]

REFERRED = ("undecided", "refused", "accepted")
IN_PROGRAMME = ("accepted", "bypassed")


@dataclass(frozen=True)
class Stage:
    """A stage of the funnel, as data: who is at risk, and which states of ``column`` count as what."""

    name: str
    column: str
    passed: tuple[str, ...]
    failed: tuple[str, ...]
    unknown: tuple[str, ...]
    of: tuple[str, ...] = ()


STAGES = (
    Stage("referred", "gate_state", REFERRED, ("not_referred", "bypassed"), ("referral_unknown",)),
    Stage("accepted", "gate_state", ("accepted",), ("refused",), ("undecided",)),
    Stage("placed", "outcome_state", ("placed",), ("not_placed",), ("unknown",), of=IN_PROGRAMME),
    Stage("retained", "retention_state", ("retained",), ("not_retained",), ("unknown",), of=IN_PROGRAMME),
)
STATES = ["gate_state", "outcome_state", "retention_state"]
#: Places on the way through the funnel, as data: the gate states that make one up, and of these the outcomes.
FLOW: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "ineligible": (("ineligible",), ()),
    "short_followup": (("short_followup",), ()),
    "followed": (("referral_unknown", "not_referred", "bypassed", *REFERRED), ()),
    "referral_unknown": (("referral_unknown",), ()),
    "not_referred": (("not_referred",), ()),
    "referred": (REFERRED, ()),
    "undecided": (("undecided",), ()),
    "refused": (("refused",), ()),
    "accepted": (("accepted",), ()),
    "bypassed": (("bypassed",), ()),
    "placed": (IN_PROGRAMME, ("placed",)),
    "not_placed": (IN_PROGRAMME, ("not_placed",)),
    "outcome_unknown": (IN_PROGRAMME, ("unknown",)),
}
COUNT_COLUMNS = [
    "group",
    "stage",
    "n_at_risk",
    "n_passed",
    "n_unknown",
    "estimate",
    "conf_low",
    "conf_high",
    "wilson_low",
    "wilson_high",
]


@dataclass(frozen=True, eq=False)
class FunnelResult(Ranged):
    """How many cases reach each stage, in all and by group.

    Attributes
    ----------
    counts : frame
        ``group`` ("all", then the levels, "missing" last), ``stage``, ``n_at_risk``, ``n_passed``,
        ``n_unknown`` (at risk by the stage before, but undecided or not observed; not in ``n_at_risk``),
        ``estimate`` (share of those at risk), ``conf_low, conf_high`` (office jackknife on the logit scale,
        t(G-1): offices like these), ``wilson_low, wilson_high`` (as if cases were independent).
    flow : frame
        ``place, n``: all cases by how far they came, in the order of :data:`FLOW` (an eligible case followed for
        long enough is in ``followed``, and in one of what comes after; ``placed`` and its neighbours are of those
        accepted, with or without referral).
    by : str or None
    horizon_days : int or None
    gates, bypass : str
    n_cases, n_offices : int
        All cases, and their offices.
    offices : mapping
        (group, stage) to the number of offices with cases at risk.
    warnings : tuple of str
    """

    counts: pd.DataFrame
    flow: pd.DataFrame
    by: str | None
    horizon_days: int | None
    gates: str
    bypass: str
    n_cases: int
    n_offices: int
    offices: Mapping[tuple[str, str], int]
    warnings: tuple[Notice, ...]

    @property
    def question(self) -> str:
        """The question's key."""
        return "funnel"

    @property
    def method(self) -> str:
        """Estimator and intervals, in words."""
        return (
            "Shares of those at risk; intervals: office jackknife on the logit scale, t(G-1), and Wilson's."
        )

    def tidy(self) -> pd.DataFrame:
        """One row per group and stage; nothing is tested: ``statistic`` and ``p_value`` are missing."""
        frame = self.counts.assign(term=self.counts["stage"], statistic=np.nan, p_value=np.nan)
        frame["std_error"] = [self._std_error(row) for row in self.counts.itertuples()]
        rest = [column for column in COUNT_COLUMNS if column not in TIDY_COLUMNS]
        return frame[[*TIDY_COLUMNS, *rest]]

    def _std_error(self, row: Any) -> float:
        """By the delta method, from the width of the interval on the logit scale; missing where that is."""
        if pd.isna(row.conf_low):
            return float("nan")
        low, high = logit([row.conf_low, row.conf_high])
        quantile = t_interval(0.0, 1.0, self.offices[row.group, row.stage] - 1)[1]
        return float((high - low) / 2 / quantile * row.estimate * (1 - row.estimate))

    def glance(self) -> dict[str, object]:
        """``n_cases`` (all of them), ``n_offices``, and what the shares are shares of."""
        return {
            "n_cases": self.n_cases,
            "n_offices": self.n_offices,
            "by": self.by,
            "horizon_days": self.horizon_days,
            "gates": self.gates,
            "bypass": self.bypass,
        }

    def summary(self) -> str:
        """What was found, to read at the prompt."""
        lines = [f"{self.n_cases:,} cases in {say_offices(self.n_offices)}. {self.method}", ""]
        for row in self.counts.itertuples():
            passed = f"{say_number(row.n_passed, ','):>9s} of {say_number(row.n_at_risk, ','):>9s}"
            share = (
                f"{say_number(row.estimate, '.1%'):>6s} {say_interval(row.conf_low, row.conf_high, '.1%')}"
            )
            lines.append(f"  {row.group:14s} {row.stage:9s} {passed} {share}")
        return "\n".join([*lines, *(f"Note: {warning}" for warning in self.warnings)])

    def __repr__(self) -> str:
        return self.summary()


@over_completions
def count_funnel(cases: Cases, *, by: str | None = None) -> FunnelResult:
    """Count how many cases reach each stage, by group.

    At risk of referral are the eligible whose follow-up is as long as the outcome's horizon (where the study
    plan states one) and whose referral is known; of acceptance the referred whose case is decided; of
    placement the accepted whose outcome is known; of retention those placed. Where the gates are merged there
    is no stage of referral, and acceptance is among all eligible.

    Parameters
    ----------
    cases : Cases
        Checked cases.
    by : str, optional
        Column to count by; numbers are grouped in quarters (``motivation`` as ``motivation_group``).

    Raises
    ------
    EstimationError
        ``column_missing``.

    Examples
    --------
    >>> import se_outcomes as so
    >>> funnel = so.count_funnel(so.simulate_cases(400, seed=1).cases, by="motivation_group")
    >>> funnel.counts["stage"].unique().tolist()[:3]
    ['referred', 'accepted', 'placed']
    """
    if by is not None:
        require_columns(cases, [by])
        by = f"{by}_group" if is_numeric(cases.tally([by])[by]) else by
    recorded = [state for state in STATES if cases.has(state)]
    tally = cases.tally(list(dict.fromkeys(["office_id", *recorded, *([by] if by else [])])))
    tally = tally.assign(**{state: "unknown" for state in STATES if state not in recorded})
    groups = group_rows(tally, by)
    rows, offices, warnings = count_stages(tally, groups, stages_of(cases))
    return FunnelResult(
        counts=pd.DataFrame(rows, columns=COUNT_COLUMNS),
        flow=count_flow(tally, merged=cases.plan.gates == "merged"),
        by=by,
        horizon_days=cases.plan.horizon_days,
        gates=cases.plan.gates,
        bypass=cases.plan.bypass,
        n_cases=int(tally["n"].sum()),
        n_offices=tally["office_id"].nunique(),
        offices=offices,
        warnings=tuple(dict.fromkeys(warnings)),
    )


def count_stages(
    tally: pd.DataFrame, groups: Mapping[str, pd.Series], stages: tuple[Stage, ...]
) -> tuple[list[dict[str, object]], dict[tuple[str, str], int], list[Notice]]:
    """Rows of counts, offices with cases at risk by group and stage, and what had to be said."""
    rows: list[dict[str, object]] = []
    offices: dict[tuple[str, str], int] = {}
    warnings: list[Notice] = []
    for group, chosen in groups.items():
        for stage in stages:
            by_office = stage_by_office(tally.loc[chosen], stage)
            offices[group, stage.name] = int((by_office["n_at_risk"] > 0).sum())
            row, said = funnel_row(by_office, group, stage.name)
            rows.append(row)
            warnings += said
    return rows, offices, warnings


def stages_of(cases: Cases) -> tuple[Stage, ...]:
    """The stages these cases have: no referral where the gates are merged, retention where it is recorded."""
    left_out = set()
    if cases.plan.gates == "merged":
        left_out.add("referred")
    if not cases.has("retention_state"):
        left_out.add("retained")
    return tuple(stage for stage in STAGES if stage.name not in left_out)


def group_rows(tally: pd.DataFrame, by: str | None) -> dict[str, pd.Series]:
    """Group name to its rows: "all" first, then the levels in order, "missing" last."""
    groups = {"all": pd.Series(True, index=tally.index)}
    if by is None:
        return groups
    text = as_text(tally[by])
    groups |= {level: (text == level).fillna(False).astype(bool) for level in ordered_levels(by, tally[by])}
    if text.isna().any():
        groups["missing"] = text.isna()
    return groups


def stage_by_office(tally: pd.DataFrame, stage: Stage) -> pd.DataFrame:
    """Frame ``n_at_risk, n_passed, n_unknown`` by office."""
    inside = tally["gate_state"].isin(stage.of) if stage.of else pd.Series(True, index=tally.index)
    if stage.name == "retained":
        inside &= tally["outcome_state"] == "placed"
    state = tally[stage.column].where(inside, "")
    columns = {
        "n_at_risk": tally["n"].where(state.isin([*stage.passed, *stage.failed]), 0),
        "n_passed": tally["n"].where(state.isin(stage.passed), 0),
        "n_unknown": tally["n"].where(state.isin(stage.unknown), 0),
    }
    return pd.DataFrame(columns).groupby(tally["office_id"].to_numpy(dtype=object)).sum()


def funnel_row(by_office: pd.DataFrame, group: str, stage: str) -> tuple[dict[str, object], list[Notice]]:
    """One row of counts with its intervals, and what had to be said about them."""
    total = {column: int(by_office[column].sum()) for column in ("n_at_risk", "n_passed", "n_unknown")}
    row: dict[str, object] = {"group": group, "stage": stage, **total}
    row |= dict.fromkeys(("estimate", "conf_low", "conf_high", "wilson_low", "wilson_high"), np.nan)
    if total["n_at_risk"] == 0:
        return row, [
            Notice("nobody_at_risk", "A group without anyone at risk of a stage has no share there.")
        ]
    row["estimate"] = total["n_passed"] / total["n_at_risk"]
    row["wilson_low"], row["wilson_high"] = proportion_confint(
        total["n_passed"], total["n_at_risk"], method="wilson"
    )
    at_risk = by_office.loc[by_office["n_at_risk"] > 0]
    interval, said = office_interval(
        at_risk["n_at_risk"].to_numpy(float), at_risk["n_passed"].to_numpy(float)
    )
    row["conf_low"], row["conf_high"] = interval
    return row, said


def office_interval(at_risk: Floats, passed: Floats) -> tuple[tuple[float, float], list[Notice]]:
    """Interval of a pooled share by leaving out one office at a time, on the logit scale.

    Parameters
    ----------
    at_risk, passed : (G,) arrays
        Cases by office, offices with cases at risk only.
    """
    none = (float("nan"), float("nan"))
    if len(at_risk) < 2:
        return none, [
            Notice(
                "share_in_one_office",
                "A share seen in one office only has no interval for offices like these.",
            )
        ]
    share = passed.sum() / at_risk.sum()
    without = (passed.sum() - passed) / (at_risk.sum() - at_risk)
    if np.isin([share, *without], (0.0, 1.0)).any():
        return none, [
            Notice(
                "share_of_none_or_all",
                "A share of none or all, in total or without some office, has no office interval: how it would "
                "vary between offices cannot be seen (Wilson's interval stands beside).",
            )
        ]
    std_error = np.sqrt(jackknife_covariance([logit(share)], logit(without)[:, None])[0, 0])
    low, high = share_interval(share, std_error, len(at_risk) - 1)
    return (float(low), float(high)), []


def count_flow(tally: pd.DataFrame, *, merged: bool) -> pd.DataFrame:
    """Frame ``place, n``; merged gates have no places between entry and acceptance."""
    places = {name: place for name, place in FLOW.items() if not (merged and name in BEFORE_ACCEPTANCE)}
    n = [int(tally.loc[in_place(tally, name), "n"].sum()) for name in places]
    return pd.DataFrame({"place": list(places), "n": n})


def in_place(frame: pd.DataFrame, place: str) -> pd.Series:
    """Rows of a frame with ``gate_state`` and ``outcome_state`` that are in a place of :data:`FLOW`."""
    gates, outcomes = FLOW[place]
    inside = frame["gate_state"].isin(gates)
    return inside & frame["outcome_state"].isin(outcomes) if outcomes else inside


#: Places that do not exist where the gates are merged.
BEFORE_ACCEPTANCE = frozenset({"referral_unknown", "not_referred", "referred", "bypassed"})
