"""Which columns a tally has, and how numbers that tell too much are made coarser."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from se_outcomes.cases.cases import INSTRUMENT_OF, OWN_VALUES, Cases
from se_outcomes.cases.derive import GATE_STATES, OUTCOME_STATES, RETENTION_STATES
from se_outcomes.cases.remarks import WORKED_OUT_FROM
from se_outcomes.cases.schema import read_schema
from se_outcomes.cases.study_plan import StudyPlan
from se_outcomes.cases.tally_format import ALWAYS
from se_outcomes.errors import DisclosureError, EstimationError
from se_outcomes.results import Notice

#: States that come with every tally where they are recorded.
IF_THERE = ("retention_state", "rated_after_referral", "rated_after_decision")
#: A number with more different values than this is released by its bins.
MOST_VALUES = 50
#: How numbers may be asked for, and what of their scale they are then the mean of.
NUMBERS = {"values": "", "bins": "bin", "quarters": "group"}
#: Significant digits of a bin's mean: it stands for the bin, and is no exact sum of few values.
DIGITS = 4
#: Columns that are left out unless they are named: gatekeepers may be recognised.
_NAMED_ONLY = ("counsellor_id", "job_specialist_id")
_STATES = {
    "gate_state": GATE_STATES,
    "outcome_state": OUTCOME_STATES,
    "retention_state": RETENTION_STATES,
}


def tally_columns(cases: Cases, columns: Sequence[str] | None) -> list[str]:
    """The columns of the tally: those named, or those that the study plan's questions need; three always.

    Raises
    ------
    DisclosureError
        On an identifier of cases or persons.
    EstimationError
        ``column_missing``.
    """
    if columns is None:
        return list(dict.fromkeys([*ALWAYS, *_asked_for(cases)]))
    named = [columns] if isinstance(columns, str) else list(columns)
    if own := [name for name in named if name in OWN_VALUES]:
        raise DisclosureError(f"A tally never has {', '.join(own)}: each case has its own.")
    missing = [name for name in named if name not in cases.columns]
    if missing:
        raise EstimationError(
            f"The cases have no recorded column {', '.join(missing)}. Name recorded columns; what is derived from "
            "numbers (their quarters and bins) comes with them.",
            reason="column_missing",
            columns=tuple(missing),
        )
    return list(dict.fromkeys([*ALWAYS, *named]))


def allowed_texts(column: str) -> tuple[str, ...] | None:
    """The codes that a text column of a tally may have, or None for any."""
    if column in _STATES:
        return _STATES[column]
    known = read_schema()["cases"].columns
    return known[column].allowed if column in known else None


def kind_of(values: pd.Series) -> str:
    """What the sidecar calls the type of a tally's column."""
    if pd.api.types.is_bool_dtype(values.dtype):
        return "boolean"
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return "date"
    if pd.api.types.is_integer_dtype(values.dtype):
        return "integer"
    return "number" if pd.api.types.is_numeric_dtype(values.dtype) else "string"


def count_cells(
    cases: Cases, columns: Sequence[str], numbers: str, threshold: int
) -> tuple[pd.DataFrame, tuple[Notice, ...]]:
    """The tally by these columns with its numbers as they may be released, and what was made coarser.

    Raises
    ------
    DisclosureError
        Where a number has too many values and no bins.
    """
    cells = cases.tally(columns)
    coarser = {}
    for name in columns:
        if kind_of(cells[name]) not in ("number", "integer"):
            continue
        ending = NUMBERS[numbers] or ("bin" if cells[name].nunique() > MOST_VALUES else "")
        if ending and cells[name].nunique() > 1:
            coarser[name] = _means(cases, name, ending, threshold)
    if not coarser:
        return cells, ()
    binned = cells.assign(**{name: _placed(cases, name, means, cells) for name, means in coarser.items()})
    by = binned.groupby(list(columns), dropna=False, sort=True, observed=True)
    return by["n"].sum().reset_index(), (
        Notice(
            "tally_binned",
            "The tally has {columns} by groups of values only, each value replaced by the mean of its group: what goes "
            "with a standard deviation more is told a little inexactly.",
            columns=", ".join(coarser),
        ),
    )


def _asked_for(cases: Cases) -> list[str]:
    plan = cases.plan
    asked = [*IF_THERE, plan.exposure, INSTRUMENT_OF.get(plan.exposure, "")]
    asked += [*plan.adjust_for, *plan.exclusion, *plan.exclusion_referral]
    unnamed = {*_NAMED_ONLY, *OWN_VALUES}
    return [name for name in asked if name in cases.columns and name not in unnamed]


def _key(cases: Cases, name: str, ending: str) -> list[str]:
    """What a value's mean hangs on: its instrument, and its bin or quarter."""
    instrument = INSTRUMENT_OF.get(name)
    return [*([instrument] if instrument in cases.columns else []), f"{name}_{ending}"]


def _means(cases: Cases, name: str, ending: str, threshold: int) -> pd.DataFrame:
    """Frame of the key, ``value`` and ``mean``: what stands for each value; bins of few cases are joined."""
    key = _key(cases, name, ending)
    if not cases.has(key[-1]):
        raise DisclosureError(
            f"{name} has more than {MOST_VALUES} different values and no scale to group them by. Leave it out of the "
            "tally, or give it another header."
        )
    found = cases.tally([*key, name]).dropna(subset=name)
    parts = []
    for _, of_instrument in found.groupby(key[:-1] or (lambda _: 0), dropna=False, sort=True, observed=True):
        part = of_instrument.sort_values(name)
        of_bin = part[key[-1]].fillna("")
        begun = of_bin.ne(of_bin.shift()).cumsum().to_numpy()
        step = _joined(begun, part["n"].to_numpy(), threshold)
        values, n = part[name].to_numpy(float), part["n"].to_numpy(float)
        totals = pd.DataFrame({"n": n, "total": n * values}).groupby(step).transform("sum")
        means = (totals["total"] / totals["n"]).to_numpy(float)
        means = np.array([float(f"{mean:.{DIGITS}g}") for mean in means])
        parts.append(part.assign(mean=np.where(totals["n"] < threshold, np.nan, means)))
    return pd.concat(parts, ignore_index=True)


def _joined(step: np.ndarray, n: np.ndarray, least: int) -> np.ndarray:
    """Numbers of neighbouring groups (m,), joined until each has enough cases."""
    sizes = pd.Series(n).groupby(step).sum()
    names, name, size = {}, 0, 0
    for number, of_step in sizes.items():
        names[number] = name
        size += of_step
        if size >= least:
            name, size = name + 1, 0
    last = name if size == 0 else name - 1  # too few at the end go to the group before
    return np.array([min(names[number], max(last, 0)) for number in step])


def _placed(cases: Cases, name: str, means: pd.DataFrame, cells: pd.DataFrame) -> np.ndarray:
    """The mean that stands for each cell's value (m,); missing where the value is."""
    by = [column for column in _key(cases, name, "bin")[:-1] if column in cells] + [name]
    keyed = cells[by].assign(_order=range(len(cells)))
    told = means.drop_duplicates(by)[[*by, "mean"]]
    return keyed.merge(told, on=by, how="left").sort_values("_order")["mean"].to_numpy(dtype=float)


def plan_of(plan: StudyPlan, named: Sequence[str]) -> tuple[StudyPlan, tuple[Notice, ...]]:
    """The study plan with the columns that the tally has, and what is said of those it lacks."""
    lists = (plan.adjust_for, plan.exclusion, plan.exclusion_referral)
    there = {one for columns in lists for one in columns if WORKED_OUT_FROM.get(one, one) in named}
    adjust_for, exclusion, referral = (tuple(one for one in columns if one in there) for columns in lists)
    lacking = sorted({one for columns in lists for one in columns} - there)
    said = Notice(
        "tally_without",
        "The tally does not have {columns}, which the study plan named: no answer from it takes them into account.",
        columns=", ".join(lacking),
    )
    kept = replace(plan, adjust_for=adjust_for, exclusion=exclusion, exclusion_referral=referral)
    return kept, (said,) if lacking else ()
