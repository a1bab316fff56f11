"""The scale of a numeric exposure: standard deviation, quarters and bins, measured once on all eligible cases.

Motivation is measured within its instrument: a score of 5 on one ruler says nothing beside a 5 on another.
Everything here works on cells (distinct values with counts), so it costs nothing where the data are large.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]

QUARTERS = ("q1", "q2", "q3", "q4")
BINS_PER_QUARTER = 3
#: What a scale adds to a tally, as endings of the exposure's name.
ENDINGS = ("scaled", "group", "bin")


@dataclass(frozen=True, eq=False)
class Ruler:
    """One instrument's scale.

    Attributes
    ----------
    mean, sd : float
        Of all eligible cases (n - 1).
    cuts : (3,) array
        Upper ends of the first three quarters; a value at a cut belongs to the lower quarter.
    edges : (b,) array
        Upper ends of the bins, the last of them infinite.
    bins : tuple of str (b,)
        Names of the bins, such as ``"q2.1"``.
    """

    mean: float
    sd: float
    cuts: Floats
    edges: Floats
    bins: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Scale:
    """The scale of an exposure, by instrument (one with the empty name where no instrument is recorded).

    Attributes
    ----------
    column : str
    rulers : mapping of str to Ruler
    edges : DataFrame
        ``bin, group, low, high, mean_scaled``: what lies in each bin, among the eligible.
    """

    column: str
    rulers: Mapping[str, Ruler]
    edges: pd.DataFrame

    @property
    def sd(self) -> float:
        """The standard deviation in the exposure's own unit, where there is one instrument.

        Raises
        ------
        ValueError
            Where there are several: their points are not of one size.
        """
        if len(self.rulers) != 1:
            raise ValueError(
                f"{self.column} is measured with {len(self.rulers)} instruments, each with its own SD"
            )
        return next(iter(self.rulers.values())).sd

    def place(self, values: Floats, instruments: NDArray[np.object_]) -> pd.DataFrame:
        """Frame ``scaled, group, bin`` of values (m,); missing where there is no scale for them."""
        scaled = np.full(len(values), np.nan)
        group, bins = (np.full(len(values), None, dtype=object) for _ in range(2))
        for name, ruler in self.rulers.items():
            rows = (instruments == name) & ~np.isnan(values)
            found = values[rows]
            scaled[rows] = (found - ruler.mean) / ruler.sd
            bins[rows] = np.array(ruler.bins, dtype=object)[np.searchsorted(ruler.edges, found)]
            # by the bin: a value above all of the eligible has no quarter of its own where ties left q4 empty
            group[rows] = [name.split(".")[0] for name in bins[rows]]
        return pd.DataFrame(
            {"scaled": scaled, "group": pd.Series(group, dtype="str"), "bin": pd.Series(bins, dtype="str")}
        )


def make_scale(column: str, cells: pd.DataFrame) -> Scale:
    """Measure the scale.

    Parameters
    ----------
    column : str
    cells : DataFrame
        ``value, instrument, n`` of the eligible cases with a value; ``instrument`` is text.
    """
    rulers = {}
    for name, part in cells.groupby("instrument", sort=True):
        ruler = _ruler(part["value"].to_numpy(float), part["n"].to_numpy(float))
        if ruler is not None:
            rulers[str(name)] = ruler
    scale = Scale(column, rulers, pd.DataFrame())
    values, instruments = cells["value"].to_numpy(float), cells["instrument"].to_numpy(dtype=object)
    placed = scale.place(values, instruments).assign(value=values, n=cells["n"].to_numpy(float))
    placed["total"] = placed["scaled"] * placed["n"]
    by_bin = placed.dropna(subset="bin").groupby(["bin", "group"], sort=True)
    edges = by_bin.agg(low=("value", "min"), high=("value", "max"), n=("n", "sum"), total=("total", "sum"))
    edges["mean_scaled"] = edges.pop("total") / edges.pop("n")
    return Scale(column, rulers, edges.reset_index())


def _ruler(values: Floats, counts: Floats) -> Ruler | None:
    """The scale of one instrument; None where its values do not vary."""
    order = np.argsort(values)
    values, counts = values[order], counts[order]
    n = counts.sum()
    mean = float(counts @ values / n)
    squares = float(counts @ (values - mean) ** 2)
    if n < 2 or not squares > 1e-24 * n * max(1.0, mean**2):
        return None
    cuts = _cuts(values, counts, 4)
    group = np.searchsorted(cuts, values)
    edges: list[float] = []
    names: list[str] = []
    for number, quarter in enumerate(QUARTERS):
        inside = group == number
        if not inside.any():
            continue
        ends = [*_cuts(values[inside], counts[inside], BINS_PER_QUARTER), values[inside][-1]]
        for end in dict.fromkeys(ends):
            edges.append(end)
            names.append(f"{quarter}.{sum(name.startswith(quarter) for name in names) + 1}")
    edges[-1] = np.inf
    return Ruler(mean, float(np.sqrt(squares / (n - 1))), cuts, np.array(edges), tuple(names))


def _cuts(values: Floats, counts: Floats, parts: int) -> Floats:
    """Smallest values with cumulative shares of k/parts or more (parts - 1,): ties stay together."""
    share_up_to = np.cumsum(counts) / counts.sum()
    # the margin only lets a share that is k/parts by construction be k/parts in floating point
    return values[np.searchsorted(share_up_to, np.arange(1, parts) / parts - 1e-9)]
