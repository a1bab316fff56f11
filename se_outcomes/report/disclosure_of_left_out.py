"""Who is left out, without what the suppression plan of a report withholds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from se_outcomes.report.density import protect_density
from se_outcomes.report.masking import INTERVAL, mask, share_of_enough, told_of, without_counts
from se_outcomes.report.plan import Plan, Told
from se_outcomes.study.left_out import LeftOutResult

#: What shares are rounded to.
FINE, COARSE = 0.01, 0.05
#: Notices that tell that a group has nobody.
OF_NOBODY = frozenset({"left_out_nobody"})


def protect_left_out(result: LeftOutResult, plan: Plan, *, gates: str = "separate") -> LeftOutResult:
    """Without counts; means to the whole per cent, of statuses with enough cases; composition as table 1 tells.

    Parameters
    ----------
    result : LeftOutResult
    plan : Plan
    gates : {"separate", "merged"}
        As the study plan says: that nobody has a status does not tell.
    """
    n = result.groups.drop_duplicates("status").set_index("status")["n"]
    enough = {str(status): bool(count >= plan.min_cell) for status, count in n.items()}
    shares = result.overlap["share"], result.overlap["share_certain"]
    size = result.overlap["n"].astype("float64")
    share, certain = (share_of_enough(column, size, plan.min_cell) for column in shares)
    overlap = mask(result.overlap, np.where(share.notna(), int(Told.ROUNDED), 0), INTERVAL)
    quantiles = _protect_quantiles(result.quantiles, n, plan.min_cell)
    return replace(
        result,
        groups=_protect_groups(result.groups, enough),
        composition=_protect_composition(result, enough, plan, merged=gates == "merged"),
        overlap=overlap.assign(n=np.nan, share=share, share_certain=certain),
        density=protect_density(result.density, quantiles, n, plan.min_cell),
        quantiles=quantiles,
        exclusions=result.exclusions.iloc[:0],
        used=result.used.iloc[:0],
        fit_statistics=without_counts(result.fit_statistics),
        warnings=tuple(notice for notice in result.warnings if notice.key not in OF_NOBODY),
    )


def _protect_groups(groups: pd.DataFrame, enough: dict[str, bool]) -> pd.DataFrame:
    """Shares and mean predictions rounded; gains and differences, of which no count can be read, as they are."""
    may = groups["status"].map(enough).to_numpy(dtype=bool)
    gain = (groups["measure"] == "gain").to_numpy()
    told = np.where(may, np.where(gain, int(Told.EXACTLY), int(Told.ROUNDED)), int(Told.NOTHING))
    exact = np.where(may, int(Told.EXACTLY), int(Told.NOTHING))
    contrasts = [name for name in groups.columns if name.startswith("difference")]
    levels = mask(groups, told, ("estimate", "std_error", *INTERVAL))
    return mask(levels, exact, contrasts).assign(n=np.nan)


def _protect_composition(
    result: LeftOutResult, enough: dict[str, bool], plan: Plan, *, merged: bool
) -> pd.DataFrame:
    """Rounded shares of levels that table 1 tells, or of the exposure's groups as the funnel does."""
    rows = result.composition
    step = pd.Series(np.nan, index=rows.index)
    for (variable, status), of_one in rows.groupby(["variable", "status"], sort=False):
        if not enough[str(status)]:
            continue
        if variable == result.specification.exposure:
            step[of_one.index] = _step_of_exposure(of_one, str(status), plan, merged=merged)
            continue
        told = [_level_told(str(variable), level, plan) for level in of_one["level"]]
        # the shares of a variable add up to one
        step[of_one.index] = np.where(np.array(told) & (told.count(False) != 1), FINE, np.nan)
    is_accepted = (rows["status"] == "accepted").to_numpy()
    keys = pd.MultiIndex.from_frame(rows[["variable", "level"]])
    of_accepted = step[is_accepted].set_axis(keys[is_accepted]).reindex(keys).set_axis(rows.index)
    of_both = step.where(step > of_accepted, of_accepted).where(step.notna())
    masked = {"share": _to_step(rows["share"], step)}
    masked |= {
        name: _to_step(rows[name], of_both) for name in ("difference", "difference_low", "difference_high")
    }
    return rows.assign(n=np.nan, **masked)


def _to_step(values: pd.Series, step: pd.Series) -> pd.Series:
    return (values / step).round() * step + 0.0  # no minus before a nought


def _level_told(variable: str, level: str, plan: Plan) -> bool:
    """Whether table 1 tells the level at every stage."""
    stages = [key[1] for key in plan.counts if key[0] == "characteristics" and not key[1].startswith("gate_")]
    return all(plan.tells(variable, level, stage) for stage in stages)


def _step_of_exposure(rows: pd.DataFrame, status: str, plan: Plan, *, merged: bool) -> float:
    """To what the shares of the exposure's groups in a status are rounded; missing where they are withheld.

    Where the funnel tells every count that they are made of, to the whole per cent. Where it tells shares only, to
    five per cent, if that spans so many cases that it says no more of a count than those shares do.
    """
    counts, shares = [], []
    for level in rows["level"]:
        referred, accepted = (
            (("funnel", level, stage, "n_at_risk"), ("funnel", level, stage, "n_passed"))
            for stage in ("referred", "accepted")
        )
        of_status = {
            "not_referred": referred,
            "not_accepted": accepted if merged else (referred[1], accepted[1]),
            "accepted": (accepted[1],),
        }
        counts += [plan.tells(*key) for key in of_status[status]]
        shares += [
            plan.tells_share(*pair) > Told.NOTHING for pair in (accepted, *(() if merged else (referred,)))
        ]
    if all(counts):
        return FINE
    spans = COARSE * float(rows["n"].sum()) >= 2 * plan.min_cell
    return COARSE if spans and all(shares) else np.nan


def _rounded(may: NDArray[np.bool_]) -> NDArray[np.int64]:
    return np.where(may, int(Told.ROUNDED), int(Told.NOTHING))


def _protect_quantiles(quantiles: pd.DataFrame, n: pd.Series, min_cell: int) -> pd.DataFrame:
    """A quantile only where enough of the status lie beyond it, to the whole per cent."""
    for name in (column for column in quantiles.columns if column != "status"):
        beyond = min(int(name[1:]), 100 - int(name[1:])) / 100
        may = told_of(int(n[status] * beyond >= min_cell) for status in quantiles["status"])
        quantiles = mask(quantiles, np.where(may > 0, int(Told.ROUNDED), 0), (name,))
    return quantiles
