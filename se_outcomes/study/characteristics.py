"""Who is at each stage: the characteristics of those referred, refused, accepted, and how they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from se_outcomes.cases.cases import Cases
from se_outcomes.results import TIDY_COLUMNS, Notice, Ranged
from se_outcomes.study.design import as_text, is_numeric, numbers, ordered_levels, require_columns
from se_outcomes.study.sentences import say_offices
from se_outcomes.study.suppression import over_completions

Stages = Mapping[str, tuple[str, ...]]
Contrasts = Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]

#: Described by default, as far as recorded.
DEFAULT_VARIABLES = (
    "motivation",
    "age_group",
    "sex",
    "education_level",
    "benefit",
    "effort_group",
    "born_abroad",
    "health_limits_work",
    "months_worked_prev_24m",
)
#: Stage to the gate states that make it up.
STAGES: Stages = {
    "eligible": (
        "short_followup",
        "referral_unknown",
        "not_referred",
        "undecided",
        "refused",
        "accepted",
        "bypassed",
    ),
    "not_referred": ("not_referred", "bypassed"),
    "refused": ("refused",),
    "undecided": ("undecided",),
    "accepted": ("accepted", "bypassed"),
}
#: The same with the undecided among those not accepted.
STAGES_TOGETHER: Stages = {
    "eligible": STAGES["eligible"],
    "not_referred": STAGES["not_referred"],
    "not_accepted": ("refused", "undecided"),
    "accepted": STAGES["accepted"],
}
#: Contrast to the gate states of those who passed and of those who did not.
CONTRASTS: Contrasts = {
    "gate_1": (("undecided", "refused", "accepted"), ("not_referred", "bypassed")),
    "gate_2": (("accepted",), ("refused",)),
}
CONTRASTS_TOGETHER: Contrasts = {
    "gate_1": CONTRASTS["gate_1"],
    "gate_2": (("accepted",), ("refused", "undecided")),
}
MISSING = "missing"


@dataclass(frozen=True, eq=False)
class CharacteristicsResult(Ranged):
    """Characteristics by stage reached, with standardised differences at each gate.

    Attributes
    ----------
    counts : frame
        ``variable, level, stage, n, share`` of categorical variables: share of the stage's cases with a
        value; "missing" is a row of its own, its share that of all the stage's cases.
    moments : frame
        ``variable, stage, n, mean, std_dev`` of numeric variables.
    differences : frame
        ``variable, level`` ("" for numbers), ``contrast`` ("gate_1": referred against not referred, "gate_2":
        accepted against refused), ``difference`` in standard deviations (Austin 2009, Stat. Med.
        28:3083-3107): missing where a group is empty or nothing varies.
    states : frame
        ``variable, level, gate_state, n`` over every case.
    stages : mapping
        Stage to the gate states that make it up.
    contrasts : mapping
        Contrast to the gate states of those who passed and of those who did not.
    """

    counts: pd.DataFrame
    moments: pd.DataFrame
    differences: pd.DataFrame
    states: pd.DataFrame
    stages: Stages
    contrasts: Contrasts
    n_cases: int
    n_offices: int
    warnings: tuple[Notice, ...]

    @property
    def question(self) -> str:
        """The question's key."""
        return "characteristics"

    @property
    def method(self) -> str:
        """Estimator, in words."""
        return "Counts, shares, means; standardised differences (Austin 2009). No inference."

    def tidy(self) -> pd.DataFrame:
        """Standardised differences; nothing is tested, so the columns of inference are missing."""
        frame = self.differences.rename(columns={"variable": "term", "difference": "estimate"})
        return frame.reindex(columns=[*TIDY_COLUMNS, "level", "contrast"])

    def glance(self) -> dict[str, object]:
        """``n_cases`` (all) and ``n_offices``."""
        return {"n_cases": self.n_cases, "n_offices": self.n_offices}

    def summary(self) -> str:
        """What was found, to read at the prompt."""
        lines = [f"{self.n_cases:,} cases in {say_offices(self.n_offices)}; standardised differences", ""]
        wide = self.differences.pivot_table(
            index=["variable", "level"], columns="contrast", values="difference", sort=False
        )
        lines.append(wide.round(2).to_string())
        return "\n".join([*lines, *(f"Note: {warning}" for warning in self.warnings)])

    def __repr__(self) -> str:
        return self.summary()


@over_completions
def count_characteristics(
    cases: Cases, *, variables: Sequence[str] | None = None, undecided: str = "apart"
) -> CharacteristicsResult:
    """Describe the cases by the stage they reached.

    Parameters
    ----------
    cases : Cases
        Checked cases.
    variables : sequence of str, optional
        Columns to describe; those of :data:`DEFAULT_VARIABLES` that are recorded, if absent.
    undecided : {"apart", "with_refused"}
        A stage of their own, or among those not (yet) accepted: where they are few, a column of their own would
        have to be withheld from any report, and others with it.

    Raises
    ------
    EstimationError
        ``column_missing``.
    ValueError
        On another ``undecided``.

    Examples
    --------
    >>> import se_outcomes as so
    >>> described = so.count_characteristics(so.simulate_cases(400, seed=1).cases, variables=["sex"])
    >>> described.differences["contrast"].unique().tolist()
    ['gate_1', 'gate_2']
    """
    if undecided not in ("apart", "with_refused"):
        raise ValueError(f'undecided must be "apart" or "with_refused"; got {undecided!r}')
    together = undecided == "with_refused"
    stages = STAGES_TOGETHER if together else STAGES
    contrasts = CONTRASTS_TOGETHER if together else CONTRASTS
    if variables is None:
        variables = [column for column in DEFAULT_VARIABLES if cases.has(column)]
    require_columns(cases, variables)
    parts: dict[str, list[pd.DataFrame]] = {"counts": [], "moments": [], "differences": [], "states": []}
    for variable in variables:
        tally = cases.tally([variable, "gate_state"])
        describe = describe_number if is_numeric(tally[variable]) else describe_levels
        described = describe(variable, tally, stages, contrasts)
        for name, frame in described.items():
            parts[name].append(frame)
    total = cases.tally(["office_id"])
    return CharacteristicsResult(
        counts=_together(parts["counts"], ["variable", "level", "stage", "n", "share"]),
        moments=_together(parts["moments"], ["variable", "stage", "n", "mean", "std_dev"]),
        differences=_together(parts["differences"], ["variable", "level", "contrast", "difference"]),
        states=_together(parts["states"], ["variable", "level", "gate_state", "n"]),
        stages=stages,
        contrasts=contrasts,
        n_cases=int(total["n"].sum()),
        n_offices=len(total),
        warnings=()
        if variables
        else (Notice("nothing_described", "None of the columns that are described by default is recorded."),),
    )


def describe_levels(
    variable: str, tally: pd.DataFrame, stages: Stages, contrasts: Contrasts
) -> dict[str, pd.DataFrame]:
    """Counts by level and stage, and a standardised difference for each level as a yes or no."""
    text = as_text(tally[variable]).fillna(MISSING)
    by_state = (
        tally.groupby([text.rename("level"), tally["gate_state"].astype(str)])["n"]
        .sum()
        .unstack(fill_value=0)
    )
    levels = list(ordered_levels(variable, tally[variable]))
    rows = []
    for stage, states in stages.items():
        n = by_state.reindex(columns=list(states), fill_value=0).sum(axis=1)
        known = n.reindex(levels).sum()
        shares = n / known if known else n * np.nan
        if MISSING in n.index:
            shares[MISSING] = n[MISSING] / n.sum() if n.sum() else np.nan
        present = [*levels, *([MISSING] if MISSING in n.index else [])]
        rows += [(variable, level, stage, int(n[level]), float(shares[level])) for level in present]
    differences = []
    for contrast, (passed, failed) in contrasts.items():
        in_passed, in_failed = (_shares(by_state, levels, states) for states in (passed, failed))
        for level in levels:
            p, q = float(in_passed[level]), float(in_failed[level])
            differences.append(
                (variable, level, contrast, standardised_difference(p, q, p * (1 - p), q * (1 - q)))
            )
    return {
        "counts": pd.DataFrame(rows, columns=["variable", "level", "stage", "n", "share"]),
        "differences": pd.DataFrame(differences, columns=["variable", "level", "contrast", "difference"]),
        "states": _states(variable, by_state),
    }


def describe_number(
    variable: str, tally: pd.DataFrame, stages: Stages, contrasts: Contrasts
) -> dict[str, pd.DataFrame]:
    """Mean and standard deviation by stage, and a standardised difference at each gate."""
    values, state = numbers(tally[variable]), tally["gate_state"].astype(str)
    rows = [
        (variable, stage, *_moments(values, tally["n"], state.isin(states)))
        for stage, states in stages.items()
    ]
    differences = []
    for contrast, (passed, failed) in contrasts.items():
        (_, mean, spread), (_, other, other_spread) = (
            _moments(values, tally["n"], state.isin(states)) for states in (passed, failed)
        )
        differences.append(
            (variable, "", contrast, standardised_difference(mean, other, spread**2, other_spread**2))
        )
    known = pd.Series(np.where(np.isnan(values), MISSING, "recorded"), index=tally.index, name="level")
    by_state = tally.groupby([known, state])["n"].sum().unstack(fill_value=0)
    return {
        "moments": pd.DataFrame(rows, columns=["variable", "stage", "n", "mean", "std_dev"]),
        "differences": pd.DataFrame(differences, columns=["variable", "level", "contrast", "difference"]),
        "states": _states(variable, by_state),
    }


def standardised_difference(mean: float, other: float, variance: float, other_variance: float) -> float:
    """Difference of means over the root of the mean variance; NaN where nothing varies.

    Examples
    --------
    >>> round(standardised_difference(0.6, 0.4, 0.24, 0.24), 4)
    0.4082
    """
    spread = np.sqrt((variance + other_variance) / 2)
    return float((mean - other) / spread) if spread > 0 else float("nan")


def _shares(by_state: pd.DataFrame, levels: list[str], states: Sequence[str]) -> pd.Series:
    n = by_state.reindex(columns=list(states), fill_value=0).sum(axis=1).reindex(levels)
    return n / n.sum() if n.sum() else n * np.nan


def _moments(values: np.ndarray, n: pd.Series, rows: pd.Series) -> tuple[int, float, float]:
    """Number of values, mean and standard deviation (n - 1)."""
    keep = rows.to_numpy() & ~np.isnan(values)
    weights, found = n.to_numpy(float)[keep], values[keep]
    total = weights.sum()
    if total == 0:
        return 0, float("nan"), float("nan")
    mean = float(weights @ found / total)
    squares = float(weights @ (found - mean) ** 2)
    return int(total), mean, float(np.sqrt(squares / (total - 1))) if total > 1 else float("nan")


def _states(variable: str, by_state: pd.DataFrame) -> pd.DataFrame:
    long = pd.Series(by_state.rename_axis(columns="gate_state").stack(), name="n").reset_index()
    long.insert(0, "variable", variable)
    return long.loc[long["n"] > 0].reset_index(drop=True)


def _together(frames: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    return pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)
