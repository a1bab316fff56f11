"""How numbers are made missing or coarse: what every part of the disclosure control uses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from se_outcomes.report.answers import Answers
from se_outcomes.report.plan import Plan, Told
from se_outcomes.results import records

INTERVAL = ("conf_low", "conf_high")
#: Of ``glance``, what tells of no cases.
KEPT = frozenset({"n_offices", "dof", "basis", "converged", "boundary", "n_local_maxima"})


def told_of(values: Iterable[int]) -> NDArray[np.int64]:
    """How much may be told of each row."""
    return np.fromiter(values, dtype=np.int64)


def as_told(values: pd.Series, told: NDArray[np.int64], decimals: int | NDArray[np.int64] = 2) -> pd.Series:
    """Values exactly, rounded, or missing.

    Examples
    --------
    >>> as_told(pd.Series([0.123, 0.123, 0.123]), told_of([0, 1, 2])).tolist()
    [nan, 0.12, 0.123]
    """
    values = values.astype("float64")
    scale = 10.0 ** np.asarray(decimals)
    rounded = (values * scale).round() / scale + 0.0  # no minus before a nought
    return values.where(told == Told.EXACTLY, rounded).where(told > 0)


def mask(
    frame: pd.DataFrame, told: NDArray[np.int64], columns: Iterable[str], decimals: int = 2
) -> pd.DataFrame:
    """The frame with these columns as they may be told."""
    return frame.assign(**{name: as_told(frame[name], told, decimals) for name in columns})


def protect_equations(equations: pd.DataFrame, answers: Answers, plan: Plan) -> pd.DataFrame:
    """Coefficients of levels only where table 1 tells the level at every stage: a standard error tells of few."""
    stages = list(answers.characteristics.stages)
    may = told_of(
        row.level is None
        or pd.isna(row.level)
        or all(plan.tells(row.term, row.level, stage) for stage in stages)
        for row in records(equations)
    )
    return equations.assign(
        **{name: equations[name].where(may > 0) for name in ("estimate", "std_error", *INTERVAL)}
    )


def share_of_enough(share: pd.Series, n: pd.Series, min_cell: int) -> pd.Series:
    """Shares to the whole per cent where they are of none, or of enough cases; a lone one withheld takes another along.

    The first row is the whole, from which a lone withheld group could be worked out.
    """
    cases = (share * n).round()
    told = ((cases == 0) | (cases >= min_cell)).to_numpy(copy=True)
    groups = np.flatnonzero(~told[1:]) + 1
    if len(groups) == 1 and len(told) > 2:
        rest = [row for row in range(1, len(told)) if row != groups[0]]
        told[min(rest, key=lambda row: (cases.iloc[row] == 0, cases.iloc[row]))] = False
    return as_told(share, np.where(told, int(Told.ROUNDED), 0))


def without_counts(statistics: Mapping[str, object]) -> dict[str, object]:
    """What ``glance`` tells, the counts and the likelihood missing."""
    return {name: value if name in KEPT else np.nan for name, value in statistics.items()}
