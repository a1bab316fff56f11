"""How prospects are spread, without a stretch of the curve that holds few: what lies under it can be added up."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.signal import find_peaks

Floats = NDArray[np.float64]

#: From so many times the smallest number that may be told, the spread of a status is drawn.
ENOUGH_FOR_A_CURVE = 10
#: A stretch between deep minima holds so many times the smallest number that may be told.
ENOUGH_IN_A_STRETCH = 2
#: A minimum is deep below this part of the lower of the peaks beside it.
DEEP = 0.1


def protect_density(
    density: pd.DataFrame, quantiles: pd.DataFrame, n: pd.Series, min_cell: int
) -> pd.DataFrame:
    """Curves between their told lowest and highest tenth, to one decimal; none with a stretch that holds few.

    A curve in several stretches is also withheld where that of another status is: how many of all cases lie in a
    stretch may be known, and less those of the curves told it would tell those of the one withheld.

    Parameters
    ----------
    density : DataFrame
        ``status, value, density``, from 0 to 1.
    quantiles : DataFrame
        ``status, p10, p90`` as they may be told.
    n : Series
        Cases by status.
    min_cell : int
    """
    ends = quantiles.set_index("status")[["p10", "p90"]].astype("float64")
    curves = {str(status): curve for status, curve in density.groupby("status", sort=False)}
    held = {status: _hold(curve) * float(n[status]) for status, curve in curves.items()}
    may = {
        status: n[status] >= ENOUGH_FOR_A_CURVE * min_cell
        and bool((cases >= ENOUGH_IN_A_STRETCH * min_cell).all())
        and bool(ends.loc[status].notna().all())
        for status, cases in held.items()
    }
    told = [
        _between(curves[status], *ends.loc[status])
        for status, is_told in may.items()
        if is_told and (all(may.values()) or len(held[status]) == 1)
    ]
    return pd.concat([density.iloc[:0], *told], ignore_index=True)


def _hold(curve: pd.DataFrame) -> Floats:
    """The part of all under each stretch of a curve."""
    value, height = curve["value"].to_numpy(np.float64), curve["density"].to_numpy(np.float64)
    return np.array(
        [
            np.trapezoid(height[first : last + 1], value[first : last + 1])
            for first, last in pairwise(cut_at_deep_minima(height))
        ]
    )


def cut_at_deep_minima(height: Floats) -> list[int]:
    """Where the stretches of a curve begin and end: both ends of it, and the deep minima between.

    A ripple on the ground or on a slope is no peak of its own: it must rise from deep minima on both sides.

    Examples
    --------
    >>> cut_at_deep_minima(np.array([1.0, 9.0, 0.2, 0.3, 0.2, 5.0, 2.0, 4.0, 0.0]))
    [0, 2, 8]
    """
    # nothing on either side, so that a peak may stand at an end
    padded = np.concatenate([[0.0], height, [0.0]])
    peaks, found = find_peaks(padded, prominence=0.0)
    summits = peaks[found["prominences"] > (1 - DEEP) * padded[peaks]] - 1
    cuts = []
    for left, right in pairwise(summits.tolist()):
        lowest = left + int(np.argmin(height[left : right + 1]))
        if height[lowest] < DEEP * min(
            height[left], height[right]
        ):  # not so between peaks of the same height
            cuts.append(lowest)
    return [0, *cuts, len(height) - 1]


def _between(curve: pd.DataFrame, low: float, high: float) -> pd.DataFrame:
    """The curve between two values, to one decimal."""
    kept = curve.loc[curve["value"].between(low - 1e-9, high + 1e-9)]
    return kept.assign(density=kept["density"].round(1) + 0.0)
