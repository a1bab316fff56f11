"""Where the suppressed cases of a tally may be that does not list its small cells."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from se_outcomes.cases.tally_format import Limits

#: So many cells at most are thought of; of more, those of profiles that are told somewhere.
MOST_CELLS = 20_000
_BY_STATE = ("gate_state", "outcome_state")


def unlisted_cells(
    told: pd.DataFrame, columns: Sequence[str], limits: Sequence[Limits]
) -> tuple[pd.DataFrame, NDArray[np.float64]]:
    """Cells that may hold suppressed cases, and how many each may be expected to hold, in proportion.

    Parameters
    ----------
    told : DataFrame
        The cells that are told, with ``n``.
    columns : sequence of str
    limits : sequence of Limits
        The states that have suppressed cases.

    Returns
    -------
    (DataFrame (m, k), array (m,))
        Every combination of values that are told somewhere, but for the cells told; or, where there are too many, the
        combinations that are told for some state. A value that no told cell has is not thought of.
    """
    traits = [name for name in columns if name not in _BY_STATE]
    profiles = _profiles(told, traits, len(limits))
    states = pd.DataFrame(
        {name: [getattr(limit, name) for limit in limits] for name in _BY_STATE}, dtype="str"
    )
    cells = states.merge(profiles, how="cross")[list(columns)]
    plain = told[list(columns)].astype(dict.fromkeys(_BY_STATE, "str"))
    known = cells.merge(plain.assign(_told=True), on=list(columns), how="left")["_told"].notna().to_numpy()
    cells = cells.loc[~known].reset_index(drop=True)
    expected = np.ones(len(cells))
    for name in traits:
        # half a case more, so that a value whose cases are all suppressed elsewhere is not ruled out
        n = told.groupby(name, dropna=False, observed=True)["n"].sum() + 0.5
        expected *= cells[name].map(n).fillna(0.5).to_numpy(dtype=float)
    return cells.astype({name: told[name].dtype for name in traits}), expected


def _profiles(told: pd.DataFrame, traits: Sequence[str], n_states: int) -> pd.DataFrame:
    """Combinations of values of the columns that are no states."""
    values = [told[name].drop_duplicates().tolist() for name in traits]
    if np.prod([float(len(of_column)) for of_column in values]) * n_states <= MOST_CELLS:
        frame = pd.DataFrame(list(product(*values)), columns=list(traits))
        return frame.astype({name: told[name].dtype for name in traits})
    return told[list(traits)].drop_duplicates().head(MOST_CELLS // max(1, n_states))
