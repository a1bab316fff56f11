"""Which counts must be withheld so that no small one can be worked out from all the others.

A report publishes counts of overlapping sets of cases. Together they are a system of linear equations in the
numbers of cases in the finest cells that the sets divide the cases into. A set with too few cases is *exposed*
while the equations show that it is small, however they are combined: the largest number that it could have, given
everything published, is found by linear programming. Counts are withheld until nothing is exposed.

A count that is withheld only to protect others need not take its share with it: "60 per cent" of an unknown number
is two inequalities, which are part of the audit.

References
----------
Willenborg & de Waal (2001), Elements of Statistical Disclosure Control, ch. 4 (secondary suppression, audit by
linear programming); Fischetti & Salazar-González (2001), J. Amer. Statist. Assoc. 96:1064-1079.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import csc_array

from se_outcomes.errors import DisclosureError

Masks = NDArray[np.bool_]
Floats = NDArray[np.float64]

#: A rounded share is told to the whole per cent. The audit takes it to be known twice as well, because ratios of two
#: shares are told besides.
HALF_WIDTH = 0.0025


@dataclass(frozen=True, eq=False)
class Published:
    """Counts that are to be published, as sets of cells.

    Attributes
    ----------
    cells : (a,) array
        Cases in each cell of a partition; a cell may be empty and yet possible to who does not know.
    sets : (K, a) bool array
        Which cells each published count sums.
    shares : (S, 2) integer array
        Pairs (whole, part) of counts between which a share can be read: none and all are then told of everyone in the
        whole, so that an empty part or rest is as sensitive as a small one. A whole may be one of ``known``, which are
        numbered from K on.
    known : (J, a) bool array
        Counts that a reader knows from elsewhere and that cannot be withheld here.
    rank, share_rank : (K,), (S,) integer arrays
        How much a count, or a rounded share, is worth keeping: those of a lower rank are withheld first.
    """

    cells: Floats
    sets: Masks
    shares: NDArray[np.int64]
    known: Masks
    rank: NDArray[np.int64]
    share_rank: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Suppression:
    """What must be withheld.

    Attributes
    ----------
    counts : (K,) bool array
    shares : (S,) bool array
        Shares that may not be told even to the whole per cent.
    """

    counts: Masks
    shares: Masks


def plan_suppression(published: Published, min_cell: int) -> Suppression:
    """Choose what to withhold.

    Parameters
    ----------
    published : Published
    min_cell : int
        The smallest number of cases that may be told.

    Raises
    ------
    DisclosureError
        If what is left still exposes a small count, which only ``known`` could cause.

    Examples
    --------
    Two groups and their total; the small one is withheld, and with it one other.

    >>> import numpy as np
    >>> sets = np.array([[1, 0], [0, 1], [1, 1]], dtype=bool)
    >>> none = np.zeros((0, 2), dtype=int)
    >>> ranks = {"rank": np.zeros(3, dtype=int), "share_rank": np.zeros(0, dtype=int)}
    >>> table = Published(np.array([3.0, 40.0]), sets, none, none.astype(bool), **ranks)
    >>> plan_suppression(table, min_cell=5).counts.tolist()
    [True, True, False]
    """
    audit = _Audit(published, min_cell)
    for exposed in audit.sensitive():
        while audit.greatest(exposed) < min_cell:
            audit.withhold_one()
    for cell in audit.small_cells():
        while audit.is_pinned_down(cell):
            audit.withhold_one()
    return Suppression(audit.counts_withheld, audit.shares_withheld)


class _Audit:
    """The published counts on the finest cells that they divide the cases into, and what is withheld so far."""

    def __init__(self, published: Published, min_cell: int) -> None:
        everything = np.vstack([published.sets, published.known])
        patterns, place = np.unique(everything.T, axis=0, return_inverse=True)
        outside = ~patterns.any(axis=1)  # cells that no published count holds: nothing is said of them
        n = np.bincount(place.ravel(), published.cells, len(patterns))
        self.min_cell = min_cell
        self.cells = n[~outside]
        self.counts = patterns[~outside].T  # the published first, then the known
        self.n_published = len(published.sets)
        self.values = self.counts @ self.cells
        self.shares = published.shares
        self.rank, self.share_rank = published.rank, published.share_rank
        self.counts_withheld, self.shares_withheld = self._small()
        self._bounds: tuple[NDArray[np.int64], Floats, NDArray[np.int64], Floats] | None = None

    def _small(self) -> tuple[Masks, Masks]:
        """Counts (K,) that are small themselves, and shares (S,) of small wholes or with a small part or rest."""
        values = self.values[: self.n_published]
        counts = (values > 0) & (values < self.min_cell)
        whole, part = self.values[self.shares[:, 0]], self.values[self.shares[:, 1]]
        shares = (whole > 0) & (np.minimum(part, whole - part) < self.min_cell)
        counts[self.shares[shares, 1]] = True
        return counts, shares

    def sensitive(self) -> list[Masks]:
        """Sets of cells that must not be shown to be small: published ones, rests, and differences of nested ones."""
        found: dict[bytes, Masks] = {}

        def add(cells: Masks, *, empty: bool) -> None:
            n = self.cells @ cells
            if cells.any() and n < self.min_cell and (n > 0 or empty):
                found.setdefault(cells.tobytes(), cells)

        for cells in self.counts[: self.n_published]:
            add(cells, empty=False)
        for whole, part in self.shares:
            if self.values[whole] > 0:
                add(self.counts[part], empty=True)
                add(self.counts[whole] & ~self.counts[part], empty=True)
        inside = (
            self.counts.astype(np.int64) @ (~self.counts).T.astype(np.int64)
        ) == 0  # (i, j): i lies in j
        gaps = self.values[None, :] - self.values[:, None]
        for part, whole in np.argwhere(inside & (gaps > 0) & (gaps < self.min_cell)):
            add(self.counts[whole] & ~self.counts[part], empty=False)
        return list(found.values())

    def small_cells(self) -> list[Masks]:
        """Each of the finest cells with few cases, as a set."""
        few = np.flatnonzero((self.cells > 0) & (self.cells < self.min_cell))
        return list(np.eye(len(self.cells), dtype=bool)[few])

    def is_pinned_down(self, cells: Masks) -> bool:
        """Whether what is told shows that there are some, but few, cases in a set."""
        return self._extreme(cells, sign=1.0) > 1e-6 and self.greatest(cells) < self.min_cell

    def greatest(self, cells: Masks) -> float:
        """The most cases that a set could have, given what is told; infinite where that says nothing."""
        return -self._extreme(cells, sign=-1.0)

    def withhold_one(self) -> None:
        """Withhold one of what bounds the set looked at last: the least worth, and there the smallest."""
        assert self._bounds is not None
        # what holds the maximum where it is has a multiplier that is not zero
        kept, of_counts, rounded, of_shares = self._bounds
        counts, shares = kept[np.abs(of_counts) > 1e-9], rounded[of_shares > 1e-9]
        if not len(counts) and not len(shares):
            raise DisclosureError(
                "What is known from elsewhere shows a group of fewer cases than may be told. Merge levels, or leave "
                "the variable out."
            )
        values = np.concatenate([self.values[counts], self.values[self.shares[shares, 1]]])
        rank = np.concatenate([self.rank[counts], self.share_rank[shares]])
        # a count of nobody comes last: a colon in its place would hardly be believed
        first = int(np.lexsort([values, rank, values == 0])[0])
        if first < len(counts):
            self.counts_withheld[counts[first]] = True
        else:
            self.shares_withheld[shares[first - len(counts)]] = True

    def _extreme(self, cells: Masks, *, sign: float) -> float:
        """Least of sign * (cases in the set) over everything that what is told allows."""
        kept = np.flatnonzero(~self.counts_withheld)
        counts = np.vstack([self.counts[kept], self.counts[self.n_published :]]).astype(float)
        rounded = self._rounded()
        answer = linprog(  # type: ignore[call-overload]  # sparse matrices are welcome, the stubs do not know
            sign * cells.astype(float),
            A_eq=csc_array(counts) if len(counts) else None,
            b_eq=counts @ self.cells if len(counts) else None,
            A_ub=csc_array(self._inequalities(rounded)) if len(rounded) else None,
            b_ub=np.zeros(2 * len(rounded)) if len(rounded) else None,
            bounds=(0, None),
            method="highs",
        )
        if answer.status == 3:  # unbounded: nothing that is told says how many there could be
            return -np.inf
        if answer.status != 0:
            raise DisclosureError(f"The disclosure audit failed ({answer.message}); nothing is released.")
        of_counts = np.asarray(answer.eqlin.marginals)[: len(kept)] if len(counts) else np.zeros(0)
        of_shares = np.zeros(len(rounded))
        if len(rounded):
            of_shares = np.abs(np.asarray(answer.ineqlin.marginals)).reshape(2, -1).max(axis=0)
        self._bounds = kept, of_counts, rounded, of_shares
        return float(answer.fun)

    def _rounded(self) -> NDArray[np.int64]:
        """Shares that are told, but not by both of their counts."""
        known = np.zeros(len(self.counts) - self.n_published, dtype=bool)
        withheld = np.concatenate([self.counts_withheld, known])[self.shares].any(axis=1)
        there = self.values[self.shares[:, 0]] > 0
        return np.flatnonzero(withheld & there & ~self.shares_withheld)

    def _inequalities(self, rounded: NDArray[np.int64]) -> Floats:
        """Rows (2r, a) that are at most zero times the cells: part and whole within the rounding of their share."""
        whole, part = (self.counts[self.shares[rounded, side]].astype(float) for side in (0, 1))
        share = (self.values[self.shares[rounded, 1]] / self.values[self.shares[rounded, 0]])[:, None]
        return np.vstack([(share - HALF_WIDTH) * whole - part, part - (share + HALF_WIDTH) * whole])
