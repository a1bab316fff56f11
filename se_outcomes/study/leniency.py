"""How readily a case's counsellor refers others: what moves referral and, where clients do not choose, nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from se_outcomes.cases.cases import Cases

Floats = NDArray[np.float64]

#: The name it is asked for by, and the column it is worked out from.
LENIENCY, COUNSELLOR = "counsellor_leniency", "counsellor_id"


def recorded_columns(columns: Sequence[str]) -> tuple[str, ...]:
    """The columns that a tally needs for these: the counsellor in place of the leniency.

    Examples
    --------
    >>> recorded_columns(["counsellor_leniency", "sex"])
    ('counsellor_id', 'sex')
    """
    return tuple(COUNSELLOR if column == LENIENCY else column for column in columns)


def is_recorded(cases: Cases, column: str) -> bool:
    """Whether a column, or what it is worked out from, is among the cases'."""
    return all(cases.has(name) for name in recorded_columns((column,)))


def add_leniency(tally: pd.DataFrame, at_risk: pd.Series, referred: pd.Series) -> pd.DataFrame:
    """The tally with each counsellor's leniency in place of the counsellor.

    Of a case: the share that its counsellor referred of their other cases at risk, less the share that the office
    referred of its other cases. The case itself is left out of both, for its own referral must not explain itself. The
    office is taken off case by case because a counsellor's share alone would, against an intercept of the office, be
    lower for a referred case by construction (its counsellor's other cases are part of the office's mean), and pure
    chance would look like leniency. Cells that then are alike are counted together.

    Parameters
    ----------
    tally : DataFrame
        With ``office_id``, ``counsellor_id`` and ``n``.
    at_risk, referred : Series of bool
        Rows of cases that could be referred, and of those who were.

    Returns
    -------
    DataFrame
        With ``counsellor_leniency`` instead; missing for cases without a counsellor, or whose counsellor has no
        other case at risk, and for rows not at risk.

    References
    ----------
    The leave-one-out leniency of decision makers as an instrument: Kling (2006), American Economic Review 96:863-876;
    what the office's intercept does to it: Kolesar (2013), "Estimation in an instrumental variables model with
    treatment effect heterogeneity" (UJIVE).

    Examples
    --------
    A counsellor with three cases, two of them referred, in an office with a case more, which was not:

    >>> tally = pd.DataFrame(
    ...     {
    ...         "office_id": ["a"] * 3,
    ...         "counsellor_id": ["v1", "v1", None],
    ...         "referred": [True, False, False],
    ...         "n": [2, 1, 1],
    ...     }
    ... )
    >>> found = add_leniency(tally, pd.Series([True] * 3), tally["referred"])
    >>> found["counsellor_leniency"].round(2).tolist(), found["n"].tolist()
    ([0.33, nan, 0.17], [1, 1, 2])
    """
    at_risk_of, passes = at_risk.to_numpy(dtype=bool), referred.to_numpy(dtype=float)
    office = tally["office_id"].astype(str).to_numpy(dtype=object)
    known = at_risk_of & tally[COUNSELLOR].notna().to_numpy()
    # pseudonyms may be used again in another office
    counsellor = office + "\x1f" + tally[COUNSELLOR].fillna("").to_numpy(dtype=object)
    own = _rate_of_others(tally["n"], passes, counsellor, known)
    of_office = _rate_of_others(tally["n"], passes, office, at_risk_of)
    kept = [column for column in tally.columns if column not in (COUNSELLOR, "n")]
    found = tally[kept].assign(**{LENIENCY: np.where(known, own - of_office, np.nan).round(12)})
    grouped = found.assign(n=tally["n"]).groupby([*kept, LENIENCY], dropna=False, observed=True)["n"].sum()
    return grouped.reset_index()


def _rate_of_others(
    n: pd.Series, passes: Floats, keys: NDArray[np.object_], counted: NDArray[np.bool_]
) -> Floats:
    """The share that passed of the other counted cases with the same key (rows,); missing where there is none."""
    totals = pd.DataFrame({"n": np.where(counted, n, 0.0), "passed": np.where(counted, n * passes, 0.0)})
    of_key = totals.groupby(keys).transform("sum")
    others = of_key["n"].to_numpy(float) - 1
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = (of_key["passed"].to_numpy(float) - passes) / others
    return np.where(others > 0, rate, np.nan)
