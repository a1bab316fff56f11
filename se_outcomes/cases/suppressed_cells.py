"""Small cells that a tally does not tell, and counts that they could have: completions of the tally."""

from __future__ import annotations

from dataclasses import dataclass

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from se_outcomes.cases.cases import CHECKED, Cases
from se_outcomes.cases.rows import ROW, Engine, Rows
from se_outcomes.cases.study_plan import StudyPlan
from se_outcomes.results import Notice

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

TALLY = Engine("tally")


@dataclass(frozen=True, eq=False)
class SuppressedCells:
    """The cells of a tally whose counts are not told, and what is known of them.

    A completion gives each cell a count within its bounds, such that the cases of each gate state and outcome state
    add up to what the tally tells of them.

    Attributes
    ----------
    cells : DataFrame (m, k)
        The columns of each cell.
    low, high : (m,) integer arrays
        Bounds of each cell, both possible.
    group : (m,) integer array
        Which row of ``limits`` a cell belongs to.
    limits : (g, 2) integer array
        Least and most cases of a group's cells together.
    expected : (m,) array
        How the cases of a group spread over its cells in the central completion, in proportion.
    told : DataFrame
        The other cells, with ``n``.
    listed : bool
        Whether each cell is known to hold someone (``small="bound"``).
    n_cells, n_cases : int
        How many cells are suppressed, and about how many cases are in them.
    """

    cells: pd.DataFrame
    low: Integers
    high: Integers
    group: Integers
    limits: Integers
    expected: Floats
    told: pd.DataFrame
    listed: bool
    n_cells: int
    n_cases: int
    plan: StudyPlan
    warnings: tuple[Notice, ...]

    def complete(self, weights: Floats) -> Integers:
        """The completion with the largest (or nearly) sum of weight times count.

        Parameters
        ----------
        weights : (m,) array
            In which direction each cell goes.

        Returns
        -------
        (m,) integer array
            Within the bounds of every cell and of every group. Cells with positive weights are filled, the largest
            weights first, as far as the group's cases go; the others are filled only if the group needs more. For a
            linear sum that is the maximum, and for a share (positive weights in it, negative ones in the rest) too.
        """
        n = self.low.copy()
        for number, (least, most) in enumerate(self.limits):
            inside = np.flatnonzero(self.group == number)
            order = inside[np.argsort(-weights[inside], kind="stable")]
            room = (self.high - self.low)[order]
            base = int(self.low[order].sum())
            wanted = int(room[weights[order] > 0].sum())
            extra = int(np.clip(wanted, max(0, least - base), max(0, most - base)))
            before = np.cumsum(room) - room
            n[order] += np.clip(extra - before, 0, room)
        return n

    def central(self) -> Integers:
        """The completion that the point estimates rest on (m,).

        What is told of each group's cases (its middle; where that is a wide step, as many per cell as in the groups
        that are known better), spread over its cells evenly, or as the told cells' margins spread where cells are not
        listed, in whole cases. It is central in what is known nearly, the totals: half the bounds of each cell would
        put three where most small cells hold one.
        """
        n = self.low.copy()
        for number, total in enumerate(self._central_totals()):
            inside = np.flatnonzero(self.group == number)
            room = (self.high - self.low)[inside]
            extra = int(np.clip(total - self.low[inside].sum(), 0, room.sum()))
            n[inside] += spread(extra, self.expected[inside], room)
        return n

    def within(self, n: Integers) -> Integers:
        """Counts near n (m,) that keep to the bounds of every cell and of every group."""
        n = np.clip(n, self.low, self.high)
        for number, (least, most) in enumerate(self.limits):
            inside = np.flatnonzero(self.group == number)
            total, even = int(n[inside].sum()), np.ones(len(inside))
            if total < least:
                n[inside] += spread(int(least) - total, even, (self.high - n)[inside])
            elif total > most:
                n[inside] -= spread(total - int(most), even, (n - self.low)[inside])
        return n

    def _central_totals(self) -> Integers:
        """Cases of each group (g,) in the central completion."""
        least, most = self.limits.T
        middle = (least + most) // 2
        size = np.bincount(self.group, minlength=len(self.limits))
        narrow = most - least <= self.high.max(initial=1)
        if not self.listed or not narrow.any():
            return middle
        per_cell = middle[narrow].sum() / size[narrow].sum()
        return np.where(narrow, middle, np.clip(np.round(per_cell * size), least, most)).astype(np.int64)

    def cases(self, n: Integers) -> Cases:
        """The tally with these counts (m,) for its suppressed cells, as cases with nothing suppressed."""
        return Cases(self.rows(n), self.plan, self.warnings, token=CHECKED)

    def rows(self, n: Integers) -> Rows:
        """The same as rows, each of ``n`` cases."""
        frame = pd.concat([self.told, self.cells.assign(n=n)], ignore_index=True)
        return weighted_rows(frame.loc[frame["n"] > 0])


def weighted_rows(frame: pd.DataFrame) -> Rows:
    """Cells with ``n`` as rows that each stand for n cases."""
    numbered = frame.reset_index(drop=True)
    numbered = numbered.assign(n=numbered["n"].astype("int64"), **{ROW: range(len(numbered))})
    return Rows(nw.from_native(numbered).lazy(), TALLY, weight="n")


def spread(total: int, expected: Floats, room: Integers) -> Integers:
    """Spread whole cases over cells (m,) in proportion, none beyond its room; the remainders at even distances.

    Examples
    --------
    >>> spread(4, np.ones(6), np.full(6, 3)).tolist()
    [1, 0, 1, 1, 0, 1]
    """
    share = np.zeros(len(room))
    # what does not fit into full cells goes to the others, in the same proportion
    for _ in range(len(room)):
        left, free = total - share.sum(), share < room - 1e-9
        if left < 1e-9 or not free.any():
            break
        share[free] += left * expected[free] / expected[free].sum()
        share = np.minimum(share, room)
    ends = np.floor(np.cumsum(share) + 0.5 + 1e-9).astype(np.int64)
    found = np.diff(ends, prepend=0)
    over = np.clip(found - room, 0, None)  # rounding may put one case too many into a full cell
    for cell in np.flatnonzero(over):
        found[cell] -= over[cell]
        others = np.flatnonzero(found < room)[: over[cell]]
        found[others] += 1
    return found
